"""A billing export table in DuckDB, and the queries that BigQuery would be asked of it.

Facts: https://docs.cloud.google.com/billing/docs/how-to/export-data-bigquery-tables/detailed-usage . The day of a
partition is the Pacific day on which its rows were exported (inferred, not documented).
"""

import io
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.json

from aispend_pipeline.errors import UsageError
from aispend_pipeline.sql import statement

# Rows are read as JSON, each within a block.
_BLOCK_BYTES = 16 * 1024 * 1024


def load_rows(connection: duckdb.DuckDBPyConnection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Make the table `billing_export` anew, of rows as the export's JSON has them; keys may be missing.

    Sets the connection's time zone to UTC. Raises `pyarrow.ArrowInvalid` for a value of another type.
    """
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(statement("simulator", "billing_export"))
    lines = msgspec.json.Encoder(decimal_format="number").encode_lines(rows)
    if lines:
        connection.register("exported", _read(lines, connection))
        connection.execute(statement("simulator", "exported_rows"))
        connection.unregister("exported")


def _read(lines: bytes, connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Lines of JSON as Arrow, with the columns and types of the table."""
    columns = connection.execute("FROM billing_export LIMIT 0").to_arrow_table().schema
    return pyarrow.json.read_json(
        io.BytesIO(lines),
        read_options=pyarrow.json.ReadOptions(block_size=_BLOCK_BYTES),
        parse_options=pyarrow.json.ParseOptions(explicit_schema=columns, unexpected_field_behavior="ignore"),
    )


@lru_cache(maxsize=64)
def translated(query: str) -> str:
    """A query of BigQuery's dialect in DuckDB's, of `billing_export` whatever its table is called.

    Parameters `@name` become `$name`; only those that the text names may be bound. Raises `UsageError` where
    sqlglot is not installed (it comes with the dev dependencies), and `sqlglot.ParseError` for what is no query.
    """
    try:
        import sqlglot
        from sqlglot import exp
    except ImportError:
        raise UsageError(
            "the simulated BigQuery needs sqlglot, which is not installed; run: pip install sqlglot"
        ) from None
    tree = sqlglot.parse_one(query, read="bigquery")
    for table in tree.find_all(exp.Table):
        if table.catalog:
            table.replace(exp.to_table("billing_export"))
    return tree.sql(dialect="duckdb", comments=False)
