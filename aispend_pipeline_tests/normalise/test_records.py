"""From pages to records to sums, however the provider cuts and spells them."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aispend_pipeline.errors import ErrorClass, FetchError
from aispend_pipeline.model import GRID_START, Window, midnight
from aispend_pipeline.normalise.columns import bucket_fault, currency, instant
from aispend_pipeline.normalise.currencies import CURRENCIES
from aispend_pipeline.normalise.openai_costs import OpenAICosts
from aispend_pipeline.normalise.tally import Tally, tally
from aispend_pipeline_tests.conftest import SAMPLES
from aispend_pipeline_tests.sources.scripted import NOW, SETTLED, bucket, page, result

steady = settings(deadline=None, derandomize=True)
slower = settings(steady, max_examples=25)
DAY = SETTLED.first
COSTS = "/organization/costs"


def records(*bodies: bytes) -> list[dict]:
    return [row for table in OpenAICosts().records(lambda: bodies, NOW) for row in table.to_pylist()]


def tallied(bodies: Sequence[bytes], window: Window = SETTLED) -> Tally:
    return tally(((COSTS, table) for table in OpenAICosts().records(lambda: bodies, NOW)), window)


lines = st.builds(
    result,
    st.sampled_from(["0.004", '"1.10"', "-3", "1e-9", "0.1234567890123456785", "NaN", "null", '"x"']),
    st.sampled_from(["gpt-4o, input", "gpt-4o, output", "whisper", None]),
    project_id=st.sampled_from(["p", "q", None]),
    api_key_id=st.sampled_from(["k", None]),
    currency=st.sampled_from(["usd", "USD", "eur", None]),
)


def once_each(some: list[dict]) -> list[dict]:
    """As grouped answers are: one line for each project, line item and key."""
    return list({(line["project_id"], line["line_item"], line["api_key_id"]): line for line in some}.values())


answers = st.dictionaries(
    st.sampled_from([DAY + timedelta(days=n) for n in range(-1, 4)]),
    st.lists(lines, max_size=6).map(once_each),
    max_size=5,
)


@slower
@given(answers, st.data())
def test_however_buckets_are_cut_into_pages_the_sums_and_records_are_the_same(answer, data):
    """Pages may part between buckets and inside them, come in any order, and be empty."""
    together = page(*(bucket(day, *some) for day, some in answer.items()))
    pieces = []
    for day, some in answer.items():
        at = sorted(data.draw(st.lists(st.integers(0, len(some)), max_size=2)))
        pieces += [(day, some[i:j]) for i, j in zip([0, *at], [*at, len(some)], strict=True)]
    pieces = data.draw(st.permutations(pieces))
    ends = sorted(data.draw(st.lists(st.integers(0, len(pieces)), max_size=4)))
    apart = [
        page(*(bucket(day, *some) for day, some in pieces[i:j]))
        for i, j in zip([0, *ends], [*ends, len(pieces)], strict=True)
    ]

    whole, cut = tallied([together]), tallied(apart)
    assert (cut.amounts, cut.rows, cut.ignored) == (whole.amounts, whole.rows, whole.ignored)
    assert (cut.quarantined, cut.faulty_days, cut.days) == (whole.quarantined, whole.faulty_days, whole.days)
    assert cut.repeated == whole.repeated == 0

    def in_any_place(rows: list[dict]) -> list[str]:
        return sorted(str({name: row[name] for name in row if name not in ("row_no", "record")}) for row in rows)

    assert in_any_place(records(*apart)) == in_any_place(records(together))


@slower
@given(answers)
def test_pages_that_all_come_twice_count_once(answer):
    bodies = [page(bucket(day, *some)) for day, some in answer.items()]
    once, twice = tallied(bodies), tallied(bodies + bodies)
    assert (twice.amounts, twice.rows, twice.quarantined) == (once.amounts, once.rows, once.quarantined)
    assert twice.repeated == sum(len(some) for some in answer.values())


@slower
@given(st.lists(lines, min_size=1, max_size=6).map(once_each), st.data())
def test_a_row_number_leads_to_its_record_on_the_page_also_beside_lines_that_came_before(some, data):
    before = data.draw(st.lists(st.sampled_from(some), unique_by=id))
    body = page(bucket(DAY, *data.draw(st.permutations(some))))
    results = [line for of_day in json.loads(body)["data"] for line in of_day["results"]]
    _, table = OpenAICosts().records(lambda: [page(bucket(DAY, *before)), body], NOW)

    def told(line: dict) -> tuple[str | None, ...]:
        return line["project_id"], line["line_item"], line["api_key_id"]

    rows = table.to_pylist()
    assert [told(results[row["row_no"] - 1]) for row in rows] == [told(row) for row in rows]
    assert len(rows) == len(some) - len(before)


@slower
@given(answers)
def test_sums_are_what_fractions_say(answer):
    sums: dict = {}
    for day, some in answer.items():
        for line in some:
            text, code = bytes(line["amount"]["value"]).decode().strip('"'), line["amount"]["currency"]
            if day in SETTLED and code and text not in ("NaN", "null", "x"):
                key = day, code.upper()
                sums[key] = sums.get(key, 0) + Fraction(Decimal(text).quantize(Decimal("1e-18")))
    got = tallied([page(*(bucket(day, *some) for day, some in answer.items()))]).amounts
    assert {key: Fraction(amount) for key, amount in got.items()} == sums


def hour(n: int, seconds: int | None = 3600) -> dict:
    start = int(midnight(DAY).timestamp()) + 3600 * n
    return {**bucket(start), "end_time": start + seconds if seconds else None}


@pytest.mark.parametrize(
    ("buckets", "over", "running"),
    [
        ([], False, False),
        ([hour(n) for n in range(24)], True, True),
        ([hour(n) for n in range(23)], False, True),
        ([*(hour(n) for n in range(23)), hour(5)], False, True),
        ([hour(0, 86400)], True, True),
        ([hour(0, 86399)], False, True),
        ([hour(0, None)], True, True),
    ],
    ids=["none", "24", "23", "23 and one twice", "one of a day", "a second less", "without an end"],
)
def test_a_day_is_answered_by_buckets_of_all_of_it_once_it_is_over(buckets, over, running):
    found = tallied([page(*buckets[:7]), page(*buckets[7:])])
    assert found.answered({COSTS}, DAY + timedelta(days=1)) == ({DAY} if over else set())
    assert found.answered({COSTS}, DAY) == ({DAY} if running else set())
    assert found.answered({COSTS, "/another"}, DAY) == set()


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.glob("costs_*.json")))
def test_every_documented_answer_gives_a_record_for_each_result_and_no_fault(name):
    body = (SAMPLES / name).read_bytes()
    results = [found for each in msgspec.json.decode(body)["data"] for found in each["results"]]
    got = records(body)
    assert [row["row_no"] for row in got] == list(range(1, len(results) + 1))
    assert {row["fault"] for row in got} <= {None}
    assert [row["line_item"] for row in got] == [found.get("line_item") for found in results]
    assert {row["currency"] for row in got} == {"USD"}


def test_a_record_has_its_place_its_day_and_its_edges():
    (row,) = records(page(bucket(DAY, result("1.5", project_id="p", quantity=2.0, quantity_unit="images"))))
    assert row == {
        "row_no": 1,
        "day": DAY,
        "charge_start": datetime.combine(DAY, datetime.min.time()),
        "charge_end": datetime.combine(DAY + timedelta(days=1), datetime.min.time()),
        "amount": Decimal("1.5"),
        "currency": "USD",
        "fault": None,
        "record": None,
        "line_item": "gpt-4o, input",
        "model": "gpt-4o",
        "token_type": "input",
        "service_tier": None,
        "project_id": "p",
        "api_key_id": None,
        "quantity": Decimal(2),
        "unit": "images",
    }


def test_a_quarantined_record_keeps_its_own_json():
    (row,) = records(page(bucket(DAY, result("1e999", "<b>ünï", project_id="p"))))
    assert (row["amount"], row["fault"]) == (None, "amount out of range")
    kept = msgspec.json.decode(row["record"].replace("1e999", '"1e999"'))
    assert (kept["amount"]["value"], kept["line_item"], kept["project_id"]) == ("1e999", "<b>ünï", "p")


def test_amounts_that_were_rounded_are_counted():
    body = page(bucket(DAY, result("0.1234567890123456785"), result("0.5")))
    (table,) = OpenAICosts().records(lambda: [body], NOW)
    assert table["amount"].to_pylist() == [Decimal("0.123456789012345678"), Decimal("0.5")]
    assert table.schema.metadata[b"rounded"] == b"1"


@pytest.mark.parametrize(
    ("quantity", "value"),
    [
        ("26099.0", 26099),
        ('"12"', 12),
        ("-4", -4),
        ("0.5", Decimal("0.5")),
        ("null", None),
        ("true", None),
        ("{}", None),
    ],
)
def test_a_quantity_is_read_or_unknown_and_never_spoils_the_amount(quantity, value):
    (row,) = records(page(bucket(DAY, result("1", quantity=msgspec.Raw(quantity.encode())))))
    assert (row["quantity"], row["amount"], row["fault"]) == (value, 1, None)


def test_nothing_is_a_table_without_rows():
    (table,) = OpenAICosts().records(lambda: [page()], NOW)
    assert table.num_rows == 0


def test_what_a_line_item_says_stands_beside_it():
    rows = records(page(bucket(DAY, result(), result("2"), result("3", None), result("4", "priority | o3, output"))))
    assert [(row["model"], row["token_type"], row["service_tier"]) for row in rows] == [
        ("gpt-4o", "input", None),
        ("gpt-4o", "input", None),
        (None, None, None),
        ("o3", "output", "priority"),
    ]


@pytest.mark.parametrize("body", [b'{"data": {}}', b'{"data": [1]}', b"{}", b'{"data": [{"results": []}]}'])
def test_another_shape_is_a_schema_error(body):
    with pytest.raises(FetchError) as raised:
        records(body)
    assert raised.value.error_class is ErrorClass.SCHEMA


@pytest.mark.parametrize("odd", [b"", b'"n": NaN, '])
@pytest.mark.parametrize("depth", [*range(850, 1010, 10), 20_000])
def test_however_deep_a_page_is_nested_it_is_read_or_refused(depth, odd):
    body = page(bucket(DAY, result())).replace(
        b'{"object":"page",', b"{" + odd + b'"x":' + b"[" * depth + b"]" * depth + b","
    )
    try:
        assert records(body)[0]["amount"] == 1
    except FetchError as error:
        assert error.error_class is ErrorClass.MALFORMED


zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
aware = st.datetimes(datetime.fromisoformat("1972-01-03"), datetime.fromisoformat("2200-01-01"), timezones=zones)


@steady
@given(aware)
@example(datetime(2028, 2, 29, tzinfo=UTC))
def test_seconds_milliseconds_and_text_are_the_same_instant(time):
    time = time.replace(microsecond=0)
    naive = time.astimezone(UTC).replace(tzinfo=None)
    seconds = int(time.timestamp())
    assert instant(seconds) == naive
    assert instant(time.isoformat()) == naive
    assert instant(naive.isoformat() + "Z") == naive
    if seconds >= 10**8:  # 1973
        assert instant(seconds * 1000) == naive


@steady
@given(st.integers() | st.text())
@example(10**400)
@example(-(10**11))
def test_no_time_is_too_odd(value):
    read = instant(value)
    assert read is None or read.tzinfo is None


@steady
@given(st.integers(0, 2**63))
def test_no_number_is_a_day_far_from_here(value):
    read = instant(value)
    assert bucket_fault(read, NOW) or GRID_START <= read.date() <= NOW.date()


@pytest.mark.parametrize(
    ("start", "fault"),
    [
        (None, "bucket time unreadable"),
        (datetime.fromisoformat("2023-12-31T23:59:59"), "bucket dated 2023-12-31, before 2024-01-01"),
        (datetime.fromisoformat("2024-01-01"), None),
        (datetime.fromisoformat("2026-11-25"), None),
        (datetime.fromisoformat("2026-11-26"), "bucket dated 2026-11-26, in the future"),
    ],
)
def test_a_bucket_is_booked_from_the_grids_start_to_today(start, fault):
    assert bucket_fault(start, NOW) == fault


@pytest.mark.parametrize(("minutes", "ok"), [(61, False), (60, True), (1, True)])
def test_a_providers_clock_may_be_ahead_by_an_hour(minutes, ok):
    tomorrow = datetime.fromisoformat("2026-11-26")
    assert (bucket_fault(tomorrow, midnight(date(2026, 11, 26)) - timedelta(minutes=minutes)) is None) is ok


def test_every_currency_in_use_is_known_in_any_case():
    assert len(CURRENCIES) > 150
    for code in CURRENCIES:
        assert currency(code) == currency(code.lower()) == currency(code.title()) == (code, None)


@steady
@given(st.text())
@example("\u017fek")
def test_no_other_text_is_a_currency(text):
    code, fault = currency(text)
    assert (code is None) == (fault is not None)
    assert code is None or (text.isascii() and text.upper() == code)
