"""A day's sums by hour: the bill spread as its use was, exactly, and without an hour what no use explains."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from aispend_pipeline.model import Fetch, Window, midnight
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.warehouse import Snapshots, Warehouse
from aispend_pipeline_tests.closing.october import charge as google_charge
from aispend_pipeline_tests.closing.october import exported
from aispend_pipeline_tests.warehouse.books import completions, searches, used
from aispend_pipeline_tests.warehouse.building import DAY, SetClock, complete, line, look, store

from .conftest import NEXT

HOURS = 'SELECT model, hour("hour"), billed_usd, estimated_usd FROM spend_hourly ORDER BY ALL'
IN_THE_AFTERNOON = midnight(DAY) + timedelta(hours=15)
MILLION = 10**6
THIRD_OF_A_DOLLAR = Decimal("0.333333333333333333")


def test_a_bill_is_spread_over_the_hours_as_its_use_was_at_list_price(warehouse, book):
    """Ten cents at 0 o'clock, twenty at 1, and of output ten at 2 and sixty at 3."""
    uses = [(40_000, 0), (80_000, 0), (0, 10_000), (0, 60_000)]
    book(complete({DAY: [line("5")]}), used({DAY: [completions("gpt-4o", *counts) for counts in uses]}))

    assert look(warehouse, HOURS) == [
        ("gpt-4o", hour, Decimal(usd), None) for hour, usd in enumerate(("0.5", "1", "0.5", "3"))
    ]
    assert look(
        warehouse, 'SELECT input_tokens, output_tokens, requests, "rows" FROM spend_hourly ORDER BY "hour"'
    ) == [(*counts, 1, 1) for counts in uses]


def test_what_does_not_divide_evenly_still_adds_up_to_the_last_digit(warehouse, book):
    book(complete({DAY: [line("1")]}), used({DAY: [completions("gpt-4o", 7, 0)] * 3}))

    assert [row[2] for row in look(warehouse, HOURS)] == [
        THIRD_OF_A_DOLLAR + Decimal("1e-18"),
        THIRD_OF_A_DOLLAR,
        THIRD_OF_A_DOLLAR,
    ]


def test_a_credit_is_spread_too(warehouse, book):
    book(complete({DAY: [line("-3")]}), used({DAY: [completions("gpt-4o", 2, 0), completions("gpt-4o", 4, 0)]}))

    assert look(warehouse, HOURS) == [("gpt-4o", 0, -1, None), ("gpt-4o", 1, -2, None)]


def test_estimates_are_in_the_hours_of_their_use(warehouse, book):
    """On a day without a bill each hour has its own; of a bill that grows each hour lacks its share."""
    uses = [completions("gpt-4o", MILLION, 0), completions("gpt-4o", 3 * MILLION, 0)]
    book(
        complete({DAY: [line("4")]}, at=IN_THE_AFTERNOON, account="growing"),
        used({DAY: uses}, account="growing"),
        used({DAY: uses}),
    )

    assert look(warehouse, HOURS.replace("model", "account")) == [
        ("default", 0, None, Decimal("2.5")),
        ("default", 1, None, Decimal("7.5")),
        ("growing", 0, 1, Decimal("1.5")),
        ("growing", 1, 3, Decimal("4.5")),
    ]


def test_what_no_use_explains_has_no_hour(warehouse, clock):
    """A model without a list price, one that was not measured, and what is billed without a model."""
    store(
        warehouse,
        complete({DAY: [line("7", "gpt-99"), line("5", "o3"), line("0.25", line_item="web search tool calls")]}),
        used({DAY: [completions("gpt-99", 10, 5), completions("gpt-99", 30, 5), searches("gpt-4o", 25, 1)]}),
    )
    add_up(warehouse, Window(DAY, DAY), clock)

    hours = 'SELECT model, hour("hour"), billed_usd, input_tokens, "rows" FROM spend_hourly ORDER BY ALL'
    assert look(warehouse, hours) == [
        ("gpt-99", 0, None, 10, 0),
        ("gpt-99", 1, None, 30, 0),
        ("gpt-99", None, 7, None, 1),
        ("o3", None, 5, None, 1),
        (None, None, Decimal("0.25"), None, 1),
    ]


