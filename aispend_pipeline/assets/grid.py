"""The one daily UTC grid of all assets, and how ranges of it are run."""

from datetime import date

import dagster as dg

from aispend_pipeline.ingest import DAYS_A_RUN
from aispend_pipeline.model import GRID_START, Window

# Providers bill by UTC day; end_offset=1 makes today a partition before it has ended.
days = dg.DailyPartitionsDefinition(start_date=GRID_START.isoformat(), timezone="UTC", end_offset=1)

# A day a run would cost seconds of queue and start each; a year in one run would fail as one.
a_month_a_run = dg.BackfillPolicy.multi_run(max_partitions_per_run=DAYS_A_RUN)

LANE = "aispend/lane"


def window_of(context: dg.AssetExecutionContext) -> Window:
    """The days that this run was asked for."""
    asked = context.partition_key_range
    return Window(date.fromisoformat(asked.start), date.fromisoformat(asked.end))


def range_tags(window: Window) -> dict[str, str]:
    """The tags by which Dagster runs a range of days in one run, in the lane of ingests."""
    return {
        "dagster/asset_partition_range_start": window.first.isoformat(),
        "dagster/asset_partition_range_end": window.last.isoformat(),
        LANE: "ingest",
    }
