"""What the hourly tick asks for: runs, their days and feeds, and names once a day."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.lanes import IN_DISORDER
from aispend_pipeline.assets.schedules import hourly_ingest, steps_due
from aispend_pipeline.assets.tags import DAYS, FEEDS, LANE, STEP
from aispend_pipeline.model import Window
from aispend_pipeline.names import kept
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources import SOURCES
from aispend_pipeline.state.call_budget import CallBudget
from aispend_pipeline.state.database import state_of
from aispend_pipeline.state.waiting import WaitingDays
from aispend_pipeline.warehouse import Warehouse
from aispend_pipeline.warehouse.snapshots import pointer
from aispend_pipeline_tests.warehouse.building import SetClock, complete, line, store

from .conftest import LOOK_BACK, NOW, StandingClock, keys_of_all, run

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SUMS = ["estimate", "spend", "spend_daily", "usage"]
STEPS = ["fetch openai", "add up openai"]


@pytest.fixture(scope="module")
def idle(tmp_path_factory) -> Iterator[dg.DagsterInstance]:
    """An instance on which nothing ever ran."""
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("idle"))) as instance:
        yield instance


@pytest.fixture
def busy(tmp_path) -> Iterator[dg.DagsterInstance]:
    """An instance of its own, for runs that a test adds."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


@pytest.fixture
def tick(home, idle) -> Callable[..., Any]:
    """What the schedule says at a moment, two accounts of each provider having a key if no other settings are given."""

    def once(
        moment: datetime = NOON, instance: dg.DagsterInstance = idle, environment: dict[str, str] | None = None, **more
    ) -> list[dg.RunRequest] | dg.SkipReason:
        keys = keys_of_all(home) if environment is None else environment
        made = Settings.load({**keys, "AISPEND_START_DATE": "2026-11-20", **more}, None)
        resources = {"installation": Installation(made, StandingClock(moment))}
        with dg.build_schedule_context(
            instance=instance, scheduled_execution_time=moment, resources=resources
        ) as context:
            return hourly_ingest(context)

    return once


def keys_of(request: dg.RunRequest) -> list[str]:
    return sorted(key.to_user_string() for key in request.asset_selection)


def raw_of(provider: str) -> list[str]:
    return sorted(f"raw/{name}" for name, source in SOURCES.items() if source.provider == provider)


@pytest.mark.parametrize("hour", [0, 23])
def test_each_hour_asks_every_feed_for_today_and_the_two_days_before(hour, tick):
    requests = tick(datetime(2026, 11, 23, hour, tzinfo=UTC))[:4]

    assert {request.partition_key_range for request in requests} == {dg.PartitionKeyRange("2026-11-21", "2026-11-23")}
    fetches, add_ups = requests[::2], requests[1::2]
    assert [feed for request in fetches for feed in request.tags[FEEDS].split()] == [
        f"{source}/{account}"
        for provider in ("openai", "anthropic")
        for source in sorted(SOURCES)
        if SOURCES[source].provider == provider
        for account in ("default", "eu")
    ]
    assert all(FEEDS not in request.tags for request in add_ups)


def test_each_provider_is_read_and_added_up_before_the_next_is_asked(tick):
    """So that one that hangs holds up nothing that another said before."""
    requests = tick(AISPEND_START_DATE="2026-11-23")

    assert [keys_of(request) for request in requests] == [
        raw_of("openai"),
        SUMS,
        raw_of("anthropic"),
        SUMS,
        ["names"],
    ]
    assert [request.run_key for request in requests][:4] == [
        "fetch openai 2026-11-21..2026-11-23",
        "add up openai 2026-11-21..2026-11-23",
        "fetch anthropic 2026-11-21..2026-11-23",
        "add up anthropic 2026-11-21..2026-11-23",
    ]


def test_older_days_come_after_the_look_back_and_names_last(tick):
    """And the running day is added up once more: what it is estimated to cost is learnt from older bills."""
    requests = tick()

    assert [keys_of(request) for request in requests[4:]] == [
        *(keys_of(request) for request in requests[:4]),
        SUMS,
        ["names"],
    ]
    assert requests[8].partition_key_range == requests[1].partition_key_range
    assert {request.partition_key_range for request in requests[4:8]} == {
        dg.PartitionKeyRange("2026-11-20", "2026-11-20")
    }
    assert requests[9].partition_key_range is None


