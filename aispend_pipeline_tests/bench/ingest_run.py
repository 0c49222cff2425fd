"""An ingest of the look-back (two runs: fetch, add up) against two Dagster runs of as many empty steps.

Both run in this process on an instance of the same kind; the provider is a process of its own, so that its
work is not counted. What differs is what we do: four requests, four commits' worth of rows, one snapshot.
"""

import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from aispend_pipeline.assets import in_process
from aispend_pipeline.assets.grid import a_month_a_run, days, range_tags
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.schedules import steps, windows_due
from aispend_pipeline.assets.spend import SPEND, SPEND_DAILY
from aispend_pipeline.rollup.add_up import ASSERTIONS
from aispend_pipeline.settings import Settings
from aispend_pipeline_tests.bench.measure import in_turn, median, report

ROUNDS = 15


def main() -> None:
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder, simulated_openai() as base:
        ours = _ingest(Path(folder) / "ours", base)
        empty = _empty(Path(folder) / "empty")
        taken, limit = in_turn(ours, empty, ROUNDS)
    ratio = median([a / b for a, b in zip(taken, limit, strict=True)])
    report("ingest run : runs of as many empty steps", median(taken), median(limit), ratio, "at most 1.30")


@contextmanager
def simulated_openai() -> Iterator[str]:
    """The base address of a simulated OpenAI in a process of its own."""
    code = (
        "import sys\n"
        "from aispend_pipeline.clock import SystemClock\n"
        "from aispend_pipeline.simulator.openai import openai\n"
        "from aispend_pipeline.simulator.server import served\n"
        "with served(openai({'k-default': 'default', 'k-eu': 'eu'}, SystemClock())) as base:\n"
        "    print(base, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as it:
        try:
            yield it.stdout.readline().strip()
        finally:
            it.stdin.close()
            it.wait(10)


def _ingest(home: Path, base: str):
    environment = {
        "AISPEND_HOME": str(home),
        "OPENAI_API_KEY": "k-default",
        "OPENAI_API_KEY__EU": "k-eu",
        "OPENAI_BASE_URL": f"{base}/v1",
    }
    installation = Installation(Settings.load(environment, None))
    installation.warehouse.publish()
    instance = dg.DagsterInstance.from_config(str(in_process.prepare_instance(installation.settings)))
    window = windows_due(installation.settings, installation.clock.now())[0]
    asked = steps(installation.settings)

    def run() -> None:
        for keys in asked.values():
            done = in_process.run_range(instance, installation, "hourly_ingest", keys, window)
            assert not done.errors, done.errors

    return run


def _empty(home: Path):
    @dg.asset(key=["raw", "nothing"], partitions_def=days, backfill_policy=a_month_a_run)
    def fetch() -> None:
        pass

    @dg.multi_asset(
        specs=[
            dg.AssetSpec(SPEND, deps=[fetch], partitions_def=days),
            dg.AssetSpec(SPEND_DAILY, deps=[SPEND], partitions_def=days),
        ],
        check_specs=[dg.AssetCheckSpec(name, asset=SPEND) for name in ASSERTIONS],
        backfill_policy=a_month_a_run,
    )
    def add_up():
        yield dg.MaterializeResult(SPEND)
        yield dg.MaterializeResult(SPEND_DAILY)
        for name in ASSERTIONS:
            yield dg.AssetCheckResult(passed=True, check_name=name, asset_key=SPEND)

    @dg.asset_check(asset=SPEND)
    def one() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    @dg.asset_check(asset=SPEND_DAILY)
    def other() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    installation = Installation(Settings.load({"AISPEND_HOME": str(home)}, None))
    instance = dg.DagsterInstance.from_config(str(in_process.prepare_instance(installation.settings)))
    window = windows_due(installation.settings, installation.clock.now())[0]

    defs = dg.Definitions(
        assets=[fetch, add_up],
        asset_checks=[one, other],
        jobs=[dg.define_asset_job("empty", selection=dg.AssetSelection.all())],
        executor=dg.in_process_executor,
    )
    job = defs.resolve_job_def("empty")  # made once, as ours is

    def run() -> None:
        for keys in ([fetch.key], [SPEND, SPEND_DAILY]):
            done = job.execute_in_process(
                instance=instance,
                asset_selection=list(keys),
                tags=range_tags(window),
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
            assert done.success

    return run
