"""The tables of the fake BigQuery, and how a query is run over one: as DuckDB's, over the rows that it has by now."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar

import duckdb

from aispend_pipeline.model import midnight
from aispend_pipeline.simulator import bigquery_cells
from aispend_pipeline.simulator.export_table import load_rows, translated
from aispend_pipeline.simulator.google_answers import Refused
from aispend_pipeline.simulator.google_lines import PACIFIC

# An ingestion-time table has the pseudo column, a column-partitioned one and a view have not.
Partitioned = Literal["ingestion", "export_time", "view"]
_PARTITION_COLUMN: dict[Partitioned, str] = {"ingestion": "_PARTITIONTIME", "export_time": "export_time"}
BYTES_A_ROW = 100
_SCALARS: dict[str, Callable[[str], Any]] = {
    "STRING": str,
    "INT64": int,
    "FLOAT64": float,
    "NUMERIC": Decimal,
    "BOOL": lambda text: text == "true",
    "DATE": date.fromisoformat,
    "TIMESTAMP": lambda text: _aware(datetime.fromisoformat(text)),
}


class Exported(Protocol):
    """A row of an export before it is written down."""

    @property
    def export_time(self) -> datetime:
        """When it was exported."""


Row = TypeVar("Row", bound=Exported)


@dataclass(frozen=True)
class Table(Generic[Row]):
    """A table called `project.dataset.table`.

    `exported` gives the rows that it has now: those that were exported from an instant on, and perhaps older ones.
    """

    name: str
    exported: Callable[[datetime | None], Sequence[Row]]
    written: Callable[[Row], Mapping[str, Any]]
    partitioned: Partitioned = "ingestion"

    @property
    def reference(self) -> dict[str, str]:
        """As answers name it."""
        project, dataset, table = self.name.rsplit(".", 2)
        return {"projectId": project, "datasetId": dataset, "tableId": table}

    def count(self, since: datetime | None) -> int:
        """How many rows are in the partitions from `since` on."""
        rows = self.exported(since)
        if since is None:
            return len(rows)
        first = midnight(since.date()) if self.partitioned == "export_time" else since
        return sum(1 for row in rows if self._partition(row.export_time) >= first)

    def _partition(self, exported: datetime) -> datetime:
        return midnight(exported.date()) if self.partitioned == "export_time" else _pacific(exported)


class Query(NamedTuple):
    """A query as it is asked."""

    text: str
    parameters: Mapping[str, Any]

    @property
    def table(self) -> str | None:
        """The table that it names, in backticks."""
        found = re.search(r"`([^`]+)`", self.text)
        return found and found[1]

    @classmethod
    def of(cls, asked: Mapping[str, Any]) -> "Query":
        """The query of a call's `configuration.query`."""
        listed: list[Mapping[str, Any]] = asked.get("queryParameters", [])
        given = {one["name"]: _value(one["parameterType"], one["parameterValue"]) for one in listed}
        return cls(str(asked.get("query", "")), given)


class Result(NamedTuple):
    """What a query finds."""

    schema: list[dict[str, Any]]
    rows: list[tuple[Any, ...]]


class _Loaded(NamedTuple):
    """A table in DuckDB: from which partition on, and of how many rows."""

    first: datetime | None
    rows: int
    connection: duckdb.DuckDBPyConnection


