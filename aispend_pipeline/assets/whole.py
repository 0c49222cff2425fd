"""The check `every_day_is_read`: which days are not whole, and why. It is also told where sums could not be made."""

from datetime import date
from typing import NamedTuple

import dagster as dg
import duckdb

from aispend_pipeline.assets.raw import in_short, ranges
from aispend_pipeline.sql import statement

EVERY_DAY_IS_READ = "every_day_is_read"
_MOST = 100


class Whole(NamedTuple):
    """A line for each feed and what it lacks, and whether there are days without any figure among that."""

    lacking: list[str]
    missing: bool

    @property
    def severity(self) -> dg.AssetCheckSeverity:
        """Missing is not zero, and an error; what is only partial, or may still change, is worth a look."""
        return dg.AssetCheckSeverity.ERROR if self.missing else dg.AssetCheckSeverity.WARN


def whole(cursor: duckdb.DuckDBPyConnection) -> Whole:
    """What is not whole since a feed's first day, by the snapshot of `cursor`."""
    found = cursor.execute(statement("assets", "days_not_whole")).fetchall()
    days: dict[tuple[str, str, str], list[date]] = {}
    for source, account, day, why, _ in found:
        days.setdefault((source, account, why), []).append(day)
    lines = [f"{source} {account} {ranges(of)}: {why}" for (source, account, why), of in days.items()]
    return Whole(lines, any(missing for *_, missing in found))


def evaluation(cursor: duckdb.DuckDBPyConnection, asset: dg.AssetKey) -> dg.AssetCheckEvaluation:
    """What the check of `asset` would say: it does not run itself where the step fails that it hangs on."""
    found = whole(cursor)
    return dg.AssetCheckEvaluation(
        asset_key=asset,
        check_name=EVERY_DAY_IS_READ,
        passed=not found.lacking,
        severity=found.severity,
        description=in_short(found.lacking),
        metadata={
            "count": dg.MetadataValue.int(len(found.lacking)),
            "found": dg.MetadataValue.json(found.lacking[:_MOST]),
        },
    )
