"""Dagster's own folder: written and stamped once, whoever comes first."""

import subprocess
import sys

import dagster as dg
import pytest
import yaml

from aispend_pipeline.assets import in_process
from aispend_pipeline.assets.lanes import in_disorder
from aispend_pipeline.settings import Settings


def at(home, **more: str) -> Settings:
    return Settings.load({"AISPEND_HOME": str(home), **more}, None)


FIRST_USE = """
import sys, warnings
warnings.simplefilter("ignore")
from aispend_pipeline.assets import in_process
from aispend_pipeline.settings import Settings
with in_process.instance_of(Settings.load({"AISPEND_HOME": sys.argv[1]}, None)) as instance:
    print(instance.get_runs_count())
"""


@pytest.mark.long
def test_processes_that_meet_an_empty_home_together_all_find_a_whole_instance(home):
    racing = [
        subprocess.Popen([sys.executable, "-c", FIRST_USE, str(home)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [process.communicate(timeout=60)[0] for process in racing] == ["0\n"] * 3
    with in_process.instance_of(at(home)) as instance:
        assert instance.get_runs_count() == 0


def test_runs_are_limited_by_lane(home):
    folder = in_process.prepare_instance(at(home))
    written = yaml.safe_load((folder / "dagster.yaml").read_text())

    assert written["telemetry"] == {"enabled": False}
    limits = {
        (lane["key"], lane.get("value")): lane["limit"]
        for lane in written["concurrency"]["runs"]["tag_concurrency_limits"]
    }
    assert limits[("aispend/lane", "ingest")] == 1
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 3
        assert not in_disorder(instance)


_LIMITS = "concurrency: {{runs: {{tag_concurrency_limits: [{{key: aispend/lane, {}}}]}}}}"


@pytest.mark.parametrize(
    ("config", "disorder"),
    [
        ("", True),
        ("run_coordinator: {module: dagster._core.run_coordinator, class: DefaultRunCoordinator}", True),
        (_LIMITS.format("value: notify, limit: 1"), True),
        (_LIMITS.format("value: ingest, limit: 2"), True),
        (_LIMITS.format("value: ingest, limit: 1"), False),
        (_LIMITS.format("value: {applyLimitPerUniqueValue: true}, limit: 1"), False),
        (_LIMITS.format("limit: 1"), False),
        ("concurrency: {runs: {max_concurrent_runs: 1}}", False),
    ],
)
def test_an_instance_of_ones_own_keeps_order_if_one_ingest_runs_at_a_time(config, disorder, tmp_path):
    (tmp_path / "dagster.yaml").write_text(config)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert in_disorder(instance) is disorder


def test_a_dagster_yaml_that_is_there_is_left_alone(home):
    (home / "dagster").mkdir(parents=True)
    own = "telemetry:\n  enabled: false\n"
    (home / "dagster" / "dagster.yaml").write_text(own)

    assert (in_process.prepare_instance(at(home)) / "dagster.yaml").read_text() == own


def test_dagster_home_wins_where_it_is_set(home, tmp_path):
    assert in_process.prepare_instance(at(home, DAGSTER_HOME=str(tmp_path / "elsewhere"))) == tmp_path / "elsewhere"


def test_another_dagster_brings_the_schema_up_to_date_again(home):
    folder = in_process.prepare_instance(at(home))
    (folder / ".prepared-by-dagster").write_text("1.0.0")

    in_process.prepare_instance(at(home))

    assert (folder / ".prepared-by-dagster").read_text() == dg.__version__