def test_searches_without_a_bill_are_in_the_hours_in_which_they_were_made(warehouse, book):
    book(used({DAY: [searches("gpt-4o", 25, 1), searches("gpt-4o", 75, 1)]}))

    assert look(warehouse, HOURS) == [(None, 0, None, Decimal("0.25")), (None, 1, None, Decimal("0.75"))]


def test_a_day_without_usage_has_the_bills_tokens_and_no_hours(warehouse, book):
    tokens = {"quantity": 1000, "quantity_unit": "tokens"}
    book(complete({DAY: [line("1.5", **tokens)], NEXT: [line("2")]}), used({NEXT: [completions("gpt-4o", 10, 5)]}))

    assert look(warehouse, 'SELECT day, "hour", billed_usd, input_tokens FROM spend_hourly ORDER BY ALL') == [
        (DAY, None, Decimal("1.5"), 1000),
        (NEXT, datetime(2026, 5, 5), 2, 10),  # noqa: DTZ001
    ]


def test_googles_bill_has_no_hours(warehouse, clock):
    store(warehouse, exported(Window(DAY, DAY), google_charge(DAY, "3.5", "202605")))
    add_up(warehouse, Window(DAY, DAY), clock)

    assert look(warehouse, 'SELECT provider, model, "hour", billed_usd FROM spend_hourly') == [
        ("vertex", "gemini-2.5-flash", None, Decimal("3.5"))
    ]


def test_a_bill_in_another_currency_is_in_no_hour_and_no_dollars(warehouse, clock):
    store(warehouse, complete({DAY: [line("5", currency="eur")]}), used({DAY: [completions("gpt-4o", 10, 5)]}))
    add_up(warehouse, Window(DAY, DAY), clock)

    found = look(warehouse, 'SELECT hour("hour"), billed_usd, input_tokens FROM spend_hourly ORDER BY ALL')
    assert found == [(0, None, 10), (None, None, None)]


models = st.sampled_from(["gpt-4o", "o3", "gpt-99", None])
amounts = st.one_of(
    st.decimals("-20", "20", places=2), st.decimals("-1", "1", places=18), st.decimals("0", "1e14", places=6)
)
counts = st.one_of(st.integers(0, 3), st.integers(0, 10**12))
days = st.fixed_dictionaries(
    {
        "read": st.sampled_from([IN_THE_AFTERNOON, SetClock().now(), None]),
        "bill": st.lists(st.tuples(models, amounts), max_size=4),
        "uses": st.lists(st.tuples(models, counts, counts), max_size=8),
    }
)
Lines = Sequence[tuple[str | None, Decimal]]
Uses = Sequence[tuple[str | None, int, int]]


def both_books(account: str, read: datetime | None, bill: Lines, uses: Uses) -> Iterator[Fetch]:
    """The usage of an account, and its bill if it was read."""
    yield used({DAY: [completions(model, n, out) for model, n, out in uses]}, account=account)
    if read:
        yield complete({DAY: [line(f"{usd:f}", model) for model, usd in bill]}, account=account, at=read)


FIGURES = ("billed_usd", "estimated_usd", "input_tokens", "output_tokens", "requests")
SUMS = "SELECT account, model, {} FROM {} GROUP BY ALL ORDER BY ALL"


@pytest.mark.long
@examples(max_examples=6, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(of_accounts=st.lists(days, min_size=3, max_size=6))
def test_the_hours_of_a_day_add_up_to_the_day(empty_store, of_accounts):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(empty_store, Path(folder) / "home")
        warehouse = Warehouse(Path(folder) / "home", SetClock())
        store(warehouse, *[fetch for n, of in enumerate(of_accounts) for fetch in both_books(f"{n}", **of)])

        add_up(warehouse, Window(DAY, DAY), SetClock())

        figures = ", ".join(f"sum({name})" for name in FIGURES)
        with Snapshots(warehouse.home).current()[1] as cursor:
            of_days, of_hours = (
                cursor.execute(SUMS.format(figures, table)).fetchall() for table in ("spend_daily", "spend_hourly")
            )
            twice = cursor.execute(
                'SELECT account, model, "hour" FROM spend_hourly GROUP BY ALL HAVING count(*) > 1'
            ).fetchall()
        assert of_hours == of_days
        assert twice == []
