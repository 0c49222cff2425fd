"""Whole runs on a real instance: what Dagster recorded, and what stands when something fails."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

import dagster as dg
import pytest

from aispend_pipeline.assets import in_process, orphans
from aispend_pipeline.assets.checks import every_day_is_read
from aispend_pipeline.assets.installation import Installation, SnapshotResource
from aispend_pipeline.assets.raw import READ
from aispend_pipeline.assets.spend import ESTIMATE, REMADE, SPEND, SPEND_DAILY, USAGE
from aispend_pipeline.assets.tags import MODULE, range_tags
from aispend_pipeline.definitions import defs, product
from aispend_pipeline.due import Due
from aispend_pipeline.model import Window
from aispend_pipeline.rollup.add_up import ASSERTIONS, add_up
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator import organisation
from aispend_pipeline.tick import feeds_asked
from aispend_pipeline.warehouse import Snapshots, Warehouse, reads
from aispend_pipeline.warehouse.snapshots import pointer
from aispend_pipeline_tests.warehouse.building import complete, line, store
from aispend_pipeline_tests.warehouse.proof import assert_sound

from .conftest import LOOK_BACK, NOW, RAW, StandingClock, check, days_made, ingest, ingest_without_dagster, noted, world

TO_READ_THEM = "the next hour asks for what is due, and a backfill for any day"
ALL = {str(day) for day in LOOK_BACK.days()}
READ_HERE = ("openai", "anthropic")
OVER = ALL - {str(LOOK_BACK.last)}


def billed(providers: Iterable[str], day: date) -> Decimal:
    return sum(
        (organisation.total(name, one, [day], NOW) for name in providers for one in organisation.ACCOUNTS), Decimal(0)
    )


def recompute(instance, installation) -> in_process.Run:
    keys = [SPEND, USAGE, SPEND_DAILY]
    return in_process.run_here(instance, installation, "recompute", keys, range_tags(LOOK_BACK))


def asked(home, *group_by: str) -> reads.Answer:
    with Snapshots(home).current()[1] as cursor:
        assert_sound(cursor, by_model=False)
        return reads.ask(cursor, reads.Question(LOOK_BACK, group_by), [], NOW.date())


def stored(home) -> tuple[int, int]:
    """How many pages there are, and how many bodies."""
    with Snapshots(home).current()[1] as cursor:
        return cursor.execute("SELECT (SELECT count(*) FROM page), (SELECT count(*) FROM body)").fetchone()


def test_one_tick_fills_the_look_back_of_every_source_and_notes_each_days_own_figures(after_a_tick):
    instance = after_a_tick.instance

    assert [run.errors for run in after_a_tick.runs] == [[]] * 4
    for key in (RAW["openai_costs"], RAW["openai_usage"], RAW["anthropic_usage"], SPEND, USAGE, SPEND_DAILY):
        assert days_made(instance, key) == ALL, key
    expected = {day: pytest.approx(float(billed(READ_HERE, date.fromisoformat(day)))) for day in ALL}
    assert noted(instance, SPEND, "usd") == noted(instance, SPEND_DAILY, "usd") == expected
    raw_usd = {name: noted(instance, key, "usd") for name, key in RAW.items()}
    assert raw_usd["openai_costs"] == {
        day: pytest.approx(float(billed(["openai"], date.fromisoformat(day)))) for day in ALL
    }
    assert set(raw_usd["anthropic_costs"]) == OVER
    assert raw_usd["openai_usage"] == raw_usd["anthropic_usage"] == {}


def test_rows_below_are_the_lines_of_the_pages_above(after_a_tick):
    instance = after_a_tick.instance
    lines = {name: noted(instance, key, "lines") for name, key in RAW.items()}
    counted = "dagster/partition_row_count"

    for below, above in ((SPEND, ("openai_costs", "anthropic_costs")), (USAGE, ("openai_usage", "anthropic_usage"))):
        assert noted(instance, below, counted) == {
            day: sum(lines[name].get(day, 0) for name in above) for day in lines[above[0]]
        }
    assert all(pages >= 2 for key in RAW.values() for pages in noted(instance, key, "pages").values())
    assert all(seconds >= 0 for key in RAW.values() for seconds in noted(instance, key, "seconds").values())


def test_a_run_of_a_command_is_listed_with_its_job_and_not_begun_again_by_the_daemon(after_a_tick):
    [run] = after_a_tick.instance.get_runs(limit=1)

    assert run.remote_job_origin.repository_origin.get_label() == f"{defs.get_repository_def().name}@{MODULE}"
    assert (run.remote_job_origin.job_name, run.tags["dagster/max_retries"]) == ("hourly_ingest", "0")


def test_what_is_asserted_in_the_transaction_is_reported_as_checks(after_a_tick):
    for name in (*ASSERTIONS, REMADE):
        assert check(after_a_tick.instance, SPEND, name).passed, name
    for key in RAW.values():
        found = check(after_a_tick.instance, key, READ)
        assert (found.passed, found.metadata["failed"].value, found.metadata["waiting"].value) == (True, "none", "none")


def test_each_figure_is_the_simulated_organisations_own(after_a_tick):
    answer = asked(after_a_tick.home, "provider", "account")

    assert {(row.keys["provider"], row.keys["account"]): row.usd for row in answer.rows} == {
        (provider, account): organisation.total(provider, account, LOOK_BACK.days(), NOW)
        for provider in READ_HERE
        for account in organisation.ACCOUNTS
    }
    assert answer.tokens_from == ["usage"]
    not_known = {(day.source, str(day.day), day.state.value) for day in answer.coverage if day.state != "complete"}
    assert not_known == {("anthropic_costs", str(LOOK_BACK.last), "not_due")}


@pytest.mark.long
def test_an_answer_that_contradicts_itself_fails_its_check_and_the_others_are_published(after_a_tick):
    before = asked(after_a_tick.home, "provider", "account", "day")
    with after_a_tick.installation.warehouse.write() as transaction:
        transaction.execute(
            "UPDATE answer SET control_usd = control_usd + 1 WHERE agrees AND day = '2026-11-18' AND fetch_id IN"
            " (SELECT fetch_id FROM \"fetch\" WHERE source = 'anthropic_costs' AND account = 'eu')"
        )
    published = pointer(after_a_tick.home)

    run = recompute(after_a_tick.instance, after_a_tick.installation)

    assert run.errors == []
    assert pointer(after_a_tick.home).seq > published.seq
    found = check(after_a_tick.instance, SPEND, "rows_equal_control")
    assert not found.passed
    [told] = found.metadata["kept as they were"].value
    assert "anthropic_costs eu 2026-11-18: rows add up to" in told
    assert check(after_a_tick.instance, SPEND, "no_partial_window").passed
    assert not check(after_a_tick.instance, SPEND, REMADE).passed
    after = asked(after_a_tick.home, "provider", "account", "day")
    assert after.rows == before.rows
    said = [(day.source, day.account, str(day.day)) for day in after.coverage if "last_attempt" in day.detail]
    assert said == [("anthropic_costs", "eu", "2026-11-18"), ("anthropic_costs", "eu", "2026-11-19")]


def test_sums_that_contradict_their_rows_fail_the_step_and_publish_nothing(after_a_tick):
    with after_a_tick.installation.warehouse.write() as transaction:
        transaction.execute("ALTER TABLE spend_daily ALTER billed_usd TYPE DECIMAL(38, 1)")
    published = pointer(after_a_tick.home)

    run = recompute(after_a_tick.instance, after_a_tick.installation)

    [error] = run.errors
    assert error.endswith("nothing was changed")
    assert not check(after_a_tick.instance, SPEND, "rollup_equals_detail").passed
    assert pointer(after_a_tick.home) == published


@pytest.mark.long
def test_spend_can_be_made_again_without_any_provider(after_a_tick):
    alone = Installation(Settings.load({"AISPEND_HOME": str(after_a_tick.home)}, None), after_a_tick.clock)

    run = recompute(after_a_tick.instance, alone)

    assert run.errors == []
    assert (alone.outcomes[0].changes, alone.outcomes[0].not_remade) == ([], [])


@pytest.mark.long
def test_any_of_the_three_may_be_asked_for_alone_and_all_are_made(after_a_tick):
    alone = Installation(Settings.load({"AISPEND_HOME": str(after_a_tick.home)}, None), after_a_tick.clock)

    run = in_process.run_here(after_a_tick.instance, alone, "recompute", [SPEND_DAILY], range_tags(LOOK_BACK))

    assert run.errors == []
    assert sum(day.rows for day in alone.outcomes[0].days.values()) > 0


@pytest.mark.long
def test_one_refused_account_fails_the_fetch_and_the_others_are_added_up(start):
    made = start(OPENAI_API_KEY__EU="sk-admin-revoked-000", ANTHROPIC_API_KEY__EU="")

    runs = ingest(made)

    assert [one.errors for one in runs] == [[]] * 4
    for name in ("openai_costs", "openai_usage"):
        found = check(made.instance, RAW[name], READ)
        assert not found.passed
        error = found.metadata["failed"].value
        assert error == found.description
        assert error.startswith("eu 2026-11-18..2026-11-19, 2026-11-20: /organization/")
        assert "Set OPENAI_API_KEY__EU to an admin key" in error
        assert "sk-admin" not in error
        assert days_made(made.instance, RAW[name]) == ALL
    assert all(check(made.instance, RAW[name], READ).passed for name in ("anthropic_costs", "anthropic_usage"))
    answer = asked(made.home, "provider", "account")
    assert {(row.keys["provider"], row.keys["account"]): row.usd for row in answer.rows} == {
        (provider, account): organisation.total(provider, account, LOOK_BACK.days(), NOW)
        for provider, account in (("openai", "default"), ("anthropic", "default"))
    }
    assert {(day.source, day.account) for day in answer.coverage if day.state == "failed"} == {
        ("openai_costs", "eu"),
        ("openai_usage", "eu"),
    }


@pytest.mark.long
def test_when_no_account_is_read_the_step_fails_and_no_day_is_shown_as_zero(start):
    made = start(ENABLE_OPENAI="true", OPENAI_API_KEY="sk-admin-revoked-000", OPENAI_API_KEY__EU="sk-admin-revoked-001")

    fetched, added_up = ingest(made)

    assert len(fetched.errors) == 2
    assert added_up.errors == [f"never read: {LOOK_BACK}; {TO_READ_THEM}"]
    whole = check(made.instance, SPEND_DAILY, "every_day_is_read")
    assert (whole.passed, whole.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert whole.description.startswith(f"openai_costs default {LOOK_BACK}: failed: /organization/costs answered 401")
    for key in (SPEND, USAGE, SPEND_DAILY):
        assert days_made(made.instance, key) == set()
        assert noted(made.instance, key, "usd") == noted(made.instance, key, "dagster/partition_row_count") == {}
    assert [days_made(made.instance, RAW[name]) for name in ("openai_costs", "openai_usage")] == [set(), set()]


@pytest.mark.long
def test_days_that_were_never_read_are_not_made_beside_days_that_were(after_a_tick):
    """A recompute from Dagster's own UI may be asked for any days."""
    window = Window(LOOK_BACK.first - timedelta(days=2), LOOK_BACK.last)
    made = after_a_tick
    run = in_process.run_here(
        made.instance, made.installation, "recompute", [SPEND, USAGE, ESTIMATE, SPEND_DAILY], range_tags(window)
    )

    assert run.errors == [f"never read: 2026-11-16..2026-11-17; {TO_READ_THEM}"]
    for key in (SPEND, USAGE, SPEND_DAILY):
        assert days_made(made.instance, key) == ALL


