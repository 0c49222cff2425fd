"""The newest complete answer of each day decides, whenever it is added up and however often."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from aispend_pipeline.model import Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline_tests.warehouse.building import DAY, LATER, body, complete, failed, line, look, page, store

from .conftest import ALL, BOTH, NEXT, THIRD

ROWS = "SELECT * EXCLUDE (fetch_id, page_id) FROM spend ORDER BY ALL"
SUMS = "SELECT day, model, billed_usd FROM spend_daily ORDER BY ALL"
STATES = "SELECT day, state, finality FROM coverage ORDER BY ALL"
RESTATEMENTS = 'SELECT day, model, was_usd, is_usd, "at" FROM restatement ORDER BY ALL'


def usd(text: str) -> Decimal:
    return Decimal(text)


def test_a_complete_answer_becomes_rows_sums_and_coverage(warehouse, book):
    fetch = complete({DAY: [line("1.25"), line("0.000000000000000001", "o3"), line("-0.25")], NEXT: []})

    outcome = book(fetch, window=BOTH)

    assert look(warehouse, SUMS) == [(DAY, "gpt-4o", usd("1")), (DAY, "o3", usd("1e-18"))]
    assert look(warehouse, "SELECT page_id, row_no, amount FROM spend ORDER BY ALL") == [
        (f"{fetch.fetch_id}-1", 1, usd("1.25")),
        (f"{fetch.fetch_id}-1", 2, usd("-0.25")),
        (f"{fetch.fetch_id}-2", 1, usd("1e-18")),
    ]
    assert look(
        warehouse, "SELECT day, state, finality, last_read_at, fetch_id, detail FROM coverage ORDER BY day"
    ) == [(day, "complete", "settled", LATER.replace(tzinfo=None), fetch.fetch_id, "{}") for day in (DAY, NEXT)]
    assert {day: (found.rows, found.groups, found.usd) for day, found in outcome.days.items()} == {
        DAY: (3, 2, usd("1.000000000000000001")),
        NEXT: (0, 0, usd("0")),
    }
    assert outcome.not_remade == []


def test_twenty_four_copies_of_an_answer_are_not_added_together_and_are_no_restatement(warehouse, book, clock):
    days = {DAY: [line("1.5"), line("2.5", "o3")], NEXT: [line("3.5")]}
    book(complete(days))
    once = look(warehouse, ROWS), look(warehouse, SUMS), look(warehouse, STATES)

    store(warehouse, *(complete(days) for _ in range(20)))
    for _ in range(3):
        store(warehouse, complete(days))
        assert add_up(warehouse, ALL, clock).changes == []

    assert (look(warehouse, ROWS), look(warehouse, SUMS), look(warehouse, STATES)) == once
    assert look(warehouse, RESTATEMENTS) == []


def test_recomputing_gives_the_same_rows_byte_for_byte(warehouse, book, clock):
    book(complete({DAY: [line("1.5")], NEXT: [line("2.5")]}))
    everything = ["FROM spend ORDER BY ALL", "FROM spend_daily ORDER BY ALL", "FROM coverage ORDER BY ALL"]
    before = [look(warehouse, sql) for sql in everything]
    clock.instant += timedelta(days=30)

    for window in (Window(NEXT, NEXT), Window(DAY, DAY), ALL, Window(date(2026, 1, 1), date(2026, 12, 31))):
        assert book(window=window).changes == []

    assert [look(warehouse, sql) for sql in everything] == before


def test_a_day_outside_the_window_is_left_alone(warehouse, book, clock):
    book(complete({DAY: [line("1")], NEXT: [line("1")]}))
    store(warehouse, complete({DAY: [line("2")], NEXT: [line("2")]}))

    add_up(warehouse, Window(NEXT, NEXT), clock)

    assert look(warehouse, SUMS) == [(DAY, "gpt-4o", usd("1")), (NEXT, "gpt-4o", usd("2"))]


def test_a_restated_day_replaces_the_old_one_and_says_what_it_was_for_each_model(warehouse, book, clock):
    book(complete({DAY: [line("1.5"), line("2", "o3"), line("7", "same")], NEXT: [line("9")]}))
    clock.instant += timedelta(days=3)

    fetch = complete(
        {DAY: [line("1.75"), line("7", "same"), line("0.5", "new"), line("0.25", None)], NEXT: [line("9")]}
    )
    outcome = book(fetch)

    at = clock.instant.replace(tzinfo=None)
    assert look(warehouse, RESTATEMENTS) == [
        (DAY, "gpt-4o", usd("1.5"), usd("1.75"), at),
        (DAY, "new", usd("0"), usd("0.5"), at),
        (DAY, "o3", usd("2"), usd("0"), at),
        (DAY, None, usd("0"), usd("0.25"), at),
    ]
    assert look(warehouse, "SELECT DISTINCT source, account, provider, fetch_id FROM restatement") == [
        ("openai_costs", "default", "openai", fetch.fetch_id)
    ]
    assert {(c.day, c.model, c.was_usd, c.is_usd) for c in outcome.changes} == {
        row[:4] for row in look(warehouse, RESTATEMENTS)
    }
    assert look(warehouse, "SELECT sum(amount_usd) FROM spend WHERE day = '2026-05-04'") == [(usd("9.5"),)]


def test_a_restatement_is_told_once_however_often_the_day_is_added_up(warehouse, book):
    book(complete({DAY: [line("1")]}))
    book(complete({DAY: [line("2")]}))
    for _ in range(3):
        book()

    assert [row[:4] for row in look(warehouse, RESTATEMENTS)] == [(DAY, "gpt-4o", usd("1"), usd("2"))]


def test_rows_that_move_between_projects_are_no_restatement(warehouse, book):
    book(complete({DAY: [line("1"), line("2")]}))
    book(complete({DAY: [line("3", project_id="proj_2")]}))

    assert look(warehouse, "SELECT project_id, amount FROM spend") == [("proj_2", usd("3"))]
    assert look(warehouse, RESTATEMENTS) == []


def test_a_running_day_that_grows_is_no_restatement(warehouse, book):
    noon = datetime(2026, 5, 4, 12, tzinfo=UTC)
    for hour, value in enumerate(("1", "2", "5")):
        outcome = book(complete({DAY: [line(value)]}, at=noon + timedelta(hours=hour)))
        assert len(outcome.changes) == 1

    book(complete({DAY: [line("6")]}))

    assert look(warehouse, SUMS) == [(DAY, "gpt-4o", usd("6"))]
    assert look(warehouse, RESTATEMENTS) == []


def test_a_day_that_is_corrected_to_nothing_loses_its_rows(warehouse, book):
    book(complete({DAY: [line("1"), line("2", "o3")], NEXT: [line("4")]}))
    book(complete({DAY: [], NEXT: [line("4")]}))

    assert look(warehouse, SUMS) == [(NEXT, "gpt-4o", usd("4"))]
    assert [row[1:4] for row in look(warehouse, RESTATEMENTS)] == [("gpt-4o", 1, 0), ("o3", 2, 0)]
    assert look(warehouse, STATES) == [(DAY, "complete", "settled"), (NEXT, "complete", "settled")]


def test_an_empty_bucket_is_zero_and_a_missing_one_is_not_known(warehouse, book):
    outcome = book(complete({DAY: []}, window=ALL))

    assert look(warehouse, STATES) == [
        (DAY, "complete", "settled"),
        (NEXT, "not_due", None),
        (THIRD, "not_due", None),
    ]
    assert look(warehouse, "SELECT last_read_at, detail->>'reason' FROM coverage WHERE day = '2026-05-05'") == [
        (None, "the provider did not answer for all of this day")
    ]
    assert outcome.days[DAY].rows == 0


def test_a_bucket_that_goes_missing_keeps_the_older_rows_and_their_receipt(warehouse, book):
    old = complete({DAY: [line("1")], NEXT: [line("2")]})
    new = complete({DAY: [line("3")]}, window=BOTH, at=LATER + timedelta(hours=1))
    book(old)
    book(new)

    assert look(warehouse, "SELECT day, fetch_id, amount FROM spend ORDER BY ALL") == [
        (DAY, new.fetch_id, usd("3")),
        (NEXT, old.fetch_id, usd("2")),
    ]
    assert look(warehouse, "SELECT fetch_id, state, last_read_at FROM coverage WHERE day = '2026-05-05'") == [
        (old.fetch_id, "complete", LATER.replace(tzinfo=None))
    ]


def test_a_failed_fetch_after_a_complete_one_keeps_figures_and_state(warehouse, book):
    book(complete({DAY: [line("1")]}))
    figures = ("FROM spend", "FROM spend_daily", "SELECT * EXCLUDE (detail) FROM coverage")
    before = [look(warehouse, sql) for sql in figures]

    book(failed(Window(DAY, DAY), at=LATER + timedelta(hours=1)))

    assert [look(warehouse, sql) for sql in figures] == before
    assert look(warehouse, "SELECT detail FROM coverage") == [('{"last_attempt":"answered 500"}',)]


def test_pages_of_a_failed_fetch_are_never_booked(warehouse, book):
    whole = complete({DAY: [line("1"), line("2")]})

    book(failed(Window(DAY, DAY), pages=whole.pages))

    assert look(warehouse, "FROM spend") == []


def test_a_failed_fetch_with_none_before_is_failed_and_says_why(warehouse, book):
    fetch = failed(BOTH)
    book(fetch)

    assert look(warehouse, "SELECT day, state, finality, last_read_at, fetch_id, detail->>'error' FROM coverage") == [
        (day, "failed", None, None, fetch.fetch_id, "answered 500") for day in (DAY, NEXT)
    ]


def test_a_complete_fetch_after_a_failed_one_makes_all_as_if_nothing_had_been(warehouse, book):
    book(failed(BOTH))
    book(complete({DAY: [line("1")], NEXT: [line("2")]}))

    assert look(warehouse, STATES) == [(DAY, "complete", "settled"), (NEXT, "complete", "settled")]
    assert look(warehouse, RESTATEMENTS) == []


def test_a_line_that_the_provider_gave_on_two_pages_is_booked_once(warehouse, book, clock):
    twice = [line("1"), line("2", "o3")]
    fetch = complete({DAY: twice}, detail={"repeated_lines": 1})
    pages = [page(body({DAY: twice})), page(body({DAY: twice[1:], NEXT: []})), fetch.pages[-1]]
    store(warehouse, replace(fetch, pages=pages))

    add_up(warehouse, ALL, clock)

    assert look(warehouse, SUMS) == [(DAY, "gpt-4o", usd("1")), (DAY, "o3", usd("2"))]


def test_a_page_without_any_result_books_nothing_and_is_no_error(warehouse, book):
    outcome = book(complete({DAY: [], NEXT: []}))

    assert outcome.not_remade == []
    assert look(warehouse, STATES) == [(DAY, "complete", "settled"), (NEXT, "complete", "settled")]
