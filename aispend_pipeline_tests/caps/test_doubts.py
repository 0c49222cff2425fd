"""What may be out of date or fall back: figures that are old, and those that are believed only once given twice."""

import shutil
import tempfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aispend_pipeline.caps.doubts import CONFIRMED_AFTER, Fall, Said, falls, unconfirmed
from aispend_pipeline.caps.model import Caps, Scope
from aispend_pipeline_tests.warehouse.building import complete, line

from .measuring import (
    AN_HOUR,
    ANTHROPIC,
    FIRST,
    NOW,
    OCTOBER,
    TODAY,
    YESTERDAY,
    dollars,
    empty_store,
    minutes,
    november,
    whole,
    whole_month,
    world,
    world_at,
)

__all__ = ["empty_store", "whole", "whole_month", "world"]

NOON = datetime(2026, 11, 10, 12, 5, tzinfo=UTC)
A_MINUTE = timedelta(minutes=1)

figures = st.one_of(
    st.decimals("-1000", "1000", places=2),
    st.decimals("-3", "3", places=18),
    st.sampled_from(
        [Decimal(text) for text in ("0", "1", "2", "2.000000000000000001", "50", "100", "200", "-1", "-2")]
    ),
)
# Instants in any order: a clock may be set back between two readings.
answers = st.lists(
    st.builds(lambda minutes, usd: Said(NOON + minutes * A_MINUTE, usd), st.integers(-200, 200), figures), max_size=8
)
some = answers.filter(bool)


def said(*figures_after: tuple[int, str]) -> list[Said]:
    """Answers with their minute and figure."""
    return [Said(NOON + minute * A_MINUTE, Decimal(usd)) for minute, usd in figures_after]


@pytest.mark.parametrize(
    ("given_", "fall"),
    [
        ([], None),
        ([(0, "100")], None),
        ([(0, "100"), (60, "49.99")], ("100", "49.99", 60)),
        ([(0, "100"), (60, "50")], None),
        ([(0, "1.50"), (60, "0.50")], None),
        ([(0, "1.51"), (60, "0.50")], ("1.51", "0.50", 60)),
        ([(0, "100"), (60, "0")], ("100", "0", 60)),
        ([(0, "-10"), (60, "-20")], ("-10", "-20", 60)),
        ([(0, "-10"), (60, "-15")], None),
        ([(0, "100"), (60, "20"), (104, "20")], ("100", "20", 60)),
        ([(0, "100"), (60, "20"), (105, "20")], None),
        ([(0, "100"), (60, "20"), (105, "10")], None),
        ([(0, "100"), (60, "20"), (70, "10"), (105, "15")], None),
        ([(0, "100"), (60, "20"), (70, "90"), (105, "20")], ("90", "20", 105)),
        ([(0, "100"), (60, "20"), (70, "60"), (75, "40")], None),
        ([(0, "100"), (60, "20"), (105, "20"), (110, "5")], ("20", "5", 110)),
    ],
    ids=[
        "no answer",
        "the first",
        "by more than half",
        "by half",
        "by a dollar",
        "by more than a dollar",
        "to nothing",
        "a credit that doubles",
        "a credit that grows by half",
        "again after 44 minutes",
        "again after 45 minutes",
        "lower still after 45 minutes",
        "several times within 45 minutes, and after",
        "taken back between",
        "half taken back",
        "another after it was confirmed",
    ],
)
def test_a_fall_by_more_than_half_and_a_dollar_must_be_given_again_after_45_minutes(given_, fall):
    expected = fall and Fall(Decimal(fall[0]), Decimal(fall[1]), NOON + fall[2] * A_MINUTE)
    assert unconfirmed(said(*given_)) == expected


@given(was=figures, becomes=figures)
def test_falls_is_exact(was, becomes):
    by = Fraction(was) - Fraction(becomes)
    assert falls(was, becomes) == (by > 1 and by > abs(Fraction(was)) / 2)


@given(answers=some)
def test_what_is_not_confirmed_is_a_fall_from_an_earlier_figure_to_the_newest(answers):
    fall = unconfirmed(answers)
    if fall is not None:
        assert fall.is_usd == answers[-1].usd
        assert fall.was_usd in [one.usd for one in answers[:-1]]
        assert falls(fall.was_usd, fall.is_usd)


@given(answers=some, usd=figures, minutes=st.integers(-200, 200))
def test_a_figure_that_is_no_fall_from_any_before_is_confirmed_at_once(answers, usd, minutes):
    highest = max(one.usd for one in answers)
    if not falls(highest, usd):
        assert unconfirmed([*answers, Said(NOON + minutes * A_MINUTE, usd)]) is None


@given(answers=some, minutes=st.integers(0, 44))
def test_no_fall_is_confirmed_within_45_minutes_of_its_first_sight(answers, minutes):
    before = unconfirmed(answers)
    if before is not None:
        again = Said(before.since + minutes * A_MINUTE, before.is_usd)
        assert unconfirmed([*answers, again]) == before


