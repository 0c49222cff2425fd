"""Pages of Google's bill as BigQuery writes them, of plain values, and of the sample export."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

import duckdb

from aispend_pipeline.model import Window, midnight
from aispend_pipeline.normalise.vertex_billing import COLUMNS, VertexBilling
from aispend_pipeline.simulator.export_table import load_rows, translated
from aispend_pipeline.sources.vertex_queries import sql_of
from aispend_pipeline_tests.conftest import ROOT
from aispend_pipeline_tests.sources.scripted import NOW

WINDOW = Window(date(2026, 11, 14), date(2026, 11, 18))
GOOGLE = ROOT / "data" / "samples" / "google"
# A meter's line, as BigQuery's texts.
LINE = {
    "usage_day": "2026-11-14",
    "service_id": "C7E2-9256-1C43",
    "service_description": "Vertex AI",
    "sku_id": "FDAB-647C-5A22",
    "sku_description": "Gemini 2.5 Flash GA Text Input - Predictions",
    "project_id": "ml-prod",
    "location": "us-central1",
    "model_label": None,
    "cost_type": "regular",
    "transaction_type": "GOOGLE",
    "seller_name": None,
    "invoice_month": "202611",
    "currency": "USD",
    "usage_unit": "requests",
    "usage_amount": "22533.0",
    "gross_nanos": "1000000000",
    "credit_nanos": "-250000000",
    "gross_usd_nanos": "1000000000",
    "credit_usd_nanos": "-250000000",
    "fx_missing_rows": "0",
    "source_rows": "1",
    "last_export_time": "1794728256000000",
}


def line(**values: Any) -> list[Any]:
    """A line's values, in the order of the columns."""
    return list({**LINE, **values}.values())


def page(*lines: Sequence[Any], columns: Sequence[str] | None = COLUMNS, **members: Any) -> bytes:
    """A page with these rows, and with a schema if it has `columns`."""
    schema = {"schema": {"fields": [{"name": name, "type": "STRING"} for name in columns]}} if columns else {}
    rows = {"rows": [{"f": [{"v": value} for value in values]} for values in lines]} if lines else {}
    return json.dumps({"jobComplete": True, "totalRows": str(len(lines)), **schema, **rows, **members}).encode()


def export() -> list[dict[str, Any]]:
    """The sample export's rows."""
    return [json.loads(text) for text in (GOOGLE / "billing_export_detailed.jsonl").read_text().splitlines()]


def parameters(window: Window, **others: Any) -> dict[str, Any]:
    """What `sources/vertex_lines.sql` asks for, with the defaults of the settings."""
    return {
        "report_tz": "UTC",
        "usage_from": midnight(window.first),
        "usage_to": midnight(window.last + timedelta(days=1)),
        "partition_from": midnight(window.first - timedelta(days=1)),
        "cost_types": ["regular", "adjustment", "rounding_error"],
        "service_ids": ["C7E2-9256-1C43", "AEFD-7695-64FA"],
        "service_pattern": r"^(claude|anthropic)\b",
        "mixed_service_ids": ["74B1-77CF-C302"],
        "mixed_sku_pattern": "^ai dev tools:",
        **others,
    }


def bill(rows: Iterable[Mapping[str, Any]], window: Window, partitions: str) -> dict[str, list[bytes]]:
    """By billing account, the pages that answer for the window when the export holds `rows`."""
    with duckdb.connect() as connection:
        load_rows(connection, rows)
        accounts = connection.execute("SELECT DISTINCT billing_account_id FROM billing_export ORDER BY 1").fetchall()
        return {account: list(_pages(connection, window, partitions, account)) for (account,) in accounts}


def _pages(connection: duckdb.DuckDBPyConnection, window: Window, partitions: str, account: str) -> Iterator[bytes]:
    """Pages of at most 50 rows, so that days go on from page to page; only the first has the schema."""
    query = _query(partitions)
    asked = parameters(window, billing_account_id=account)
    given = connection.execute(query, {name: value for name, value in asked.items() if f"${name}" in query}).fetchall()
    lines = [[_text(value) for value in row] for row in given]
    for first in range(0, len(lines) or 1, 50):
        yield page(*lines[first : first + 50], columns=None if first else COLUMNS, totalRows=str(len(lines)))


@lru_cache
def _query(partitions: str) -> str:
    return translated(sql_of("lines", "p-1.billing.export", partitions))


def _text(value: Any) -> str | None:
    """A value as BigQuery writes it."""
    if isinstance(value, datetime):
        return str((value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))
    if isinstance(value, float):
        return repr(value).upper()
    return value if value is None else str(value)


def migrated() -> duckdb.DuckDBPyConnection:
    """An empty warehouse in memory."""
    connection = duckdb.connect()
    migrations = ROOT / "aispend_pipeline" / "warehouse" / "migrations"
    for file in sorted(migrations.glob("*.sql")):
        connection.execute(file.read_text())
    return connection


def book(warehouse: duckdb.DuckDBPyConnection, account: str, bodies: list[bytes]) -> None:
    """Normalise pages and book their rows; none of them may be set aside."""
    for number, records in enumerate(VertexBilling().records(lambda: bodies, NOW)):
        assert records["fault"].null_count == len(records)
        of_page = {"source": "vertex_billing", "account": account, "provider": "vertex", "fetch_id": "f"}
        warehouse.execute(VertexBilling.sql, {**of_page, "page_id": f"{account}-{number}"})
