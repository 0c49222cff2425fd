"""What a whole answer may hold, good and bad, as a fetch sees it: D1 to D11, T2 to T6."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from aispend_pipeline import money
from aispend_pipeline.errors import ErrorClass
from aispend_pipeline.model import FetchState, Window, midnight
from aispend_pipeline.sources.answers import well_formed
from aispend_pipeline.sources.http import Limits

from .scripted import (
    SETTLED,
    TODAY,
    YOUNG,
    Answer,
    FakeClock,
    bucket,
    costs,
    days,
    in_turn,
    page,
    read,
    read_one,
    result,
    scripted,
)

DAY = SETTLED.first
ONE_DAY = Window(DAY, DAY)
GOOD = days(ONE_DAY)


def total(fetch) -> Decimal:
    return money.add(answer.rows_usd for answer in fetch.answers)


def with_text(text: bytes) -> bytes:
    """A good page in which a line item is spelt `text`."""
    return GOOD.replace(b'"gpt-4o, input"', text)


@pytest.mark.parametrize(
    "body",
    [
        GOOD[:-1],
        GOOD[: len(GOOD) // 2],
        GOOD + b"}",
        GOOD + GOOD,
        with_text(b'"\xff\xfe"'),
        with_text(b'"\xed\xa0\x80"'),
        with_text(b'"\\ud800"'),
        with_text(b'"\\uDC00 and \\ud83d"'),
        with_text(b'"a\nb"'),
        with_text(b"'x'"),
        with_text(b"nul"),
        GOOD.replace(b'"has_more":false', b'"x":' + b"[" * 100_000 + b"]" * 100_000),
        GOOD.replace(b'"has_more":false', b'"x":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
        GOOD.replace(b'"has_more":false', b'"x":' + b"7" * 5000),
        GOOD.replace(b'"value":1.00', b'"value":1.00,"value":2.00'),
        GOOD.replace(b'"has_more":false', b'"has_more":false,"has_more":true'),
        GOOD.replace(b'"has_more":false', b'"x":{"y":[{"z":1,"z":1}]}'),
    ],
    ids=(
        "one byte short|half|a brace too many|twice|no UTF-8|a surrogate's bytes|half a pair|two halves|a raw newline"
        "|single quotes|half a word|lists 100,000 deep|objects 100,000 deep|5,000 digits|amount twice|has_more twice"
        "|a key twice far below"
    ).split("|"),
)
def test_broken_json_is_a_failed_attempt_and_then_a_failed_fetch(body):
    with scripted(in_turn(Answer(body), Answer(GOOD))) as provider:
        mended = read_one(provider.base_url, ONE_DAY)
    with scripted(in_turn(Answer(body))) as provider:
        failed = read_one(provider.base_url, ONE_DAY, limits=Limits(attempts=2))
    assert (mended.state, total(mended)) == (FetchState.COMPLETE, 1)
    assert (failed.state, failed.error_class) == (FetchState.FAILED, ErrorClass.MALFORMED)
    assert (failed.pages, len(provider.asked), len(failed.error) < 160) == ([], 2, True)


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + GOOD,
        b" \r\n\t" + GOOD + b"\n",
        with_text(b'"\\ud83d\\ude00"'),
        with_text(b'"\\\\ud83d"'),
        with_text('"\U0001f600 ünï"'.encode()),
    ],
    ids=["a byte-order mark", "blanks around", "a whole pair", "an escaped backslash", "beyond ASCII"],
)
def test_what_is_unusual_and_still_json_is_read_and_kept_as_it_came(body):
    with scripted(in_turn(Answer(body))) as provider:
        fetch = read_one(provider.base_url, ONE_DAY)
    assert (fetch.state, total(fetch)) == (FetchState.COMPLETE, 1)
    assert [kept.body for kept in fetch.pages] == [body] * 2


@pytest.mark.parametrize("pad", [b"", b'"\\ud83d\\ude00"'])
@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999999"])
def test_no_number_is_too_odd_for_the_pages_own_check(number, pad):
    well_formed(b'{"a": [%b, %b]}' % (number, pad or b"1"), "/x")


SPOILT = [
    *[
        "NaN",
        "Infinity",
        "-Infinity",
        "1e308",
        "1e999999",
        '"1,000"',
        '"$5"',
        "true",
        "{}",
        "[]",
        "null",
        '"\u0663"',
        '""',
    ],
    *['"NaN"', '"1e308"', '" 1"', '"+5"', '"1_000"', "999999999999999.9999999999999999999"],
]


@pytest.mark.parametrize("value", SPOILT)
def test_an_amount_that_is_none_spoils_its_record_and_nothing_else(value):
    rows = page(bucket(DAY, result("1.10"), result(value, "gpt-4o, output"), result('"2.20"', "o1-pro, output")))
    with scripted(costs([rows], [days(ONE_DAY, "3.30")])) as provider:
        fetch = read_one(provider.base_url, ONE_DAY)
    (answer,) = fetch.answers
    assert (fetch.state, answer.rows, answer.rows_usd, answer.agrees) == (FetchState.COMPLETE, 2, Decimal("3.3"), None)
    assert fetch.detail == {"quarantined": 1}


@pytest.mark.parametrize(
    "value",
    ["0.06", '"0.06"', "1", '"1"', "1e-9", '"1E-9"', "0.123456789012345678", '"0E-6176"', "-4.20", "12.0", "-0"],
)
def test_numbers_and_strings_are_the_same_amounts(value):
    with scripted(costs([days(ONE_DAY, value)])) as provider:
        fetch = read_one(provider.base_url, ONE_DAY)
    assert total(fetch) == Decimal(value.strip('"'))
    assert fetch.detail == {}


def test_a_thousand_lines_of_four_tenths_of_a_cent_are_four_dollars():
    lines = [result("0.004", f"line {n}") for n in range(1000)]
    with scripted(costs([page(bucket(DAY, *lines))], [days(ONE_DAY, "4")])) as provider:
        fetch = read_one(provider.base_url, ONE_DAY)
    assert (total(fetch), fetch.answers[0].agrees, fetch.answers[0].rows) == (Decimal(4), True, 1000)


def test_sums_of_the_largest_amounts_do_not_overflow():
    lines = [result("999999999999999.999999999999999999", f"line {n}") for n in range(1000)]
    with scripted(costs([page(bucket(DAY, *lines))])) as provider:
        fetch = read_one(provider.base_url, ONE_DAY)
    assert total(fetch) == Decimal("999999999999999999.999999999999999000")


@pytest.mark.parametrize(("currency", "booked"), [("usd", 1), ("USD", 1), ("Usd", 1), ("eur", 0), ("jpy", 0)])
def test_a_known_currency_in_any_case_is_booked_and_only_dollars_are_dollars(currency, booked):
    with scripted(costs([page(bucket(DAY, result(currency=currency)))])) as provider:
        fetch = read_one(provider.base_url, ONE_DAY)
    assert (total(fetch), fetch.answers[0].rows, fetch.detail) == (booked, 1, {})


@pytest.mark.parametrize("currency", [None, "", "xyz", "us", "usd ", "$", "\uff35\uff33\uff24"])
def test_a_missing_or_unknown_currency_is_quarantined(currency):
    rows = page(bucket(DAY, result("5", currency=currency), result("1")))
    with scripted(costs([rows])) as provider:
        fetch = read_one(provider.base_url, ONE_DAY)
    assert (total(fetch), fetch.detail) == (1, {"quarantined": 1})


@pytest.mark.parametrize(
    "gone",
    [
        b'"object":"page",',
        b'"object":"bucket",',
        b'"object":"organization.costs.result",',
        b',"line_item":"gpt-4o, input"',
        b',"next_page":null',
        b'"has_more":false,',
    ],
)
def test_a_field_we_can_do_without_may_be_missing(gone):
    assert gone in GOOD
    with scripted(in_turn(Answer(GOOD.replace(gone, b"")))) as provider:
        fetch = read_one(provider.base_url, ONE_DAY)
    assert (fetch.state, total(fetch)) == (FetchState.COMPLETE, 1)


def test_fields_nobody_knows_are_ignored_and_noted():
    more = {"organization_name": "x", "user_email": None, "new": {"deep": [1, 2.5, "x"]}}
    with scripted(costs([page({**bucket(DAY, result(**more)), "start_time_iso": "x", "n": 1})])) as provider:
        fetch = read_one(provider.base_url, ONE_DAY)
    assert (fetch.state, total(fetch), fetch.detail) == (FetchState.COMPLETE, 1, {"unknown_fields": ["new"]})


@pytest.mark.parametrize(
    ("was", "becomes", "path"),
    [
        (b'"data":[', b'"dates":[', "data"),
        (b'"start_time":', b'"starts":', "$.data[0]"),
        (b'"results":[', b'"result":[', "$.data[0]"),
        (b'"has_more":false', b'"has_more":"no"', "$.has_more"),
        (b'"next_page":null', b'"next_page":7', "$.next_page"),
        (b'"amount":{"value":1.00,"currency":"usd"}', b'"amount":["1.00","usd"]', "$.data[0].results[0].amount"),
        (b'"currency":"usd"', b'"currency":["usd"]', "$.data[0].results[0].amount.currency"),
        (b'"line_item":"gpt-4o, input"', b'"line_item":{"name":"x"}', "$.data[0].results[0].line_item"),
        (b'"start_time":', b'"start_time":{},"s":', "$.data[0].start_time"),
    ],
)
def test_a_shape_that_is_not_the_known_one_fails_the_window_and_names_the_path(was, becomes, path):
    body = GOOD.replace(was, becomes)
    assert body != GOOD
    with scripted(in_turn(Answer(body))) as provider:
        fetch = read_one(provider.base_url, ONE_DAY)
    assert (fetch.state, fetch.error_class) == (FetchState.FAILED, ErrorClass.SCHEMA)
    assert path in fetch.error
    assert fetch.pages[0].body == body


def test_an_amount_that_is_missing_altogether_is_quarantined():
    with scripted(costs([page(bucket(DAY, {"object": "organization.costs.result"}, result()))])) as provider:
        fetch = read_one(provider.base_url, ONE_DAY)
    assert (total(fetch), fetch.detail) == (1, {"quarantined": 1})


MODELS = ["x" * 10_000 + ", input", "a/b, input", "a\nb, output", "<script>alert(1)</script>, input", "", None, "\x00"]


@pytest.mark.parametrize("line_item", MODELS, ids=["long", "slash", "newline", "markup", "empty", "null", "NUL"])
def test_no_line_item_spoils_the_money(line_item):
    with scripted(costs([page(bucket(DAY, result("1.23", line_item)))])) as provider:
        fetch = read_one(provider.base_url, ONE_DAY)
    assert total(fetch) == Decimal("1.23")


@pytest.mark.parametrize(
    "start",
    [
        int(midnight(DAY).timestamp()),
        int(midnight(DAY).timestamp()) * 1000,
        f"{DAY}T00:00:00Z",
        f"{DAY}T05:30:00+05:30",
        f"{DAY - timedelta(days=1)}T19:00:00-05:00",
        f"{DAY}T00:00:00",
        f"{DAY}",
        f"{DAY}T23:59:59.999999Z",
        int(midnight(DAY).timestamp()) + 86399,
    ],
)
def test_every_spelling_of_a_time_is_the_same_utc_day(start):
    with scripted(costs([page(bucket(start, result()))])) as provider:
        fetch = read_one(provider.base_url, ONE_DAY)
    assert [(answer.day, answer.rows_usd) for answer in fetch.answers] == [(DAY, 1)]


@pytest.mark.parametrize(
    "start", [0, -1, 1, 10**18, 2**62, -(2**62), "soon", "", "1970-01-01T00:00:00Z", 4102444800, "2023-12-31T23:59:59Z"]
)
def test_a_bucket_of_no_possible_day_is_quarantined_and_shown_on_the_windows_first_day(start):
    rows = page(bucket(start, result("9")), bucket(DAY, result("1")))
    with scripted(costs([rows])) as provider:
        fetch = read_one(provider.base_url, ONE_DAY)
    (answer,) = fetch.answers
    assert (fetch.state, answer.day, answer.rows_usd, answer.agrees) == (FetchState.COMPLETE, DAY, 1, None)
    assert fetch.detail == {"quarantined": 1}


def test_a_bucket_dated_tomorrow_is_quarantined():
    running = Window(TODAY, TODAY)
    rows = page(bucket(TODAY, result("1")), bucket(TODAY + timedelta(days=1), result("9")))
    with scripted(costs([rows])) as provider:
        fetch = read_one(provider.base_url, running)
    assert (total(fetch), fetch.detail) == (1, {"quarantined": 1})


@pytest.mark.parametrize("day", ["2028-02-29", "2026-12-31", "2026-03-29", "2026-10-31", "2027-01-01", "2024-01-01"])
def test_a_bucket_belongs_to_the_day_of_its_start(day):
    day = date.fromisoformat(day)
    with scripted(costs([days(Window(day, day))])) as provider:
        fetch = read_one(provider.base_url, Window(day, day), clock=FakeClock(midnight(day) + timedelta(days=5)))
    assert [(answer.day, answer.agrees) for answer in fetch.answers] == [(day, True)]


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_providers_clock_that_is_off_by_ten_minutes_makes_no_gap(minutes):
    """Ours says five to midnight; the provider, ahead, already has a bucket for the next day."""
    ours = midnight(TODAY) - timedelta(minutes=5)
    theirs = (ours + timedelta(minutes=minutes)).date()
    running = Window(ours.date(), ours.date())
    buckets = [bucket(day, result()) for day in Window(running.first, theirs).days()]
    with scripted(costs([page(*buckets)])) as provider:
        fetch = read_one(provider.base_url, running, clock=FakeClock(ours))
    assert [(answer.day, answer.rows_usd) for answer in fetch.answers] == [(running.first, 1)]
    assert fetch.detail == ({} if minutes < 0 else {"lines_of_other_days": {str(TODAY): 1}})


def test_a_fetch_over_midnight_of_the_first_has_one_now():
    """It starts 23:59:50 and ends 00:00:20: its questions are both those of the day it began."""
    last = date(2026, 11, 30)
    clock = FakeClock(datetime(2026, 11, 30, 23, 59, 50, tzinfo=UTC))

    def slow(asked):
        clock.advance(15)
        return Answer(page(bucket(last, result("1")), bucket(date(2026, 12, 1), result("2"))))

    with scripted(slow) as provider:
        fetch = read_one(provider.base_url, Window(last, last), clock=clock)
    assert clock.now() == datetime(2026, 12, 1, 0, 0, 20, tzinfo=UTC)
    assert [asked.all("end_time") for asked in provider.asked] == [[], []]
    assert [(answer.day, answer.rows_usd) for answer in fetch.answers] == [(last, 1)]
    assert fetch.detail == {"lines_of_other_days": {"2026-12-01": 1}}


def test_fifty_thousand_lines_over_many_pages_are_read_in_seconds():
    lines = [[result("0.0001", f"line {n}", project_id=f"p{at}") for n in range(5000)] for at in range(10)]
    rows = [page(bucket(DAY, *some), more=f"page_{at}" if at < 9 else None) for at, some in enumerate(lines)]
    with scripted(costs(rows, [days(ONE_DAY, "5")])) as provider:
        fetch = read_one(provider.base_url, ONE_DAY)
    (answer,) = fetch.answers
    assert (answer.rows, answer.pages, answer.rows_usd, answer.agrees) == (50_000, 10, Decimal(5), True)


def test_a_quarantined_amount_of_the_control_cannot_be_compared_and_one_fetch_is_enough():
    control = page(bucket(YOUNG.first, result("5")), bucket(0, result("1")))
    with scripted(costs([days(YOUNG)], [control])) as provider:
        (fetch,) = read(provider.base_url, YOUNG)
    assert (fetch.state, fetch.answers[0].agrees) == (FetchState.COMPLETE, None)
