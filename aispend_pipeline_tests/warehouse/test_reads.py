"""Questions to a snapshot: every grouping adds up to the same total, and filters mean what they say."""

from datetime import timedelta
from decimal import Decimal
from itertools import combinations

import pytest

from aispend_pipeline.model import CoverageState, Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.warehouse import Snapshots, Warehouse
from aispend_pipeline.warehouse.coverage import complete_days, not_whole
from aispend_pipeline.warehouse.reads import OF_THE_ROLLUP, TOKENS, Answer, Question, ask

from .building import DAY, LATER, SOURCE, SetClock, complete, failed, line, store

NEXT = DAY + timedelta(days=1)
BOTH = Window(DAY, NEXT)
TOTAL = Decimal("112.250000000000000001")
FEEDS = [(SOURCE, "eu", "openai"), (SOURCE, "us", "openai")]
SUBSETS = [subset for size in range(len(OF_THE_ROLLUP) + 1) for subset in combinations(OF_THE_ROLLUP, size)]


@pytest.fixture(scope="module")
def cursor(tmp_path_factory):
    """Two accounts, three models and none, a credit, counted and uncounted lines."""
    clock = SetClock()
    warehouse = Warehouse(tmp_path_factory.mktemp("reads") / "home", clock)
    counted = {"quantity": 1000, "quantity_unit": "tokens"}
    eu = {
        DAY: [line("10", **counted), line("-0.75", "o3"), line("1.000000000000000001", None)],
        NEXT: [line("2", **counted), line("0", "o1")],
    }
    us = {DAY: [line("100", "gpt-4o", quantity=2, quantity_unit="1000_tokens")]}
    store(warehouse, complete(eu, account="eu"), complete(us, account="us"), failed(Window(NEXT, NEXT), account="us"))
    add_up(warehouse, BOTH, clock)
    with Snapshots(warehouse.home).current()[1] as cursor:
        yield cursor


def asked(cursor, *group_by: str, window: Window = BOTH, **filters) -> Answer:
    return ask(cursor, Question(window, group_by=group_by, **filters), FEEDS, LATER.date())


@pytest.mark.parametrize("group_by", SUBSETS, ids=lambda names: "+".join(names) or "nothing")
def test_every_grouping_adds_up_to_the_same_total(cursor, group_by):
    answer = asked(cursor, *group_by)

    assert sum(row.usd for row in answer.rows) == answer.total_usd == TOTAL
    assert sum(row.counts["input_tokens"] or 0 for row in answer.rows) == 4000
    assert all(tuple(row.keys) == group_by for row in answer.rows)
    assert len({tuple(row.keys.values()) for row in answer.rows}) == len(answer.rows)


def test_groups_come_in_order_and_what_cannot_be_told_comes_last(cursor):
    answer = asked(cursor, "model")

    assert [(row.keys["model"], row.usd) for row in answer.rows] == [
        ("gpt-4o", Decimal(112)),
        ("o1", Decimal(0)),
        ("o3", Decimal("-0.75")),
        (None, Decimal("1.000000000000000001")),
    ]


def test_a_count_that_is_not_known_is_none_and_not_zero(cursor):
    counts = {row.keys["model"]: row.counts for row in asked(cursor, "model").rows}

    assert counts["gpt-4o"] == {**dict.fromkeys(TOKENS), "input_tokens": 4000}
    assert counts["o3"] == counts[None] == dict.fromkeys(TOKENS)


FILTERS = [
    ({"models": ("gpt-4o",)}, "112"),
    ({"models": ("gpt-4o", "o3")}, "111.25"),
    ({"models": ("none such",)}, "0"),
    ({"accounts": ("eu",)}, "12.250000000000000001"),
    ({"accounts": ("us", "eu")}, "112.250000000000000001"),
    ({"accounts": ("us",), "models": ("o3",)}, "0"),
    ({"providers": ("openai",)}, "112.250000000000000001"),
    ({"providers": ("anthropic",)}, "0"),
    ({"window": Window(NEXT, NEXT)}, "2"),
    ({"window": Window(NEXT, NEXT), "accounts": ("us",)}, "0"),
    ({"models": ("'; DROP TABLE spend; --",)}, "0"),
]


@pytest.mark.parametrize(("filters", "total"), FILTERS)
def test_filters_let_through_what_they_name(cursor, filters, total):
    answer = asked(cursor, "day", "account", "model", **filters)

    assert answer.total_usd == sum((row.usd for row in answer.rows), Decimal(0)) == Decimal(total)


@pytest.mark.parametrize(("limit", "rows"), [(1, 1), (3, 3), (50, 4), (None, 4)])
def test_a_limit_cuts_the_rows_and_never_the_total(cursor, limit, rows):
    answer = asked(cursor, "model", limit=limit)

    assert len(answer.rows) == rows
    assert answer.total_usd == TOTAL


def test_coverage_names_every_day_of_every_feed(cursor):
    answer = asked(cursor, window=Window(DAY, NEXT + timedelta(days=1)))

    assert [(day.account, day.day - DAY, day.state) for day in answer.coverage] == [
        ("eu", timedelta(0), CoverageState.COMPLETE),
        ("eu", timedelta(1), CoverageState.COMPLETE),
        ("eu", timedelta(2), CoverageState.NOT_DUE),
        ("us", timedelta(0), CoverageState.COMPLETE),
        ("us", timedelta(1), CoverageState.FAILED),
        ("us", timedelta(2), CoverageState.NOT_DUE),
    ]
    assert not answer.complete


COMPLETE = [
    ({"window": Window(DAY, DAY)}, True),
    ({"accounts": ("eu",)}, True),
    ({"accounts": ("us",)}, False),
    ({"window": Window(NEXT, NEXT), "accounts": ("us",)}, False),
    ({"accounts": ("never heard of",)}, False),
    ({"providers": ("anthropic",)}, False),
]


@pytest.mark.parametrize(("filters", "complete"), COMPLETE)
def test_an_answer_is_complete_if_every_day_it_rests_on_was_read(cursor, filters, complete):
    assert asked(cursor, **filters).complete is complete


def test_a_feed_that_was_configured_and_never_read_makes_the_answer_incomplete(cursor):
    answer = ask(cursor, Question(Window(DAY, DAY)), [*FEEDS, (SOURCE, "new", "openai")], LATER.date())

    assert [(day.account, day.state) for day in answer.coverage if day.account == "new"] == [("new", "not_due")]
    assert not answer.complete


def test_complete_days_are_those_that_need_no_reading(cursor):
    assert complete_days(cursor) == {(SOURCE, "eu"): {DAY: LATER, NEXT: LATER}, (SOURCE, "us"): {DAY: LATER}}


def test_days_that_are_not_whole_say_why(cursor):
    assert [(gap.account, gap.day, gap.state, gap.detail) for gap in not_whole(cursor, BOTH)] == [
        ("us", NEXT, CoverageState.FAILED, {"error": "answered 500"})
    ]