@pytest.mark.long
def test_a_run_without_days_says_that_it_wants_some(start):
    """As the button Execute of a check that is made with its days."""
    made = start()
    run = in_process.run_here(made.instance, made.installation, "recompute", [SPEND], {})

    assert run.errors == ["it is made with its days: materialize those, and it comes with them"]


@pytest.mark.long
def test_an_account_that_failed_for_other_days_still_fails_the_check(start):
    """Reading some days well must not silence what is lacking of others."""
    made = start(OPENAI_API_KEY__EU="sk-admin-revoked-001")
    feeds = [("openai_costs", "default"), ("openai_costs", "eu")]
    before = Window(LOOK_BACK.first - timedelta(days=3), LOOK_BACK.first - timedelta(days=1))

    ingest(made, before, feeds)
    ingest(made, LOOK_BACK, feeds[:1])

    found = check(made.instance, RAW["openai_costs"], READ)
    assert not found.passed
    assert found.metadata["failed"].value.startswith(f"eu {before}: /organization/costs answered 401")


@pytest.mark.long
def test_a_run_reads_no_feed_but_those_it_was_asked_for(start):
    made = start()
    feeds = [("openai_costs", "default"), ("anthropic_costs", "eu")]

    runs = ingest(made, Window(LOOK_BACK.first, LOOK_BACK.first), feeds)

    assert [one.errors for one in runs] == [[]] * 4
    with Snapshots(made.home).current()[1] as cursor:
        assert cursor.execute('SELECT DISTINCT source, account FROM "fetch" ORDER BY ALL').fetchall() == sorted(feeds)
    assert {key.to_user_string() for key in RAW.values() if days_made(made.instance, key)} == {
        "raw/openai_costs",
        "raw/anthropic_costs",
    }