def test_days_that_were_read_and_never_added_up_are_added_up_and_read_by_nobody(tick, home):
    """However old: the run that read them died."""
    warehouse = Warehouse(home, SetClock(NOON))
    store(warehouse, complete({date(2025, 3, 1): [line("1")]}))
    warehouse.publish()

    [found] = [request for request in tick() if "2025" in request.run_key]

    assert (found.run_key, keys_of(found)) == ("add up 2025-03-01", SUMS)
    assert FEEDS not in found.tags
    assert (found.tags[LANE], found.tags[STEP]) == ("ingest", "add up")


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTED])
def test_no_run_is_asked_for_while_one_of_an_earlier_hour_is_not_done(tick, busy, status):
    """T9: a backlog does not grow by an hour's runs every hour."""
    one = added(busy, "hourly_ingest", {"dagster/schedule_name": "hourly_ingest"}, status)

    assert "an earlier hour are not done yet" in tick(instance=busy).skip_message

    busy.run_storage.handle_run_event(one.run_id, ended(one))
    assert len(tick(instance=busy)) == 10


OTHERS = [("recompute", {"dagster/schedule_name": "hourly_ingest"}), ("hourly_ingest", {"dagster/backfill": "b"})]


def test_runs_that_somebody_else_asked_for_hold_no_tick_up(tick, busy):
    for job, tags in OTHERS:
        added(busy, job, tags, dg.DagsterRunStatus.QUEUED)

    assert len(tick(instance=busy)) == 10


def added(instance: dg.DagsterInstance, job: str, tags: dict[str, str], status: dg.DagsterRunStatus) -> dg.DagsterRun:
    """A run as the daemon adds one for a schedule, which no process has begun."""
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("aispend"), "repository"), job)
    return instance.add_run(dg.DagsterRun(job, status=status, tags=tags, remote_job_origin=origin))


def ended(one: dg.DagsterRun) -> dg.DagsterEvent:
    return dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, one.job_name)


def test_a_snapshot_of_another_version_is_published_again_first(tick, home):
    """Or all that was ever read would count as unknown, and be asked for again."""
    warehouse = Warehouse(home, SetClock(NOON))
    store(warehouse, complete({date(2026, 11, 20): [line("1")]}, at=NOON))
    older = warehouse.publish()
    (home / "CURRENT").write_text(replace(older, seq=1, schema_version=1).text())

    tick()

    assert pointer(home).schema_version == older.schema_version


def test_every_run_is_in_the_lane_of_ingests_and_has_a_key_of_its_own(tick):
    requests = tick()

    assert {request.tags[LANE] for request in requests} == {"ingest"}
    assert [f"{request.tags[STEP]} {request.tags[DAYS]}" for request in requests if DAYS in request.tags] == [
        request.run_key for request in requests if DAYS in request.tags
    ]
    assert len({request.run_key for request in requests}) == len(requests)


def test_a_window_is_asked_of_the_feeds_alone_that_need_it(tick, home):
    """A day that one account of one source waits for costs no other account a call."""
    old = Window(date(2025, 3, 1), date(2025, 3, 2))
    WaitingDays(state_of(home)).add([(("anthropic_usage", "eu"), old)])

    fetched, added_up = tick(AISPEND_START_DATE="2026-11-23")[4:6]

    assert fetched.partition_key_range == dg.PartitionKeyRange("2025-03-01", "2025-03-02")
    assert (keys_of(fetched), fetched.tags[FEEDS]) == (["raw/anthropic_usage"], "anthropic_usage/eu")
    assert keys_of(added_up) == SUMS


def test_older_days_of_an_account_without_calls_wait_and_no_run_is_asked_for_them(tick, home):
    budget = CallBudget(state_of(home), "anthropic", "eu", 60)
    budget.left(0, NOON)

    requests = tick(ENABLE_ANTHROPIC="true", AISPEND_START_DATE="2026-11-20")

    look_back, older = requests[0], requests[2]
    assert "anthropic_costs/eu" in look_back.tags[FEEDS].split()
    assert older.tags[FEEDS] == "anthropic_costs/default anthropic_usage/default"
    day = {date(2026, 11, 20)}
    assert WaitingDays(state_of(home)).all() == {("anthropic_costs", "eu"): day, ("anthropic_usage", "eu"): day}


