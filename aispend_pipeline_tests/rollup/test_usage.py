"""Every source by itself: what is known of its days, what stands when it fails, and what outlives its pages."""

import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from aispend_pipeline.model import Fetch, Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.sources import SOURCES
from aispend_pipeline.sources.reports import ReportSource
from aispend_pipeline.warehouse import Snapshots, coverage, fetches, status
from aispend_pipeline_tests.warehouse.books import (
    ANTHROPIC_COSTS,
    ANTHROPIC_USAGE,
    OPENAI_USAGE,
    billed,
    charge,
    completions,
    forget_pages,
    images,
    messages,
    refused,
    used,
)
from aispend_pipeline_tests.warehouse.building import DAY, LATER, complete, corrupt, line, look, packed, store

from .conftest import ALL, BOTH, NEXT, THIRD

STATES = "SELECT source, day, state, finality FROM coverage ORDER BY ALL"
FIGURES = ["FROM spend ORDER BY ALL", "FROM usage ORDER BY ALL", "FROM spend_daily ORDER BY ALL"]


def openai_usage(n: int, **more) -> Fetch:
    return used({DAY: [completions("gpt-4o", n, 5)]}, **more)


def anthropic_usage(n: int, **more) -> Fetch:
    return used({DAY: [messages("claude-opus-5", n, 5)]}, ANTHROPIC_USAGE, **more)


def anthropic_costs(n: int, **more) -> Fetch:
    return billed({DAY: [charge(str(n), "claude-opus-5")]}, **more)


def openai_costs(n: int, **more) -> Fetch:
    return complete({DAY: [line(str(n))]}, **more)


# One answer of each source for `DAY`, in which only `n` may differ.
ANSWERS = {
    "openai_costs": openai_costs,
    OPENAI_USAGE: openai_usage,
    ANTHROPIC_COSTS: anthropic_costs,
    ANTHROPIC_USAGE: anthropic_usage,
}
NEW = [OPENAI_USAGE, ANTHROPIC_COSTS, ANTHROPIC_USAGE]


def figures(warehouse, *, but: str = "") -> list:
    """All rows and sums, without the receipts, of every source but one."""
    kept = f"SELECT * EXCLUDE (fetch_id, page_id) FROM {{}} WHERE source <> '{but}' ORDER BY ALL"
    return [look(warehouse, kept.format(table)) for table in ("spend", "usage")]


def test_every_report_has_an_answer_here():
    assert set(ANSWERS) == {name for name, source in SOURCES.items() if isinstance(source, ReportSource)}


@pytest.mark.parametrize("source", NEW)
def test_an_answer_becomes_rows_and_coverage(warehouse, book, source):
    fetch = ANSWERS[source](10)
    book(fetch)

    table = SOURCES[source].normaliser.table
    assert look(warehouse, f"SELECT source, provider, day, fetch_id, page_id, row_no FROM {table}") == [
        (source, SOURCES[source].provider, DAY, fetch.fetch_id, f"{fetch.fetch_id}-1", 1)
    ]
    assert look(warehouse, STATES) == [(source, DAY, "complete", "settled")]
    assert look(warehouse, "SELECT last_read_at, fetch_id, detail FROM coverage") == [
        (LATER.replace(tzinfo=None), fetch.fetch_id, "{}")
    ]


@pytest.mark.parametrize("source", NEW)
def test_the_newest_answer_replaces_the_older_one_whole(warehouse, book, source):
    """D12; the twenty-fourth copy is the same as the first (D13, R5)."""
    book(ANSWERS[source](10), ANSWERS[source](70))
    once = figures(warehouse)

    with warehouse.write() as transaction:
        for _ in range(23):
            fetches.store(transaction, ANSWERS[source](70))
    outcome = book()

    assert figures(warehouse) == once
    assert [len(rows) for rows in once] == ([1, 0] if source == ANTHROPIC_COSTS else [0, 1])
    assert outcome.changes == look(warehouse, "FROM restatement") == []


def test_a_restated_bill_of_anthropic_says_what_it_was_in_dollars(warehouse, book):
    book(anthropic_costs(100))
    book(anthropic_costs(150))

    assert look(warehouse, "SELECT source, provider, model, was_usd, is_usd FROM restatement") == [
        (ANTHROPIC_COSTS, "anthropic", "claude-opus-5", 1, Decimal("1.5"))
    ]


@pytest.mark.parametrize("source", [OPENAI_USAGE, ANTHROPIC_USAGE])
def test_usage_that_is_corrected_is_no_restatement_of_money(warehouse, book, source):
    book(openai_costs(3), ANSWERS[source](10))
    outcome = book(ANSWERS[source](900))

    assert outcome.changes == look(warehouse, "FROM restatement") == []


