"""An answer that contradicts itself is set aside alone; sums that contradict their rows roll everything back."""

from decimal import Decimal

import pytest

from aispend_pipeline.errors import AssertionFailed
from aispend_pipeline.estimates import pricing
from aispend_pipeline.model import Window
from aispend_pipeline.rollup import add_up as rollup
from aispend_pipeline.rollup import parts
from aispend_pipeline.rollup.add_up import ASSERTIONS, add_up
from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse.snapshots import pointer
from aispend_pipeline_tests.warehouse.books import completions, images, used
from aispend_pipeline_tests.warehouse.building import DAY, complete, corrupt, line, look, replace_in_bodies, store

from .conftest import ALL, BOTH, NEXT

# What somebody does to the pages of account `eu`; which assertion notices, and what it says.
REPLACED = "an amount in every stored page"
OF_EU = "fetch_id IN (SELECT fetch_id FROM \"fetch\" WHERE account = 'eu')"
CORRUPTION = {
    "a page of the rows is lost": (
        [f"DELETE FROM page WHERE page_no = 2 AND {OF_EU}"],
        "no_partial_window",
        "openai_costs eu 2026-05-04: 1 rows of a fetch that is not whole",
    ),
    "every page with rows is lost": (
        [f"DELETE FROM page WHERE page_no <= 2 AND {OF_EU}"],
        "no_partial_window",
        "openai_costs eu 2026-05-04: 0 rows of a fetch that is not whole",
    ),
    "the page of the control is lost": (
        [f"DELETE FROM page WHERE reading = 'control' AND {OF_EU}"],
        "no_partial_window",
        "openai_costs eu 2026-05-04: 2 rows of a fetch that is not whole",
    ),
    "a page is there twice": (
        [f"INSERT INTO page FROM page WHERE page_no = 1 AND {OF_EU}"],
        "no_partial_window",
        "openai_costs eu 2026-05-04: ",
    ),
    "an amount in a page is another": (
        [REPLACED],
        "rows_equal_control",
        "openai_costs eu 2026-05-04: rows add up to 1.700100000000000000 USD,"
        " the provider's own sum is 1.500100000000000000 USD",
    ),
    "the provider's own sum is another": (
        [f"UPDATE answer SET control_usd = control_usd + 0.000002, agrees = false WHERE {OF_EU}"],
        "rows_equal_control",
        "openai_costs eu 2026-05-04: rows add up to 1.500100000000000000 USD,"
        " the provider's own sum is 1.500102000000000000 USD",
    ),
}
ROUNDED = "ALTER TABLE spend_daily ALTER billed_usd TYPE DECIMAL(20, 2)"


@pytest.fixture
def booked(warehouse, book):
    """Two accounts; the figures of `eu` are as in `CORRUPTION`."""
    book(complete({DAY: [line("1.0001"), line("0.5", "o3")]}, account="eu"), complete({DAY: [line("7")]}, account="us"))
    return warehouse


def everything(warehouse) -> list:
    tables = ["store_meta", "spend", "usage", "spend_daily", "quarantine", "restatement", "coverage"]
    return [look(warehouse, f"FROM {table} ORDER BY ALL") for table in tables]


def corrupted(warehouse, name: str) -> tuple[str, str]:
    """Do what `name` says; which assertion notices, and what it says."""
    statements, check, says = CORRUPTION[name]
    for done in statements:
        replace_in_bodies(warehouse, "0.5", "0.7") if done == REPLACED else corrupt(warehouse, done)
    return check, says


def test_without_corruption_nothing_fires(booked, clock):
    store(booked, complete({NEXT: [line("3")]}))

    outcome = add_up(booked, ALL, clock)

    assert outcome.days[NEXT].usd == Decimal(3)
    assert (outcome.refused, outcome.not_remade) == ({}, [])


