"""Accounts side by side, and what the store makes of their fetches: P16, G4, D5, D6, D12 to D14, T1."""

import asyncio
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal

import pytest

from aispend_pipeline.model import CoverageState, FetchState, Window
from aispend_pipeline.sources.http import Limits
from aispend_pipeline_tests.conftest import KEY

from .scripted import (
    SETTLED,
    TODAY,
    Answer,
    bucket,
    costs,
    days,
    page,
    result,
    scripted,
    silence,
)
from .store import Store

FIRST = SETTLED.first


def of(asked) -> str:
    """Whose key a question carried."""
    return asked.headers["authorization"].removeprefix("Bearer ")


def test_an_account_that_hangs_holds_up_no_other(home):
    """The hanging one is let go only after the quick one is in the store."""
    quick_is_stored = threading.Event()
    healthy = costs([days(SETTLED)])

    async def script(asked):
        if of(asked) == KEY:
            assert await asyncio.to_thread(quick_is_stored.wait, 5)
        return healthy(asked)

    ended = []
    with scripted(script) as provider:
        store = Store(home, provider.base_url, OPENAI_API_KEY__QUICK="sk-quick")

        def stored(fetch):
            ended.append((fetch.account, store.rows('SELECT account FROM "fetch" ORDER BY seq')))
            quick_is_stored.set()

        fetches = store.ingest(on_fetch=stored)
    assert ended == [("quick", [("quick",)]), ("default", [("quick",), ("default",)])]
    assert {fetch.state for fetch in fetches} == {FetchState.COMPLETE}


def test_an_account_that_hangs_for_ever_fails_alone(home):
    healthy = costs([days(SETTLED)])

    def script(asked):
        return Answer(wire=silence) if of(asked) == "sk-slow" else healthy(asked)

    with scripted(script) as provider:
        store = Store(home, provider.base_url, OPENAI_API_KEY__SLOW="sk-slow")
        store.ingest(limits=Limits(attempt_seconds=0.3, attempts=1))
        assert store.answer().total_usd == 3
        assert store.states() == {
            (account, day): state
            for account, state in (("default", CoverageState.COMPLETE), ("slow", CoverageState.FAILED))
            for day in SETTLED.days()
        }
        provider.script = healthy
        store.ingest()
        assert store.answer().total_usd == 6
        assert set(store.states().values()) == {CoverageState.COMPLETE}


@pytest.mark.parametrize("fault", ["429", "third page", "schema", "control"])
def test_a_fault_leaves_old_figures_as_they_are_and_the_next_run_mends_everything(home, fault):
    old = costs([days(SETTLED, "1")])
    pages = [
        page(bucket(FIRST, result("2", f"line {n}")), more=f"page_{n + 1}" if n < 5 else None) for n in range(1, 6)
    ]
    new = costs(pages, [days(Window(FIRST, FIRST), "10")])
    broken = {
        "429": lambda asked: Answer(b"{}", 429, (("retry-after", "3600"),)),
        "third page": lambda asked: Answer(b"{}", 500) if asked.cursor == "page_3" else new(asked),
        "schema": lambda asked: Answer(b'{"data": 1}'),
        "control": costs(pages, [days(Window(FIRST, FIRST), "11")]),
    }[fault]
    with scripted(old) as provider:
        store = Store(home, provider.base_url)
        store.ingest()
        before = store.answer(SETTLED, "day", "model").rows
        provider.script = broken
        assert {fetch.state for fetch in store.ingest()} == {FetchState.FAILED}
        assert store.answer(SETTLED, "day", "model").rows == before
        assert store.rows("SELECT count(*) FROM restatement") == [(0,)]
        provider.script = new
        store.ingest(Window(FIRST, FIRST))
        assert store.answer().total_usd == 12
    assert KEY.encode() not in store.warehouse.file.read_bytes()


def test_a_restatement_replaces_exactly_the_days_it_covers_and_history_keeps_both(home):
    one_day = Window(FIRST, FIRST)
    with scripted(costs([days(SETTLED, "1.00")])) as provider:
        store = Store(home, provider.base_url)
        store.ingest()
        for value, total in (("1.50", "3.5"), ("0.25", "2.25"), ("-4", "-2")):
            provider.script = costs([days(one_day, value)])
            store.ingest(one_day)
            assert store.answer().total_usd == Decimal(total)
    assert store.rows("SELECT day, was_usd, is_usd FROM restatement ORDER BY is_usd DESC") == [
        (FIRST, Decimal("1"), Decimal("1.5")),
        (FIRST, Decimal("1.5"), Decimal("0.25")),
        (FIRST, Decimal("0.25"), Decimal("-4")),
    ]
    assert store.rows("SELECT count(*) FROM \"fetch\" WHERE state = 'complete'") == [(4,)]


