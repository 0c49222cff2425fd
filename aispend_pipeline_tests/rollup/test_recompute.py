"""Days are made again from stored pages alone; where that cannot be done they keep what they had, and it is said."""

from datetime import timedelta
from decimal import Decimal

import pytest

from aispend_pipeline.model import Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.warehouse.snapshots import pointer
from aispend_pipeline_tests.warehouse.building import (
    DAY,
    LATER,
    SetClock,
    complete,
    corrupt,
    line,
    look,
    packed,
    store,
)

from .conftest import ALL, BOTH, NEXT

TABLES = ["spend", "usage", "spend_daily", "quarantine", "restatement", "coverage"]
SAID = "SELECT account, day, state, detail->>'last_attempt' FROM coverage ORDER BY ALL"


def everything(warehouse) -> list:
    return [look(warehouse, f"FROM {table} ORDER BY ALL") for table in TABLES]


def figures(warehouse) -> list:
    """Everything but what coverage says of the last attempt."""
    known = "SELECT * EXCLUDE (detail) FROM coverage ORDER BY ALL"
    return [*everything(warehouse)[:-1], look(warehouse, known)]


UNREADABLE = [
    ('{"data": 5}', "the page's shape is not the known one: Expected `array`, got `int` - at `$.data`"),
    ('{"object": "page"}', "the page's shape is not the known one"),
    ('{"data": [{"start_time": 1777852800, "results": {"amount": 1}}]}', "at `$.data[0].results`"),
]


@pytest.mark.parametrize(("text", "reason"), UNREADABLE)
def test_a_page_that_todays_parser_cannot_read_keeps_its_old_rows_and_is_named(warehouse, book, clock, text, reason):
    odd = complete({DAY: [line("1"), line("2", "o3")], NEXT: [line("9")]}, account="eu")
    sound = complete({DAY: [line("5")]}, account="us")
    book(odd, sound)
    before = figures(warehouse)
    corrupt(
        warehouse, f"UPDATE body SET body = {packed(text)} WHERE sha256 IN ({pages_of(odd.fetch_id)} AND page_no = 2)"
    )

    outcome = add_up(warehouse, ALL, clock)

    [named] = outcome.not_remade
    assert named.startswith("openai_costs eu 2026-05-04..2026-05-05: rows kept as they are: ")
    assert reason in named
    assert figures(warehouse) == before
    why = named.partition("rows kept as they are: ")[2]
    assert look(warehouse, SAID) == [
        ("eu", DAY, "complete", why),
        ("eu", NEXT, "complete", why),
        ("us", DAY, "complete", None),
    ]
    assert outcome.days[DAY].usd == Decimal(8)


def test_the_rest_of_the_window_is_made_again(warehouse, book, clock):
    odd = complete({DAY: [line("1")]})
    book(odd, complete({NEXT: [line("2")]}), complete({DAY: [line("5")]}, account="us"))
    corrupt(
        warehouse,
        f"UPDATE body SET body = {packed('[]')} WHERE sha256 IN ({pages_of(odd.fetch_id)} AND page_no = 1)",
        "DELETE FROM spend WHERE day = '2026-05-05' OR account = 'us'",
    )

    outcome = add_up(warehouse, ALL, clock)

    assert len(outcome.not_remade) == 1
    assert look(warehouse, "SELECT account, day, billed_usd FROM spend_daily ORDER BY ALL") == [
        ("default", DAY, Decimal(1)),
        ("default", NEXT, Decimal(2)),
        ("us", DAY, Decimal(5)),
    ]


def test_a_body_that_is_gone_keeps_the_rows_and_is_named(warehouse, book, clock):
    fetch = complete({DAY: [line("1"), line("2")]})
    book(fetch)
    before = figures(warehouse)
    corrupt(warehouse, f"DELETE FROM body WHERE sha256 IN ({pages_of(fetch.fetch_id)} AND page_no = 1)")

    outcome = add_up(warehouse, ALL, clock)

    assert outcome.not_remade == [
        "openai_costs default 2026-05-04..2026-05-04: rows kept as they are: a page's body is missing"
    ]
    assert figures(warehouse) == before
    assert look(warehouse, SAID) == [("default", DAY, "complete", "a page's body is missing")]


def damaged(fetch_id: str, body: str) -> str:
    """The first page of a fetch becomes `body`, written in SQL."""
    return f"UPDATE body SET body = {body} WHERE sha256 IN ({pages_of(fetch_id)} AND page_no = 1)"


