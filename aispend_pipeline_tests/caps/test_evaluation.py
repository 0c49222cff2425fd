"""One evaluation over the real ledger: what is committed together, what is dropped, and what comes again or late."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from aispend_pipeline.alerts.evaluate import Inputs, evaluate
from aispend_pipeline.alerts.outbox import Status
from aispend_pipeline.alerts.tables import delivery, message, message_event
from aispend_pipeline.caps import tables
from aispend_pipeline.caps.incidents import Sign
from aispend_pipeline.caps.ledger import LAST_EVALUATION, Ledger
from aispend_pipeline.caps.model import Caps, Event, EventType, Level, Period, Reason, Spent, Version
from aispend_pipeline.errors import StoreError
from aispend_pipeline_tests.alerts.samples import TOP

from .world import Killed, Mood, World, killed_at, world

__all__ = ["world"]
OCTOBER, NOVEMBER, DECEMBER = (Period.of(date(2026, month, 1)) for month in (10, 11, 12))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EVERY_TABLE = (tables.cap_state, tables.event, tables.arming, tables.incident, message, message_event, delivery)


def types(events: list[Event]) -> list[EventType]:
    return [event.type for event in events]


def with_estimates(world: World, usd: str) -> Inputs:
    """What is measured, with so much of it estimated, which no hard cap counts."""
    inputs = world.inputs()
    changes = {"estimated": Decimal(usd), "hard_on_estimates": False}
    return replace(inputs, measured=[replace(found, **changes) for found in inputs.measured])


def everything(world: World) -> dict[str, list]:
    return {table.name: [tuple(row) for row in world.rows(table)] for table in EVERY_TABLE}


def test_events_their_messages_and_all_deliveries_are_there_before_anything_is_sent(world):
    breached, triggered = world.spent("openai", "101").evaluate()

    waiting = [(row.channel, row.lane, row.status) for row in world.rows(delivery)]
    assert waiting == [
        ("slack", "slack", Status.PENDING),
        ("email", "email", Status.PENDING),
        ("hook", "hook openai", Status.PENDING),
    ]
    told = {row.channel: row.event_id for row in world.rows(message_event)}
    assert told == {"slack": breached.event_id, "email": breached.event_id, "hook": triggered.event_id}
    assert all(not receiver.requests for receiver in world.receivers.values())


def test_all_events_of_one_evaluation_are_one_message_for_people_and_one_each_for_the_hook(world):
    world.caps |= {"anthropic": world.caps["openai"], "global": Caps(None, Decimal(150))}
    world.spent("anthropic", "101").spent("openai", "102").notify()

    assert [len(world.receivers[name].taken) for name in ("slack", "email", "hook")] == [1, 1, 3]
    assert len(world.receivers["slack"].heard) == 3
    assert {row.lane for row in world.rows(delivery) if row.channel == "hook"} == {
        "hook openai",
        "hook anthropic",
        "hook global",
    }


def test_the_same_totals_again_add_nothing_but_the_time_of_looking(world):
    world.spent("openai", "101").evaluate()
    before = everything(world)

    for process in (world, world.beside(), world):
        assert process.evaluate() == []

    assert everything(world) == before
    world.clock.instant += timedelta(minutes=10)
    world.evaluate()
    with world.state.reading() as connection:
        assert Ledger(connection).noted(LAST_EVALUATION) == "2026-11-10T09:15:00Z"


def test_a_process_that_is_killed_before_the_commit_has_said_nothing_and_after_it_everything(world):
    world.spent("openai", "101")
    with killed_at("before_evaluated"), pytest.raises(Killed):
        world.evaluate()
    world.restart()
    assert world.rows(tables.event) == world.rows(tables.cap_state) == []

    with killed_at("evaluated"), pytest.raises(Killed):
        world.evaluate()
    world.restart()
    assert world.evaluate() == []
    world.dispatch()
    assert [len(receiver.taken) for receiver in world.receivers.values()] == [1, 1, 1]


def test_what_was_measured_before_the_last_evaluation_is_dropped(world):
    older = world.spent("openai", "10").inputs()
    world.spent("openai", "101").evaluate()
    before = world.standing("openai")

    world.clock.instant += 2 * DAY
    assert world.evaluate(older) == []
    assert world.standing("openai") == before


def test_another_warehouse_is_never_older(world):
    world.spent("openai", "101").evaluate()
    world.clock.instant += 7 * HOUR
    world.spent("openai", "10")
    restored = [replace(one, version=Version("restored", 1)) for one in world.inputs().measured]

    assert types(world.evaluate(replace(world.inputs(), measured=restored))) == [
        EventType.RECOVERED,
        EventType.RELEASED,
    ]


class TestCapsThatChange:
    def test_one_that_is_lowered_below_what_was_spent_is_reached(self, world):
        world.spent("openai", "90").evaluate()
        world.caps["openai"] = Caps(Decimal(80), Decimal(85))

        breached, _ = world.evaluate()
        assert (breached.level, breached.reason, breached.facts["cap_usd"]) == (Level.HARD, Reason.CAP_LOWERED, "85.00")

    def test_one_that_is_raised_is_told_with_the_reason_after_the_hold(self, world):
        world.spent("openai", "90").evaluate()
        world.caps["openai"] = Caps(Decimal(95), Decimal(100))
        assert world.evaluate() == []
        world.clock.instant += HOUR

        (told,) = world.evaluate()
        assert (told.type, told.reason) == (EventType.RECOVERED, Reason.CAP_RAISED)

    def test_a_raise_that_was_not_enough_is_remembered_and_lets_nothing_go_later(self, world):
        world.spent("openai", "101").evaluate()
        world.caps["openai"] = Caps(Decimal(80), Decimal("100.50"))
        assert world.evaluate() == []

        assert world.spent("openai", "90").evaluate() == []
        assert world.standing("openai").armed.cap == Decimal("100.50")

    def test_a_scope_whose_caps_are_gone_is_let_go_of_although_nobody_measures_it(self, world):
        world.spent("openai", "101").evaluate()
        world.caps["openai"] = Caps()
        assert world.inputs().measured == []

        (released,) = world.evaluate()
        assert (released.type, released.reason) == (EventType.RELEASED, Reason.CAP_REMOVED)
        world.clock.instant += HOUR
        (recovered,) = world.evaluate()
        assert (recovered.type, recovered.reason) == (EventType.RECOVERED, Reason.CAP_REMOVED)
        world.clock.instant += DAY
        assert world.evaluate() == []

    def test_what_is_estimated_of_a_scope_whose_caps_are_gone_is_not_called_billed(self, world):
        world.spent("openai", "90").evaluate(with_estimates(world, "30"))
        world.caps["openai"] = Caps()
        world.evaluate()

        assert world.standing("openai").spent == Spent(Decimal(90), Decimal(30), hard_on_estimates=False)

    def test_a_month_whose_cap_is_removed_after_its_end_is_not_above_it_by_what_the_cap_does_not_count(self, world):
        world.at("11-30 23:50").spent("openai", "101")
        assert [event.level for event in world.evaluate(with_estimates(world, "30"))] == [Level.SOFT]
        world.caps["openai"] = Caps()
        world.at("12-01 00:05")

        assert types(world.evaluate()) == [EventType.PERIOD_RESET]

    def test_a_scope_whose_caps_are_gone_is_closed_with_its_month_and_not_in_the_next(self, world):
        world.spent("openai", "101").evaluate()
        world.caps["openai"] = Caps()
        world.at("12-01 00:00")

        assert types(world.evaluate()) == [EventType.PERIOD_RESET, EventType.RELEASED]
        assert [kept.standing.period for kept in world.kept()] == [NOVEMBER]

    def test_a_cap_that_comes_back_is_told_again(self, world):
        world.spent("openai", "101").evaluate()
        kept, world.caps["openai"] = world.caps["openai"], Caps()
        for _ in range(2):
            world.clock.instant += HOUR
            world.evaluate()
        world.caps["openai"] = kept

        breached, triggered = world.evaluate()
        assert (breached.type, breached.reason) == (EventType.BREACHED, Reason.CAP_LOWERED)
        assert triggered.facts["arming"] == 2


class TestIncidents:
    def test_an_account_that_fails_is_told_once_a_day_and_when_it_is_well(self, world):
        world.ingest = {"openai default": Sign("3 runs failed in a row")}
        told = [types(world.evaluate())]
        for _ in range(24):
            world.clock.instant += HOUR
            told.append(types(world.evaluate()))
        assert told == [[EventType.INGEST_FAILING], *([[]] * 23), [EventType.INGEST_FAILING]]

        world.ingest = {}
        (event,) = world.evaluate()
        assert (event.type, event.scope, event.facts["detail"]) == (
            EventType.INGEST_RECOVERED,
            "openai default",
            "3 runs failed in a row",
        )

    def test_one_channel_that_fails_is_told_over_the_others(self, world):
        world.receivers["slack"].mood = Mood.GONE
        world.spent("openai", "90").notify()

        assert world.news() == {
            "email": [
                "openai reached its soft cap: 90.00 of 80.00 USD in 2026-11",
                "alerts to Slack do not get through",
            ]
        }


def test_what_moved_a_total_is_asked_only_if_something_is_said(world):
    asked = []

    def movers(scope, period):
        asked.append((scope, period.name))
        return TOP

    inputs = replace(world.spent("openai", "10").inputs(), movers=movers)
    evaluate(world.state, inputs, world.now)
    assert asked == []

    (event,) = evaluate(world.state, replace(world.spent("openai", "90").inputs(), movers=movers), world.now)
    assert asked == [("openai", "2026-11")]
    assert event.facts["top"] == TOP


def test_an_event_has_all_that_it_was_decided_from(world):
    world.spent("openai", "79.999999").evaluate()
    world.doubtful["openai"] = "stale"
    world.clock.instant += timedelta(minutes=10)

    (event,) = world.spent("openai", "80").evaluate()

    facts = event.facts
    assert (facts["total_usd"], facts["soft_usd"], facts["hard_usd"], facts["cap_usd"]) == (
        "80.00",
        "80.00",
        "100.00",
        "80.00",
    )
    assert (facts["since"], facts["complete"], facts["doubts"]) == ("2026-11-10T09:15:00Z", False, ["openai: stale"])
    assert facts["rollup"] == {"store_id": "store", "seq": world.seq}
    assert facts["before"]["total_usd"] == "79.999999"
    assert (facts["before"]["level"], facts["before"]["announced"]) == ("ok", "ok")


def test_a_ledger_that_cannot_be_used_is_told_in_one_line(world, home):
    world.state.close()
    (home / "state.sqlite").write_bytes(b"no ledger " * 1000)

    with pytest.raises(StoreError) as told:
        world.beside().evaluate()
    assert str(told.value).startswith(f"{home / 'state.sqlite'}: cannot be used")