@pytest.mark.parametrize("name", CORRUPTION)
def test_a_contradiction_is_named_and_its_days_alone_keep_what_they_were(booked, clock, name):
    rows = "FROM spend WHERE account = 'eu' ORDER BY ALL"
    before = look(booked, rows)
    check, says = corrupted(booked, name)
    store(booked, complete({DAY: [line("8")], NEXT: [line("3")]}, account="us"))

    outcome = add_up(booked, ALL, clock)

    [told] = outcome.refused.pop(check)
    assert told.startswith(says)
    assert outcome.refused == {}
    assert outcome.not_remade == [f"openai_costs eu 2026-05-04..2026-05-04: rows kept as they are: {told}"]
    assert look(booked, rows) == before
    assert look(booked, "SELECT account, day, sum(billed_usd) FROM spend_daily GROUP BY ALL ORDER BY ALL") == [
        ("eu", DAY, Decimal("1.5001")),
        ("us", DAY, Decimal(8)),
        ("us", NEXT, Decimal(3)),
    ]
    assert look(booked, "SELECT account, day, state, finality, detail->>'last_attempt' FROM coverage ORDER BY ALL") == [
        ("eu", DAY, "complete", "settled", told),
        ("us", DAY, "complete", "settled", None),
        ("us", NEXT, "complete", "settled", None),
    ]


@pytest.mark.parametrize("name", ["a page of the rows is lost", "an amount in a page is another"])
def test_a_contradiction_is_found_again_each_time_and_changes_nothing_more(booked, clock, name):
    corrupted(booked, name)
    first = add_up(booked, ALL, clock)
    before = everything(booked)[1:]

    again = add_up(booked, ALL, clock)

    assert again == first
    assert everything(booked)[1:] == before


def test_a_day_that_was_never_read_and_whose_answer_contradicts_itself_is_failed_and_says_why(warehouse, clock):
    store(warehouse, complete({DAY: [line("1")], NEXT: [line("2")]}), complete({DAY: [line("5")]}, account="us"))
    corrupt(warehouse, "UPDATE answer SET control_usd = 3 WHERE day = '2026-05-05'")

    add_up(warehouse, ALL, clock)

    why = "openai_costs default 2026-05-05: rows add up to 2.000000000000000000 USD,"
    found = look(warehouse, "SELECT account, day, state, last_read_at IS NULL, detail FROM coverage ORDER BY ALL")
    assert [row[:4] for row in found] == [
        ("default", DAY, "failed", True),
        ("default", NEXT, "failed", True),
        ("us", DAY, "complete", False),
    ]
    assert all(why in row[4] for row in found[:2])
    assert look(warehouse, "SELECT account, billed_usd FROM spend_daily") == [("us", Decimal(5))]


def test_several_answers_that_contradict_themselves_in_different_ways_are_all_set_aside(warehouse, clock):
    for account, usd in (("eu", "1"), ("us", "2"), ("jp", "4")):
        store(warehouse, complete({DAY: [line(usd)]}, account=account))
    corrupt(
        warehouse,
        f"DELETE FROM page WHERE page_no = 3 AND {OF_EU}",
        f"UPDATE answer SET control_usd = 9 WHERE {OF_EU.replace('eu', 'us')}",
    )

    outcome = add_up(warehouse, ALL, clock)

    assert {check: len(found) for check, found in outcome.refused.items()} == {
        "no_partial_window": 1,
        "rows_equal_control": 1,
    }
    assert len(outcome.not_remade) == 2
    assert look(warehouse, "SELECT account, billed_usd FROM spend_daily") == [("jp", Decimal(4))]


def test_the_next_sound_answer_replaces_one_that_was_set_aside(booked, book, clock):
    corrupted(booked, "a page of the rows is lost")
    add_up(booked, ALL, clock)

    store(booked, complete({DAY: [line("2")]}, account="eu"))
    outcome = add_up(booked, ALL, clock)

    assert (outcome.refused, outcome.not_remade) == ({}, [])
    assert look(booked, "SELECT account, billed_usd FROM spend_daily ORDER BY ALL") == [("eu", 2), ("us", 7)]
    assert look(booked, "SELECT DISTINCT state, detail FROM coverage") == [("complete", "{}")]


