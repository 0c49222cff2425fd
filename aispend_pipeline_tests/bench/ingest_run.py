"""An ingest of the look-back of OpenAI's costs (two runs: fetch, add up) against two Dagster runs of empty steps.

Both run in this process on an instance of the same kind; the provider is a process of its own, so that its
work is not counted. What differs is what we do: eight requests, their rows, one snapshot.
"""

import tempfile
import warnings
from datetime import date
from pathlib import Path

import dagster as dg

from aispend_pipeline.assets import in_process
from aispend_pipeline.assets.grid import a_month_a_run, days
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.schedules import steps
from aispend_pipeline.assets.spend import SPEND, SPEND_DAILY, USAGE
from aispend_pipeline.assets.tags import range_tags
from aispend_pipeline.model import Window
from aispend_pipeline.rollup.add_up import ASSERTIONS
from aispend_pipeline.settings import Settings
from aispend_pipeline.tick import due_now
from aispend_pipeline_tests.bench.look_back import simulated_providers
from aispend_pipeline_tests.bench.measure import in_turn, median, report

ROUNDS = 15


def main() -> None:
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder, simulated_providers() as environment:
        ours = _ingest(Path(folder) / "ours", environment)
        empty = _empty(Path(folder) / "empty")
        taken, limit = in_turn(ours, empty, ROUNDS)
    ratio = median([a / b for a, b in zip(taken, limit, strict=True)])
    report("ingest of costs : runs of empty steps", median(taken), median(limit), ratio, "at most 1.30")


def _ingest(home: Path, environment: dict[str, str]):
    installation = Installation(Settings.load({**environment, "AISPEND_HOME": str(home)}, None))
    installation.warehouse.publish()
    instance = dg.DagsterInstance.from_config(str(in_process.prepare_instance(installation.settings)))
    asked = steps(due_now(installation.settings, installation.clock.now(), ["openai_costs"])[0])

    def run() -> None:
        for step in asked:
            done = in_process.run_here(instance, installation, "hourly_ingest", step.keys, step.tags)
            assert not done.errors, done.errors

    return run


def _empty(home: Path):
    @dg.asset(key=["raw", "nothing"], partitions_def=days, backfill_policy=a_month_a_run)
    def fetch() -> None:
        pass

    @dg.multi_asset(
        specs=[
            dg.AssetSpec(SPEND, deps=[fetch], partitions_def=days),
            dg.AssetSpec(USAGE, partitions_def=days),
            dg.AssetSpec(SPEND_DAILY, deps=[SPEND, USAGE], partitions_def=days),
        ],
        check_specs=[dg.AssetCheckSpec(name, asset=SPEND) for name in ASSERTIONS],
        backfill_policy=a_month_a_run,
    )
    def add_up():
        for key in (SPEND, USAGE, SPEND_DAILY):
            yield dg.MaterializeResult(key)
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
    window = Window(date.today(), date.today())  # noqa: DTZ011 - which day it is does not matter

    defs = dg.Definitions(
        assets=[fetch, add_up],
        asset_checks=[one, other],
        jobs=[dg.define_asset_job("empty", selection=dg.AssetSelection.all())],
        executor=dg.in_process_executor,
    )
    job = defs.resolve_job_def("empty")  # made once, as ours is

    def run() -> None:
        for keys in ([fetch.key], [SPEND, USAGE, SPEND_DAILY]):
            done = job.execute_in_process(
                instance=instance,
                asset_selection=list(keys),
                tags=range_tags(window),
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
            assert done.success

    return run