def test_recomputing_gives_the_same_rows_byte_for_byte(warehouse, book, clock):
    """R1."""
    book(*(make(10) for make in ANSWERS.values()))
    before = [look(warehouse, sql) for sql in (*FIGURES, "FROM coverage ORDER BY ALL")]
    clock.instant += timedelta(days=30)

    for window in (Window(DAY, DAY), ALL):
        assert book(window=window).changes == []

    assert [look(warehouse, sql) for sql in (*FIGURES, "FROM coverage ORDER BY ALL")] == before


MIDNIGHT = datetime(2026, 5, 5, tzinfo=UTC)
FINALITY = [(MIDNIGHT - timedelta(seconds=1), "open"), (MIDNIGHT + timedelta(hours=48), "provisional")]


@pytest.mark.parametrize(("at", "finality"), FINALITY)
def test_each_source_has_a_finality_of_its_own(warehouse, book, at, finality):
    book(openai_costs(1), openai_usage(1, at=at))

    assert look(warehouse, STATES) == [
        ("openai_costs", DAY, "complete", "settled"),
        (OPENAI_USAGE, DAY, "complete", finality),
    ]


def test_a_running_day_that_anthropics_report_does_not_have_yet_is_not_due(warehouse, book):
    book(billed({DAY: [charge("5")]}, window=BOTH, at=MIDNIGHT + timedelta(hours=9)))

    assert look(warehouse, STATES) == [
        (ANTHROPIC_COSTS, DAY, "complete", "provisional"),
        (ANTHROPIC_COSTS, NEXT, "not_due", None),
    ]


def test_a_day_without_any_use_is_known_to_be_none(warehouse, book):
    outcome = book(used({DAY: [], NEXT: [completions("gpt-4o", 1, 1)]}))

    assert look(warehouse, "SELECT DISTINCT state FROM coverage") == [("complete",)]
    assert outcome.usage_rows == {DAY: 0, NEXT: 1}


@pytest.mark.long
@pytest.mark.parametrize("source", list(ANSWERS))
def test_a_source_that_fails_touches_no_other_of_the_same_account(warehouse, book, source):
    """V3: as if it had not been asked."""
    book(*(make(10) for make in ANSWERS.values()))
    before = figures(warehouse)
    others = [make(10) for name, make in ANSWERS.items() if name != source]

    book(*others, refused(source, BOTH))

    assert figures(warehouse) == before
    assert look(warehouse, f"SELECT day, state, detail->>'last_attempt', detail->>'error' FROM coverage"
                           f" WHERE source = '{source}' ORDER BY day") == [
        (DAY, "complete", "answered 500", None),
        (NEXT, "failed", None, "answered 500"),
    ]  # fmt: skip
    assert look(warehouse, f"SELECT DISTINCT state, detail FROM coverage WHERE source <> '{source}'") == [
        ("complete", "{}")
    ]


@pytest.mark.parametrize(("fails", "works"), [(OPENAI_USAGE, "openai_costs"), ("openai_costs", OPENAI_USAGE)])
def test_money_and_tokens_are_shown_one_without_the_other(warehouse, book, fails, works):
    """D15, the one book alone: the figures of the other are null and not zero."""
    book(ANSWERS[works](10), refused(fails, Window(DAY, DAY)))

    [(usd, tokens, requests)] = look(warehouse, "SELECT billed_usd, input_tokens, requests FROM spend_daily")
    assert (usd, tokens, requests) == ((10, None, None) if works == "openai_costs" else (None, 10, 1))
    assert look(warehouse, "SELECT source, state FROM coverage ORDER BY ALL") == sorted(
        [(fails, "failed"), (works, "complete")]
    )