@pytest.mark.long
def test_a_run_without_the_tag_reads_every_account(start):
    """So that a backfill from Dagster's own UI, which knows no feeds, is whole."""
    made = start(ENABLE_ANTHROPIC="true")
    day = Window(LOOK_BACK.first, LOOK_BACK.first)

    in_process.run_here(
        made.instance, made.installation, "hourly_ingest", [RAW["anthropic_costs"], SPEND, SPEND_DAILY, USAGE],
        range_tags(day),
    )  # fmt: skip

    with Snapshots(made.home).current()[1] as cursor:
        read = cursor.execute("SELECT account, state FROM coverage ORDER BY ALL").fetchall()
    assert read == [("default", "complete"), ("eu", "complete")]


def not_whole(home) -> list[str]:
    """What the check `every_day_is_read` finds."""
    result = every_day_is_read(SnapshotResource(database=str(home)))
    assert result.passed is not bool(result.metadata["found"].value)
    return result.metadata["found"].value


@pytest.mark.long
def test_days_that_are_missing_are_an_error_with_their_days_and_the_reason(after_a_tick):
    ingest(after_a_tick, Window(date(2026, 11, 14), date(2026, 11, 15)), [("openai_costs", "default")])

    found = check(after_a_tick.instance, SPEND_DAILY, "every_day_is_read")

    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert found.metadata["found"].value == ["openai_costs default 2026-11-16..2026-11-17: never read"]