@pytest.mark.long
def test_the_same_ingest_many_times_changes_nothing(home):
    with scripted(costs([days(SETTLED, "1.23")])) as provider:
        store = Store(home, provider.base_url)
        store.ingest()
        once = store.answer(SETTLED, "day", "model").rows, store.rows("SELECT count(*) FROM spend")
        bodies = store.rows("SELECT count(*) FROM body")
        for _ in range(3):
            store.ingest()
    assert (store.answer(SETTLED, "day", "model").rows, store.rows("SELECT count(*) FROM spend")) == once
    assert store.rows("SELECT count(*) FROM body") == bodies
    assert store.rows("SELECT count(*) FROM restatement") == [(0,)]


def test_two_ingests_of_one_window_at_once_are_as_one(home):
    with scripted(costs([days(SETTLED, "1.23")])) as provider, ThreadPoolExecutor(2) as pool:
        store = Store(home, provider.base_url)
        done = [pool.submit(store.ingest) for _ in range(2)]
        assert [fetch.state for each in done for fetch in each.result(30)] == [FetchState.COMPLETE] * 2
    assert store.answer().total_usd == Decimal("3.69")
    assert store.rows("SELECT count(*) FROM spend") == [(3,)]


def test_a_credit_lowers_the_total_even_below_nothing(home):
    rows = page(bucket(FIRST, result("1.00"), result("-3.50", "Promotional credit")))
    with scripted(costs([rows])) as provider:
        store = Store(home, provider.base_url)
        store.ingest()
    assert store.answer().total_usd == Decimal("-2.5")
    assert store.rows("SELECT charge_category, amount FROM spend ORDER BY amount") == [
        ("Credit", Decimal("-3.5")),
        ("Usage", Decimal("1")),
    ]


def test_another_currency_is_kept_and_listed_and_never_added(home):
    rows = page(bucket(FIRST, result("1"), result("2", currency="eur"), result("3", currency="EUR")))
    with scripted(costs([rows])) as provider:
        store = Store(home, provider.base_url)
        store.ingest()
    answer = store.answer()
    assert (answer.total_usd, answer.unconverted) == (1, [("EUR", 5)])
    assert store.rows("SELECT sum(amount_usd), count(*) FROM spend") == [(1, 3)]


@pytest.mark.parametrize(
    ("spoilt", "fault", "shown_on"),
    [
        (bucket(FIRST + timedelta(days=1), result("NaN")), "amount unreadable", FIRST + timedelta(days=1)),
        (bucket(FIRST + timedelta(days=1), result("1", currency=None)), "currency missing", FIRST + timedelta(days=1)),
        (bucket(FIRST + timedelta(days=1), result("1", currency="zz")), "currency unknown", FIRST + timedelta(days=1)),
        (bucket(0, result("9")), "bucket dated 1970-01-01, before 2024-01-01", FIRST),
        (bucket(TODAY + timedelta(days=9), result("9")), "bucket dated 2026-12-04, in the future", FIRST),
        (bucket("soon", result("9")), "bucket time unreadable", FIRST),
    ],
    ids=["NaN", "no currency", "unknown currency", "1970", "next week", "no time"],
)
def test_what_cannot_be_booked_is_shown_with_its_reason_and_its_day_is_partial(home, spoilt, fault, shown_on):
    good = [bucket(day, result("1")) for day in SETTLED.days()]
    with scripted(costs([page(*good, spoilt)])) as provider:
        store = Store(home, provider.base_url)
        store.ingest()
    assert store.rows("SELECT day, reason FROM quarantine") == [(shown_on, fault)]
    assert store.answer().total_usd == 3
    assert store.states() == {
        ("default", day): CoverageState.PARTIAL if day == shown_on else CoverageState.COMPLETE for day in SETTLED.days()
    }