@pytest.mark.parametrize("source", NEW)
def test_an_account_whose_answer_cannot_be_read_keeps_what_it_was_and_the_others_are_made(
    warehouse, book, clock, source
):
    """R4, and what add_up, coverage and status say of it."""
    book(ANSWERS[source](10, account="eu"), ANSWERS[source](20, account="us"), openai_costs(5, account="eu"))
    odd = ANSWERS[source](11, account="eu")
    store(warehouse, odd, ANSWERS[source](21, account="us"))
    corrupt(
        warehouse,
        f"UPDATE body SET body = {packed('{}')} WHERE sha256 IN"
        f" (SELECT body_sha256 FROM page WHERE fetch_id = '{odd.fetch_id}' AND page_no = 1)",
    )

    outcome = add_up(warehouse, ALL, clock)

    [told] = outcome.not_remade
    assert told.startswith(f"{source} eu 2026-05-04..2026-05-04: rows kept as they are: the page's shape is not")
    assert outcome.refused == {}
    table, column = ("spend", "amount * 100") if source == ANTHROPIC_COSTS else ("usage", "input_tokens")
    assert look(warehouse, f"SELECT account, {column} FROM {table} WHERE source = '{source}' ORDER BY ALL") == [
        ("eu", 10),
        ("us", 21),
    ]
    with Snapshots(warehouse.home).current()[1] as cursor:
        known = {(day.source, day.account): day for day in coverage.days_asked_for(cursor, ALL)}
        done = coverage.complete_days(cursor)
        [eu] = [feed for feed in status.feed_statuses(cursor, []) if (feed.source, feed.account) == (source, "eu")]
    assert known[source, "eu"].state == "complete"
    assert "the page's shape is not the known one" in known[source, "eu"].detail["last_attempt"]
    assert known[source, "us"].detail == known["openai_costs", "eu"].detail == {}
    assert set(done) == {(source, "us"), ("openai_costs", "eu")}
    assert [one.text for one in eu.reasons(LATER, 10800)] == [
        f"{source} eu: 1 day could not be read again, and what was read before stays"
    ]


@pytest.mark.parametrize("source", NEW)
def test_an_unreadable_day_that_was_never_read_is_failed_and_due_again(warehouse, clock, source):
    store(warehouse, ANSWERS[source](11), openai_costs(5))
    corrupt(warehouse, f"UPDATE body SET body = {packed('[]')} WHERE sha256 IN (SELECT body_sha256 FROM page"
                       f" INNER JOIN \"fetch\" USING (fetch_id) WHERE source = '{source}')")  # fmt: skip

    add_up(warehouse, ALL, clock)

    with Snapshots(warehouse.home).current()[1] as cursor:
        [failed] = coverage.not_whole(cursor, ALL)
        assert set(coverage.complete_days(cursor)) == {("openai_costs", "default")}
        [told] = [feed for feed in status.feed_statuses(cursor, []) if feed.source == source]
    assert (failed.source, failed.state, failed.last_read_at) == (source, "failed", None)
    assert "the page's shape is not the known one" in failed.detail["error"]
    assert f"{source} default: 1 day could never be read" in [one.text for one in told.reasons(LATER, 10800)]
    assert look(warehouse, "SELECT billed_usd FROM spend_daily") == [(5,)]


def test_a_bill_of_anthropic_that_contradicts_itself_is_set_aside_alone(warehouse, book, clock):
    book(anthropic_costs(100), openai_costs(5))
    store(warehouse, anthropic_costs(300))
    corrupt(warehouse, "UPDATE answer SET control_usd = 7 WHERE rows_usd = 3")

    outcome = add_up(warehouse, ALL, clock)

    assert outcome.refused == {
        "rows_equal_control": [
            "anthropic_costs default 2026-05-04: rows add up to 3.000000000000000000 USD,"
            " the provider's own sum is 7.000000000000000000 USD"
        ]
    }
    assert look(warehouse, "SELECT provider, billed_usd FROM spend_daily ORDER BY ALL") == [
        ("anthropic", 1),
        ("openai", 5),
    ]


ODD = [
    (used({DAY: [completions("gpt-4o", -1, 5), completions("o3", 3, 5)]}), "input_tokens: "),
    (used({DAY: [completions("gpt-4o", 1, "many"), completions("o3", 3, 5)]}), "output_tokens: "),
    (used({DAY: [messages("c", 1.5, 5), messages("d", 3, 5)]}, ANTHROPIC_USAGE), "input_tokens: "),
    (billed({DAY: [charge("1"), charge("2", currency="doubloon")]}), "currency unknown"),
]


@pytest.mark.parametrize(("fetch", "reason"), ODD)
def test_a_record_that_cannot_be_booked_is_kept_apart_and_makes_its_day_partial(warehouse, clock, fetch, reason):
    store(warehouse, fetch)
    for _ in range(2):
        add_up(warehouse, ALL, clock)

    [(day, why)] = look(warehouse, "SELECT day, reason FROM quarantine")
    assert (day, why.startswith(reason)) == (DAY, True)
    assert look(warehouse, "SELECT state, detail FROM coverage") == [("partial", '{"quarantined":1}')]
    assert look(warehouse, "SELECT count(*) FROM spend_daily") == [(1,)]


def test_integers_in_any_spelling_are_counts(warehouse, book):
    book(used({DAY: [completions("gpt-4o", 12.0, "7", "1e3")]}))
    assert look(warehouse, "SELECT input_tokens, output_tokens, requests FROM spend_daily") == [(12, 7, 1000)]