class Shelf:
    """The tables; each is in DuckDB as long as it has no new rows and no older ones are needed."""

    def __init__(self, tables: Sequence[Table[Any]]) -> None:
        translated("SELECT 1")  # says at once if it cannot
        self._tables = {table.name: table for table in tables}
        self._loaded: dict[str, _Loaded] = {}

    def table(self, name: str) -> Table[Any]:
        """The table of that name; 404 when there is none."""
        if name not in self._tables:
            raise Refused(404, f"Not found: Table {colon(name)} was not found in location US", "notFound")
        return self._tables[name]

    def scanned(self, query: Query) -> int:
        """The bytes that a query reads: of all partitions unless it says which."""
        if query.table is None:
            return 0
        table = self.table(query.table)
        return table.count(self._since(table, query)) * BYTES_A_ROW

    def run(self, query: Query) -> Result:
        """What a query finds; 400 if it is none that can be run."""
        text = checked(query, None if query.table is None else self.table(query.table))
        names = dict.fromkeys(re.findall(r"\$(\w+)", text))
        given = {name: query.parameters[name] for name in names}
        if query.table is None:
            connection = duckdb.connect()
        else:
            table = self.table(query.table)
            connection = self._connection(table, self._since(table, query))
        try:
            found = connection.execute(text, given)
        except duckdb.Error as error:
            raise Refused(400, str(error).partition("\n")[0], "invalidQuery") from None
        schema = [bigquery_cells.field(column[0], column[1]) for column in found.description or ()]
        return Result(schema, found.fetchall())

    def _since(self, table: Table[Any], query: Query) -> datetime | None:
        """The instant from which on a query reads partitions, if it leaves any out."""
        column = _PARTITION_COLUMN.get(table.partitioned)
        found = re.search(rf"\b{column} >= @(\w+)", query.text) if column else None
        since: datetime | None = query.parameters.get(found[1]) if found else None
        return since

    def _connection(self, table: Table[Any], since: datetime | None) -> duckdb.DuckDBPyConnection:
        """DuckDB with what the table has, of the partitions from `since` on at least: from the first of that month."""
        first = None if since is None else since.replace(day=1)
        loaded = self._loaded.get(table.name)
        if loaded is not None:
            reaches = loaded.first is None or (first is not None and loaded.first <= first)
            if reaches and len(table.exported(loaded.first)) == loaded.rows:
                return loaded.connection
            loaded.connection.close()
        rows = table.exported(first)
        connection = duckdb.connect()
        load_rows(connection, map(table.written, rows))
        self._loaded[table.name] = _Loaded(first, len(rows), connection)
        return connection


def columns() -> list[dict[str, Any]]:
    """The schema of an export's table; the pseudo column is none of it."""
    with duckdb.connect() as connection:
        load_rows(connection, ())
        found = connection.table("billing_export")
        described = zip(found.columns, found.types, strict=True)
        return [bigquery_cells.field(name, kind) for name, kind in described if name != "_PARTITIONTIME"]


def checked(query: Query, table: Table[Any] | None) -> str:
    """The text of a query for DuckDB; 400 if it is none, or names what is not there."""
    import sqlglot.errors

    if table is not None and table.partitioned != "ingestion" and "_PARTITIONTIME" in query.text:
        raise Refused(
            400, f"Unrecognized name: _PARTITIONTIME at {_place(query.text, '_PARTITIONTIME')}", "invalidQuery"
        )
    try:
        text = translated(query.text)
    except sqlglot.errors.SqlglotError as error:
        raise Refused(400, f"Syntax error: {str(error).partition('.')[0]}", "invalidQuery") from None
    for name in re.findall(r"\$(\w+)", text):
        if name not in query.parameters:
            place = _place(query.text, f"@{name}")
            raise Refused(400, f"Query parameter '{name}' not found at {place}", "invalidQuery")
    return text


def colon(name: str) -> str:
    """A table's name as errors spell it: `project:dataset.table`."""
    rest, _, table = name.rpartition(".")
    project, _, dataset = rest.rpartition(".")
    return f"{project}:{dataset}.{table}"


def _value(kind: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    if kind["type"] == "ARRAY":
        return [_value(kind["arrayType"], one) for one in given.get("arrayValues", [])]
    value = given.get("value")
    try:
        return None if value is None else _SCALARS[kind["type"]](value)
    except (KeyError, ValueError, ArithmeticError):
        raise Refused(400, f"Invalid value for type {kind['type']}: {value}", "invalid") from None


def _aware(instant: datetime) -> datetime:
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _place(text: str, name: str) -> str:
    before = text[: max(0, text.find(name))]
    return f"[{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}]"


@cache
def _pacific(exported: datetime) -> datetime:
    return midnight(exported.astimezone(PACIFIC).date())