def test_every_answer_that_cannot_be_read_is_set_aside_in_one_pass_whatever_is_wrong_with_it(warehouse, clock):
    made = {account: complete({DAY: [line("1", account=account)]}, account=account) for account in "abcde"}
    store(warehouse, *made.values())
    corrupt(
        warehouse,
        damaged(made["a"].fetch_id, packed("{}")),
        damaged(made["b"].fetch_id, "from_hex('789c00')"),
        damaged(made["c"].fetch_id, "'no zlib at all'::BLOB"),
        f"UPDATE \"fetch\" SET source = 'gone_costs' WHERE fetch_id = '{made['d'].fetch_id}'",
    )
    began = []

    class CountingClock(SetClock):
        def now(self):
            began.append(self.instant)
            return super().now()

    outcome = add_up(warehouse, ALL, CountingClock())

    assert {why.split()[1]: why.partition("as they are: ")[2][:40] for why in outcome.not_remade} == {
        "a": "the page's shape is not the known one: O",
        "b": "Error -5 while decompressing data: incom",
        "c": "Error -3 while decompressing data: incor",
        "d": "'gone_costs'",
    }
    assert outcome.refused == {}
    assert len(began) == 2
    assert look(warehouse, "SELECT account, billed_usd FROM spend_daily") == [("e", Decimal(1))]
    assert look(warehouse, "SELECT account, state FROM coverage ORDER BY ALL") == [
        *((account, "failed") for account in "abcd"),
        ("e", "complete"),
    ]


def test_what_was_to_come_when_it_was_read_is_so_however_late_it_is_added_up(warehouse, clock):
    """D7: a bucket of a day that has come since is no more to be trusted."""
    to_come = LATER.date() + timedelta(days=3)
    store(warehouse, complete({DAY: [line("1")], to_come: [line("5")]}, window=BOTH, faulty=[DAY, to_come]))
    add_up(warehouse, ALL, clock)
    before = everything(warehouse)
    assert [row[4] for row in look(warehouse, "SELECT * FROM quarantine")] != []
    clock.instant += timedelta(days=30)

    add_up(warehouse, ALL, clock)

    assert everything(warehouse) == before


def test_expired_pages_leave_rows_sums_and_coverage_as_they_are(warehouse, book, clock):
    book(complete({DAY: [line("1"), line("2", "o3")], NEXT: []}))
    before = everything(warehouse)
    corrupt(warehouse, "DELETE FROM page", "DELETE FROM body")
    clock.instant += timedelta(days=90)

    outcome = add_up(warehouse, ALL, clock)

    assert everything(warehouse) == before
    assert outcome.not_remade == [
        "openai_costs default 2026-05-04..2026-05-05: rows kept as they are: its pages have expired"
    ]
    assert outcome.changes == []


def test_quarantined_records_outlive_their_pages(warehouse, clock):
    store(warehouse, complete({DAY: [line("1"), line("oops")]}, faulty=[DAY]))
    add_up(warehouse, ALL, clock)
    before = everything(warehouse)
    corrupt(warehouse, "DELETE FROM page", "DELETE FROM body")

    add_up(warehouse, ALL, clock)

    assert everything(warehouse) == before
    assert look(warehouse, "SELECT state FROM coverage") == [("partial",)]


def test_a_newer_answer_replaces_rows_whose_pages_have_expired(warehouse, book, clock):
    book(complete({DAY: [line("1")]}))
    corrupt(warehouse, "DELETE FROM page", "DELETE FROM body")

    book(complete({DAY: [line("2")]}))

    assert look(warehouse, "SELECT was_usd, is_usd FROM restatement") == [(1, 2)]


def test_a_dry_run_changes_nothing_and_says_what_would(warehouse, book, clock):
    book(complete({DAY: [line("1")], NEXT: [line("3")]}))
    store(warehouse, complete({DAY: [line("2")]}))
    published = warehouse.publish()
    before = everything(warehouse)

    outcome = add_up(warehouse, BOTH, clock, dry_run=True)

    assert [(c.day, c.model, c.was_usd, c.is_usd) for c in outcome.changes] == [(DAY, "gpt-4o", 1, 2)]
    assert (outcome.days[DAY].usd, outcome.days[NEXT].usd) == (2, 3)
    assert warehouse.publish() == pointer(warehouse.home) == published
    assert everything(warehouse) == before

    assert add_up(warehouse, BOTH, clock).changes == outcome.changes


def test_rows_that_were_lost_come_back_from_the_pages(warehouse, book):
    book(complete({DAY: [line("1")], NEXT: [line("2")]}))
    before = everything(warehouse)
    corrupt(warehouse, "DELETE FROM spend", "DELETE FROM spend_daily", "DELETE FROM coverage")

    book()

    assert everything(warehouse) == before


def test_a_window_that_nobody_asked_for_is_empty_and_known_to_be_unknown(warehouse, book):
    outcome = book(window=Window(DAY, DAY))

    assert look(warehouse, "FROM coverage") == []
    assert (outcome.days, outcome.changes, outcome.not_remade) == ({}, [], [])


def pages_of(fetch_id: str) -> str:
    return f"SELECT body_sha256 FROM page WHERE fetch_id = '{fetch_id}' AND reading = 'rows'"
