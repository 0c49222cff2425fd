"""Checks that warn. What must never be wrong is asserted inside the transaction of `spend` instead."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg

from aispend_pipeline.assets.installation import Installation, SnapshotResource
from aispend_pipeline.assets.raw import in_short, plotted
from aispend_pipeline.assets.spend import ESTIMATE, SPEND, SPEND_DAILY
from aispend_pipeline.assets.whole import whole
from aispend_pipeline.model import Window
from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse.drift import RECENT_DAYS, drift


@dg.asset_check(
    asset=SPEND_DAILY,
    description="No day since the first one read is missing,"
    " failed or partial. Every hour asks again for those that are; aispend doctor says what stands in the way.",
)
def every_day_is_read(snapshot: SnapshotResource) -> dg.AssetCheckResult:
    """Missing is not zero: name the days whose figures are not whole, and why; those without any are an error."""
    with snapshot.get_connection() as cursor:
        found = whole(cursor)
    return _warned(found.lacking, severity=found.severity)


@dg.asset_check(asset=SPEND, description="No day of an account adds up to less than nothing.")
def no_day_below_zero(snapshot: SnapshotResource) -> dg.AssetCheckResult:
    """A credit may make a line negative; a whole day below zero deserves a look."""
    return _warn(snapshot, "days_below_zero")


@dg.asset_check(asset=SPEND_DAILY, description="No day that was over became another sum since yesterday.")
def no_day_was_restated(snapshot: SnapshotResource) -> dg.AssetCheckResult:
    """A provider may correct its books; whoever closed theirs will want to know."""
    return _warn(snapshot, "recent_restatements")


@dg.asset_check(
    asset=ESTIMATE,
    description="No model's newest bill is more than 5 % apart from its estimate. At first it may warn of whoever pays"
    " less than the list says: estimates learn that from bills that no longer change, which takes some days.",
)
def estimates_are_near_the_bill(
    snapshot: SnapshotResource, installation: dg.ResourceParam[Installation]
) -> dg.AssetCheckResult:
    """Estimates learn from the bill within some days; one that stays apart has another price than the list says."""
    today = installation.clock.now().date()
    with snapshot.get_connection() as cursor:
        held = drift(cursor, Window(today - timedelta(days=RECENT_DAYS), today), newest_only=True)
    ratios = {f"{one.provider} {one.account} {one.model}": plotted(one.ratio) for one in held}
    return _warned([str(one) for one in held if one.apart], ratios)


def _warn(snapshot: SnapshotResource, question: str) -> dg.AssetCheckResult:
    with snapshot.get_connection() as cursor:
        return _warned([text for (text,) in cursor.execute(statement("assets", question)).fetchall()])


def _warned(
    found: Sequence[str],
    more: Mapping[str, Any] | None = None,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN,
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=not found,
        severity=severity,
        description=in_short(found),
        metadata={"count": len(found), "found": list(found[:100]), **(more or {})},
    )


# Those that are steps of their own, and can be made at any time.
MADE_APART = [every_day_is_read, no_day_below_zero, no_day_was_restated, estimates_are_near_the_bill]
