"""Dagster's own folder: written and stamped once, whoever comes first."""

import subprocess
import sys

import dagster as dg
import yaml

from aispend_pipeline.assets import in_process

FIRST_USE = (
    "import sys, warnings; warnings.simplefilter('ignore'); from pathlib import Path;"
    "from aispend_pipeline.assets import in_process;"
    "\nwith in_process.instance_of(Path(sys.argv[1])) as instance: print(instance.get_runs_count())"
)


def test_processes_that_meet_an_empty_home_together_all_find_a_whole_instance(home):
    racing = [
        subprocess.Popen([sys.executable, "-c", FIRST_USE, str(home)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [process.communicate(timeout=60)[0] for process in racing] == ["0\n"] * 3
    with in_process.instance_of(home) as instance:
        assert instance.get_runs_count() == 0


def test_runs_are_limited_by_lane(home):
    at = in_process.prepare_instance(home)
    written = yaml.safe_load((at / "dagster.yaml").read_text())

    assert written["telemetry"] == {"enabled": False}
    limits = {
        (lane["key"], lane.get("value")): lane["limit"]
        for lane in written["concurrency"]["runs"]["tag_concurrency_limits"]
    }
    assert limits[("aispend/lane", "ingest")] == 1
    with dg.DagsterInstance.from_config(str(at)) as instance:
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 3


def test_a_dagster_yaml_that_is_there_is_left_alone(home):
    (home / "dagster").mkdir(parents=True)
    own = "telemetry:\n  enabled: false\n"
    (home / "dagster" / "dagster.yaml").write_text(own)

    assert (in_process.prepare_instance(home) / "dagster.yaml").read_text() == own


def test_dagster_home_wins_where_it_is_set(home, tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "elsewhere"))
    assert in_process.prepare_instance(home) == tmp_path / "elsewhere"
