"""Checks that warn. What must never be wrong is asserted inside the transaction of `spend` instead."""

import dagster as dg

from aispend_pipeline.assets.installation import SnapshotResource
from aispend_pipeline.assets.spend import SPEND, SPEND_DAILY
from aispend_pipeline.sql import statement


@dg.asset_check(asset=SPEND_DAILY, description="No day since the first one read is missing, failed or partial.")
def every_day_is_read(snapshot: SnapshotResource) -> dg.AssetCheckResult:
    """Missing is not zero: name the days whose figures are not whole."""
    return _warn(snapshot, "days_not_whole")


@dg.asset_check(asset=SPEND, description="No day of an account adds up to less than nothing.")
def no_day_below_zero(snapshot: SnapshotResource) -> dg.AssetCheckResult:
    """A credit may make a line negative; a whole day below zero deserves a look."""
    return _warn(snapshot, "days_below_zero")


@dg.asset_check(asset=SPEND_DAILY, description="No day that was over became another sum since yesterday.")
def no_day_was_restated(snapshot: SnapshotResource) -> dg.AssetCheckResult:
    """A provider may correct its books; whoever closed theirs will want to know."""
    return _warn(snapshot, "recent_restatements")


def _warn(snapshot: SnapshotResource, question: str) -> dg.AssetCheckResult:
    with snapshot.get_connection() as cursor:
        found = [text for (text,) in cursor.execute(statement("assets", question)).fetchall()]
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"count": len(found), "found": found[:100]},
    )