@given(answers=some, minutes=st.integers(-500, 500))
def test_whatever_was_said_and_however_the_clock_stood_a_figure_that_stays_is_confirmed_in_the_end(answers, minutes):
    stays = Said(NOON + minutes * A_MINUTE, answers[-1].usd)
    assert unconfirmed([*answers, stays, stays._replace(at=stays.at + CONFIRMED_AFTER)]) is None


def test_a_feed_is_stale_when_its_newest_figures_are_older_than_three_hours(whole):
    in_time, late = whole.measure(at=NOW + minutes(180)), whole.measure(at=NOW + minutes(181))

    assert (in_time.stale, in_time.fresh, in_time.doubts) == (False, True, ())
    assert (late.stale, late.fresh, late.measured) == (True, False, True)
    assert late.doubts == ("openai default: last read 2026-11-10 12:05 UTC, 3 hours ago",)


def test_one_stale_account_makes_every_scope_of_its_provider_stale_and_holds_back_how_far_figures_reach(whole):
    whole.set(ANTHROPIC_API_KEY="", OPENAI_API_KEY__EU="sk-admin-2", AISPEND_STALE_AFTER_SECONDS="3600")
    eu = dollars(FIRST, november(8)) | {YESTERDAY: []}
    whole.read(eu | {TODAY: []}, NOW + minutes(30), account="eu")

    found = whole.measure(Scope("global", ("openai",), Caps()), at=NOW + minutes(65))

    assert found.doubts == ("openai default: last read 2026-11-10 12:05 UTC, 65 minutes ago",)
    assert found.data_through == {"openai": NOW}
    assert found.billed_through == {"openai": YESTERDAY}
    assert found.total == 1008


def test_a_day_that_falls_far_is_counted_at_once_and_in_doubt_until_it_is_given_again(whole):
    whole.read(fallen := {november(8): [line("20.00")]}, NOW + AN_HOUR)

    found = whole.measure()
    assert found.total == 920
    assert (found.unconfirmed, found.fresh, found.measured) == (True, False, True)
    fell = "2026-11-08 fell from 100.00 to 20.00 USD, which is not confirmed yet; read 2026-11-10 13:05 UTC"
    assert found.doubts == (f"openai default: {fell}",)

    whole.read(fallen, NOW + AN_HOUR + minutes(44))
    assert whole.measure().unconfirmed

    whole.read(fallen, NOW + AN_HOUR + minutes(45))
    assert whole.measure().fresh


def test_an_empty_answer_is_a_fall_too(whole):
    whole.read({november(8): []}, NOW + AN_HOUR)

    assert whole.measure().total == 900
    assert whole.measure().unconfirmed


def test_a_fall_is_in_doubt_in_its_own_month_and_provider_only(world):
    october = date(2026, 10, 31)
    world.read(dollars(october, TODAY, "100.00"))
    world.read({october: [line("20.00")]}, NOW + AN_HOUR)

    assert world.measure(period=OCTOBER).unconfirmed
    assert world.measure(Scope("global", ("openai",), Caps()), OCTOBER).unconfirmed
    assert not world.measure().unconfirmed
    assert not world.measure(ANTHROPIC, OCTOBER).unconfirmed


def test_an_answer_that_is_in_no_sum_yet_raises_no_doubt(whole):
    whole.show(complete({november(8): [line("20.00")]}, at=NOW + AN_HOUR))

    assert whole.measure().total == 1000
    assert whole.measure().fresh


def test_an_answer_that_is_in_no_sum_yet_removes_no_doubt(whole):
    whole.read({november(8): [line("20.00")]}, NOW + AN_HOUR)
    whole.show(complete({november(8): [line("100.00")]}, at=NOW + 2 * AN_HOUR))

    assert whole.measure().total == 920
    assert whole.measure().unconfirmed


def test_a_fall_at_an_account_that_was_removed_cannot_be_confirmed_and_raises_no_doubt(whole):
    whole.read({november(3): [line("70.00")]}, account="gone")
    whole.read({november(3): [line("7.00")]}, account="gone")

    assert whole.measure().fresh


FIGURES = st.sampled_from([Decimal(usd) for usd in ("0", "-2", "1", "2", "20", "60", "100")])
DAYS = [november(day) for day in range(2, 9)]
STEPS = st.lists(
    st.tuples(st.sampled_from([-30, 0, 10, 44, 45, 60]), st.lists(FIGURES, min_size=len(DAYS), max_size=len(DAYS))),
    min_size=2,
    max_size=5,
)


@settings(max_examples=5, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_the_days_that_are_looked_into_are_all_that_may_be_unconfirmed(empty_store, steps):
    at, read = NOW, []
    for after, of_days in steps:
        at += minutes(after)
        read.append((at, dict(zip(DAYS, of_days, strict=True))))
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(empty_store, Path(folder) / "home")
        world = world_at(Path(folder) / "home")
        bills = [(at, {day: [line(f"{usd}")] for day, usd in of.items()}) for at, of in read]
        world.book(*(complete(bill, at=at, takes=timedelta(0)) for at, bill in bills))
        doubts = world.measure().doubts

    falls = {day: unconfirmed(Said(at, of[day]) for at, of in read) for day in DAYS}
    assert [f" {day} fell from " in "".join(doubts) for day in DAYS] == [fall is not None for fall in falls.values()]
