"""`spend`, `usage`, `estimate` and `spend_daily`: billed lines, what is measured, what of it no bill has yet, and sums.

All are made in one transaction.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import dagster as dg

from aispend_pipeline.assets import columns, whole
from aispend_pipeline.assets.grid import MADE_HOURLY, a_month_a_run, days, window_of
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.instructions import RECOMPUTE
from aispend_pipeline.assets.raw import Events, in_short, listed, plotted
from aispend_pipeline.errors import AssertionFailed
from aispend_pipeline.log import bound
from aispend_pipeline.model import windows_of
from aispend_pipeline.rollup.add_up import ASSERTIONS, Outcome, add_up
from aispend_pipeline.sources import SOURCES
from aispend_pipeline.tick import waiting_now
from aispend_pipeline.warehouse import coverage, snapshots_of
from aispend_pipeline.warehouse.coverage import Unread

# How the failure begins of a run for days of which nothing is known.
NEVER_READ = "never read"
_TO_READ_THEM = "the next hour asks for what is due, and a backfill for any day"
Noted = dict[str, Any]
Result = dg.MaterializeResult | dg.AssetCheckResult  # type: ignore[type-arg]

SPEND, USAGE, ESTIMATE, SPEND_DAILY = (dg.AssetKey(name) for name in ("spend", "usage", "estimate", "spend_daily"))
# All that adding up makes; whichever is asked for, all are made.
ADDED_UP = [SPEND, USAGE, ESTIMATE, SPEND_DAILY]

REMADE = "every_answer_can_be_read"
# Checks that come with the days, and cannot be made without them: what each means.
MADE_WITH_SPEND = {
    "rollup_equals_detail": "Each day's sums are the sums of its rows, in dollars and in tokens.",
    "no_partial_window": "Every row comes from a fetch of which every page is there.",
    "rows_equal_control": "Settled days add up to the provider's own sum.",
    "estimates_are_ahead_of_the_bill": "No estimate counts beside a bill that is there, and all usage is in one.",
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
            description=f"Billed lines: one meter, one amount, and the page that says so.\n{RECOMPUTE}",
            group_name="spend",
            skippable=True,
            kinds={"duckdb"},
            owners=["team:finops"],
            freshness_policy=MADE_HOURLY,
            metadata={"dagster/column_schema": columns.schema(columns.SPEND)},
        ),
        dg.AssetSpec(
            USAGE,
            deps=_raw("usage"),
            description=f"Tokens, requests and other counts that providers measure, by hour; no money.\n{RECOMPUTE}",
            group_name="spend",
            skippable=True,
            kinds={"duckdb"},
            owners=["team:finops"],
            freshness_policy=MADE_HOURLY,
            metadata={"dagster/column_schema": columns.schema(columns.USAGE)},
        ),
        dg.AssetSpec(
            ESTIMATE,
            deps=[SPEND, USAGE],
            description="Usage at list price, times what the bill lately was of it; what no bill has yet counts."
            f"\n{RECOMPUTE}",
            group_name="spend",
            skippable=True,
            kinds={"duckdb"},
            owners=["team:finops"],
            freshness_policy=MADE_HOURLY,
            metadata={"dagster/column_schema": columns.schema(columns.ESTIMATE)},
        ),
        dg.AssetSpec(
            SPEND_DAILY,
            deps=[SPEND, USAGE, ESTIMATE],
            description="Sums per day, account, provider and model; coverage and restatements come with them."
            f"\n{RECOMPUTE}",
            group_name="sums",
            skippable=True,
            kinds={"duckdb"},
            owners=["team:finops"],
            freshness_policy=MADE_HOURLY,
            metadata={"dagster/column_schema": columns.schema(columns.SPEND_DAILY)},
        ),
    ],
    check_specs=[dg.AssetCheckSpec(name, asset=SPEND, description=text) for name, text in MADE_WITH_SPEND.items()],
    partitions_def=days,
    backfill_policy=a_month_a_run,
    can_subset=True,
)
def spend(context: dg.AssetExecutionContext, installation: dg.ResourceParam[Installation]) -> Events:
    """Make the asked days again from their pages, and publish them.

    Whichever of them is asked for, all are made, in the one transaction; what was not asked for is not told. A day of
    which nothing is known is not made, whatever else was, and the step fails unless it only waits: missing is not zero.
    """
    try:
        with bound(run_id=context.run.run_id):
            outcome = add_up(
                installation.warehouse,
                window_of(context),
                installation.clock,
                calibrated=installation.settings.calibrate_estimates,
            )
    except AssertionFailed as error:
        told = [
            dg.AssetCheckResult(passed=False, check_name=error.check, asset_key=SPEND, metadata={"found": str(error)})
        ]
        yield from _asked_for(context, told)
        raise dg.Failure(str(error), allow_retries=False) from None
    installation.outcomes.append(outcome)
    _, cursor = snapshots_of(installation.settings.home).current()
    unread = coverage.unread(cursor, outcome.window)
    made = _made(context, outcome, unread)
    if unread.days:
        if made:
            yield from _asked_for(context, [*_checked(outcome)])
        for (key, day), noted in made.items():
            context.log_event(dg.AssetMaterialization(key, partition=day.isoformat(), metadata=noted))
        if unawaited := windows_of(set(unread.days) - waiting_now(installation.settings)):
            context.instance.report_runless_asset_event(whole.evaluation(cursor, SPEND_DAILY))
            raise dg.Failure(f"{NEVER_READ}: {', '.join(map(str, unawaited))}; {_TO_READ_THEM}", allow_retries=False)
        return
    for (key, day), noted in made.items():
        context.add_asset_metadata(noted, asset_key=key, partition_key=day.isoformat())
    results: list[Result] = [dg.MaterializeResult(asset_key=key) for key in ADDED_UP]
    yield from _asked_for(context, [*results, *_checked(outcome)])


def _made(context: dg.AssetExecutionContext, outcome: Outcome, unread: Unread) -> dict[tuple[dg.AssetKey, date], Noted]:
    """What to note of each day of each asset that was asked for: a day of which nothing was read is none."""
    keys = [key for key in ADDED_UP if key in context.selected_asset_keys]
    made: dict[tuple[dg.AssetKey, date], Noted] = {
        (key, day): {} for day in outcome.window.days() if day not in unread.days for key in keys
    }
    for key, day, noted in [*_of_each_day(outcome), *_beside(outcome, unread)]:
        if (key, day) in made:
            made[key, day] |= noted
    return made


def _beside(outcome: Outcome, unread: Unread) -> Iterator[tuple[dg.AssetKey, date, Noted]]:
    """What a day's sums lack, and which of them are others than before."""
    for day, feeds in unread.feeds.items():
        if feeds:
            yield SPEND_DAILY, day, {"not read": ", ".join(feeds)}
    changed: dict[date, list[str]] = {}
    for one in outcome.changes:
        changed.setdefault(one.day, []).append(str(one))
    for day, lines in changed.items():
        yield SPEND_DAILY, day, {"changed": listed(lines)}


