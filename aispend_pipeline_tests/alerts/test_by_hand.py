"""What a person does to deliveries: try dead ones again, drop them, look at them, and send a test."""

from datetime import timedelta

import pytest

from aispend_pipeline.alerts.by_hand import UnknownMessage, deliveries, drop, of_message, retry, send_test
from aispend_pipeline.alerts.channels import HOOK
from aispend_pipeline.alerts.outbox import LEASE, Outbox, Status
from aispend_pipeline.alerts.tables import delivery
from aispend_pipeline.caps import tables
from aispend_pipeline.errors import UsageError
from aispend_pipeline_tests.caps.world import START, Mood, World, world

__all__ = ["world"]
HOUR = timedelta(hours=1)
SOFT = "openai reached its soft cap: 85.00 of 80.00 USD in 2026-11"


@pytest.fixture
def dead(world) -> World:
    """Slack and email have refused a soft breach for good."""
    world.receivers["slack"].mood = world.receivers["email"].mood = Mood.GONE
    world.spent("openai", "85").evaluate()
    world.dispatch()
    return world


def by_hand(world: World, does, *arguments):
    with world.state.transaction() as connection:
        return does(connection, *arguments)


def message_of(world: World, channel: str) -> str:
    return next(row.message_id for row in world.rows(delivery) if row.channel == channel)


def statuses(world: World) -> list[tuple[str, str]]:
    return [(row.channel, row.status) for row in world.rows(delivery)]


class TestRetry:
    def test_every_dead_delivery_of_a_message_is_tried_again_at_once_under_the_same_id(self, dead):
        slack = dead.receivers["slack"]
        slack.mood = Mood.WELL
        dead.clock.instant += 5 * HOUR

        assert by_hand(dead, retry, message_of(dead, "slack"), dead.now) == ["email", "slack"]
        dead.dispatch()

        assert dead.news() == {"slack": [SOFT]}
        assert [(request.id, request.attempt) for request in slack.requests] == [(slack.ids[0], 1), (slack.ids[0], 2)]
        assert statuses(dead) == [("slack", Status.DELIVERED), ("email", Status.DEAD)]

    def test_it_has_three_days_anew(self, dead):
        dead.clock.instant += 100 * HOUR
        dead.receivers["slack"].mood = Mood.BROKEN
        by_hand(dead, retry, message_of(dead, "slack"), dead.now)
        dead.dispatch()

        assert dict(statuses(dead))["slack"] == Status.PENDING
        assert dead.rows(delivery)[0].first_attempt_at == dead.now

    def test_what_is_not_dead_is_not_tried_again(self, world):
        world.spent("openai", "85").notify()
        message_id = message_of(world, "slack")

        with pytest.raises(UsageError, match=f"^{message_id}: has no dead delivery, and only what was given up"):
            by_hand(world, retry, message_id, world.now)

    def test_a_machine_that_heard_that_it_is_over_is_not_told_that_it_began(self, world):
        hook = world.receivers[HOOK]
        hook.mood = Mood.GONE
        world.spent("openai", "101").notify()
        hook.mood = Mood.WELL
        world.clock.instant += 7 * HOUR
        world.spent("openai", "1").notify()
        assert hook.heard == ["hardcap.released openai 2026-11 1"]

        with pytest.raises(UsageError, match="what it asks a machine to do is over by now; drop it"):
            by_hand(world, retry, message_of(world, HOOK), world.now)
        assert dict(statuses(world)[:3])[HOOK] == Status.DEAD

    def test_nor_before_it_heard_of_the_end(self, world):
        world.receivers[HOOK].mood = Mood.GONE
        world.spent("openai", "101").notify()
        world.clock.instant += 7 * HOUR
        world.spent("openai", "1").evaluate()

        with pytest.raises(UsageError, match="is over by now"):
            by_hand(world, retry, message_of(world, HOOK), world.now)

    def test_as_long_as_the_cap_is_reached_it_is_told(self, world):
        hook = world.receivers[HOOK]
        hook.mood = Mood.GONE
        world.spent("openai", "101").notify()
        hook.mood = Mood.WELL

        assert by_hand(world, retry, message_of(world, HOOK), world.now) == [HOOK]
        world.dispatch()
        assert hook.heard == ["hardcap.triggered openai 2026-11 1"]


class TestDrop:
    def test_what_is_dead_or_waits_is_given_up(self, world):
        world.receivers["slack"].mood, world.receivers["email"].mood = Mood.GONE, Mood.BROKEN
        world.spent("openai", "85").evaluate()
        world.dispatch()

        assert sorted(by_hand(world, drop, message_of(world, "slack"), world.now)) == ["email", "slack"]
        world.clock.instant += 24 * HOUR
        world.dispatch()
        assert statuses(world) == [("slack", Status.DROPPED), ("email", Status.DROPPED)]
        assert len(world.receivers["email"].requests) == 1

    def test_what_is_being_sent_is_not(self, world):
        world.configured = {"slack"}
        world.spent("openai", "85").evaluate()
        with world.state.transaction() as connection:
            Outbox(connection).claim(world.now, ["slack"])
        message_id = message_of(world, "slack")

        with pytest.raises(UsageError, match=f"^{message_id}: is being sent just now; ask again"):
            by_hand(world, drop, message_id, world.now)
        assert by_hand(world, drop, message_id, world.now + LEASE) == ["slack"]

    def test_what_was_delivered_cannot_be_dropped(self, world):
        world.spent("openai", "85").notify()

        with pytest.raises(UsageError, match="has no delivery that is dead or waits, so nothing to drop"):
            by_hand(world, drop, message_of(world, "slack"), world.now)

    def test_a_trigger_that_was_dropped_lets_its_release_go(self, world):
        world.receivers[HOOK].mood = Mood.BROKEN
        world.spent("openai", "101").notify()
        by_hand(world, drop, message_of(world, HOOK), world.now)
        world.receivers[HOOK].mood = Mood.WELL
        world.clock.instant += 7 * HOUR
        world.spent("openai", "1").notify()

        assert world.receivers[HOOK].heard == ["hardcap.released openai 2026-11 1"]


