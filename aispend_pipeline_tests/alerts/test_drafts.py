"""Who is told what: one message of an evaluation a channel, with what could not be told before."""

import json
from datetime import timedelta

import pytest

from aispend_pipeline.alerts.drafts import Readership, concerns
from aispend_pipeline.alerts.outbox import Status
from aispend_pipeline.alerts.tables import delivery, message, message_event
from aispend_pipeline.caps import tables
from aispend_pipeline.caps.incidents import Sign
from aispend_pipeline.caps.model import EventType
from aispend_pipeline_tests.alerts.samples import a_test, cap_event, channel_event, ingest_event
from aispend_pipeline_tests.caps.world import Mood, World, world

__all__ = ["world"]
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("event", "channels"),
    [
        (cap_event(), ["slack", "email", "email_webhook"]),
        (ingest_event(EventType.INGEST_FAILING), ["slack", "email", "email_webhook"]),
        (a_test(), ["slack", "email", "email_webhook"]),
        (channel_event(EventType.CHANNEL_FAILING), ["email", "email_webhook"]),
        (channel_event(EventType.CHANNEL_RECOVERED, "email"), ["slack", "email_webhook"]),
        (channel_event(EventType.CHANNEL_FAILING, "hook"), ["slack", "email", "email_webhook"]),
        (cap_event(EventType.TRIGGERED, arming=1), []),
        (cap_event(EventType.RELEASED, arming=1), []),
    ],
)
def test_people_are_told_all_that_is_not_for_machines_and_of_a_channels_troubles_over_the_others(event, channels):
    assert [one for one in ("slack", "email", "email_webhook") if concerns(event, one)] == channels


def test_the_hook_is_no_channel_for_people():
    assert Readership(("slack", "hook", "email")).people == ["slack", "email"]


def wobble(world: World, *totals: str) -> None:
    """An hour between one total and the next; nothing is sent meanwhile."""
    for usd in totals:
        world.spent("openai", usd).evaluate()
        world.clock.instant += HOUR


def statuses(world: World, channel: str) -> list[str]:
    return [row.status for row in world.rows(delivery) if row.channel == channel]


class TestSuperseding:
    def test_a_receiver_that_was_away_gets_one_message_with_all_that_it_missed_in_order(self, world):
        wobble(world, "85", "10", "101", "10")
        world.dispatch()

        assert statuses(world, "slack") == [Status.SUPERSEDED] * 3 + [Status.DELIVERED]
        (one,) = world.receivers["slack"].taken
        sections = [block["text"]["text"] for block in one[1]["blocks"] if block["type"] == "section"]
        (missed,) = [text for text in sections if text.startswith("*not delivered earlier:*")]
        assert missed.splitlines()[1:] == [
            "2026-11-10 09:05 UTC openai reached its soft cap: 85.00 of 80.00 USD in 2026-11",
            "2026-11-10 10:05 UTC openai is below its soft cap again: 10.00 of 80.00 USD in 2026-11",
            "2026-11-10 11:05 UTC openai reached its hard cap: 101.00 of 100.00 USD in 2026-11",
        ]
        assert "openai is below its soft cap again" in one[1]["text"]

    def test_what_was_carried_is_known_to_be_that_and_nothing_is_carried_twice(self, world):
        world.configured = {"slack"}
        wobble(world, "85", "10", "101")
        newest = world.rows(delivery)[-1].message_id

        told = {
            row.event_id: row.carried
            for row in world.rows(message_event)
            if (row.message_id, row.channel) == (newest, "slack")
        }
        events = [row for row in world.rows(tables.event) if row.type != EventType.TRIGGERED]
        assert [told[row.id] for row in events] == [True, True, False]

    def test_what_was_delivered_is_not_carried(self, world):
        wobble(world, "85")
        world.dispatch()
        wobble(world, "10")
        world.dispatch()

        assert statuses(world, "email") == [Status.DELIVERED] * 2
        assert all("not delivered earlier" not in json.dumps(body) for _, body in world.receivers["email"].taken)

    def test_channels_are_superseded_each_by_itself(self, world):
        world.receivers["slack"].mood = Mood.BROKEN
        world.spent("openai", "85").notify()
        world.clock.instant += HOUR
        world.receivers["slack"].mood = Mood.WELL
        world.spent("openai", "10").notify()

        assert (statuses(world, "slack"), statuses(world, "email")) == (
            [Status.SUPERSEDED, Status.DELIVERED],
            [Status.DELIVERED, Status.DELIVERED],
        )
        assert len(world.receivers["slack"].ids) == 1

    def test_the_hook_is_never_superseded(self, world):
        world.receivers["hook"].mood = Mood.BROKEN
        for usd in ("101", "10", "102"):
            world.spent("openai", usd).notify()
            world.clock.instant += 7 * HOUR

        assert statuses(world, "hook") == [Status.PENDING] * 3
        world.receivers["hook"].mood = Mood.WELL
        world.notify()
        assert world.receivers["hook"].heard == [
            "hardcap.triggered openai 2026-11 1",
            "hardcap.released openai 2026-11 1",
            "hardcap.triggered openai 2026-11 2",
        ]

    def test_an_evaluation_that_says_nothing_supersedes_nothing(self, world):
        wobble(world, "85", "86")

        assert statuses(world, "slack") == [Status.PENDING]


class TestChannelsThatComeAndGo:
    def test_without_any_channel_everything_is_remembered_and_one_that_comes_later_is_not_flooded(self, world):
        world.configured = set()
        wobble(world, "85", "10", "101")
        assert len(world.rows(tables.event)) == 4
        assert (world.rows(message), world.rows(delivery)) == ([], [])

        world.configured = {"slack", "email", "hook"}
        assert set(world.notify().news()) <= {"hook"}
        world.clock.instant += 24 * HOUR
        assert set(world.notify().news()) == {"slack", "email"}

    def test_a_hook_that_comes_while_a_hard_cap_is_reached_is_asked_to_act_then(self, world):
        world.configured = {"slack"}
        wobble(world, "101")
        world.configured = {"slack", "hook"}

        assert world.notify().news()["hook"] == ["hardcap.triggered openai 2026-11 1"]
        world.clock.instant += 7 * HOUR
        assert world.spent("openai", "10").notify().news()["hook"] == ["hardcap.released openai 2026-11 1"]

    def test_a_hook_that_came_only_after_the_cap_was_reached_hears_nothing(self, world):
        world.configured = {"slack"}
        wobble(world, "101")
        world.configured = {"slack", "hook"}
        world.clock.instant += 7 * HOUR
        world.spent("openai", "10").notify()

        assert world.receivers["hook"].requests == []
        assert [row.state for row in world.rows(tables.arming)] == ["released"]

    def test_messages_to_the_others_do_not_change_when_one_is_gone(self, world):
        world.configured = {"email"}
        world.ingest = {"openai default": Sign("refused")}

        assert world.notify().news() == {"email": ["the spend of openai default cannot be read"]}