@pytest.mark.long
@pytest.mark.parametrize("source", NEW)
def test_facts_outlive_their_pages_and_a_recompute_says_so(warehouse, book, clock, source):
    """S12: pages are gone, rows and sums stay, and it is never done as "no pages, so no spend"."""
    book(*(make(10) for make in ANSWERS.values()))
    forget_pages(warehouse, source)
    before = [look(warehouse, sql) for sql in (*FIGURES, "FROM coverage ORDER BY ALL")]
    clock.instant += timedelta(days=90)

    outcome = add_up(warehouse, ALL, clock)

    assert outcome.not_remade == [
        f"{source} default 2026-05-04..2026-05-04: rows kept as they are: its pages have expired"
    ]
    assert (outcome.changes, outcome.refused) == ([], {})
    assert [look(warehouse, sql) for sql in (*FIGURES, "FROM coverage ORDER BY ALL")] == before


SHOWN = "SELECT provider, billed_usd * 100, input_tokens FROM spend_daily ORDER BY ALL"
OF_70 = [("anthropic", 70, 70), ("openai", None, 70)]


def test_new_answers_replace_rows_whose_pages_have_expired(warehouse, book):
    book(*(ANSWERS[source](10) for source in NEW))
    for source in NEW:
        forget_pages(warehouse, source)

    outcome = book(*(ANSWERS[source](70) for source in NEW))

    assert outcome.not_remade == []
    assert look(warehouse, SHOWN) == OF_70


def test_of_two_ingests_that_overlap_the_later_one_counts_even_if_it_is_stored_first(warehouse, book):
    """D14."""
    quick = [ANSWERS[source](70, at=LATER + timedelta(seconds=1)) for source in NEW]
    slow = [ANSWERS[source](10, at=LATER) for source in NEW]

    book(*quick, *slow)

    assert look(warehouse, SHOWN) == OF_70


def test_the_last_hour_of_a_day_belongs_to_the_day_that_it_began_on(warehouse, book):
    """T3, at the end of a leap February and of a year."""
    ends = [date(2024, 2, 29), date(2024, 12, 31)]
    hours = [completions("gpt-4o", 1, 0)] * 24

    book(*(used({day: hours}) for day in ends), window=Window(ends[0], ends[1]))

    assert look(warehouse, "SELECT day, input_tokens FROM spend_daily ORDER BY day") == [(day, 24) for day in ends]
    assert look(warehouse, "SELECT max(bucket_end) FROM usage") == [(datetime(2025, 1, 1),)]  # noqa: DTZ001


@pytest.fixture(params=["America/New_York", "Asia/Kolkata"])
def elsewhere(request, monkeypatch):
    """This process in another time zone."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_the_zone_of_the_process_moves_nothing(elsewhere, warehouse, book):
    """T1, on a day on which New York changes its clocks."""
    day = date(2025, 11, 2)
    fetches_ = [
        used({day: [completions("gpt-4o", 1, 0)] * 24}),
        used({day: [messages("claude-opus-5", 1, 0)] * 24}, ANTHROPIC_USAGE),
        billed({day: [charge("70", "claude-opus-5")]}),
    ]

    book(*fetches_, window=Window(day, day))

    assert look(warehouse, SHOWN) == [("anthropic", 70, 24), ("openai", None, 24)]
    for table, start in (("usage", "bucket_start"), ("spend", "charge_start")):
        assert look(warehouse, f"SELECT min({start}) FROM {table}") == [(datetime(2025, 11, 2),)]  # noqa: DTZ001
    assert look(warehouse, "SELECT DISTINCT day, finality, last_read_at FROM coverage") == [
        (day, "settled", LATER.replace(tzinfo=None))
    ]


def test_accounts_of_the_same_name_at_two_providers_do_not_mix(warehouse, book):
    book(openai_costs(1, account="eu"), openai_usage(2, account="eu"), anthropic_usage(4, account="eu"))
    book(used({DAY: []}, ANTHROPIC_USAGE, account="eu"))

    assert look(warehouse, "SELECT provider, billed_usd, input_tokens FROM spend_daily") == [("openai", 1, 2)]


def test_windows_of_a_week_stand_beside_each_other_and_days_outside_are_left_alone(warehouse, book):
    book(used({DAY: [completions("a", 1, 0)], NEXT: [completions("a", 2, 0)], THIRD: [images("b", 1)]}))

    book(used({NEXT: [completions("a", 9, 0)]}), window=Window(NEXT, NEXT))

    assert look(warehouse, "SELECT day, input_tokens FROM spend_daily ORDER BY day") == [
        (DAY, 1),
        (NEXT, 9),
        (THIRD, None),
    ]
