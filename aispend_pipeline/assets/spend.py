"""`spend`, `usage` and `spend_daily`: billed lines, what is measured, and their sums, made in one transaction."""

import dagster as dg

from aispend_pipeline.assets import columns
from aispend_pipeline.assets.grid import a_month_a_run, days, window_of
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.raw import Events, plotted
from aispend_pipeline.errors import AssertionFailed
from aispend_pipeline.rollup.add_up import ASSERTIONS, Outcome, add_up
from aispend_pipeline.sources import SOURCES

SPEND, USAGE, SPEND_DAILY = dg.AssetKey("spend"), dg.AssetKey("usage"), dg.AssetKey("spend_daily")

REMADE = "every_answer_can_be_read"
_MEANING = {
    "rollup_equals_detail": "Each day's sums are the sums of its rows, in dollars and in tokens.",
    "no_partial_window": "Every row comes from a fetch of which every page is there.",
    "rows_equal_control": "Settled days add up to the provider's own sum.",
    REMADE: "No day keeps its old rows because its pages have expired or cannot be read.",
}


def _raw(table: str) -> list[dg.AssetKey]:
    """The pages that `table` is made from."""
    return [dg.AssetKey(["raw", name]) for name, source in SOURCES.items() if source.normaliser.table == table]


@dg.multi_asset(
    name="spend",
    specs=[
        dg.AssetSpec(
            SPEND,
            deps=_raw("spend"),
            description="Billed lines: one meter, one amount, and the page that says so.",
            group_name="spend",
            kinds={"duckdb"},
            owners=["team:finops"],
            metadata={"dagster/column_schema": columns.schema(columns.SPEND)},
        ),
        dg.AssetSpec(
            USAGE,
            deps=_raw("usage"),
            description="Tokens, requests and other counts that providers measure, without money, by hour.",
            group_name="spend",
            kinds={"duckdb"},
            owners=["team:finops"],
            metadata={"dagster/column_schema": columns.schema(columns.USAGE)},
        ),
        dg.AssetSpec(
            SPEND_DAILY,
            deps=[SPEND, USAGE],
            description="Sums per day, account, provider and model; coverage and restatements come with them.",
            group_name="spend",
            kinds={"duckdb"},
            owners=["team:finops"],
            metadata={"dagster/column_schema": columns.schema(columns.SPEND_DAILY)},
        ),
    ],
    check_specs=[dg.AssetCheckSpec(name, asset=SPEND, description=text) for name, text in _MEANING.items()],
    partitions_def=days,
    backfill_policy=a_month_a_run,
)
def spend(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> Events:
    """Make the asked days again from their pages, and publish them."""
    try:
        outcome = add_up(installation.warehouse, window_of(context), installation.clock)
    except AssertionFailed as error:
        yield dg.AssetCheckResult(passed=False, check_name=error.check, asset_key=SPEND, metadata={"found": str(error)})
        raise dg.Failure(str(error), allow_retries=False) from None
    installation.outcomes.append(outcome)
    _note_days(context, outcome)
    for key in (SPEND, USAGE, SPEND_DAILY):
        yield dg.MaterializeResult(asset_key=key)
    for name in ASSERTIONS:
        refused = outcome.refused.get(name, [])
        yield dg.AssetCheckResult(
            passed=not refused, check_name=name, asset_key=SPEND, metadata={"kept as they were": refused}
        )
    yield dg.AssetCheckResult(
        passed=not outcome.not_remade,
        check_name=REMADE,
        asset_key=SPEND,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"rows kept": outcome.not_remade, "changes": len(outcome.changes)},
    )


def _note_days(context: dg.AssetExecutionContext, outcome: Outcome) -> None:
    """Each day's own rows and dollars; no dollars where there are none in USD, nothing of a day that was not read."""
    for day, rows in outcome.usage_rows.items():
        context.add_asset_metadata(
            {"dagster/partition_row_count": rows}, asset_key=USAGE, partition_key=day.isoformat()
        )
    for day, total in outcome.days.items():
        usd = {} if total.usd is None else {"usd": plotted(total.usd)}
        for asset, rows in ((SPEND, total.rows), (SPEND_DAILY, total.groups)):
            noted = {"dagster/partition_row_count": rows, **usd}
            context.add_asset_metadata(noted, asset_key=asset, partition_key=day.isoformat())
