"""Which days are asked for again by themselves, and which of two answers is the newer."""

from datetime import timedelta
from decimal import Decimal

from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.warehouse import Snapshots, coverage
from aispend_pipeline_tests.warehouse.building import DAY, LATER, complete, corrupt, failed, line, look, store

from .conftest import ALL, NEXT, Window

FEED = ("openai_costs", "default")


def done(warehouse) -> set:
    warehouse.publish()
    with Snapshots(warehouse.home).current()[1] as cursor:
        return set(coverage.complete_days(cursor).get(FEED, ()))


def over_for(hours: int):
    """An instant at which `DAY` has been over for so long."""
    return LATER.replace(year=DAY.year, month=DAY.month, day=DAY.day, hour=0, minute=0) + timedelta(hours=24 + hours)


def test_a_day_is_done_once_it_was_read_settled(warehouse, book):
    book(complete({DAY: [line("1")]}, at=over_for(47)))
    assert done(warehouse) == set()

    book(complete({DAY: [line("1")]}, at=over_for(49)))
    assert done(warehouse) == {DAY}


def test_a_day_whose_newest_answer_was_never_added_up_is_not_done(warehouse, book):
    book(complete({DAY: [line("1")]}))
    assert done(warehouse) == {DAY}

    store(warehouse, complete({DAY: [line("77")]}))

    assert done(warehouse) == set()


def unadded(warehouse) -> list:
    warehouse.publish()
    with Snapshots(warehouse.home).current()[1] as cursor:
        return coverage.unadded_days(cursor)


def test_days_that_were_read_and_are_in_no_sum_are_told(warehouse, book):
    assert unadded(warehouse) == []

    store(
        warehouse, complete({NEXT: [line("1")]}), complete({DAY: [line("1")]}, account="eu"), failed(Window(DAY, DAY))
    )
    assert unadded(warehouse) == [DAY, NEXT]

    book()
    assert unadded(warehouse) == []

    store(warehouse, complete({DAY: [line("2")]}, account="eu"))
    assert unadded(warehouse) == [DAY]


def test_a_day_that_keeps_what_it_was_is_not_added_up_over_and_over(warehouse, book, clock):
    book(complete({DAY: [line("1")]}))
    odd = complete({DAY: [line("2")]})
    store(warehouse, odd)
    corrupt(warehouse, f"DELETE FROM page WHERE page_no = 1 AND fetch_id = '{odd.fetch_id}'")

    assert add_up(warehouse, ALL, clock).refused

    assert unadded(warehouse) == []


def test_a_day_that_could_not_be_read_again_is_not_done(warehouse, book):
    book(complete({DAY: [line("1")], NEXT: [line("2")]}))

    book(failed(Window(DAY, DAY)))

    assert done(warehouse) == {NEXT}


def test_an_answer_that_was_asked_for_later_is_not_replaced_by_a_slower_one(warehouse, clock):
    """Two ingests overlap: the one that began first ends last."""
    slow = complete({DAY: [line("1")], NEXT: [line("4")]}, at=LATER, takes=timedelta(minutes=10))
    quick = complete({DAY: [line("5")]}, at=LATER + timedelta(minutes=2))
    store(warehouse, quick, slow)

    add_up(warehouse, ALL, clock)

    assert look(warehouse, "SELECT day, billed_usd FROM spend_daily ORDER BY day") == [
        (DAY, Decimal(5)),
        (NEXT, Decimal(4)),
    ]


def test_a_clock_that_went_back_does_not_freeze_the_figures(warehouse, clock):
    store(warehouse, complete({DAY: [line("1")]}, at=LATER))
    store(warehouse, complete({DAY: [line("2")]}, at=LATER - timedelta(hours=2)))

    add_up(warehouse, ALL, clock)

    assert look(warehouse, "SELECT billed_usd FROM spend_daily") == [(Decimal(2),)]
