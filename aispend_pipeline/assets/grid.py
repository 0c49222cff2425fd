"""The one daily UTC grid of all assets, how ranges of it are run, and how often each asset should be made."""

from datetime import date, timedelta

import dagster as dg

from aispend_pipeline.due import DAYS_A_RUN
from aispend_pipeline.model import GRID_START, Window

# Providers bill by UTC day; end_offset=1 makes today a partition before it has ended.
days = dg.DailyPartitionsDefinition(start_date=GRID_START.isoformat(), timezone="UTC", end_offset=1)

# A day a run would cost seconds of queue and start each; a year in one run would fail as one.
a_month_a_run = dg.BackfillPolicy.multi_run(max_partitions_per_run=DAYS_A_RUN)

# Dagster looks when any day was made last; whether each is there, checks and /status say.
MADE_HOURLY = dg.FreshnessPolicy.time_window(warn_window=timedelta(hours=3), fail_window=timedelta(hours=24))
MADE_OFTEN = dg.FreshnessPolicy.time_window(warn_window=timedelta(minutes=30), fail_window=timedelta(hours=3))
MADE_DAILY = dg.FreshnessPolicy.time_window(warn_window=timedelta(hours=30), fail_window=timedelta(hours=72))


def window_of(context: dg.AssetExecutionContext) -> Window:
    """The days that this run was asked for; `dg.Failure` for a run without any, such as of a check by itself."""
    if not context.has_partition_key_range and not context.has_partition_key:
        raise dg.Failure("it is made with its days: materialize those, and it comes with them", allow_retries=False)
    asked = context.partition_key_range
    return Window(date.fromisoformat(asked.start), date.fromisoformat(asked.end))
