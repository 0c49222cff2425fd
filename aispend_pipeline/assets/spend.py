"""`spend` and `spend_daily`: billed rows and their sums, made together in one transaction."""

from collections.abc import Iterator
from decimal import Decimal

import dagster as dg

from aispend_pipeline.assets import columns
from aispend_pipeline.assets.grid import a_month_a_run, days, window_of
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.raw import plotted
from aispend_pipeline.errors import AssertionFailed
from aispend_pipeline.rollup.add_up import ASSERTIONS, Outcome, add_up
from aispend_pipeline.sources import SOURCES

SPEND, SPEND_DAILY = dg.AssetKey("spend"), dg.AssetKey("spend_daily")

_MEANING = {
    "rollup_equals_detail": "Each day's sums are the sums of its rows.",
    "no_partial_window": "Every row comes from a fetch of which every page is there.",
    "rows_equal_control": "Settled days add up to the provider's own sum.",
}


@dg.multi_asset(
    name="spend",
    specs=[
        dg.AssetSpec(
            SPEND,
            deps=[dg.AssetKey(["raw", name]) for name in SOURCES],
            description="Billed lines: one meter, one amount, and the page that says so.",
            group_name="spend",
            kinds={"duckdb"},
            owners=["team:finops"],
            metadata={"dagster/column_schema": columns.schema(columns.SPEND)},
        ),
        dg.AssetSpec(
            SPEND_DAILY,
            deps=[SPEND],
            description="Sums per day, account, provider and model; coverage and restatements come with them.",
            group_name="spend",
            kinds={"duckdb"},
            owners=["team:finops"],
            metadata={"dagster/column_schema": columns.schema(columns.SPEND_DAILY)},
        ),
    ],
    check_specs=[dg.AssetCheckSpec(name, asset=SPEND, description=_MEANING[name]) for name in ASSERTIONS],
    partitions_def=days,
    backfill_policy=a_month_a_run,
)
def spend(
    context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:  # type: ignore[type-arg]
    """Make the asked days again from their pages, and publish them."""
    try:
        outcome = add_up(installation.warehouse, window_of(context), installation.clock)
    except AssertionFailed as error:
        yield dg.AssetCheckResult(passed=False, check_name=error.check, asset_key=SPEND, metadata={"found": str(error)})
        raise dg.Failure(str(error), allow_retries=False) from None
    installation.outcomes.append(outcome)
    _note_days(context, outcome)
    yield dg.MaterializeResult(asset_key=SPEND)
    yield dg.MaterializeResult(asset_key=SPEND_DAILY)
    for name in ASSERTIONS:
        yield dg.AssetCheckResult(passed=True, check_name=name, asset_key=SPEND)


def _note_days(context: dg.AssetExecutionContext, outcome: Outcome) -> None:
    for day, total in outcome.days.items():
        usd = plotted(total.usd or Decimal(0))
        key = day.isoformat()
        context.add_asset_metadata(
            {"dagster/partition_row_count": total.rows, "usd": usd},
            asset_key=SPEND,
            partition_key=key,
        )
        context.add_asset_metadata(
            {"dagster/partition_row_count": total.groups, "usd": usd},
            asset_key=SPEND_DAILY,
            partition_key=key,
        )
