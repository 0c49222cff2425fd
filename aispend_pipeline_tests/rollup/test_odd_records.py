"""Money that cannot be booked, other currencies, other accounts, and sums that disagree with the provider's own."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from aispend_pipeline.model import Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.warehouse import Snapshots, reads
from aispend_pipeline_tests.warehouse.building import DAY, LATER, SOURCE, complete, failed, line, look, store

from .conftest import ALL, BOTH, NEXT

FAULTS = [
    ({"value": None}, "amount missing"),
    ({"value": "1,000"}, "amount unreadable"),
    ({"value": "$5"}, "amount unreadable"),
    ({"value": True}, "amount unreadable"),
    ({"value": {}}, "amount unreadable"),
    ({"value": "1e308"}, "amount out of range"),
    ({"value": "1", "currency": "doubloon"}, "currency unknown"),
    ({"value": "1", "currency": None}, "currency missing"),
]


@pytest.mark.parametrize(("fault", "reason"), FAULTS)
def test_a_record_that_cannot_be_booked_is_kept_apart_and_the_good_ones_are_seen(warehouse, clock, fault, reason):
    fetch = complete({DAY: [line("1.5"), line(**fault)], NEXT: [line("3")]}, faulty=[DAY])
    store(warehouse, fetch)

    outcome = add_up(warehouse, BOTH, clock)

    assert look(warehouse, "SELECT day, model, billed_usd FROM spend_daily ORDER BY ALL") == [
        (DAY, "gpt-4o", Decimal("1.5")),
        (NEXT, "gpt-4o", Decimal(3)),
    ]
    assert look(warehouse, "SELECT day, state, detail FROM coverage ORDER BY day") == [
        (DAY, "partial", '{"quarantined":1}'),
        (NEXT, "complete", "{}"),
    ]
    [(day, why, record, page_id, row_no)] = look(
        warehouse, "SELECT day, reason, record, page_id, row_no FROM quarantine"
    )
    assert (day, why, page_id, row_no) == (DAY, reason, f"{fetch.fetch_id}-1", 2)
    assert '"line_item":"gpt-4o, input"' in record
    assert outcome.not_remade == []


def test_quarantined_records_are_not_doubled_and_go_when_the_provider_mends_them(warehouse, clock):
    broken = {DAY: [line("1.5"), line("oops")]}
    for _ in range(3):
        store(warehouse, complete(broken, faulty=[DAY]))
        add_up(warehouse, BOTH, clock)
    assert look(warehouse, "SELECT count(*) FROM quarantine") == [(1,)]

    store(warehouse, complete({DAY: [line("1.5"), line("2.5")]}))
    add_up(warehouse, BOTH, clock)

    assert look(warehouse, "FROM quarantine") == []
    assert look(warehouse, "SELECT state, detail FROM coverage") == [("complete", "{}")]
    assert look(warehouse, "SELECT sum(billed_usd) FROM spend_daily") == [(Decimal(4),)]


@pytest.mark.parametrize("at", [datetime(1970, 1, 1, tzinfo=UTC).date(), LATER.date() + timedelta(days=30)])
@pytest.mark.parametrize("window", [Window(DAY, NEXT), Window(DAY - timedelta(days=1), NEXT)])
def test_a_record_of_an_impossible_day_is_shown_on_the_first_day_that_was_answered(warehouse, clock, at, window):
    fetch = complete({at: [line("5")], DAY: [line("1")], NEXT: [line("2")]}, window=window, faulty=[at, DAY])
    possible = [answer for answer in fetch.answers if answer.day != at]
    store(warehouse, replace(fetch, answers=possible))

    add_up(warehouse, ALL, clock)
    add_up(warehouse, Window(NEXT, NEXT), clock)

    assert look(warehouse, "SELECT day, reason FROM quarantine") == [
        (DAY, f"bucket dated {at}, {'in the future' if at > DAY else 'before 2024-01-01'}")
    ]
    assert look(warehouse, "SELECT day, state FROM coverage WHERE day >= '2026-05-04' ORDER BY day") == [
        (DAY, "partial"),
        (NEXT, "complete"),
    ]
    assert look(warehouse, "SELECT sum(billed_usd) FROM spend_daily") == [(Decimal(3),)]


def test_other_currencies_are_kept_and_listed_and_never_added(warehouse, clock):
    store(
        warehouse,
        complete(
            {
                DAY: [line("1.5"), line("100", currency="eur"), line("0.5", currency="EUR"), line("7", currency="JPY")],
                NEXT: [line("9", "o3", currency="EUR")],
            }
        ),
    )
    add_up(warehouse, BOTH, clock)

    assert look(warehouse, "SELECT currency, amount, amount_usd FROM spend WHERE day = '2026-05-04' ORDER BY ALL") == [
        ("EUR", Decimal("0.5"), None),
        ("EUR", Decimal(100), None),
        ("JPY", Decimal(7), None),
        ("USD", Decimal("1.5"), Decimal("1.5")),
    ]
    assert look(warehouse, 'SELECT day, model, billed_usd, "rows" FROM spend_daily ORDER BY day') == [
        (DAY, "gpt-4o", Decimal("1.5"), 4),
        (NEXT, "o3", None, 1),
    ]
    with Snapshots(warehouse.home).current()[1] as cursor:
        answer = reads.ask(cursor, reads.Question(BOTH, group_by=("model",)), [], LATER.date())
        only_o3 = reads.ask(cursor, reads.Question(BOTH, models=("o3",)), [], LATER.date())
    assert answer.total_usd == Decimal("1.5")
    assert {row.keys["model"]: row.usd for row in answer.rows} == {"gpt-4o": Decimal("1.5"), "o3": None}
    assert answer.unconverted == [("EUR", Decimal("109.5")), ("JPY", Decimal(7))]
    assert (only_o3.total_usd, only_o3.unconverted) == (0, [("EUR", Decimal(9))])
    assert look(warehouse, "SELECT DISTINCT state FROM coverage") == [("complete",)]


def test_two_accounts_do_not_mix(warehouse, book):
    eu = complete({DAY: [line("1")], NEXT: [line("2")]}, account="eu")
    us = complete({DAY: [line("10")]}, account="us")
    book(eu, us)
    book(complete({DAY: [], NEXT: [line("3")]}, account="eu"))

    sums = "SELECT account, day, billed_usd FROM spend_daily ORDER BY ALL"
    assert look(warehouse, sums) == [("eu", NEXT, 3), ("us", DAY, 10)]
    assert look(warehouse, "SELECT DISTINCT account FROM restatement") == [("eu",)]
    assert look(warehouse, "SELECT account, day, state FROM coverage ORDER BY ALL") == [
        ("eu", DAY, "complete"),
        ("eu", NEXT, "complete"),
        ("us", DAY, "complete"),
    ]


def test_one_account_that_fails_leaves_the_other_as_it_would_have_been(warehouse, book):
    book(complete({DAY: [line("10")]}, account="us"))
    before = look(warehouse, "FROM spend"), look(warehouse, "FROM coverage")

    book(failed(BOTH, account="eu"), complete({DAY: [line("10")]}, account="us"))

    assert look(warehouse, "SELECT * EXCLUDE (fetch_id, page_id) FROM spend") == [
        row[:21] + row[23:] for row in before[0]
    ]
    assert look(warehouse, "SELECT account, day, state FROM coverage ORDER BY ALL") == [
        ("eu", DAY, "failed"),
        ("eu", NEXT, "failed"),
        ("us", DAY, "complete"),
    ]


def test_an_accepted_disagreement_shows_both_figures(warehouse, book):
    noon = datetime(2026, 5, 4, 12, tzinfo=UTC)
    book(complete({DAY: [line("1.5")]}, at=noon, control={DAY: Decimal("1.75")}))

    assert look(warehouse, "SELECT state, finality, detail->>'rows_usd', detail->>'control_usd' FROM coverage") == [
        ("complete", "open", "1.500000000000000000", "1.750000000000000000")
    ]


MIDNIGHT = datetime(2026, 5, 5, tzinfo=UTC)
FINALITY = [
    (MIDNIGHT - timedelta(seconds=1), "open"),
    (MIDNIGHT, "provisional"),
    (MIDNIGHT + timedelta(hours=48), "provisional"),
    (MIDNIGHT + timedelta(hours=48, seconds=1), "settled"),
]


@pytest.mark.parametrize(("at", "finality"), FINALITY)
def test_finality_is_by_how_long_the_day_was_over_when_it_was_read(warehouse, book, at, finality):
    book(complete({DAY: [line("1")]}, at=at), window=Window(DAY, DAY))

    assert look(warehouse, "SELECT finality FROM coverage") == [(finality,)]


@pytest.mark.parametrize(("at", "restatements"), [(at, 0 if finality == "open" else 1) for at, finality in FINALITY])
def test_a_change_counts_as_restatement_if_the_day_was_over_when_it_was_last_read(warehouse, book, at, restatements):
    book(complete({DAY: [line("1")]}, at=at), window=Window(DAY, DAY))
    book(complete({DAY: [line("2")]}), window=Window(DAY, DAY))

    assert look(warehouse, "SELECT count(*) FROM restatement") == [(restatements,)]


def test_notes_of_the_fetch_are_shown_with_its_days(warehouse, book):
    book(complete({DAY: [line("1")]}, detail={"repeated_lines": 3}))

    with Snapshots(warehouse.home).current()[1] as cursor:
        detail = cursor.execute("SELECT source, detail->>'repeated_lines' FROM coverage").fetchall()
    assert detail == [(SOURCE, "3")]