def test_sums_that_are_not_those_of_the_rows_roll_everything_back(booked, clock):
    corrupt(booked, ROUNDED)
    store(booked, complete({NEXT: [line("3")]}))
    published = booked.publish()
    before = everything(booked)

    with pytest.raises(AssertionFailed) as raised:
        add_up(booked, ALL, clock)

    assert raised.value.check == "rollup_equals_detail"
    assert str(raised.value).startswith(
        "openai eu 2026-05-04 gpt-4o: the rows are 0.000100000000000000 USD and 0 rows more than the rollup says"
    )
    assert str(raised.value).endswith("; nothing was changed")
    assert pointer(booked.home) == published
    assert everything(booked) == before


def test_a_sum_of_tokens_that_is_not_that_of_the_rows_rolls_everything_back(warehouse, clock):
    store(warehouse, used({DAY: [completions("gpt-4o", 10, 5)]}))
    corrupt(warehouse, "ALTER TABLE spend_daily ALTER input_tokens TYPE BOOLEAN")

    with pytest.raises(AssertionFailed, match="openai default 2026-05-04: the rows are 9 tokens more than"):
        add_up(warehouse, ALL, clock)


# A mistake in the rollup that leaves every day's sum what it is.
MOVED = {
    "account": "CASE billed.account WHEN 'eu' THEN 'us' ELSE 'eu' END",
    "model": "CASE billed.model WHEN 'o3' THEN 'gpt-4o' ELSE 'o3' END",
}


@pytest.mark.parametrize("column", MOVED)
def test_money_is_compared_by_account_and_model(booked, clock, monkeypatch, column):
    right = rollup.statement("rollup", "spend_daily")
    wrong = right.replace(f"coalesce(billed.{column}, measured.{column}) AS {column}", f"{MOVED[column]} AS {column}")
    assert wrong != right
    of = rollup.statement
    monkeypatch.setattr(rollup, "statement", lambda *asked: wrong if asked[1] == "spend_daily" else of(*asked))

    with pytest.raises(AssertionFailed, match=r"openai (eu|us) 2026-05-04 \S+: the rows are .* than the rollup says"):
        add_up(booked, Window(DAY, DAY), clock)


def test_rows_that_are_lost_are_noticed_even_where_there_is_no_control_to_compare_with(warehouse, clock):
    store(warehouse, complete({DAY: [line("1"), line("oops")]}, faulty=[DAY]))
    add_up(warehouse, ALL, clock)
    corrupt(warehouse, "DELETE FROM page WHERE reading = 'rows'")

    outcome = add_up(warehouse, ALL, clock)

    assert "of a fetch that is not whole" in outcome.refused["no_partial_window"][0]
    assert look(warehouse, "SELECT state, detail FROM coverage")[0][0] == "partial"
    assert look(warehouse, "SELECT billed_usd FROM spend_daily") == [(Decimal(1),)]


def test_a_lost_page_of_usage_is_noticed_too(warehouse, clock):
    store(warehouse, used({DAY: [completions("gpt-4o", 10, 5), images("gpt-image-1", 3)]}))
    corrupt(warehouse, "DELETE FROM page WHERE page_no = 2")

    outcome = add_up(warehouse, ALL, clock)

    assert "openai_usage default 2026-05-04: 1 rows of a fetch" in outcome.refused["no_partial_window"][0]
    assert look(warehouse, "FROM usage") == look(warehouse, "FROM spend_daily") == []
    assert look(warehouse, "SELECT source, state FROM coverage") == [("openai_usage", "failed")]


