"""The sample export, asked as BigQuery would be, comes out as the figures that were reckoned without SQL."""

import json
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

import duckdb
import pytest

from aispend_pipeline.normalise.vertex_billing import COLUMNS
from aispend_pipeline.sql import statement
from aispend_pipeline_tests.normalise.billing_pages import GOOGLE, WINDOW, bill, book, export, migrated

EXPECTED = json.loads((GOOGLE / "billing_export_expected.json").read_text())


@lru_cache
def of_the_sample(partitions: str, up_to: str = "9") -> duckdb.DuckDBPyConnection:
    """What is booked when the export has only the rows until `up_to`."""
    rows = [row for row in export() if row["export_time"] <= up_to]
    warehouse = migrated()
    for account, bodies in bill(rows, WINDOW, partitions).items():
        book(warehouse, account, bodies)
    return warehouse


def sums(warehouse: duckdb.DuckDBPyConnection, what: str, by: str) -> dict[Any, Decimal]:
    return dict(warehouse.execute(f"SELECT {by}, sum({what}) FROM spend GROUP BY ALL").fetchall())


def near(figures: dict[Any, str]) -> dict[Any, Any]:
    """Sums of exact figures: the query rounds each row to a billionth first."""
    return {key: pytest.approx(Decimal(figure), rel=0, abs=Decimal("2e-9")) for key, figure in figures.items()}


in_every_mode = pytest.mark.parametrize("partitions", ["ingestion", "export_time", "none"])


@in_every_mode
def test_the_sample_exports_days_come_out_net_and_gross(partitions):
    of = of_the_sample(partitions)
    day = "CAST(day AS VARCHAR)"
    assert sums(of, "amount_usd", day) == near(EXPECTED["by_day_usd"])
    assert sums(of, "amount_usd - credit_usd", day) == near(EXPECTED["gross_by_day_usd"])
    assert sums(of, "credit_usd", day) == near(EXPECTED["credits_by_day_usd"])
    assert sums(of, "amount_usd", "'net'") == near({"net": EXPECTED["total_usd"]})


@pytest.mark.parametrize("name", ["model", "project", "location", "cost_type", "invoice_month"])
def test_so_does_every_cut_of_their_total(name):
    of = of_the_sample("ingestion")
    by = {
        "project": "project_id",
        "cost_type": "CASE charge_category WHEN 'Adjustment' THEN 'adjustment' ELSE 'regular' END",
        "invoice_month": "replace(invoice_month, '-', '')",
    }.get(name, name)
    given = EXPECTED[f"by_{name}_usd"]
    expected = given if isinstance(given, dict) else {cut[name]: cut["amount_usd"] for cut in given}
    assert sums(of, "amount_usd", by) == near(expected)


@in_every_mode
def test_each_model_of_each_day_comes_out_net_and_gross(partitions):
    of = of_the_sample(partitions)
    given = EXPECTED["by_day_model_usd"]
    for what, name in (
        ("amount_usd", "amount_usd"),
        ("amount_usd - credit_usd", "gross_usd"),
        ("credit_usd", "credits_usd"),
    ):
        got = of.execute(f"SELECT CAST(day AS VARCHAR), model, sum({what}) FROM spend GROUP BY ALL").fetchall()
        assert {(day, model): usd for day, model, usd in got} == near(
            {(cell["day"], cell["model"]): cell[name] for cell in given}
        )


def test_currencies_keep_their_own_amounts():
    of = of_the_sample("ingestion")
    for what, name in (("amount", "net"), ("amount - credit_amount", "gross"), ("credit_amount", "credits")):
        assert sums(of, what, "currency") == near(
            {code: totals[name] for code, totals in EXPECTED["native_totals"].items()}
        )


def test_each_rows_money_is_there_to_the_last_digit():
    """Of each account, day and SKU, whatever the currency: each row rounded to billionths once, then added."""
    expected: dict[tuple[str, str, str], Decimal] = {}
    for row in export():
        given = [Decimal(str(row["cost"])), *(Decimal(str(credit["amount"])) for credit in row["credits"])]
        key = row["billing_account_id"], row["usage_start_time"][:10], row["sku"]["id"]
        rounded = [amount.quantize(Decimal("1e-9"), ROUND_HALF_UP) for amount in (given[0], sum(given[1:], Decimal(0)))]
        expected[key] = expected.get(key, Decimal(0)) + sum(rounded)
    got = {
        (account, day, sku): amount
        for account, day, sku, amount in of_the_sample("ingestion")
        .execute("SELECT account, CAST(day AS VARCHAR), sku_id, sum(amount) FROM spend GROUP BY ALL")
        .fetchall()
    }
    assert got == {key: expected[key] for key in got}
    assert len(got) > 150


def test_the_days_tokens_are_those_that_were_metered():
    """As the sums of days have them; embeddings are input."""
    of = of_the_sample("ingestion")
    for name in ("measured_by_hour", "spend_daily"):
        of.execute(statement("rollup", name), {"first": WINDOW.first, "last": WINDOW.last})
    kinds = ("input", "cached_input", "cache_write", "output")
    columns = ", ".join(f"sum({kind}_tokens) AS {kind}" for kind in kinds)
    got = of.execute(f"SELECT model, {columns} FROM spend_daily GROUP BY ALL ORDER BY ALL").to_arrow_table()
    given = {row.pop("model"): {kind: int(n) for kind, n in row.items() if n is not None} for row in got.to_pylist()}
    expected = {
        row["model"]: {kind: int(row[kind]) for kind in kinds if kind in row} for row in EXPECTED["tokens_by_model"]
    }
    assert {model: tokens for model, tokens in given.items() if tokens} == expected


@pytest.mark.parametrize("snapshot", EXPECTED["snapshots"], ids=lambda snapshot: snapshot["export_time_up_to"])
def test_what_was_exported_until_then_is_what_was_billed_until_then(snapshot):
    of = of_the_sample("ingestion", snapshot["export_time_up_to"])
    assert sums(of, "amount_usd", "CAST(day AS VARCHAR)") == near(snapshot["by_day_usd"])
    assert sums(of, "amount_usd", "'net'") == near({"net": snapshot["total_usd"]})


def test_the_columns_are_those_of_the_query():
    query = statement("sources", "vertex_lines")
    selected = query.rpartition("\nSELECT\n")[2].partition("\nFROM lines")[0]
    assert tuple(column.split()[-1] for column in selected.split(",\n")) == COLUMNS