def test_a_feed_that_is_not_asked_any_more_is_told_of_up_to_the_newest_day_of_any(home):
    warehouse, clock = Warehouse(home, StandingClock()), StandingClock()
    day = date(2026, 11, 16)
    store(warehouse, complete({day: [line("1")]}, account="old", at=NOW))
    store(warehouse, complete({day + timedelta(days=n): [] for n in range(3)}, account="new", at=NOW))
    add_up(warehouse, Window(day, LOOK_BACK.last), clock)

    assert not_whole(home) == ["openai_costs old 2026-11-17..2026-11-18: never read"]


def test_a_day_that_was_still_running_when_it_was_read_is_told_of_once_it_is_over(home):
    warehouse, clock = Warehouse(home, StandingClock()), StandingClock()
    today, tomorrow = LOOK_BACK.last, LOOK_BACK.last + timedelta(days=1)
    store(warehouse, complete({today: [line("1")]}, at=NOW))
    add_up(warehouse, Window(today, today), clock)
    assert not_whole(home) == []

    store(warehouse, complete({tomorrow: []}, at=NOW + timedelta(days=1)))
    add_up(warehouse, Window(today, tomorrow), clock)
    assert not_whole(home) == [f"openai_costs default {today}: read before it was over"]

    store(warehouse, complete({today: [line("2")]}, at=NOW + timedelta(days=1)))
    add_up(warehouse, Window(today, tomorrow), clock)
    assert not_whole(home) == []


@pytest.mark.long
def test_a_second_tick_changes_nothing_that_is_over(after_a_tick):
    before = asked(after_a_tick.home, "day", "provider", "account", "model")
    pages, bodies = stored(after_a_tick.home)

    ingest_without_dagster(after_a_tick, Due(LOOK_BACK, tuple(feeds_asked(after_a_tick.installation.settings))))

    after = asked(after_a_tick.home, "day", "provider", "account", "model")
    assert (after.rows, after.restatements) == (before.rows, [])
    assert stored(after_a_tick.home) == (2 * pages, bodies)


@pytest.mark.long
def test_the_run_of_a_process_that_died_does_not_stay_started(home):
    with world(home) as made:
        job = product(made.installation, str(home)).resolve_job_def("hourly_ingest")
        runs = [
            made.instance.create_run_for_job(
                job_def=job, tags={orphans.PROCESS: process}, status=dg.DagsterRunStatus.STARTED
            )
            for process in ("999999999 1", orphans.this_process())
        ]

        with in_process.instance_of(made.installation.settings) as again:
            found = [again.get_run_by_id(one.run_id).status for one in runs]

    assert found == [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.STARTED]