# A mistake in the estimates: the file it is in, the right words, the wrong ones, and what is said of it.
MISTAKEN = {
    "an estimate counts in the sums beside its bill": (
        ("estimates", "ahead", "WHEN any_value(groups.bill) IN ('silent', 'open')", "WHEN true"),
        r"openai default 2026-05-04: the (sums of estimates|hours) are -?[0-9.]+ USD (less|more) than",
    ),
    "an estimate counts twice": (
        ("rollup", "spend_daily", "counted_usd AS estimated_usd", "2 * counted_usd AS estimated_usd"),
        r"openai default 2026-05-05: the (sums of estimates|hours) are -[0-9.]+ USD (less|more) than",
    ),
    "the bill is there, and all of the estimate counts": (
        ("estimates", "estimate", "WHEN estimated.bill = 'silent' THEN", "WHEN true THEN"),
        r"openai default 2026-05-04: [0-9.]+ USD are estimated beside a bill that is there",
    ),
    "some use is forgotten": (
        ("estimates", "estimate", "FROM estimated\n", "FROM (FROM estimated WHERE meter <> 'output') AS estimated\n"),
        r"openai default 2026-05-04: 20 units more were measured than are estimated",
    ),
    "money without a rate is lost": (
        ("rollup", "unconverted_daily", "amount <> 0 AND day", "amount > 3 AND day"),
        r"openai default 2026-05-04 o3: the rows are 3\.0+ EUR more than the rollup says",
    ),
    "an hour is lost": (
        ("rollup", "spend_hourly", "FROM billed_by_hour AS parts\n", "FROM (FROM billed_by_hour LIMIT 0) AS parts\n"),
        r"openai default 2026-05-04: the hours are -1\.0+ USD more than the day",
    ),
}


@pytest.mark.parametrize("name", MISTAKEN)
def test_a_mistake_in_sums_or_estimates_rolls_everything_back(warehouse, clock, monkeypatch, name):
    (room, file, right, wrong), says = MISTAKEN[name]
    store(
        warehouse,
        complete({DAY: [line("1", "gpt-4o"), line("3", "o3", currency="eur")]}),
        used({day: [completions("gpt-4o", 10**6, 20)] for day in (DAY, NEXT)}),
    )
    sound = statement(room, file)
    assert right in sound
    for module in (rollup, pricing, parts):
        monkeypatch.setattr(
            module,
            "statement",
            lambda *asked: sound.replace(right, wrong) if asked == (room, file) else statement(*asked),
        )

    with pytest.raises(AssertionFailed, match=says):
        add_up(warehouse, ALL, clock)
    assert look(warehouse, "SELECT count(*) FROM spend_daily") == [(0,)]


def test_every_assertion_is_provoked_here():
    of_sums = {"rollup_equals_detail", "estimates_are_ahead_of_the_bill"}
    assert {check for _, check, _ in CORRUPTION.values()} | of_sums == set(ASSERTIONS)


def test_a_dry_run_finds_contradictions_too_and_changes_nothing(booked, clock):
    check, _ = corrupted(booked, "a page of the rows is lost")
    booked.publish()
    before = everything(booked)

    outcome = add_up(booked, BOTH, clock, dry_run=True)

    assert (list(outcome.refused), len(outcome.not_remade)) == ([check], 1)
    booked.publish()
    assert everything(booked) == before


def test_a_store_that_was_mended_is_added_up_without_a_manual_step(booked, clock):
    before = everything(booked)[1:]
    corrupt(booked, "CREATE TABLE aside AS FROM page WHERE page_no = 2", "DELETE FROM page WHERE page_no = 2")
    assert add_up(booked, ALL, clock).refused

    corrupt(booked, "INSERT INTO page FROM aside")

    assert add_up(booked, ALL, clock).refused == {}
    assert everything(booked)[1:] == before


@pytest.mark.parametrize("off", ["0.000001", "-0.000001", "0.0000005"])
def test_rows_and_control_may_differ_by_a_millionth(booked, clock, off):
    corrupt(booked, f"UPDATE answer SET control_usd = control_usd + {off}")

    assert add_up(booked, ALL, clock).not_remade == []
