"""What is asked of a billing export, and what the answers say beside the lines themselves.

Facts: Google's guides to the export: partitions are by the Pacific day of the export, corrections come late as lines of
their own, and tax lines are of all services.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from aispend_pipeline.errors import ErrorClass, FetchError
from aispend_pipeline.model import Page, Reading, Window, midnight
from aispend_pipeline.normalise.bigquery import answer
from aispend_pipeline.normalise.vertex_billing import COLUMNS
from aispend_pipeline.settings import GoogleAccount
from aispend_pipeline.sources.bigquery import Query, Value
from aispend_pipeline.sql import statement

COST_TYPES = ("regular", "adjustment", "rounding_error")
PARTITION_FILTERS = {
    "ingestion": "_PARTITIONTIME >= @partition_from AND",
    "export_time": "export_time >= @partition_from AND",
    "none": "",
}
# A partition may be a day older than the usage that it holds.
A_DAY = timedelta(days=1)


def sql_of(name: str, table: str, partition_mode: str, *, include_tax: bool = False, room: str = "sources") -> str:
    """The SQL of `vertex_<name>.sql`, of a table whose name was checked; all else that varies is a parameter."""
    is_ai = statement("sources", "vertex_is_ai").format(or_tax="OR cost_type = 'tax'" if include_tax else "")
    partition_filter = PARTITION_FILTERS[partition_mode]
    return statement(room, f"vertex_{name}").format(table=table, partition_filter=partition_filter, is_ai=is_ai)


def worded(
    name: str,
    account: GoogleAccount,
    partition_from: datetime,
    parameters: Mapping[str, Value] | None = None,
    room: str = "sources",
) -> Query:
    """The query of `vertex_<name>.sql` in `room`, with the parameters that its text names."""
    sql = sql_of(name, account.table or "", account.partition_mode, include_tax=account.include_tax, room=room)
    offered: dict[str, Value] = {
        "report_tz": "UTC",
        "partition_from": partition_from,
        "service_ids": account.service_ids,
        "service_pattern": account.service_pattern,
        "mixed_service_ids": account.mixed_service_ids,
        "mixed_sku_pattern": account.mixed_sku_pattern,
        **(parameters or {}),
    }
    reading = Reading.ROWS if name == "lines" else Reading.EXPORTS
    return Query(reading, sql, {key: value for key, value in offered.items() if f"@{key}" in sql})


def of_window(
    name: str,
    account: GoogleAccount,
    window: Window,
    parameters: Mapping[str, Value] | None = None,
    room: str = "sources",
) -> Query:
    """A query of lines whose usage began on the window's days; see `worded`."""
    first, end = midnight(window.first), midnight(window.last + A_DAY)
    return worded(name, account, first - A_DAY, {"usage_from": first, "usage_to": end, **(parameters or {})}, room)


def of_lines(account: GoogleAccount, billing_account: str) -> dict[str, Value]:
    """The parameters that say whose lines count, and of which kinds."""
    cost_types = (*COST_TYPES, "tax") if account.include_tax else COST_TYPES
    return {"billing_account_id": billing_account, "cost_types": cost_types}


def export_times(pages: Sequence[Page]) -> dict[str, datetime]:
    """By billing account, when its newest line was exported."""
    columns = ("account_id", "last_export_time", "rows_seen")
    return {account or "": _instant(at) for page in pages for account, at, _ in answer(page.body, columns)}


def billing_accounts(pages: Sequence[Page]) -> set[str]:
    """Whose lines there are."""
    return {account or "" for page in pages for (account,) in answer(page.body, ("account_id",))}


def lines_exported(pages: Sequence[Page]) -> Iterator[datetime]:
    """When each line was exported: of an export that is dead, what is known of its end."""
    for page in pages:
        if page.reading is Reading.ROWS:
            yield from (_instant(row[-1]) for row in answer(page.body, COLUMNS))


def changes(pages: Sequence[Page]) -> dict[date, datetime]:
    """The days that changed, each with when its newest line was exported."""
    columns = ("usage_day", "new_rows", "last_export_time")
    try:
        return {
            date.fromisoformat(day or ""): _instant(at) for page in pages for day, _, at in answer(page.body, columns)
        }
    except ValueError as error:
        raise FetchError(ErrorClass.SCHEMA, f"BigQuery's answer names no day: {error}") from None


def _instant(text: str | None) -> datetime:
    """BigQuery's instant: microseconds since 1970, as text."""
    try:
        return midnight(date(1970, 1, 1)) + timedelta(microseconds=int(text or ""))
    except (ValueError, OverflowError):
        raise FetchError(
            ErrorClass.SCHEMA, f"BigQuery's answer has no instant where one was expected: {text!r}"
        ) from None
