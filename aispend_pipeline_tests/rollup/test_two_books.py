"""Money is the bill's; tokens and requests are of one book, usage where it has any: never of both."""

import shutil
import tempfile
from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.warehouse import Snapshots, Warehouse
from aispend_pipeline_tests.warehouse.books import (
    ANTHROPIC_USAGE,
    billed,
    charge,
    completions,
    images,
    messages,
    searches,
    stored_bytes,
    used,
)
from aispend_pipeline_tests.warehouse.building import DAY, SetClock, complete, line, look, store
from aispend_pipeline_tests.warehouse.proof import assert_sound

from .conftest import ALL, NEXT

SUMS = 'SELECT model, billed_usd, input_tokens, output_tokens, requests, "rows", counted_by FROM spend_daily ORDER BY 1'


def tokens(n: int) -> dict[str, object]:
    """So many tokens, as a line of the bill counts them."""
    return {"quantity": n, "quantity_unit": "tokens"}


# What the bill calls models, what the usage book calls them, and under which of the bill's each is shown.
NAMES = {
    "the same name": (["gpt-4o"], ["gpt-4o"], ["gpt-4o"]),
    "dated where it is measured": (["gpt-image-1"], ["gpt-image-1-2025-04-23"], ["gpt-image-1"]),
    "dated where it is billed": (["gpt-image-2-2026-04-21"], ["gpt-image-2"], ["gpt-image-2-2026-04-21"]),
    "both dated, differently": (["gpt-4o-2024-08-06"], ["gpt-4o-2024-11-20"], ["gpt-4o-2024-11-20"]),
    "both dated, one of them billed": (
        ["gpt-4o-2024-08-06"],
        ["gpt-4o-2024-08-06", "gpt-4o-2024-11-20", "gpt-4o"],
        ["gpt-4o-2024-08-06", "gpt-4o-2024-11-20", "gpt-4o-2024-08-06"],
    ),
    "several of one": (["gpt-4o"], ["gpt-4o-2024-08-06", "gpt-4o-2024-11-20"], ["gpt-4o", "gpt-4o"]),
    "one that is there beside a dated one": (["gpt-4o", "gpt-4o-2024-08-06"], ["gpt-4o"], ["gpt-4o"]),
    "one of two, which cannot be told": (["o1-2024-12-17", "o1-2025-01-01"], ["o1"], ["o1"]),
    "not billed": (["gpt-4o"], ["gpt-4o-mini"], ["gpt-4o-mini"]),
    "a number that is no date": (["gpt-4"], ["gpt-4-0613"], ["gpt-4-0613"]),
    "nameless": ([None], [None], [None]),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_measured_model_is_shown_as_the_one_that_is_billed(warehouse, book, name):
    bill, measured, shown = NAMES[name]
    expected = defaultdict(int)
    for number, model in enumerate(shown, start=1):
        expected[model] += number

    book(
        complete({DAY: [line("1.5", model) for model in bill]}),
        used({DAY: [completions(model, number, 0) for number, model in enumerate(measured, start=1)]}),
    )

    found = look(warehouse, 'SELECT model, input_tokens, "rows" FROM spend_daily')
    assert {model: n for model, n, _ in found if n is not None} == expected
    assert {model for model, _, rows in found if rows} == set(bill)


def test_a_model_is_told_by_its_own_account_and_day(warehouse, book):
    book(
        complete({DAY: [line("1", "o3-2025-04-16")], NEXT: []}),
        complete({DAY: [line("1", "o3-2025-06-10")]}, account="eu"),
        used({DAY: [completions("o3", 1, 0)], NEXT: [completions("o3", 2, 0)]}),
        used({DAY: [completions("o3", 4, 0)]}, account="eu"),
    )

    assert look(warehouse, "SELECT account, day, model, input_tokens FROM spend_daily ORDER BY ALL") == [
        ("default", DAY, "o3-2025-04-16", 1),
        ("default", NEXT, "o3", 2),
        ("eu", DAY, "o3-2025-06-10", 4),
    ]


def test_the_bills_tokens_are_not_added_to_those_that_are_measured(warehouse, book):
    book(
        complete({DAY: [line("1.5", **tokens(1000)), line("2", "o3", **tokens(70))]}),
        used({DAY: [completions("gpt-4o", 900, 40, requests=3)]}),
    )

    assert look(warehouse, SUMS) == [
        ("gpt-4o", Decimal("1.5"), 900, 40, 3, 1, "usage"),
        ("o3", Decimal(2), None, None, None, 1, "usage"),
    ]


def test_a_day_without_usage_has_the_bills_tokens(warehouse, book):
    book(
        complete({DAY: [line("1.5", **tokens(1000))], NEXT: [line("2", **tokens(500)), line("1", "whisper")]}),
        used({DAY: [completions("gpt-4o", 900, 40)], NEXT: []}),
    )

    found = look(warehouse, "SELECT day, model, input_tokens, counted_by FROM spend_daily ORDER BY ALL")
    assert found == [
        (DAY, "gpt-4o", 900, "usage"),
        (NEXT, "gpt-4o", 500, "costs"),
        (NEXT, "whisper", None, None),
    ]


def test_the_bills_tokens_give_way_as_soon_as_usage_comes_and_come_back_with_its_correction_to_none(warehouse, book):
    book(complete({DAY: [line("1.5", **tokens(1000))]}))
    for said, expected in (([completions("gpt-4o", 900, 4)], (900, "usage")), ([], (1000, "costs"))):
        book(used({DAY: said}))
        assert look(warehouse, "SELECT input_tokens, counted_by FROM spend_daily") == [expected]


def test_a_day_of_which_usage_has_neither_tokens_nor_requests_has_the_bills_tokens(warehouse, book):
    book(complete({DAY: [line("1.5", **tokens(1000))]}), used({DAY: [stored_bytes(10**12)]}))

    assert look(warehouse, "SELECT input_tokens, counted_by FROM spend_daily") == [(1000, "costs")]


def test_what_is_measured_in_a_tier_without_a_price_is_summed_apart(warehouse, book):
    """Under the bill's model, and made again like all other sums."""
    batches = [messages("claude-opus-5", 10, 5, service_tier="priority")] * 2
    book(used({DAY: [*batches, messages("claude-opus-5", 70, 7)]}, ANTHROPIC_USAGE))

    unpriced = "SELECT day, account, provider, service_tier, model, input_tokens, output_tokens FROM unpriced_daily"
    assert look(warehouse, unpriced) == [(DAY, "default", "anthropic", "priority", "claude-opus-5", 20, 10)]

    book(used({DAY: [messages("claude-opus-5", 70, 7)]}, ANTHROPIC_USAGE))
    assert look(warehouse, unpriced) == []


def test_what_is_measured_and_not_billed_has_no_dollars_and_no_rows(warehouse, book):
    outcome = book(used({DAY: [completions("gpt-4o", 10, 5, requests=2)]}))

    assert look(warehouse, SUMS) == [("gpt-4o", None, 10, 5, 2, 0, "usage")]
    assert (outcome.days, outcome.usage_rows) == ({}, {DAY: 1})


def test_requests_that_searched_the_web_are_counted_where_they_were_made_and_once(warehouse, book):
    book(used({DAY: [completions("gpt-4o", 10, 5, requests=7), searches("gpt-4o", 12, 4)]}))

    found = "SELECT model, requests, estimated_usd FROM spend_daily WHERE {} NOT NULL"
    assert [row[:2] for row in look(warehouse, found.format("requests"))] == [("gpt-4o", 7)]
    assert [row[0] for row in look(warehouse, found.format("estimated_usd"))] == ["gpt-4o", None]
    assert look(warehouse, "SELECT quantity, unit FROM usage WHERE unit IS NOT NULL") == [(12, "calls")]


def test_stored_bytes_and_images_are_kept_and_in_no_sum_of_tokens(warehouse, book):
    book(used({DAY: [stored_bytes(10**12), images("gpt-image-1", 3, 2), stored_bytes(10**12)]}))

    assert look(warehouse, SUMS) == [("gpt-image-1", None, None, None, 2, 0, "usage")]
    assert look(warehouse, "SELECT kind, quantity, unit FROM usage ORDER BY ALL") == [
        ("images", 3, "images"),
        ("vector_stores", 10**12, "bytes"),
        ("vector_stores", 10**12, "bytes"),
    ]


def test_one_providers_usage_does_not_count_for_the_others_bill(warehouse, book):
    book(
        complete({DAY: [line("1.5", **tokens(1000))]}),
        billed({DAY: [charge("123.45")]}),
        used({DAY: [messages("claude-sonnet-4-5", 10, 5, cached=7, cache_5m=3)]}, ANTHROPIC_USAGE),
    )

    columns = "provider, billed_usd, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, counted_by"
    assert look(warehouse, f"SELECT {columns} FROM spend_daily ORDER BY provider") == [
        ("anthropic", Decimal("1.2345"), 10, 7, 3, 5, "usage"),
        ("openai", Decimal("1.5"), 1000, None, None, None, "costs"),
    ]


models = st.sampled_from(["gpt-4o", "gpt-4o-2024-08-06", "gpt-4o-2024-11-20", "o3", None])
counted = st.integers(0, 10**15)
quantities = st.integers(0, 10**15 - 1)  # a bill's quantity is read like an amount, up to 15 digits
bills = st.lists(st.tuples(models, st.integers(-1000, 1000), st.none() | quantities), max_size=4)
measures = st.lists(st.tuples(models, counted, counted), max_size=4)
feeds = st.fixed_dictionaries({account: st.tuples(bills, measures) for account in ("default", "eu")})


@pytest.mark.long
@examples(max_examples=6, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=st.lists(feeds, min_size=1, max_size=2))
def test_all_tokens_of_an_account_and_day_come_from_exactly_one_book(empty_store, days):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(empty_store, Path(folder) / "home")
        warehouse, clock = Warehouse(Path(folder) / "home", SetClock()), SetClock()
        expected = {}
        for offset, of_accounts in enumerate(days):
            day = DAY + timedelta(days=offset)
            for account, (bill, measured) in of_accounts.items():
                lines = [
                    line(str(usd), model, line_item=model and f"{model}, input", **({} if n is None else tokens(n)))
                    for model, usd, n in bill
                ]
                store(
                    warehouse,
                    complete({day: lines}, account=account),
                    used({day: [completions(model, n, out) for model, n, out in measured]}, account=account),
                )
                of_the_bill = [n for model, _, n in bill if n is not None and model]
                if measured:
                    expected[account, day] = ("usage", sum(n + out for _, n, out in measured))
                elif of_the_bill:
                    expected[account, day] = ("costs", sum(of_the_bill))

        add_up(warehouse, ALL, clock)

        with Snapshots(warehouse.home).current()[1] as cursor:
            assert_sound(cursor)
            sums = cursor.execute(
                "SELECT account, day, min(counted_by), max(counted_by),"
                " sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) FROM spend_daily"
                " WHERE counted_by IS NOT NULL GROUP BY ALL"
            ).fetchall()
            assert {(account, day): (book, n) for account, day, book, _, n in sums} == expected
            assert all(first == last for _, _, first, last, _ in sums)
