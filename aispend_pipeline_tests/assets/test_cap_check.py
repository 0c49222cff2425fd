"""`cap_check` and `notify`: what asks for a run, what a tick says, and what a run does and leaves behind."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterRunStatus, RunsFilter

from aispend_pipeline.alerts import tables
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.notify import CAPS, notify_job, prune
from aispend_pipeline.assets.sensors import cap_check
from aispend_pipeline.assets.tags import CODE_LOCATION, LANE, MODULE, ours
from aispend_pipeline.settings import Settings
from aispend_pipeline.state.database import state_of
from aispend_pipeline_tests.alerts.receivers import http_receiver, status
from aispend_pipeline_tests.caps.measuring import TODAY, YESTERDAY, World
from aispend_pipeline_tests.warehouse.building import SetClock, line

from .conftest import StandingClock

NOON = datetime(2026, 11, 10, 12, 30, tzinfo=UTC)


class Installed:
    """A small warehouse with caps over it, on a Dagster instance of its own."""

    def __init__(self, home, instance: dg.DagsterInstance, **more: str) -> None:
        self.world = World(home, SetClock(NOON))
        self.instance = instance
        self.clock = StandingClock(NOON)
        self.settings = Settings.load(
            {"AISPEND_HOME": str(home), "OPENAI_API_KEY": "sk-admin-1", "OPENAI_SOFT_CAP": "80", **more}, None
        )

    def tick(self) -> dg.RunRequest | dg.SkipReason:
        resources = {"installation": Installation(self.settings, self.clock)}
        with dg.build_sensor_context(instance=self.instance, resources=resources) as context:
            return cap_check(context)

    def run(self) -> dg.ExecuteInProcessResult:
        resources = {"installation": Installation(self.settings, self.clock)}
        here = {CODE_LOCATION: MODULE}
        return notify_job.execute_in_process(
            instance=self.instance, resources=resources, tags=here, raise_on_error=False
        )

    def rows(self, table) -> list[Any]:
        with state_of(self.settings.home).reading() as connection:
            return connection.execute(table.select()).all()


@pytest.fixture
def instance(tmp_path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as made:
        yield made


@pytest.fixture
def installed(home, tmp_path, instance) -> Installed:
    made = Installed(home, instance)
    made.world.read({TODAY: [line("84.10")], YESTERDAY: []}, NOON)
    return made


def noted(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (output,) = [event for event in result.all_events if event.event_type is dg.DagsterEventType.STEP_OUTPUT]
    return {name: value.value for name, value in output.step_output_data.metadata.items()}


def test_new_figures_ask_for_one_run_in_the_lane_of_notices(installed):
    request = installed.tick()

    assert request.tags[LANE] == "notify"
    assert request.tags["aispend/reason"] == "new figures"


def test_a_tick_says_how_every_cap_stands(home, instance):
    installed = Installed(home, instance, OPENAI_HARD_CAP="100", AISPEND_REMIND_SOFT_SECONDS="7200")
    installed.world.read({TODAY: [line("84.10")], YESTERDAY: []}, NOON)
    installed.run()

    said = "openai 84.10 of 80.00 soft: told soft 12:30, next reminder 14:30"
    assert installed.tick().skip_message == said


def test_each_run_notes_how_every_cap_stands_and_what_it_was_held_against(home, instance):
    installed = Installed(home, instance, ANTHROPIC_API_KEY="sk-ant-admin01-1", ANTHROPIC_SOFT_CAP="50")
    installed.world.read({TODAY: [line("84.10")], YESTERDAY: []}, NOON)
    installed.run()

    [record] = instance.fetch_materializations(CAPS, limit=10).records
    metadata = {name: found.value for name, found in record.asset_materialization.metadata.items()}

    assert metadata == {
        "anthropic": "anthropic unknown, nothing was read: nothing to tell",
        "openai": "openai 84.10 of 80.00 soft: told soft 12:30",
        "openai usd": 84.1,
    }


def test_previewing_a_tick_changes_nothing(installed):
    installed.run()
    before = {table.name: installed.rows(table) for table in tables.TABLES.sorted_tables}

    for minutes in (0, 5, 11):
        installed.clock.at = NOON + timedelta(minutes=minutes)
        installed.tick()

    assert {table.name: installed.rows(table) for table in tables.TABLES.sorted_tables} == before


def test_after_ten_minutes_the_caps_are_looked_at_again(installed):
    installed.run()
    installed.clock.at = NOON + timedelta(minutes=9, seconds=59)
    assert isinstance(installed.tick(), dg.SkipReason)

    installed.clock.at = NOON + timedelta(minutes=10)

    assert installed.tick().tags["aispend/reason"] == "the caps were not looked at for ten minutes"


def test_a_delivery_that_is_due_asks_for_a_run(home, instance):
    with http_receiver(status(500)) as receiver:
        installed = Installed(home, instance, SLACK_WEBHOOK_URL=receiver.url("/services/secret"))
        installed.world.read({TODAY: [line("84.10")], YESTERDAY: []}, NOON)
        result = installed.run()

        assert noted(result)["retry"] == 1
        assert isinstance(installed.tick(), dg.SkipReason)
        installed.clock.at = NOON + timedelta(seconds=6)
        assert installed.tick().tags["aispend/reason"] == "a delivery is due"
        assert noted(installed.run())["delivered"] == 1


def test_a_run_that_is_under_way_is_not_asked_for_again(installed):
    installed.instance.create_run_for_job(notify_job, status=DagsterRunStatus.STARTED)

    assert installed.tick().skip_message.startswith("new figures, and a run of notify is under way; ")


def test_a_run_that_failed_is_not_asked_for_again_at_once(installed):
    failed = installed.instance.create_run_for_job(notify_job)
    installed.instance.report_run_failed(failed)
    real_now = datetime.now(UTC)

    installed.clock.at = real_now
    assert "but the last run of notify failed; the next one starts after" in installed.tick().skip_message

    installed.clock.at = real_now + timedelta(minutes=6)
    assert isinstance(installed.tick(), dg.RunRequest)


def test_a_run_tells_of_what_it_said_and_of_nothing_twice(installed):
    first, second = noted(installed.run()), noted(installed.run())

    assert (first["events"], first["said"]) == (1, ["cap.breached openai"])
    assert second["events"] == 0


def test_a_run_that_cannot_evaluate_fails_and_says_why(installed):
    (installed.settings.home / "CURRENT").write_text("{")

    result = installed.run()

    assert not result.success
    (failure,) = [event for event in result.all_events if event.event_type is dg.DagsterEventType.STEP_FAILURE]
    assert "CURRENT: cannot be read" in str(failure.step_failure_data.error)


@pytest.mark.long
def test_old_runs_are_deleted_with_their_files(installed, tmp_path):
    old = [installed.run().run_id for _ in range(2)]
    root = tmp_path / "dagster"
    assert any(old[0] in str(file) for file in root.rglob("*"))
    other = installed.instance.create_run_for_job(notify_job, status=DagsterRunStatus.STARTED)

    assert prune(installed.instance, datetime.now(UTC) + timedelta(minutes=1), ours({})) == 2

    assert [run.run_id for run in installed.instance.get_runs(RunsFilter(job_name="notify"))] == [other.run_id]
    assert not [file for file in root.rglob("*") if any(run_id in str(file) for run_id in old)]


@pytest.mark.long
def test_runs_younger_than_a_day_are_kept(installed):
    run_id = installed.run().run_id

    assert prune(installed.instance, datetime.now(UTC) - timedelta(days=1), ours({})) == 0
    assert installed.instance.has_run(run_id)
