"""How channels do: from when on one is in trouble, who hears of that, and when it is over."""

from datetime import timedelta

import pytest

from aispend_pipeline.alerts.by_hand import drop
from aispend_pipeline.alerts.health import Backlog, backlog, failing
from aispend_pipeline.alerts.outbox import Outbox
from aispend_pipeline.caps.ledger import Ledger
from aispend_pipeline.caps.model import EventType
from aispend_pipeline_tests.caps.world import START, Mood, World, world

__all__ = ["world"]
MINUTE = timedelta(minutes=1)
DEAD_SLACK = "alerts to Slack do not get through"
WELL_SLACK = "alerts to Slack get through again"
SOFT = "openai reached its soft cap: 85.00 of 80.00 USD in 2026-11"


@pytest.fixture
def broken(world) -> World:
    """Slack answers 500, and has been told of a soft breach once."""
    world.receivers["slack"].mood = Mood.BROKEN
    world.spent("openai", "85").notify()
    assert world.news() == {"email": [SOFT]}
    return world


def step(world: World, minutes: float = 1) -> dict[str, list[str]]:
    world.clock.instant += minutes * MINUTE
    return world.notify().news()


def numbers(world: World) -> Backlog:
    with world.state.reading() as connection:
        return backlog(connection)


def news_of(world: World) -> dict[str, str]:
    with world.state.reading() as connection:
        return failing(connection)


def test_one_that_fails_for_ten_minutes_and_three_attempts_is_told_once_over_the_other(broken):
    heard = [step(broken) for _ in range(9)]
    assert len(broken.receivers["slack"].requests) == 4
    assert heard == [{}] * 9

    assert step(broken) == {"email": [DEAD_SLACK]}
    assert [step(broken, 30) for _ in range(10)] == [{}] * 10


def test_so_long_alone_is_not_enough(broken):
    broken.receivers["slack"].retry_after = 3600
    assert step(broken) == {}
    assert len(broken.receivers["slack"].requests) == 2

    assert [step(broken, 20), step(broken, 20)] == [{}, {}]
    assert step(broken, 30) == {"email": [DEAD_SLACK]}


def test_failures_before_the_last_success_do_not_count(broken):
    for minutes in (1, 5, 30):
        broken.clock.instant += (minutes + 0.1) * MINUTE
        broken.receivers["slack"].mood = Mood.WELL if minutes == 30 else Mood.BROKEN
        broken.dispatch()
    assert [request.attempt for request in broken.receivers["slack"].requests] == [1, 2, 3, 4]
    assert broken.news() == {"slack": [SOFT]}

    broken.receivers["slack"].mood = Mood.BROKEN
    broken.spent("openai", "10")
    assert step(broken, 60) == {"email": ["openai is below its soft cap again: 10.00 of 80.00 USD in 2026-11"]}


def test_attempts_that_nobody_came_back_from_count_too(world):
    world.spent("openai", "85").evaluate()
    for _ in range(4):
        world.clock.instant += 5 * MINUTE
        with world.state.transaction() as connection:
            Outbox(connection).claim(world.now, ["slack"])
    world.receivers["slack"].mood = Mood.BROKEN
    world.clock.instant += 5 * MINUTE

    assert world.notify().news() == {"email": [SOFT, DEAD_SLACK]}


def test_one_that_refuses_for_good_is_told_at_once(world):
    world.receivers["slack"].mood = Mood.GONE

    assert world.spent("openai", "85").notify().news() == {"email": [SOFT, DEAD_SLACK]}
    with world.state.reading() as connection:
        (incident,) = Ledger(connection).newest_incidents("channel")
    assert (incident.subject, incident.detail, incident.closed_at) == ("slack", "slack answers 404", None)


def test_of_the_hooks_troubles_all_people_hear(world):
    world.receivers["hook"].mood = Mood.GONE
    world.spent("openai", "101").notify()

    heard = world.news()
    assert heard["slack"][1:] == heard["email"][1:] == ["alerts to the hard-cap hook do not get through"]


def test_with_its_first_success_it_has_recovered_and_the_others_hear_of_it_once(world):
    world.receivers["slack"].mood = Mood.GONE
    world.spent("openai", "85").notify().news()
    assert step(world, 120) == {}

    world.receivers["slack"].mood = Mood.WELL
    world.spent("openai", "101")
    hard = "openai reached its hard cap: 101.00 of 100.00 USD in 2026-11"
    assert step(world) == {
        "slack": [hard],
        "email": [hard, WELL_SLACK],
        "hook": ["hardcap.triggered openai 2026-11 1"],
    }
    assert step(world, 60) == {}


def test_that_a_dead_message_was_dropped_is_no_recovery(world):
    world.receivers["slack"].mood = Mood.GONE
    world.spent("openai", "85").notify().news()
    with world.state.transaction() as connection:
        drop(connection, world.receivers["slack"].requests[0].id, world.now)
    assert step(world, 60) == {}

    world.receivers["slack"].mood = Mood.WELL
    world.spent("openai", "10")
    assert WELL_SLACK in step(world)["email"]


def test_one_that_was_never_told_of_recovers_silently(broken):
    step(broken)
    broken.receivers["slack"].mood = Mood.WELL

    assert step(broken, 10) == {"slack": [SOFT]}
    assert step(broken, 60) == {}


def test_after_a_recovery_it_may_fail_again_and_is_told_anew(world):
    slack = world.receivers["slack"]
    for mood, usd in ((Mood.GONE, "85"), (Mood.WELL, "10"), (Mood.GONE, "85")):
        slack.mood = mood
        world.spent("openai", usd)
        step(world, 61)

    told = [event for event in events(world) if event.type is EventType.CHANNEL_FAILING]
    assert [event.facts["incident"] for event in told] == [1, 2]


def test_that_all_channels_are_dead_is_remembered_and_told_to_nobody(world):
    for receiver in world.receivers.values():
        receiver.mood = Mood.GONE

    assert world.spent("openai", "101").notify().news() == {}
    assert {event.facts["channel"] for event in events(world) if event.type is EventType.CHANNEL_FAILING} == {
        "slack",
        "email",
        "hook",
    }


def events(world: World):
    with world.state.reading() as connection:
        return Ledger(connection).newest_events(100)[::-1]


class TestNumbers:
    def test_where_nothing_was_ever_said(self, world):
        assert numbers(world) == Backlog(0, None, 0)
        assert news_of(world) == {}

    def test_what_waits_and_what_is_dead(self, world):
        world.receivers["slack"].mood, world.receivers["hook"].mood = Mood.GONE, Mood.REFUSES
        world.spent("openai", "101").evaluate()
        assert numbers(world) == Backlog(3, START, 0)

        world.dispatch()
        assert numbers(world) == Backlog(1, START, 1)
        assert news_of(world) == {"slack": "slack answers 404", "hook": "hook cannot be connected to"}

    def test_with_a_success_a_channels_news_is_good(self, broken):
        assert news_of(broken) == {"slack": "slack answers 500"}
        broken.receivers["slack"].mood = Mood.WELL
        step(broken, 10)

        assert news_of(broken) == {}
        assert numbers(broken) == Backlog(0, None, 0)
