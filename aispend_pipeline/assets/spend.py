"""`spend` and `spend_daily`: billed rows and their sums, made together in one transaction."""

from collections.abc import Iterator
from decimal import Decimal

import dagster as dg

from aispend_pipeline.assets.grid import a_month_a_run, days, window_of
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.raw import plotted
from aispend_pipeline.errors import AssertionFailed
from aispend_pipeline.rollup.add_up import ASSERTIONS, Outcome, add_up
from aispend_pipeline.sources import SOURCES

SPEND, SPEND_DAILY = dg.AssetKey("spend"), dg.AssetKey("spend_daily")

SPEND_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("source", "VARCHAR", "the feed it was read from"),
        dg.TableColumn("account", "VARCHAR", "the organisation"),
        dg.TableColumn("provider", "VARCHAR"),
        dg.TableColumn("day", "DATE", "UTC day of the start of the charge"),
        dg.TableColumn("charge_category", "VARCHAR", "Usage, Credit, Tax, Adjustment or Purchase"),
        dg.TableColumn("model", "VARCHAR", "null when the provider does not say"),
        dg.TableColumn("project_id", "VARCHAR"),
        dg.TableColumn("api_key_id", "VARCHAR"),
        dg.TableColumn("line_item", "VARCHAR", "as the provider wrote it"),
        dg.TableColumn("token_type", "VARCHAR", "input, cached_input, cache_write or output"),
        dg.TableColumn("quantity", "DECIMAL(38,9)", "in units of `unit`"),
        dg.TableColumn("currency", "VARCHAR", "billing currency"),
        dg.TableColumn("amount", "DECIMAL(38,18)", "in the billing currency"),
        dg.TableColumn("amount_usd", "DECIMAL(38,18)", "null when no rate is known"),
        dg.TableColumn("page_id", "VARCHAR", "the page that says so"),
        dg.TableColumn("row_no", "BIGINT", "its place in the page"),
    ]
)
SPEND_DAILY_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("day", "DATE", "UTC"),
        dg.TableColumn("account", "VARCHAR"),
        dg.TableColumn("provider", "VARCHAR"),
        dg.TableColumn("model", "VARCHAR"),
        dg.TableColumn("billed_usd", "DECIMAL(38,18)", "sum of amount_usd"),
        dg.TableColumn("estimated_usd", "DECIMAL(38,18)", "null: nothing is estimated yet"),
        dg.TableColumn("input_tokens", "DECIMAL(38,0)", "uncached input, from billed quantities"),
        dg.TableColumn("output_tokens", "DECIMAL(38,0)", "from billed quantities"),
        dg.TableColumn("rows", "BIGINT", "rows of spend behind the sum"),
    ]
)
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
            metadata={"dagster/column_schema": SPEND_COLUMNS},
        ),
        dg.AssetSpec(
            SPEND_DAILY,
            deps=[SPEND],
            description="Sums per day, account, provider and model; coverage and restatements come with them.",
            group_name="spend",
            kinds={"duckdb"},
            owners=["team:finops"],
            metadata={"dagster/column_schema": SPEND_DAILY_COLUMNS},
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
