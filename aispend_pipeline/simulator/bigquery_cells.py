"""How BigQuery spells types and values in JSON: every value is text, whatever its type.

Facts: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/jobs/query .
"""

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, cast

from duckdb.sqltypes import DuckDBPyType

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TYPES = {
    "varchar": "STRING",
    "double": "FLOAT",
    "bigint": "INTEGER",
    "hugeint": "INTEGER",
    "integer": "INTEGER",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp with time zone": "TIMESTAMP",
    "decimal": "NUMERIC",
    "struct": "RECORD",
}


def field(name: str, kind: DuckDBPyType) -> dict[str, Any]:
    """A column as a schema lists it, from its type in DuckDB; nested ones with their own fields."""
    children = cast("list[tuple[str, DuckDBPyType]]", kind.children if kind.id in ("list", "struct") else [])
    if kind.id == "list":
        return {**field(name, children[0][1]), "mode": "REPEATED"}
    told: dict[str, Any] = {"name": name, "type": _TYPES[kind.id], "mode": "NULLABLE"}
    return {**told, "fields": [field(inner, of) for inner, of in children]} if children else told


def row(values: Sequence[Any], *, int64_timestamp: bool) -> dict[str, Any]:
    """A row of an answer; timestamps are microseconds if `int64_timestamp`, else seconds as a float."""
    return {"f": [{"v": _text(value, int64_timestamp)} for value in values]}


def _text(value: Any, int64_timestamp: bool) -> str | None:
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case float():
            return float_text(value)
        case datetime():
            return _micros(value) if int64_timestamp else float_text((value - _EPOCH).total_seconds())
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value.normalize():f}"
        case _:
            return str(value)


def _micros(instant: datetime) -> str:
    since = instant - _EPOCH
    return str((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def float_text(number: float) -> str:
    """A FLOAT64 as BigQuery prints it: `22533.0`, and below a thousandth or from ten million on `1.0E-5`."""
    if not math.isfinite(number):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(number, "NaN")
    if number == 0 or 1e-3 <= abs(number) < 1e7:
        return repr(number)
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    first, rest = str(digits[0]), "".join(map(str, digits[1:])) or "0"
    return f"{'-' if sign else ''}{first}.{rest}E{len(digits) - 1 + int(exponent)}"
