"""The stand-in for a billing export table: its columns and types are Google's, and so is the query's dialect."""

import json
import sys

import duckdb
import pyarrow as pa
import pytest

from aispend_pipeline.errors import UsageError
from aispend_pipeline.simulator.export_table import load_rows, translated
from aispend_pipeline.sources.vertex_queries import sql_of
from aispend_pipeline_tests.conftest import ROOT

SCHEMA = ROOT / "data" / "samples" / "google" / "billing_export_schema_detailed.json"
TYPES = {
    "STRING": pa.string(),
    "FLOAT": pa.float64(),
    "NUMERIC": pa.decimal128(38, 9),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us", "UTC"),
}


@pytest.fixture
def connection():
    with duckdb.connect() as opened:
        yield opened


def documented(field: dict) -> pa.Field:
    of_one = pa.struct(list(map(documented, field["fields"]))) if "fields" in field else TYPES[field["type"]]
    if field["mode"] == "REPEATED":
        of_one = pa.list_(pa.field("l", of_one))  # as DuckDB calls it
    return pa.field(field["name"], of_one)


def test_the_columns_are_the_documented_ones_and_the_partition(connection):
    load_rows(connection, [])
    columns = connection.execute("FROM billing_export").to_arrow_table().schema
    expected = [*map(documented, json.loads(SCHEMA.read_text())), pa.field("_PARTITIONTIME", TYPES["TIMESTAMP"])]
    assert list(columns) == expected


@pytest.mark.parametrize(
    ("exported", "partition"),
    [
        ("2026-11-14T07:59:59Z", "2026-11-13 00:00:00+00"),
        ("2026-11-14T08:00:00Z", "2026-11-14 00:00:00+00"),
        ("2026-07-14T07:00:00Z", "2026-07-14 00:00:00+00"),
        (None, None),
    ],
)
def test_a_rows_partition_is_the_pacific_day_of_its_export(connection, exported, partition):
    load_rows(connection, [{"export_time": exported, "cost": 1, "price": {"list_price": "0.000000001"}, "new": []}])
    got = connection.execute(
        "SELECT CAST(_PARTITIONTIME AS VARCHAR), cost, price.list_price, credits FROM billing_export"
    )
    assert [str(value) for value in got.fetchone()] == [str(partition), "1.0", "1E-9", "None"]


def test_loading_replaces_what_was_there(connection):
    for rows in ([{"currency": "USD"}] * 3, [{"currency": "EUR"}]):
        load_rows(connection, rows)
    assert connection.execute("SELECT currency FROM billing_export").fetchall() == [("EUR",)]


@pytest.mark.parametrize("row", [{"cost": "much"}, {"credits": {}}, {"export_time": "yesterday"}])
def test_a_value_of_another_type_is_refused(connection, row):
    with pytest.raises(pa.ArrowInvalid):
        load_rows(connection, [row])


@pytest.mark.parametrize("name", ["lines", "exports", "changed", "accounts"])
def test_a_query_asks_the_table_whatever_its_name_and_keeps_its_parameters(name):
    said = translated(sql_of(name, "some-project.set.gcp_v1", "export_time"))
    assert "FROM billing_export WHERE export_time >= $partition_from AND" in said
    assert "gcp_v1" not in said
    assert "@" not in said


def test_without_sqlglot_it_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "sqlglot", None)
    with pytest.raises(UsageError, match="pip install sqlglot"):
        translated("SELECT 'never asked before'")
