"""Last month's totals: the provider's own sum beside what is stored, exactly, and a word on the two."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from aispend_pipeline import due, money
from aispend_pipeline.doctor.last_month import Stored, Total, Word
from aispend_pipeline.model import Window
from aispend_pipeline.simulator import organisation
from aispend_pipeline.simulator.openai import openai
from aispend_pipeline.simulator.scenario import Restated, Scenario

from ..warehouse.building import body, line
from .world import BILLED, NOW, OCTOBER, OPENAI_KEY, answering, examined

OPENAI = BILLED["openai"]

SETTLED = datetime(2026, 11, 4, tzinfo=UTC)
YOUNG = datetime(2026, 11, 2, tzinfo=UTC)


def usd(text: str) -> dict[str, Decimal]:
    return {"USD": Decimal(text)}


def total(theirs: dict[str, Decimal] | None, ours: Stored | None) -> Total:
    return Total("openai", "default", OCTOBER, theirs, ours)


@pytest.mark.parametrize(
    ("today", "first", "last"),
    [
        (date(2026, 11, 25), date(2026, 10, 1), date(2026, 10, 31)),
        (date(2026, 1, 1), date(2025, 12, 1), date(2025, 12, 31)),
        (date(2028, 3, 31), date(2028, 2, 1), date(2028, 2, 29)),
    ],
)
def test_the_month_before(today, first, last):
    assert due.last_month(today) == Window(first, last)


@pytest.mark.parametrize(
    ("theirs", "ours", "word"),
    [
        (usd("1.25"), Stored(usd("1.25"), 31, 31), Word.SAME),
        (usd("1.25"), Stored(usd("1.250031"), 31, 31), Word.SAME),  # a millionth a day is the provider's rounding
        (usd("1.25"), Stored(usd("1.250032"), 31, 31), Word.DIFFERS),
        ({}, Stored({}, 31, 31), Word.SAME),
        (usd("1.25"), Stored({}, 31, 31), Word.DIFFERS),
        (usd("1.25"), Stored({**usd("1.25"), "EUR": Decimal(1)}, 31, 31), Word.DIFFERS),
        (usd("1.25"), Stored({}), Word.NOT_READ),
        (None, Stored({}), Word.NOT_READ),
        (None, Stored(usd("1.25"), 31, 31), Word.NOT_COMPARED),
        (usd("1.25"), None, Word.NOT_COMPARED),
    ],
)
def test_the_word(theirs, ours, word):
    assert total(theirs, ours).word is word


def test_nothing_that_is_not_known_is_shown_as_zero():
    assert total(None, None).rows() == [("USD", "", "")]
    assert total(None, Stored({})).rows() == [("USD", "", "")]
    assert total({}, Stored({}, 31, 31)).rows() == [("USD", "0.00", "0.00")]


def test_a_difference_is_a_problem_once_the_month_is_settled():
    differing = total(usd("10.5"), Stored(usd("10.25"), 31, 30))

    assert differing.finding(SETTLED).line == (
        "FAIL openai default: last month differs, 10.50 USD by the provider, 10.25 USD stored;"
        " run: aispend ingest --from 2026-10-01 --to 2026-10-31"
    )
    assert differing.finding(YOUNG).line.startswith("note openai default: last month differs")
    assert total(usd("1"), Stored(usd("1"), 31, 31)).finding(SETTLED) is None


def test_what_was_restated_since_it_was_read_differs(world, capsys):
    restated = Restated(date(2026, 10, 9), NOW + timedelta(hours=1), Decimal("1.5"))
    scenario = Scenario(restated=(restated,))
    world.with_openai(openai({OPENAI_KEY: "default"}, world.clock, scenario=scenario))
    world.fill(OCTOBER, "openai_costs")
    world.clock.instant += timedelta(hours=2)

    code, lines = examined(world, capsys)

    assert code == 1
    was, now_is = (
        organisation.total("openai", "default", OCTOBER.days(), at, scenario) for at in (NOW, world.clock.now())
    )
    assert lines[-2:] == [
        f" openai    default  differs   USD       {money.on_screen(now_is):>15}  {OPENAI}               0",
        f"FAIL openai default: last month differs, {money.text(now_is)} USD by the provider, {money.text(was)} USD"
        " stored; run: aispend ingest --from 2026-10-01 --to 2026-10-31",
    ]


def test_a_month_that_is_stored_in_part_says_how_many_days_are_missing(world, capsys):
    world.with_openai()
    world.fill(Window(date(2026, 10, 30), date(2026, 10, 31)), "openai_costs")

    _, lines = examined(world, capsys)

    assert lines[-2].startswith(f" openai    default  differs   USD       {OPENAI:>15}  ")
    assert lines[-2].endswith(" 29")


def test_what_is_stored_is_shown_when_the_provider_cannot_be_asked(world, capsys):
    world.with_openai()
    world.fill(OCTOBER, "openai_costs")
    world.with_openai(answering(401, b"{}"))

    code, lines = examined(world, capsys)

    assert code == 1
    assert lines[-1] == f" openai    default  not compared  USD                        {OPENAI}               0"


def test_other_currencies_have_rows_of_their_own(world, capsys):
    lines_of_a_day = [line("12.5"), line("0.000003"), line(7.25, currency="eur")]
    days = {day: lines_of_a_day if day.day == 3 else [] for day in OCTOBER.days()}
    world.with_openai(answering(200, body(days)))

    code, lines = examined(world, capsys)

    assert code == 0
    assert lines[-2:] == [
        " openai    default  not read yet  USD                 12.50                      31",
        " openai    default  not read yet  EUR                  7.25                      31",
    ]

    world.fill(OCTOBER, "openai_costs")
    code, lines = examined(world, capsys)

    assert code == 0
    assert lines[-2:] == [
        " openai    default  same      USD                 12.50   12.50               0",
        " openai    default  same      EUR                  7.25    7.25               0",
    ]


def test_sums_that_cannot_be_understood_are_left_out_and_said(world, capsys):
    days = {day: [line("1.00"), line("many")] if day.day == 3 else [] for day in OCTOBER.days()}
    world.with_openai(answering(200, body(days)))

    _, lines = examined(world, capsys)

    assert "note openai default: 1 of the provider's sums of last month cannot be understood, and is left out" in lines
    assert lines[-1] == " openai    default  not read yet  USD                  1.00                      31"


def test_an_answer_without_any_day_is_no_zero(world, capsys):
    world.with_openai(answering(200, json.dumps({"object": "page", "data": [], "has_more": False}).encode()))

    code, lines = examined(world, capsys)

    assert (code, lines[-1]) == (
        0,
        " openai    default  not read yet  USD                                            31",
    )
