"""Google's bill: from the pages of a query's answer to rows of spend."""

import json
from datetime import date, datetime
from decimal import Context, Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aispend_pipeline.errors import ErrorClass, FetchError
from aispend_pipeline.normalise.tally import Tally, tally
from aispend_pipeline.normalise.vertex_billing import COLUMNS, VertexBilling
from aispend_pipeline_tests.normalise.billing_pages import GOOGLE, LINE, WINDOW, book, line, migrated, page
from aispend_pipeline_tests.sources.scripted import NOW

slower = settings(deadline=None, derandomize=True, max_examples=60)
ENDS = (-(2**63), 2**63 - 1)
WIDE = Context(prec=60)  # the default rounding is half-even


def records(*bodies: bytes) -> list[dict]:
    return [row for table in VertexBilling().records(lambda: bodies, NOW) for row in table.to_pylist()]


def tallied(*bodies: bytes) -> Tally:
    return tally((("", table) for table in VertexBilling().records(lambda: bodies, NOW)), WINDOW)


def booked(*bodies: bytes) -> list[dict[str, Any]]:
    with migrated() as warehouse:
        book(warehouse, "default", list(bodies))
        return warehouse.execute("FROM spend ORDER BY page_id, row_no").to_arrow_table().to_pylist()


def sample_page(name: str) -> dict[str, Any]:
    return json.loads((GOOGLE / name).read_text())


@pytest.fixture
def sample_pages() -> list[bytes]:
    """The two sample pages, with the invoice's month, which they do not have."""
    pages = [sample_page("bigquery_query_response_page_1.json"), sample_page("bigquery_query_results_page_2.json")]
    at = COLUMNS.index("invoice_month")
    for each in pages:
        each["schema"]["fields"].insert(at, {"name": "invoice_month", "type": "STRING", "mode": "NULLABLE"})
        for row in each["rows"]:
            row["f"].insert(at, {"v": None})
    del pages[1]["schema"]
    return [json.dumps(each).encode() for each in pages]


def test_the_sample_pages_are_read_with_and_without_a_schema(sample_pages):
    rows = booked(*sample_pages)
    assert [(str(row["day"]), row["model"], row["token_type"], row["quantity"]) for row in rows] == [
        ("2026-11-14", "claude-haiku-4-5", "input", 147729),
        ("2026-11-14", "claude-sonnet-4-6", "input", 50005),
        ("2026-11-14", "gemini-2.5-flash", "cached_input", 22533),
        ("2026-11-14", "llama-4-scout", "input", 63789),
        ("2026-11-14", "llama-4-scout", "output", 4578),
        ("2026-11-15", "gemini-3-pro", "output", 15495),
    ]
    assert (rows[0]["currency"], rows[0]["amount"], rows[0]["amount_usd"]) == (
        "EUR",
        Decimal("0.1275049"),
        Decimal("0.147729"),
    )
    assert (rows[2]["amount"], rows[2]["credit_amount"]) == (0, Decimal("-0.00067599"))
    assert {row["invoice_month"] for row in rows} == {"2026-11"}
    found = tallied(*sample_pages)
    assert (found.rows, found.pages) == (
        {date(2026, 11, 14): 5, date(2026, 11, 15): 1},
        {date(2026, 11, 14): 2, date(2026, 11, 15): 1},
    )


def test_a_row_of_spend_says_all_that_the_bill_says():
    (row,) = booked(page(line()))
    assert row == {
        "source": "vertex_billing",
        "account": "default",
        "provider": "vertex",
        "day": date(2026, 11, 14),
        "charge_start": datetime.fromisoformat("2026-11-14"),
        "charge_end": datetime.fromisoformat("2026-11-15"),
        "invoice_month": "2026-11",
        "charge_category": "Usage",
        "model": "gemini-2.5-flash",
        "project_id": "ml-prod",
        "api_key_id": None,
        "line_item": "Gemini 2.5 Flash GA Text Input - Predictions",
        "sku_id": "FDAB-647C-5A22",
        "token_type": "input",
        "service_tier": "standard",
        "location": "us-central1",
        "quantity": 22533,
        "unit": "tokens",
        "currency": "USD",
        "amount": Decimal("0.75"),
        "amount_usd": Decimal("0.75"),
        "fetch_id": "f",
        "page_id": "default-0",
        "row_no": 1,
        "context_window": None,
        "credit_amount": Decimal("-0.25"),
        "credit_usd": Decimal("-0.25"),
        "cache_lifetime": None,
    }


