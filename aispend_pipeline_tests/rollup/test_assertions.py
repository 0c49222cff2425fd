"""Figures that contradict each other roll everything back; sound ones do not."""

from decimal import Decimal

import pytest

from aispend_pipeline.errors import AssertionFailed
from aispend_pipeline.rollup.add_up import ASSERTIONS, add_up
from aispend_pipeline_tests.warehouse.building import DAY, complete, corrupt, line, look, replace_in_bodies, store

from .conftest import ALL, NEXT

# What somebody does to the store; which assertion notices, and what it says.
REPLACED = "an amount in every stored page"
CORRUPTION = {
    "the table of sums rounds to cents": (
        ["ALTER TABLE spend_daily ALTER billed_usd TYPE DECIMAL(38, 2)"],
        "rollup_equals_detail",
        "2026-05-04: rows add up to 1.500100000000000000 USD, the rollup says 1.50 USD",
    ),
    "a page of the rows is lost": (
        ["DELETE FROM page WHERE page_no = 2"],
        "no_partial_window",
        "openai_costs default 2026-05-04: 1 rows of a fetch that is not whole",
    ),
    "every page with rows is lost": (
        ["DELETE FROM page WHERE page_no <= 2"],
        "no_partial_window",
        "openai_costs default 2026-05-04: ",
    ),
    "the page of the control is lost": (
        ["DELETE FROM page WHERE reading = 'control'"],
        "no_partial_window",
        "openai_costs default 2026-05-04: 2 rows of a fetch that is not whole",
    ),
    "a page is there twice": (
        ["INSERT INTO page FROM page WHERE page_no = 1"],
        "no_partial_window",
        "openai_costs default 2026-05-04: ",
    ),
    "an amount in a page is another": (
        [REPLACED],
        "rows_equal_control",
        "openai_costs default 2026-05-04: rows add up to 1.700100000000000000 USD,"
        " the provider's own sum is 1.500100000000000000 USD",
    ),
    "the provider's own sum is another": (
        ["UPDATE answer SET control_usd = control_usd + 0.000002, agrees = false"],
        "rows_equal_control",
        "openai_costs default 2026-05-04: rows add up to 1.500100000000000000 USD,"
        " the provider's own sum is 1.500102000000000000 USD",
    ),
}


@pytest.fixture
def booked(warehouse, book):
    book(complete({DAY: [line("1.0001"), line("0.5", "o3")]}))
    return warehouse


def everything(warehouse) -> list:
    tables = ["store_meta", "spend", "spend_daily", "quarantine", "restatement", "coverage"]
    return [look(warehouse, f"FROM {table} ORDER BY ALL") for table in tables]


def test_without_corruption_nothing_fires(booked, clock):
    store(booked, complete({NEXT: [line("3")]}))

    assert add_up(booked, ALL, clock).days[NEXT].usd == Decimal(3)


@pytest.mark.parametrize("name", CORRUPTION)
def test_a_contradiction_is_named_and_rolls_everything_back(booked, clock, name):
    statements, check, says = CORRUPTION[name]
    for statement in statements:
        replace_in_bodies(booked, "0.5", "0.7") if statement == REPLACED else corrupt(booked, statement)
    booked.publish()
    before = everything(booked)

    with pytest.raises(AssertionFailed) as raised:
        add_up(booked, ALL, clock)

    assert raised.value.check == check
    assert str(raised.value).startswith(says)
    assert str(raised.value).endswith("; nothing was changed")
    booked.publish()
    assert everything(booked) == before


def test_rows_that_are_lost_are_noticed_even_where_there_is_no_control_to_compare_with(warehouse, clock):
    store(warehouse, complete({DAY: [line("1"), line("oops")]}, faulty=[DAY]))
    add_up(warehouse, ALL, clock)
    corrupt(warehouse, "DELETE FROM page WHERE reading = 'rows'")

    with pytest.raises(AssertionFailed, match="of a fetch that is not whole"):
        add_up(warehouse, ALL, clock)


def test_every_assertion_is_provoked_here():
    assert {check for _, check, _ in CORRUPTION.values()} == set(ASSERTIONS)


def test_a_dry_run_finds_contradictions_too(booked, clock):
    corrupt(booked, "DELETE FROM page WHERE page_no = 2")

    with pytest.raises(AssertionFailed):
        add_up(booked, ALL, clock, dry_run=True)


def test_a_store_that_was_mended_is_added_up_without_a_manual_step(booked, clock):
    corrupt(booked, "CREATE TABLE aside AS FROM page WHERE page_no = 2", "DELETE FROM page WHERE page_no = 2")
    with pytest.raises(AssertionFailed):
        add_up(booked, ALL, clock)

    corrupt(booked, "INSERT INTO page FROM aside")

    assert add_up(booked, ALL, clock).days[DAY].usd == Decimal("1.5001")


@pytest.mark.parametrize("off", ["0.000001", "-0.000001", "0.0000005"])
def test_rows_and_control_may_differ_by_a_millionth(booked, clock, off):
    corrupt(booked, f"UPDATE answer SET control_usd = control_usd + {off}")

    assert add_up(booked, ALL, clock).not_remade == []