def test_without_credentials_the_tick_says_what_to_set(tick, home):
    told = tick(environment={"AISPEND_HOME": str(home)})

    assert "OPENAI_API_KEY, ANTHROPIC_API_KEY or GCP_BQ_TABLE" in told.skip_message


def test_a_tick_warns_where_nothing_keeps_its_runs_in_order(home, idle):
    heard: list[str] = []
    ear = logging.Handler()
    ear.emit = lambda record: heard.append(record.getMessage())
    installation = Installation(Settings.load(keys_of_all(home), None), StandingClock(NOON))
    with dg.build_schedule_context(
        instance=idle, scheduled_execution_time=NOON, resources={"installation": installation}
    ) as context:
        context.log.addHandler(ear)
        hourly_ingest(context)

    assert heard == [IN_DISORDER]


def test_the_schedule_is_on_without_being_asked():
    assert hourly_ingest.default_status is dg.DefaultScheduleStatus.RUNNING
    assert (hourly_ingest.cron_schedule, hourly_ingest.execution_timezone) == ("0 * * * *", "UTC")


ACCOUNTS = [("openai", "default"), ("openai", "eu"), ("anthropic", "default"), ("anthropic", "eu")]
# When names were read, what became of it, and whether a tick at noon reads them again.
READ = [
    (NOON - timedelta(hours=12), None, False),
    (NOON - timedelta(hours=12, seconds=1), None, True),
    (NOON - timedelta(minutes=30), "answered 500", False),
    (NOON - timedelta(minutes=60), "answered 500", True),
    (NOON + timedelta(minutes=30), None, False),
]


@pytest.mark.parametrize(("at", "error", "due"), READ)
def test_names_are_read_once_a_day_and_again_within_the_hour_if_that_failed(tick, home, at, error, due):
    read_names_of(home, ACCOUNTS, at, error)

    assert (["names"] in [keys_of(request) for request in tick()]) is due


def test_names_of_a_new_account_are_read_at_once(tick, home):
    read_names_of(home, ACCOUNTS[:3], NOON, None)

    assert ["names"] in [keys_of(request) for request in tick()]


def read_names_of(home, accounts, at: datetime, error: str | None) -> None:
    warehouse = Warehouse(home, SetClock(at))
    with warehouse.write(publish=True) as transaction:
        for account in accounts:
            kept.store(transaction, account, {}, at, error)


@pytest.mark.long
def test_a_whole_tick_runs_and_the_next_hours_has_the_look_back_alone_to_do(start):
    made = start(AISPEND_START_DATE="2026-11-16", ENABLE_OPENAI="true", OPENAI_API_KEY__EU="")
    settings = made.installation.settings
    due = steps_due(settings, NOW)

    runs = run(made, *due)

    assert [step.key.partition(" 2")[0] for step in due] == [*STEPS, *STEPS, "add up", "names"]
    assert [one.errors for one in runs] == [[]] * 6
    later = steps_due(settings, NOW + timedelta(hours=1))
    assert [step.key for step in later] == [f"{step} {LOOK_BACK}" for step in STEPS]
    tomorrow = steps_due(settings, NOW + timedelta(hours=9))
    again = f"add up {tomorrow[1].tags['dagster/asset_partition_range_start']}"
    assert [step.key for step in tomorrow[2:4]] == [f"{step} 2026-11-16..2026-11-18" for step in STEPS]
    assert [step.key.partition("..")[0] for step in tomorrow[4:]] == [again, "names"]


def test_an_installation_that_only_has_budgets_reads_them_every_hour(tick, home):
    budgets = {"AISPEND_HOME": str(home), "GCP_BILLING_ACCOUNT_ID": "01AAAA-BBBBBB-CCCCCC"}
    [request] = tick(environment=budgets)
    assert keys_of(request) == ["raw/vertex_budget"]
    assert request.tags[LANE] == "ingest"