@pytest.mark.parametrize(
    ("given", "booked_as"),
    [
        ({"cost_type": "tax"}, {"charge_category": "Tax"}),
        ({"cost_type": "adjustment"}, {"charge_category": "Adjustment"}),
        ({"cost_type": "rounding_error"}, {"charge_category": "Adjustment"}),
        ({"cost_type": "something new"}, {"charge_category": "Adjustment"}),
        ({"cost_type": None}, {"charge_category": "Adjustment"}),
        ({"credit_nanos": "-1000000001"}, {"charge_category": "Credit", "amount": Decimal("-1e-9")}),
        ({"credit_nanos": "-1000000000"}, {"charge_category": "Usage", "amount": 0}),
        ({"invoice_month": "202610"}, {"invoice_month": "2026-10"}),
        ({"invoice_month": "202613"}, {"invoice_month": "2026-11"}),
        ({"invoice_month": None}, {"invoice_month": "2026-11"}),
        ({"project_id": None, "location": None, "sku_id": ""}, {"project_id": None, "location": None, "sku_id": None}),
        ({"currency": "eur"}, {"currency": "EUR", "amount_usd": Decimal("0.75")}),
        ({"gross_usd_nanos": "5", "credit_usd_nanos": "-2"}, {"amount_usd": Decimal("3e-9")}),
        (
            {"currency": "JPY", "fx_missing_rows": "7", "source_rows": "7", "gross_usd_nanos": None},
            {"currency": "JPY", "amount": Decimal("0.75"), "amount_usd": None, "credit_usd": None},
        ),
        ({"sku_description": "  Gemini  2.5 Pro X "}, {"line_item": "Gemini  2.5 Pro X", "model": "gemini-2.5-pro"}),
        ({"sku_description": None}, {"line_item": None, "model": None, "token_type": "other", "unit": "requests"}),
        ({"sku_description": "Gemini 2.5 Pro Text Input (Long)"}, {"context_window": "long"}),
        ({"sku_description": "Gemini 2.5 Pro Text Output - Batch Predictions"}, {"service_tier": "batch"}),
        ({"sku_description": "Input token count text", "model_label": "gemini25pro"}, {"model": "gemini-2.5-pro"}),
        ({"sku_description": "Output Tokens", "service_description": "Claude Opus 5"}, {"model": "claude-opus-5"}),
        ({"sku_description": "Large Text Embedding Model"}, {"token_type": "input", "unit": "tokens"}),
        ({"sku_description": "Imagen 4 Generation"}, {"token_type": "image_generation", "unit": "images"}),
    ],
)  # fmt: skip
def test_what_the_bill_says_is_booked_as(given, booked_as):
    (row,) = booked(page(line(**given)))
    assert {name: row[name] for name in booked_as} == booked_as


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"gross_nanos": None}, "amount missing"),
        ({"gross_nanos": "1.0"}, "amount unreadable"),
        ({"gross_nanos": " 1"}, "amount unreadable"),
        ({"credit_nanos": "9223372036854775808"}, "amount out of range"),
        ({"credit_nanos": "1" * 5000}, "amount unreadable"),
        ({"gross_usd_nanos": None}, "amount missing in USD"),
        ({"gross_usd_nanos": None, "gross_nanos": "?"}, "amount unreadable"),
        ({"credit_usd_nanos": "?"}, "amount unreadable in USD"),
        ({"gross_usd_nanos": "-9223372036854775809"}, "amount out of range in USD"),
        ({"fx_missing_rows": "1", "source_rows": "2"}, "rate missing of some"),
        ({"fx_missing_rows": None}, "rate missing of some"),
        ({"currency": None}, "currency missing"),
        ({"currency": "XXQ"}, "currency unknown"),
        ({"usage_day": None}, "bucket time unreadable"),
        ({"usage_day": "2026-11-14T00:00:00"}, "bucket time unreadable"),
        ({"usage_day": "9999-12-31"}, "bucket time unreadable"),
        ({"usage_day": "2027-01-01"}, "bucket dated 2027-01-01, in the future"),
    ],
)
def test_what_cannot_be_booked_is_set_aside_and_the_rest_is_not(given, fault):
    odd, sound = records(page(line(**given), line()))
    assert (odd["fault"], sound["fault"]) == (fault, None)
    assert json.loads(odd["record"]) == {**LINE, **given}