def test_a_row_keeps_its_model_project_key_and_quantity(home):
    rows = page(
        bucket(
            FIRST,
            result("1", "gpt-4o, input", project_id="p", api_key_id="k", quantity=26099.0, quantity_unit="tokens"),
            result("2", "gpt-4o, output", project_id="", api_key_id=None, quantity="12", quantity_unit="1000_tokens"),
            result("3", "x" * 300 + ", input", quantity=2**63, quantity_unit="images"),
            result("4", None, quantity="soon"),
        )
    )
    with scripted(costs([rows])) as provider:
        store = Store(home, provider.base_url)
        store.ingest()
    assert store.rows(
        "SELECT model, project_id, api_key_id, quantity, unit, invoice_month, row_no FROM spend ORDER BY row_no"
    ) == [
        ("gpt-4o", "p", "k", 26099, "tokens", "2026-11", 1),
        ("gpt-4o", None, None, 12000, "tokens", "2026-11", 2),
        ("x" * 200, None, None, None, "images", "2026-11", 3),
        (None, None, None, None, None, "2026-11", 4),
    ]
    by_model = {row.keys["model"]: row for row in store.answer(SETTLED, "model").rows}
    assert by_model["gpt-4o"].counts["input_tokens"] == 26099
    assert by_model["gpt-4o"].counts["output_tokens"] == 12000
    assert by_model[None].counts["input_tokens"] is None


def test_spend_over_the_end_of_a_month_goes_to_the_right_months(home):
    window = Window(date(2026, 10, 30), date(2026, 11, 2))
    with scripted(costs([days(window, "0.1")])) as provider:
        store = Store(home, provider.base_url)
        store.ingest(window)
    november = Window(date(2026, 11, 1), window.last)
    assert store.answer(november).total_usd == Decimal("0.2")
    assert store.rows("SELECT invoice_month, sum(amount) FROM spend GROUP BY ALL ORDER BY ALL") == [
        ("2026-10", Decimal("0.2")),
        ("2026-11", Decimal("0.2")),
    ]


ZONES = """
import sys
from datetime import date
from pathlib import Path
from aispend_pipeline.model import Window
from aispend_pipeline.normalise.columns import instant
from aispend_pipeline_tests.sources.scripted import scripted
from aispend_pipeline_tests.sources.shapes import ANTHROPIC_COSTS, ANTHROPIC_USAGE, OPENAI_COSTS
from aispend_pipeline_tests.sources.store import Store

spring, autumn = (date(2026, 3, 6), date(2026, 3, 10)), (date(2026, 10, 30), date(2026, 11, 3))
read = ((OPENAI_COSTS, spring), (ANTHROPIC_COSTS, autumn), (ANTHROPIC_USAGE, spring))
for shape, (first, last) in read:
    window = Window(first, last)
    buckets = [shape.bucket(day, shape.result(7)) for day in window.days()]
    with scripted(shape.script([shape.page(*buckets)])) as provider:
        store = Store(Path(sys.argv[1]) / f"{shape} {first}", provider.base_url, shape.source)
        store.ingest(window)
    print("KEPT", [str(instant(f"{day}T02:30:00")) for day in window.days()])
    for sql in (
        "SELECT * EXCLUDE (fetch_id, page_id) FROM spend",
        "SELECT * EXCLUDE (fetch_id, page_id) FROM usage",
        "SELECT * FROM spend_daily",
        "SELECT * EXCLUDE (fetch_id) FROM coverage",
        "SELECT * EXCLUDE (fetch_id) FROM answer",
        "SELECT * EXCLUDE (fetch_id) FROM \\"fetch\\"",
        "SELECT request, body_sha256, fetched_at FROM page",
    ):
        print("KEPT", store.rows(f"{sql} ORDER BY ALL"))
"""


@pytest.mark.long
def test_the_zone_of_the_process_changes_nothing_that_is_asked_or_stored(tmp_path):
    """Days around the changes of the clocks, in two zones at once."""
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", ZONES, str(tmp_path / zone)],
            env={**os.environ, "TZ": zone},
            stdout=subprocess.PIPE,
            text=True,
        )
        for zone in ("America/New_York", "Asia/Kolkata")
    ]
    said = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    new_york, kolkata = ([line for line in text.splitlines() if line.startswith("KEPT")] for text in said)
    assert len(kolkata) == 3 * 8
    assert new_york == kolkata
