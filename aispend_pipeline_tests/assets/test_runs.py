"""Whole runs on a real instance: what Dagster recorded, and what stands when something fails."""

from datetime import date
from decimal import Decimal

import dagster as dg
import pytest

from aispend_pipeline.assets import in_process
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.schedules import steps
from aispend_pipeline.assets.spend import SPEND, SPEND_DAILY
from aispend_pipeline.model import Window
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator import organisation
from aispend_pipeline.warehouse import Snapshots, reads
from aispend_pipeline.warehouse.snapshots import pointer

from .conftest import LOOK_BACK, NOW

RAW = dg.AssetKey(["raw", "openai_costs"])


def ingest(instance, installation, window: Window = LOOK_BACK) -> list[in_process.Run]:
    return [
        in_process.run_range(instance, installation, "hourly_ingest", keys, window)
        for keys in steps(installation.settings).values()
    ]


def by_day(instance, key: dg.AssetKey, name: str) -> dict[str, object]:
    records = instance.fetch_materializations(key, limit=100).records
    return {r.partition_key: r.asset_materialization.metadata[name].value for r in reversed(records)}


def billed(day: date) -> Decimal:
    return sum((organisation.total(account, iter([day]), NOW) for account in organisation.ACCOUNTS), Decimal(0))


def test_one_tick_fills_the_look_back_and_notes_each_days_own_figures(instance, installation):
    fetched, added_up = ingest(instance, installation)

    assert (fetched.errors, added_up.errors) == ([], [])
    expected = {str(day): pytest.approx(float(billed(day))) for day in LOOK_BACK.days()}
    for key in (RAW, SPEND, SPEND_DAILY):
        assert by_day(instance, key, "usd") == expected
    rows = by_day(instance, SPEND, "dagster/partition_row_count")
    assert rows == by_day(instance, RAW, "lines")
    assert set(rows) == set(expected)
    assert all(pages == 2 for pages in by_day(instance, RAW, "pages").values())
    assert all(seconds >= 0 for seconds in by_day(instance, RAW, "seconds").values())


def test_what_is_asserted_in_the_transaction_is_reported_as_checks(instance, installation):
    ingest(instance, installation)

    for name in ("rollup_equals_detail", "no_partial_window", "rows_equal_control"):
        record = instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(SPEND, name), 1)[0]
        assert record.status.value == "SUCCEEDED", name


def test_a_failed_assertion_fails_its_check_and_the_step_and_publishes_nothing(instance, installation):
    ingest(instance, installation)
    before = pointer(installation.settings.home)
    with installation.warehouse.write() as transaction:
        transaction.execute("UPDATE answer SET control_usd = control_usd + 1 WHERE agrees")

    run = in_process.run_range(instance, installation, "recompute", [SPEND, SPEND_DAILY], LOOK_BACK)

    assert len(run.errors) == 1
    assert "the provider's own sum is" in run.errors[0]
    key = dg.AssetCheckKey(SPEND, "rows_equal_control")
    record = instance.event_log_storage.get_asset_check_execution_history(key, 1)[0]
    assert record.status.value == "FAILED"
    assert pointer(installation.settings.home) == before


def test_one_refused_account_fails_the_fetch_and_the_other_is_added_up(instance, environment, clock):
    settings = Settings.load({**environment, "OPENAI_API_KEY__EU": "sk-admin-revoked-000"}, None)
    installation = Installation(settings, clock)
    installation.warehouse.publish()

    fetched, added_up = ingest(instance, installation)

    assert (fetched.errors, added_up.errors) == ([], [])
    record = instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(RAW, "every_account_is_read"), 1
    )[0]
    evaluation = record.event.dagster_event.event_specific_data
    assert evaluation.passed is False
    error = "; ".join(evaluation.metadata["failed"].value)
    assert "eu 2026-11-18..2026-11-19: /organization/costs answered 401" in error
    assert "Set OPENAI_API_KEY__EU to an admin key" in error
    assert "sk-admin" not in error
    _, cursor = Snapshots(settings.home).current()
    answer = reads.ask(cursor, reads.Question(LOOK_BACK, ("account",)), [])
    assert [row.keys["account"] for row in answer.rows] == ["default"]
    assert {(day.account, day.state.value) for day in answer.coverage} == {("default", "complete"), ("eu", "failed")}


def test_when_no_account_is_read_the_step_fails_and_no_day_is_shown_as_zero(instance, environment, clock):
    revoked = {"OPENAI_API_KEY": "sk-admin-revoked-000", "OPENAI_API_KEY__EU": "sk-admin-revoked-001"}
    installation = Installation(Settings.load({**environment, **revoked}, None), clock)
    installation.warehouse.publish()

    fetched, added_up = ingest(instance, installation)

    assert len(fetched.errors) == 1
    assert added_up.errors == []
    for record in instance.fetch_materializations(SPEND, limit=10).records:
        assert "usd" not in record.asset_materialization.metadata
        assert "dagster/partition_row_count" not in record.asset_materialization.metadata


def test_spend_can_be_made_again_without_any_provider(instance, installation):
    ingest(instance, installation)
    settings = Settings.load({"AISPEND_HOME": str(installation.settings.home)}, None)
    alone = Installation(settings, installation.clock)

    run = in_process.run_range(instance, alone, "recompute", [SPEND, SPEND_DAILY], LOOK_BACK)

    assert run.errors == []
    assert alone.outcomes[0].changes == []


def test_checks_warn_of_days_that_are_not_whole(instance, installation):
    ingest(instance, installation, Window(date(2026, 11, 14), date(2026, 11, 15)))
    ingest(instance, installation)

    key = dg.AssetCheckKey(SPEND_DAILY, "every_day_is_read")
    record = instance.event_log_storage.get_asset_check_execution_history(key, 1)[0]
    evaluation = record.event.dagster_event.event_specific_data
    assert evaluation.passed is False
    assert evaluation.severity == dg.AssetCheckSeverity.WARN
    assert "openai_costs default 2026-11-16: never read" in evaluation.metadata["found"].value


def test_the_run_of_a_process_that_died_does_not_stay_started(instance, installation, home):
    job = "hourly_ingest"
    run = instance.create_run_for_job(
        job_def=_job(installation, job), tags={in_process.PROCESS: "999999999 1"}, status=dg.DagsterRunStatus.STARTED
    )
    mine = instance.create_run_for_job(
        job_def=_job(installation, job),
        tags={in_process.PROCESS: in_process._this_process()},
        status=dg.DagsterRunStatus.STARTED,
    )

    with in_process.instance_of(installation.settings) as again:
        assert again.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.FAILURE
        assert again.get_run_by_id(mine.run_id).status is dg.DagsterRunStatus.STARTED


def _job(installation, name):
    from aispend_pipeline.definitions import product

    return product(installation, str(installation.settings.home)).resolve_job_def(name)
