"""An account whose calls are used up holds nothing up: what was read is kept, the rest is asked for again."""

from datetime import date, timedelta

import pytest

from aispend_pipeline.assets.raw import READ
from aispend_pipeline.due import Due
from aispend_pipeline.model import Window
from aispend_pipeline.state.call_budget import CallBudget
from aispend_pipeline.state.database import state_of
from aispend_pipeline.state.waiting import WaitingDays
from aispend_pipeline.tick import backlogs_now, begun_now, due_now
from aispend_pipeline.warehouse import Snapshots, coverage

from .conftest import LOOK_BACK, NOW, RAW, check, days_made, ingest, ingest_without_dagster

COSTS, USAGE = RAW["anthropic_costs"], RAW["anthropic_usage"]
OVER = Window(LOOK_BACK.first, LOOK_BACK.last - timedelta(days=1))
# What a look-back costs: costs of the days that are over (rows and control) and of today (rows alone), usage of both.
OF_COSTS, OF_USAGE = 3, 2


@pytest.fixture
def scarce(start):
    """Anthropic alone, with so few calls an hour that `used` of them leave some of the look-back unread."""

    def made(calls: int, used: int = 0, account: str = "default", **settings: str):
        world = start(ENABLE_ANTHROPIC="true", AISPEND_ANTHROPIC_CALLS_PER_HOUR=str(calls), **settings)
        budget = CallBudget(state_of(world.home), "anthropic", account, calls)
        assert [budget.take(NOW) for _ in range(used)] == [None] * used
        return world

    return made


def waiting(world) -> dict:
    return WaitingDays(state_of(world.home)).all()


def states(world) -> set[tuple[str, str, str]]:
    with Snapshots(world.home).current()[1] as cursor:
        return {(day.source, day.account, day.state.value) for day in coverage.days_asked_for(cursor, OVER)}


def test_the_step_succeeds_and_only_the_days_that_were_read_are_made(scarce):
    world = scarce(10, used=8)

    runs = ingest(world, feeds=[("anthropic_costs", "default")])

    assert [one.errors for one in runs] == [[], []]
    assert days_made(world.instance, COSTS) == {str(day) for day in OVER.days()}
    found = check(world.instance, COSTS, READ)
    assert (found.passed, found.metadata["failed"].value) == (True, "none")
    told = found.metadata["waiting"].value
    assert told.startswith("default 2026-11-20: /v1/organizations/cost_report: the 10 calls an hour are used up; it ")
    assert told.endswith("goes on after 2026-11-20 15:08 UTC")
    assert waiting(world) == {("anthropic_costs", "default"): {LOOK_BACK.last}}


def test_nothing_sleeps_and_nothing_is_called_failed(scarce):
    world = scarce(10, used=10)

    runs = ingest(world, feeds=[("anthropic_costs", "default"), ("anthropic_usage", "default")])

    assert [one.errors for one in runs] == [[], []]
    assert world.clock.slept == []
    assert days_made(world.instance, COSTS) == days_made(world.instance, USAGE) == set()
    assert states(world) == set()
    days = set(LOOK_BACK.days())
    assert waiting(world) == {("anthropic_costs", "default"): days, ("anthropic_usage", "default"): days}


@pytest.mark.long
def test_an_account_whose_calls_are_used_up_leaves_the_other_as_it_would_be(scarce):
    world = scarce(10, used=10, account="eu")

    ingest(world)

    assert states(world) == {("anthropic_costs", "default", "complete"), ("anthropic_usage", "default", "complete")}
    assert days_made(world.instance, USAGE) == {str(day) for day in LOOK_BACK.days()}
    assert {account for _, account in waiting(world)} == {"eu"}


@pytest.mark.long
def test_a_failure_beside_an_account_that_waits_is_still_a_failure_of_the_check(scarce):
    world = scarce(10, used=10, ANTHROPIC_API_KEY__EU="sk-ant-admin01-revoked")

    runs = ingest(world, OVER, [("anthropic_costs", "default"), ("anthropic_costs", "eu")])

    assert [one.errors for one in runs] == [[], []]
    found = check(world.instance, COSTS, READ)
    assert not found.passed
    assert "eu 2026-11-18..2026-11-19: /v1/organizations/cost_report answered 401" in found.metadata["failed"].value
    assert found.metadata["waiting"].value.startswith("default 2026-11-18..2026-11-19: ")


@pytest.mark.long
def test_a_long_way_back_is_read_by_and_by_and_nothing_twice(scarce):
    """Three calls an hour are left over: the costs of 17 days take two, their usage, a week a call, three."""
    world = scarce(OF_COSTS + OF_USAGE + 3, AISPEND_START_DATE="2026-11-01", ANTHROPIC_API_KEY__EU="")
    settings, clock = world.installation.settings, world.clock

    ingest_without_dagster(world, *begun(world))

    assert set(waiting(world)) == {("anthropic_usage", "default")}
    clock.at += timedelta(hours=1)
    [backlog] = backlogs_now(settings, clock.now())
    assert str(backlog) == (
        "anthropic default: 10 days wait for the call budget; every run goes on, done about 2026-11-20 17:02 UTC"
    )

    ingest_without_dagster(world, *begun(world))

    clock.at += timedelta(hours=1)
    assert [one.window for one in begun(world)] == [LOOK_BACK]
    assert (waiting(world), backlogs_now(settings, clock.now()), clock.slept) == ({}, [], [])
    with Snapshots(world.home).current()[1] as cursor:
        feeds = [("anthropic_costs", "default"), ("anthropic_usage", "default")]
        read = coverage.every_day(cursor, Window(date(2026, 11, 1), OVER.last), feeds, NOW.date())
        windows = cursor.execute(
            "SELECT source, window_start FROM \"fetch\" WHERE window_end < '2026-11-18'"
        ).fetchall()
    assert {day.state.value for day in read} == {"complete"}
    assert len(windows) == len(set(windows)) == 4


def begun(world) -> list[Due]:
    settings, now = world.installation.settings, world.clock.now()
    return begun_now(settings, now, due_now(settings, now))


@pytest.mark.long
def test_days_from_before_the_start_that_somebody_asked_for_and_that_wait_are_asked_for_again(scarce):
    world = scarce(10, used=10, AISPEND_START_DATE="2026-11-18")
    old = Window(date(2025, 6, 1), date(2025, 6, 2))
    asked = Due(old, (("anthropic_usage", "default"),))
    ingest_without_dagster(world, asked)
    assert due_now(world.installation.settings, NOW)[1:] == [asked]

    world.clock.at += timedelta(hours=1)
    ingest_without_dagster(world, asked)

    assert due_now(world.installation.settings, world.clock.now())[1:] == []
