"""Dispatching over the real ledger: who gets what how often, whoever sends it and however that goes."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from aispend_pipeline.alerts.channels import Attempted, Outgoing
from aispend_pipeline.alerts.dispatch import Dispatcher, Sent, a_tenth_off
from aispend_pipeline.alerts.outbox import LEASE, WAITS, Outbox, Status
from aispend_pipeline.alerts.tables import attempt, delivery
from aispend_pipeline_tests.caps.world import Killed, Mood, Receiver, World, killed_at, world

__all__ = ["world"]
HARD = "openai reached its hard cap: 101.00 of 100.00 USD in 2026-11"


@dataclass
class Meeting(Receiver):
    """A receiver in whose doorway something else happens: `meanwhile` is done while it is being sent to."""

    meanwhile: list = field(default_factory=list)

    async def send(self, outgoing: Outgoing, now) -> Attempted:
        while self.meanwhile:
            await asyncio.to_thread(self.meanwhile.pop())
        return await super().send(outgoing, now)


@pytest.fixture
def waiting(world) -> World:
    """A hard breach: a message for slack, one for email and one for the hook."""
    world.spent("openai", "101").evaluate()
    return world


@pytest.fixture
def in_order(world) -> World:
    """The hook alone, and for it a trigger that it may have seen, and its release; both are due."""
    world.configured = {"hook"}
    world.receivers["hook"].mood = Mood.BROKEN
    world.spent("openai", "101").notify()
    world.receivers["hook"] = Meeting("hook")
    world.clock.instant += timedelta(hours=7)
    world.spent("openai", "1").evaluate()
    return world


def statuses(world: World) -> dict[str, Status]:
    return {row.channel: Status(row.status) for row in world.rows(delivery)}


def test_everything_that_is_due_is_sent_once_and_said(waiting):
    sent = waiting.dispatch()

    assert sorted((one.channel, one.attempt) for one in sent) == [("email", 1), ("hook", 1), ("slack", 1)]
    assert [one.message_id for one in sent] == [waiting.receivers[one.channel].ids[0] for one in sent]
    assert waiting.dispatch() == []
    assert set(statuses(waiting).values()) == {Status.DELIVERED}


def test_nothing_is_sent_where_nothing_waits(world):
    assert world.dispatch() == []


def test_a_receiver_that_fails_for_two_hours_gets_every_attempt_under_one_id_and_the_breach_once(waiting):
    slack = waiting.receivers["slack"]
    slack.mood = Mood.BROKEN
    started = waiting.now
    while waiting.now - started < timedelta(hours=2):
        waiting.notify()
        waiting.clock.instant += timedelta(minutes=6)
    slack.mood = Mood.WELL
    waiting.clock.instant = started + timedelta(hours=3)
    waiting.notify()

    assert len({request.id for request in slack.requests}) == 1
    assert [request.attempt for request in slack.requests] == [1, 2, 3, 4, 5, 6]
    assert waiting.news()["slack"] == [HARD]


def test_a_receiver_that_takes_it_and_drops_the_connection_gets_it_again_under_the_same_id(waiting):
    hook = waiting.receivers["hook"]
    hook.mood = Mood.FORGETFUL
    waiting.dispatch()
    hook.mood = Mood.WELL
    waiting.clock.instant += WAITS[0]
    waiting.dispatch()

    assert [request.attempt for request in hook.requests] == [1, 2]
    assert len(hook.taken) == 2
    assert hook.ids == [hook.requests[0].id]
    assert len(hook.bodies[hook.ids[0]]) == 1


def test_a_receiver_that_asks_for_an_hour_is_not_tried_before(waiting):
    slack = waiting.receivers["slack"]
    slack.mood, slack.retry_after = Mood.BROKEN, 3600
    waiting.dispatch()
    for minutes in (59, 1):
        waiting.clock.instant += timedelta(minutes=minutes)
        waiting.dispatch()

    assert [request.at - slack.requests[0].at for request in slack.requests] == [timedelta(0), timedelta(hours=1)]


def test_the_jitter_is_a_tenth():
    assert all(0.9 <= a_tenth_off() <= 1.1 for _ in range(1000))
    assert len({a_tenth_off() for _ in range(10)}) > 1


@pytest.mark.parametrize("point", ["claimed", "sent", "recorded"])
def test_a_process_that_is_killed_leaves_nothing_unsent(waiting, point):
    with killed_at(point), pytest.raises(Killed):
        waiting.dispatch()
    waiting.restart()
    waiting.dispatch()
    waiting.clock.instant += LEASE
    waiting.dispatch()

    assert set(statuses(waiting).values()) == {Status.DELIVERED}
    assert all(len(receiver.ids) == 1 for receiver in waiting.receivers.values())
    twice = [len(receiver.taken) for receiver in waiting.receivers.values()].count(2)
    assert twice == (1 if point == "sent" else 0)


def test_what_is_for_a_channel_without_an_address_waits_for_one_and_is_not_tried(waiting):
    waiting.configured.discard("slack")
    assert sorted(one.channel for one in waiting.dispatch()) == ["email", "hook"]
    waiting.clock.instant += timedelta(days=4)
    assert waiting.dispatch() == []
    assert statuses(waiting) == {"slack": Status.PENDING, "email": Status.DELIVERED, "hook": Status.DELIVERED}

    waiting.configured.add("slack")
    waiting.dispatch()
    assert waiting.receivers["slack"].heard == [HARD]


def test_a_fault_of_our_own_is_tried_again_and_stops_nothing_else(waiting):
    def broken() -> None:
        raise KeyError("hunter2")

    waiting.receivers["slack"] = Meeting("slack", meanwhile=[broken])
    (failed,) = [one for one in waiting.dispatch() if one.attempted.error_class]

    assert (failed.channel, failed.attempted.told) == ("slack", "slack: KeyError")
    assert statuses(waiting) == {"slack": Status.PENDING, "email": Status.DELIVERED, "hook": Status.DELIVERED}
    waiting.clock.instant += WAITS[0]
    waiting.dispatch()
    assert waiting.receivers["slack"].heard == [HARD]


def test_without_time_nothing_is_begun(waiting):
    dispatcher = Dispatcher(waiting.state, waiting.receivers, waiting.clock)

    assert dispatcher.dispatch(until=waiting.clock.monotonic()) == []
    assert len(dispatcher.dispatch(until=waiting.clock.monotonic() + 1)) == 3


def test_what_was_begun_in_time_is_ended_and_nothing_after_it_is_begun(in_order):
    def a_minute_later() -> None:
        in_order.clock.instant += timedelta(minutes=1)

    in_order.receivers["hook"].meanwhile.append(a_minute_later)
    dispatcher = Dispatcher(in_order.state, in_order.receivers, in_order.clock)

    assert len(dispatcher.dispatch(until=in_order.clock.monotonic() + 30)) == 1
    assert in_order.news() == {"hook": ["hardcap.triggered openai 2026-11 1"]}
    assert len(dispatcher.dispatch(until=in_order.clock.monotonic() + 30)) == 1


class TestTwoDispatchers:
    def test_what_one_is_sending_the_other_leaves_alone_and_its_lane_waits(self, in_order):
        other = in_order.beside()
        meanwhile: list[Sent] = []
        in_order.receivers["hook"].meanwhile.append(lambda: meanwhile.extend(other.dispatch()))

        sent = in_order.dispatch()
        other.state.close()

        assert meanwhile == []
        assert [one.attempt for one in sent] == [2, 1]
        assert in_order.receivers["hook"].heard == [
            "hardcap.triggered openai 2026-11 1",
            "hardcap.released openai 2026-11 1",
        ]

    def test_while_one_is_slow_with_a_lane_the_other_sends_what_comes_into_the_others(self, world):
        other = world.beside()

        meanwhile: list[Sent] = []

        def somebody_else() -> None:
            other.spent("openai", "101").evaluate()
            meanwhile.extend(other.dispatch())

        world.receivers["slack"] = Meeting("slack", meanwhile=[somebody_else])
        world.configured = {"slack"}
        world.spent("openai", "85").evaluate()
        world.configured = {"slack", "email", "hook"}

        sent = world.dispatch()
        other.state.close()

        assert sorted(one.channel for one in meanwhile) == ["email", "hook"]
        assert [one.channel for one in sent] == ["slack", "slack"]
        assert {name: len(receiver.requests) for name, receiver in world.receivers.items()} == {
            "slack": 2,
            "email": 1,
            "hook": 1,
        }

    def test_many_lanes_and_messages_go_out_once_each_and_in_order(self, world):
        scopes = ("openai", "anthropic", "global")
        world.caps |= dict.fromkeys(scopes, world.caps["openai"])
        world.receivers["hook"].mood = Mood.BROKEN
        for usd in ("101", "1", "101", "1", "101"):
            world.spent("openai", usd).spent("anthropic", usd).notify()
            world.clock.instant += timedelta(hours=7)
        world.receivers["hook"] = Receiver("hook")
        already = {row.seq for row in world.rows(delivery) if row.status == Status.DELIVERED}
        others = [world.beside() for _ in range(3)]
        ready = threading.Barrier(4)

        def dispatch(one: World) -> list[Sent]:
            ready.wait(timeout=30)
            return one.dispatch()

        with ThreadPoolExecutor(4) as pool:
            sent = [one.message_id for part in pool.map(dispatch, [world, *others]) for one in part]
        for one in others:
            one.state.close()

        rows = [row for row in world.rows(delivery) if row.seq not in already and row.status != Status.CANCELLED]
        assert {row.status for row in rows} == {Status.DELIVERED}
        assert sorted(sent) == sorted(row.message_id for row in rows)
        heard = world.receivers["hook"].heard
        for scope in scopes:
            # The second arming waited behind the first one, so that nobody can have heard of it.
            assert [line for line in heard if f" {scope} " in line] == [
                f"hardcap.triggered {scope} 2026-11 1",
                f"hardcap.released {scope} 2026-11 1",
                f"hardcap.triggered {scope} 2026-11 3",
            ]


@pytest.mark.parametrize("asleep", [LEASE, timedelta(days=-40)])
def test_a_sender_that_was_suspended_for_longer_than_its_lease_sends_nothing(in_order, asleep):
    with in_order.state.transaction() as connection:
        claimed = Outbox(connection).claim(in_order.now, {"hook"})
    dispatcher = Dispatcher(in_order.state, in_order.receivers, in_order.clock)
    in_order.clock.instant += asleep

    sent = asyncio.run(dispatcher.deliver(claimed))

    assert (sent.attempted.error_class, in_order.receivers["hook"].ids) == ("lease_over", [])
    assert [row.status for row in in_order.rows(delivery)] == [Status.PENDING, Status.PENDING]


def test_every_attempt_is_written_down(waiting):
    waiting.receivers["slack"].mood = Mood.GONE
    waiting.receivers["hook"].mood = Mood.REFUSES
    waiting.dispatch()

    assert {(row.channel, row.number, row.outcome, row.error_class) for row in waiting.rows(attempt)} == {
        ("slack", 1, "dead", "rejected"),
        ("email", 1, "delivered", None),
        ("hook", 1, "retry", "connect"),
    }
