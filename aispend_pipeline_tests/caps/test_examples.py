"""The worked examples of what caps and alerts do: one day each, UTC; openai has caps of 80 and 100 USD."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from aispend_pipeline.alerts.outbox import Status
from aispend_pipeline.alerts.tables import attempt, delivery
from aispend_pipeline.caps import tables
from aispend_pipeline.caps.incidents import Sign
from aispend_pipeline.caps.model import Caps, Level, Period

from .world import Killed, Mood, World, killed_at, world

__all__ = ["world"]
NOVEMBER = Period.of(date(2026, 11, 1))
SOFT = "openai reached its soft cap: 80.00 of 80.00 USD in 2026-11"


def step(world: World, at: str, usd: str | None = None) -> dict[str, list[str]]:
    """What everybody hears of it when the clock shows `at` and the month has cost `usd`."""
    world.at(at)
    if usd is not None:
        world.spent("openai", usd)
    return world.notify().news()


def people(*lines: str) -> dict[str, list[str]]:
    return {"slack": list(lines), "email": list(lines)}


def trigger(arming: int) -> dict[str, list[str]]:
    return {"hook": [f"hardcap.triggered openai 2026-11 {arming}"]}


def release(arming: int) -> dict[str, list[str]]:
    return {"hook": [f"hardcap.released openai 2026-11 {arming}"]}


def hard(usd: str) -> str:
    return f"openai reached its hard cap: {usd} of 100.00 USD in 2026-11"


def test_a_an_ordinary_climb(world):
    assert step(world, "11-10 09:05", "79.99") == {}
    assert step(world, "11-10 10:05", "80") == people(SOFT)
    assert step(world, "11-10 10:40", "84") == {}
    assert step(world, "11-10 11:05", "100.40") == people(hard("100.40")) | trigger(1)
    assert step(world, "11-11 11:05") == people("openai is still above its hard cap: 100.40 of 100.00 USD in 2026-11")
    assert step(world, "12-01 00:05") == people(
        "2026-11 is over, and openai ended it above its hard cap: 100.40 of 100.00 USD"
    ) | release(1)

    triggered, released = world.receivers["hook"].ids
    assert triggered != released
    assert all(one.startswith("evt_") for one in (triggered, released))
    assert world.receivers["slack"].ids == world.receivers["email"].ids
    assert all(one.startswith("msg_") for one in world.receivers["slack"].ids)


def test_b_a_credit_and_back(world):
    assert step(world, "11-10 14:05", "101") == people(hard("101.00")) | trigger(1)
    assert step(world, "11-10 14:20", "97") == {}
    assert step(world, "11-10 15:04") == {}
    assert step(world, "11-10 15:05") == people("openai is below its hard cap again: 97.00 of 100.00 USD in 2026-11")
    assert step(world, "11-10 15:20", "103") == people(hard("103.00"))

    assert world.standing("openai").armed.n == 1
    assert world.receivers["hook"].heard == trigger(1)["hook"]


def test_c_blind(world):
    assert step(world, "11-10 03:05", "95") == people("openai reached its soft cap: 95.00 of 80.00 USD in 2026-11")

    world.doubtful["openai"] = "stale"
    world.ingest = {"openai default": Sign("last read completely 2026-11-10 03:05 UTC")}
    assert step(world, "11-10 06:10") == people("the spend of openai default cannot be read")
    assert step(world, "11-10 07:10") == {}
    assert step(world, "11-10 08:10", "12") == {}

    world.doubtful, world.ingest = {}, {}
    told = step(world, "11-10 09:05", "118")
    assert told["slack"] == [hard("118.00"), "the spend of openai default is read again"]
    assert told["email"] == [f"{hard('118.00')}; 1 more below"]
    assert told["hook"] == trigger(1)["hook"]


def test_d_a_crash_in_the_gap(world):
    world.at("11-10 11:05").spent("openai", "100.40").evaluate()

    with killed_at("sent"), pytest.raises(Killed):
        world.dispatch()
    world.restart()

    slack = world.receivers["slack"]
    assert [request.attempt for request in slack.requests] == [1]
    assert world.news() == {"slack": [hard("100.40")]}
    assert step(world, "11-10 11:06") == {}, "the leases have not ended"

    assert step(world, "11-10 11:07") == people(hard("100.40")) | trigger(1)

    assert slack.requests[0].id == slack.requests[1].id
    assert [request.attempt for request in slack.requests] == [1, 2]
    assert len(slack.bodies[slack.ids[0]]) == 1
    assert len(world.receivers["email"].requests) == len(world.receivers["hook"].requests) == 1
    outcomes = {row.number: row.outcome for row in world.rows(attempt) if row.channel == "slack"}
    assert outcomes == {1: "lost", 2: "delivered"}


def test_e_a_receiver_is_down_and_the_cap_is_raised_meanwhile(world):
    hook = world.receivers["hook"]
    hook.mood = Mood.REFUSES
    assert step(world, "11-10 11:05", "100.40") == people(hard("100.40"))
    hook.mood = Mood.MUTE
    world.clock.instant = world.now.replace(second=5)
    assert world.notify().news() == {}
    assert [request.attempt for request in hook.requests] == [1, 2]

    world.caps["openai"] = Caps(Decimal(80), Decimal(150))
    world.at("11-10 12:30").evaluate()
    assert {row.state for row in world.rows(tables.arming)} == {"released"}
    assert [row.status for row in world.rows(delivery) if row.channel == "hook"] == [Status.PENDING] * 2

    hook.mood = Mood.WELL
    assert world.notify().news() == people("openai is below its hard cap again: 100.40 of 150.00 USD in 2026-11") | {
        "hook": [*trigger(1)["hook"], *release(1)["hook"]]
    }


def test_e_if_the_only_attempt_could_not_connect_both_are_withdrawn(world):
    world.receivers["hook"].mood = Mood.REFUSES
    step(world, "11-10 11:05", "100.40")

    world.caps["openai"] = Caps(Decimal(80), Decimal(150))
    world.receivers["hook"].mood = Mood.WELL

    assert "hook" not in step(world, "11-10 12:30")
    assert [row.status for row in world.rows(delivery) if row.channel == "hook"] == [Status.CANCELLED] * 2
    assert {row.state for row in world.rows(tables.arming)} == {"cancelled"}


def test_f_late_invoice_lines(world):
    step(world, "11-30 20:05", "96")
    step(world, "12-01 00:05")
    december = world.standing("openai")

    world.at("12-02 08:05").spent("openai", "104", NOVEMBER)
    late = "2026-11 is over, and late figures say that openai reached its hard cap: 104.00 of 100.00 USD"
    assert world.notify().news() == people(late)

    standing = world.standing("openai", NOVEMBER)
    assert (standing.closed, standing.final, standing.armed, standing.level) == (True, False, None, Level.HARD)
    assert replace(world.standing("openai"), read_seq=december.read_seq) == december
    assert world.rows(tables.arming) == []


def test_f_what_comes_after_the_days_to_settle_is_recorded_and_not_told(world):
    step(world, "11-30 20:05", "96")
    step(world, "12-01 00:05")
    step(world, "12-04 23:55")

    world.spent("openai", "104", NOVEMBER)
    assert step(world, "12-05 00:00") == {}
    standing = world.standing("openai", NOVEMBER)
    assert (standing.total, standing.final) == (Decimal(104), True)


def test_g_two_daemons(world):
    world.at("11-10 11:05").spent("openai", "100.40")
    other = world.beside()
    inputs = [(one, one.inputs()) for one in (world, other)]

    told = together(*(partial(one.evaluate, found) for one, found in inputs))
    assert sorted(len(events) for events in told) == [0, 2]

    sent = together(world.dispatch, other.dispatch)
    other.state.close()

    assert sum(len(attempts) for attempts in sent) == 3
    assert world.news() == people(hard("100.40")) | trigger(1)
    assert [len(receiver.requests) for receiver in world.receivers.values()] == [1, 1, 1]


def together(*calls: Callable[[], Any]) -> list[Any]:
    """What the calls give, all made at once."""
    ready = threading.Barrier(len(calls))

    def call(one: Callable[[], Any]) -> Any:
        ready.wait(timeout=30)
        return one()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call, calls))