@pytest.mark.parametrize(
    ("text", "quantity", "unread"),
    [
        ("22533.0", Decimal(22533), 0),
        ("1.2E7", Decimal(12_000_000), 0),
        ("-3e+2", Decimal(-300), 0),
        ("0.0000000005", Decimal(0), 0),
        ("0.0000000015", Decimal("2e-9"), 0),
        ("0.00000000050000000000000000000001", Decimal("1e-9"), 0),
        ("5.0E-324", Decimal(0), 0),
        ("99999999999999999999.9999999989", Decimal("99999999999999999999.999999999"), 0),
        ("1e20", None, 1),
        ("1.7976931348623157E308", None, 1),
        ("NaN", None, 1),
        ("Infinity", None, 1),
        ("", None, 1),
        (None, None, 0),
    ],
)
def test_a_quantity_is_read_or_unknown_and_never_spoils_the_amount(text, quantity, unread):
    body = page(line(usage_amount=text))
    (row,) = booked(body)
    assert (row["quantity"], row["amount"]) == (quantity, Decimal("0.75"))
    assert tallied(body).unread_quantities == unread


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (("usage_day",), "missing: service_id"),
        ((*COLUMNS, "etag"), "not asked for: etag"),
        (COLUMNS[::-1], "another order"),
        ([name for name in COLUMNS if name != "invoice_month"], r"missing: invoice_month\)"),
        ([name.replace("fx_", "un") for name in COLUMNS], "missing: fx_missing_rows; not asked for: unmissing_rows"),
    ],
)  # fmt: skip
def test_other_columns_than_those_of_the_query_are_a_schema_error(columns, said):
    with pytest.raises(FetchError, match=said) as raised:
        records(page(line(), columns=columns))
    assert raised.value.error_class is ErrorClass.SCHEMA


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"error": {"code": 404}}',
        page(line()[:-1]),
        page([*line(), "x"], columns=None),
        page(line(usage_amount=1.5)),
        page(line(labels={})),
        b'{"totalRows": "1", "rows": [{"f": [{}]}]}',
        b'{"totalRows": 1}',
        b'{"totalRows": "1", "rows": {}}',
    ],
)
def test_another_shape_is_a_schema_error(body):
    with pytest.raises(FetchError) as raised:
        records(body)
    assert raised.value.error_class is ErrorClass.SCHEMA


@pytest.mark.parametrize("body", [page(), page(columns=None), b'{"jobComplete": false, "kind": "x"}'])
def test_an_answer_without_rows_is_a_table_without_rows(body):
    (table,) = VertexBilling().records(lambda: [body], NOW)
    assert table.num_rows == 0
    assert VertexBilling().unknown_fields(body) == set()


def test_a_page_that_comes_twice_counts_once_and_lines_that_differ_in_anything_count():
    """All that the query groups by tells lines apart, and so does having a rate."""
    dimensions = COLUMNS[1 : COLUMNS.index("usage_amount")]
    lines = [line(), *(line(**{name: "EUR" if name == "currency" else "another"}) for name in dimensions)]
    lines.append(line(fx_missing_rows="1"))
    bodies = [page(one) for one in lines]
    assert (tallied(*bodies).rows.total(), tallied(*bodies).repeated) == (len(lines), 0)
    assert (tallied(*bodies, *bodies).rows.total(), tallied(*bodies, *bodies).repeated) == (len(lines), len(lines))


int64s = st.integers(*ENDS) | st.sampled_from(ENDS)


@slower
@given(st.lists(st.tuples(int64s, int64s, int64s, int64s), min_size=1, max_size=8))
@example([(end,) * 4 for end in ENDS])
def test_whatever_billionths_there_are_their_sums_are_exact(amounts):
    names = ("gross_nanos", "credit_nanos", "gross_usd_nanos", "credit_usd_nanos")
    body = page(*(line(**dict(zip(names, map(str, row), strict=True))) for row in amounts))
    native = [Decimal(gross + credit).scaleb(-9, WIDE) for gross, credit, _, _ in amounts]
    usd = [Decimal(gross + credit).scaleb(-9, WIDE) for _, _, gross, credit in amounts]
    found = records(body)
    assert [row["amount"] for row in found] == native
    assert [row["amount_usd"] for row in found] == usd
    assert [row["credit_amount"] for row in found] == [Decimal(row[1]).scaleb(-9, WIDE) for row in amounts]
    assert [row["credit_usd"] for row in found] == [Decimal(row[3]).scaleb(-9, WIDE) for row in amounts]
    assert tallied(body).amounts == {(WINDOW.first, "USD"): sum(native)}


doubles = st.floats(-1e15, 1e15, allow_nan=False).map(lambda number: repr(number).upper())


@slower
@given(st.lists(doubles, min_size=1, max_size=20))
def test_quantities_are_the_digits_of_the_double_to_the_ninth_place(written):
    found = records(page(*(line(usage_amount=text) for text in written)))
    assert [row["quantity"] for row in found] == [Decimal(t).quantize(Decimal("1e-9"), context=WIDE) for t in written]


anything = st.none() | st.text() | st.sampled_from([*LINE.values(), "0", "2026-11-15", "-1", "1e9", "\ud800", "\x00"])


@slower
@given(st.lists(st.lists(anything, min_size=len(COLUMNS) - 1, max_size=len(COLUMNS)), max_size=4), st.booleans())
def test_no_text_is_too_odd_for_any_column(lines, with_schema):
    """Each line is a record, booked or set aside; a line of another length spoils the page."""
    body = page(*lines, columns=COLUMNS if with_schema else None)
    try:
        found = records(body)
    except FetchError as error:
        assert error.error_class in (ErrorClass.SCHEMA, ErrorClass.MALFORMED)
    else:
        assert [row["row_no"] for row in found] == list(range(1, len(lines) + 1))
        sound = [row for row in found if row["fault"] is None]
        assert all(row["day"] and row["currency"] and row["amount"] is not None for row in sound)
