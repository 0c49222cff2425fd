"""The one daily UTC grid of all assets, and how ranges of it are run."""

from collections.abc import Iterable, Mapping
from datetime import date

import dagster as dg

from aispend_pipeline.due import DAYS_A_RUN
from aispend_pipeline.model import GRID_START, Feed, Window

# Providers bill by UTC day; end_offset=1 makes today a partition before it has ended.
days = dg.DailyPartitionsDefinition(start_date=GRID_START.isoformat(), timezone="UTC", end_offset=1)

# A day a run would cost seconds of queue and start each; a year in one run would fail as one.
a_month_a_run = dg.BackfillPolicy.multi_run(max_partitions_per_run=DAYS_A_RUN)

LANE = "aispend/lane"
FEEDS = "aispend/feeds"


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


def feeds_tag(feeds: Iterable[Feed]) -> dict[str, str]:
    """The tag by which a run reads only these feeds; a run without it reads every account of its sources."""
    return {FEEDS: " ".join(sorted(f"{source}/{account}" for source, account in feeds))}


def accounts_asked(tags: Mapping[str, str], source: str) -> list[str] | None:
    """The accounts of `source` that a run with these tags is for; none for all."""
    if FEEDS not in tags:
        return None
    return [account for name, _, account in (feed.partition("/") for feed in tags[FEEDS].split()) if name == source]
