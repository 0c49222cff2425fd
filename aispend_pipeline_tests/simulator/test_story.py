"""The demo's story: what runs away, what is given back, and caps that are reached when they should be."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aispend_pipeline import money
from aispend_pipeline.model import Window, midnight
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator import openai_books, organisation
from aispend_pipeline.simulator.scenario import CALM
from aispend_pipeline.simulator.story import ACCOUNT, GIVEN_BACK, KEY, caps, last_weekend, story, told

START = datetime(2026, 11, 26, 10, 12, tzinfo=UTC)
instants = st.integers(-200 * 86_400, 200 * 86_400).map(lambda seconds: START + timedelta(seconds=seconds))


def of_month(provider: str, at: datetime, scenario) -> Decimal:
    days = Window(at.date().replace(day=1), at.date())
    return money.add(
        organisation.total(provider, account, days.days(), at, scenario) for account in organisation.accounts(provider)
    )


@given(instants)
def test_the_weekend_is_the_newest_that_is_over(start):
    weekend = last_weekend(start.date())

    assert (weekend.first.isoweekday(), weekend.last.isoweekday()) == (6, 7)
    assert 0 < (start.date() - weekend.last).days <= 7


def test_on_that_weekend_one_key_alone_used_more():
    scenario, weekend = story(START), last_weekend(START.date())
    for day in weekend.days():
        wild, calm = (
            {line[:3]: line.amount for line in openai_books.lines(ACCOUNT, day, START, one)} for one in (scenario, CALM)
        )
        assert {of for of in wild if wild[of] != calm.get(of)} == {of for of in calm if of[1] == KEY}
        assert money.add(wild.values()) > 2 * money.add(calm.values())


def test_the_bill_and_the_usage_of_a_runaway_agree():
    scenario, day = story(START), last_weekend(START.date()).last
    start, end = midnight(day), midnight(day) + timedelta(days=1)
    counted = sum(
        one.counts["output_tokens"]
        for one in openai_books.used(ACCOUNT, "completions", start, end, START, scenario.runaways)
        if "output_tokens" in one.counts and one.dimensions["api_key_id"] == KEY
    )
    billed = sum(
        line.quantity
        for line in openai_books.lines(ACCOUNT, day, START, scenario)
        if line.api_key_id == KEY and line.line_item.endswith(", output")
    )
    assert counted == billed


def test_the_credit_is_on_the_bill_of_the_day_after():
    day = last_weekend(START.date()).last + timedelta(days=1)
    totals = [organisation.total("openai", ACCOUNT, [day], START, one) for one in (CALM, story(START))]

    assert totals[0] - totals[1] == GIVEN_BACK


@given(instants, st.integers(0, 600), st.integers(0, 600))
def test_the_running_day_never_shrinks_while_the_key_runs_away(start, before, after):
    scenario = story(start)
    earlier, later = (start + timedelta(seconds=seconds) for seconds in sorted((before, after)))
    if earlier.date() == later.date():
        amounts = [organisation.total("openai", "default", [start.date()], at, scenario) for at in (earlier, later)]
        assert amounts == sorted(amounts)


@pytest.mark.long
@settings(max_examples=6)
@given(instants)
def test_the_caps_can_be_set_whenever_the_demo_starts(start):
    assert len(Settings.load(caps(start, story(start)), None).scopes()) == 4


@pytest.mark.parametrize("start", [START, datetime(2026, 11, 23, 3, tzinfo=UTC), datetime(2026, 12, 1, 4, tzinfo=UTC)])
def test_the_soft_cap_is_reached_at_the_start_and_the_hard_one_a_few_minutes_later(start):
    scenario = story(start)
    limits = caps(start, scenario)
    soft, hard = (Decimal(limits[f"OPENAI_{kind}_CAP"]) for kind in ("SOFT", "HARD"))
    by_minute = [of_month("openai", start + timedelta(minutes=n), scenario) for n in range(6)]

    assert start.day == 1 or by_minute[0] >= soft
    assert by_minute[1] < hard <= by_minute[4]
    for name in ("ANTHROPIC", "VERTEX"):
        provider = name.lower()
        assert of_month(provider, start, scenario) < Decimal(limits[f"{name}_SOFT_CAP"])


def test_it_is_told_with_the_times_at_which_it_happens():
    lines = told(START)

    assert len(lines) == 4
    assert lines[0].startswith("2026-11-21..2026-11-22: key_ci")
    assert "10:15:00" in lines[1]


@given(instants)
def test_no_amount_that_is_restated_has_more_places_than_are_kept(start):
    scenario = story(start)
    (one,) = scenario.restated
    for line in openai_books.lines(one.where.account, one.day, one.since, scenario):
        assert -line.amount.normalize().as_tuple().exponent <= 18