def _asked_for(context: dg.AssetExecutionContext, results: Sequence[Result]) -> Iterator[Result]:
    """Those of `results` that this run was asked for."""
    for result in results:
        if isinstance(result, dg.MaterializeResult):
            asked = result.asset_key in context.selected_asset_keys
        else:
            asked = dg.AssetCheckKey(SPEND, str(result.check_name)) in context.selected_asset_check_keys
        if asked:
            yield result


def _checked(outcome: Outcome) -> Iterator[dg.AssetCheckResult]:
    for name in ASSERTIONS:
        refused = outcome.refused.get(name, [])
        yield dg.AssetCheckResult(
            passed=not refused,
            check_name=name,
            asset_key=SPEND,
            description=in_short(refused),
            metadata={"kept as they were": refused},
        )
    yield dg.AssetCheckResult(
        passed=not outcome.not_remade,
        check_name=REMADE,
        asset_key=SPEND,
        severity=dg.AssetCheckSeverity.WARN,
        description=in_short(outcome.not_remade),
        metadata={"rows kept": outcome.not_remade, "changes": len(outcome.changes)},
    )


def _of_each_day(outcome: Outcome) -> Iterator[tuple[dg.AssetKey, date, Noted]]:
    """Each day's own rows and dollars; no dollars where there are none in USD, nothing of a day that was not read."""
    for day, rows in outcome.usage_rows.items():
        yield USAGE, day, {"dagster/partition_row_count": rows}
    for day, made in outcome.estimates.items():
        noted = {"usd": plotted(made.usd), "counted_usd": plotted(made.counted_usd)}
        drift = {} if made.drift is None else {"billed_over_estimated": plotted(made.drift)}
        yield ESTIMATE, day, {"dagster/partition_row_count": made.rows, **noted, **drift}
    for day, total in outcome.days.items():
        usd = {} if total.usd is None else {"usd": plotted(total.usd)}
        yield SPEND, day, {"dagster/partition_row_count": total.rows, **usd}
        yield SPEND_DAILY, day, {"dagster/partition_row_count": total.groups, **usd}