@pytest.mark.parametrize("does", [retry, drop])
def test_what_never_was_is_unknown(world, does):
    with pytest.raises(UnknownMessage, match=r"^msg_unknown: is the id of no message; aispend alerts list"):
        by_hand(world, does, "msg_unknown", world.now)


class TestLists:
    def test_the_newest_come_first_with_what_became_of_them(self, dead):
        dead.clock.instant += HOUR
        dead.receivers["slack"].mood = Mood.BROKEN
        dead.spent("openai", "101").evaluate()
        dead.dispatch()

        with dead.state.reading() as connection:
            newest, *_, oldest = deliveries(connection, 10)
            assert [one.channel for one in deliveries(connection, 2)] == ["hook", "email"]
            assert {one.status for one in deliveries(connection, 10, [Status.DEAD])} == {Status.DEAD}
        assert (newest.channel, newest.status, newest.subject) == (
            "hook",
            Status.DELIVERED,
            "openai: the hook is to act on the hard cap (arming 1): 101.00 of 100.00 USD in 2026-11",
        )
        assert (oldest.subject, oldest.attempts, oldest.last_error) == (SOFT, 1, "slack answers 404")
        assert (oldest.created_at, oldest.ended_at) == (START, START)

    def test_one_message_is_shown_for_every_channel(self, dead):
        with dead.state.reading() as connection:
            found = of_message(connection, message_of(dead, "slack"))
            assert [one.channel for one in found] == ["email", "slack"]
            assert of_message(connection, "msg_unknown") == []


class TestTheTest:
    def test_it_says_what_became_of_it_in_every_channel_that_people_read(self, world):
        world.receivers["email"].mood = Mood.BROKEN

        slack, email = send_test(world.state, world.receivers, world.clock, "command")

        assert slack[:3] == ("slack", Status.DELIVERED, None)
        assert (email.channel, email.status, email.error) == ("email", Status.PENDING, "email answers 500")
        assert START < email.next_at < START + timedelta(seconds=6)
        assert world.news() == {"slack": ["this is a test of the alerts, and nothing is wrong"]}
        assert world.receivers[HOOK].requests == []

    def test_the_hook_is_only_told_if_that_is_asked_for(self, world):
        tested = send_test(world.state, world.receivers, world.clock, "api", hook=True)

        assert [(one.channel, one.status) for one in tested] == [
            (name, Status.DELIVERED) for name in ("slack", "email", HOOK)
        ]
        ((event_id, body),) = world.receivers[HOOK].taken
        assert (body["type"], event_id[:4]) == ("test", "evt_")

    def test_with_nothing_configured_it_is_refused_in_a_line_that_says_what_to_set(self, world):
        with pytest.raises(UsageError, match=r"no channel is configured; set SLACK_WEBHOOK_URL, .*EMAIL_WEBHOOK$"):
            send_test(world.state, {}, world.clock, "command")
        with pytest.raises(UsageError, match=r"or test the hook too: --hook$"):
            send_test(world.state, {HOOK: world.receivers[HOOK]}, world.clock, "command")
        assert world.rows(tables.event) == []

    def test_each_one_is_another(self, world):
        for _ in range(2):
            send_test(world.state, world.receivers, world.clock, "command")

        assert len(world.receivers["slack"].ids) == 2

    def test_it_touches_no_cap_and_waits_behind_nothing_that_does_not_get_through(self, world):
        slack = world.receivers["slack"]
        slack.mood = Mood.BROKEN
        world.spent("openai", "101").notify()
        states = [world.rows(table) for table in (tables.cap_state, tables.arming)]
        slack.mood = Mood.WELL

        tested = send_test(world.state, world.receivers, world.clock, "command")

        assert [one.status for one in tested] == [Status.DELIVERED, Status.DELIVERED]
        assert [world.rows(table) for table in (tables.cap_state, tables.arming)] == states
        assert slack.heard == ["this is a test of the alerts, and nothing is wrong"]
        assert world.rows(delivery)[0].status == Status.PENDING

    def test_one_that_failed_is_tried_again_like_any_message(self, world):
        world.receivers["slack"].mood = Mood.BROKEN
        send_test(world.state, {"slack": world.receivers["slack"]}, world.clock, "command")
        world.receivers["slack"].mood = Mood.WELL
        world.clock.instant += timedelta(seconds=6)
        world.dispatch()

        assert [request.attempt for request in world.receivers["slack"].requests] == [1, 2]
        assert len(world.receivers["slack"].ids) == 1

    def test_a_new_one_takes_the_place_of_one_that_still_waits(self, world):
        world.receivers["slack"].mood = Mood.BROKEN
        for _ in range(2):
            send_test(world.state, {"slack": world.receivers["slack"]}, world.clock, "command")

        assert [status for _, status in statuses(world)] == [Status.SUPERSEDED, Status.PENDING]
