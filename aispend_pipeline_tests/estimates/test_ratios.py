"""Estimates learn what a model costs over its list price from its newest settled days, within bounds."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from aispend_pipeline.estimates.ratios import DAYS, HIGHEST, LOWEST, SettledDay, trailing

FIRST = date(2026, 5, 1)


def history(*days: tuple[str | Decimal, str | Decimal]) -> list[SettledDay]:
    """One day after the other: at list price, and billed."""
    return [
        SettledDay(FIRST + timedelta(days=n), Decimal(at_list), Decimal(billed))
        for n, (at_list, billed) in enumerate(days)
    ]


BY_HAND = {
    "no history": ([], "1"),
    "a discount of 12 %": ([("100", "88")], "0.88"),
    "the days weigh what they cost": ([("10", "10"), ("90", "45")], "0.55"),
    "a third, to six places": ([("3", "1")], "0.333333"),
    "a tie goes to the even place": ([("2000000", "1000001")], "0.5"),
    "and the next one up": ([("2000000", "1000003")], "0.500002"),
    "the bill is at list": ([("12.34", "12.34")], "1"),
    "far below list": ([("100", "24.9")], "0.25"),
    "exactly a quarter": ([("100", "25")], "0.25"),
    "far above list": ([("100", "201")], "2"),
    "nothing billed at all": ([("100", "0"), ("70", "0")], "1"),
    "a day on which nothing was billed counts too": ([("50", "50"), ("50", "0")], "0.5"),
    "less than nothing billed": ([("100", "-5")], "1"),
    "nothing at list price": ([("0", "5")], "1"),
    "fourteen days": ([("1", "0.5")] * 14, "0.5"),
    "the fourteenth counts": ([("1000", "2000"), ("13", "26")] + [("1", "0.5")] * 13, "1.25"),
    "the fifteenth is forgotten": ([("1000", "2000")] + [("1", "0.5")] * 14, "0.5"),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_a_ratio_is_what_one_works_out_by_hand(name):
    days, ratio = BY_HAND[name]
    assert trailing(history(*days)) == Decimal(ratio)


usd = st.decimals("0", "1e9", places=12)
days = st.lists(st.tuples(usd, usd), max_size=20).map(
    lambda amounts: [SettledDay(FIRST + timedelta(days=n), *both) for n, both in enumerate(amounts)]
)
several = examples(max_examples=60, deadline=None, database=None)


@several
@given(days=days)
def test_a_ratio_is_within_bounds_and_has_six_places(days):
    ratio = trailing(days)
    assert LOWEST <= ratio <= HIGHEST
    assert ratio == ratio.quantize(Decimal("0.000001"))


@several
@given(data=st.data(), days=days)
def test_the_order_of_the_days_does_not_matter(data, days):
    assert trailing(data.draw(st.permutations(days))) == trailing(days)


@several
@given(older=days, newest=st.lists(st.tuples(usd, usd), min_size=DAYS, max_size=DAYS))
def test_only_the_newest_days_count(older, newest):
    since = FIRST + timedelta(days=100)
    of_newest = [SettledDay(since + timedelta(days=n), *both) for n, both in enumerate(newest)]
    assert trailing(older + of_newest) == trailing(of_newest)


@several
@given(days=days, times=st.sampled_from([Decimal("0.001"), Decimal(7), Decimal("12.5"), Decimal(10**6)]))
def test_how_much_is_used_does_not_matter(days, times):
    more = [SettledDay(one.day, one.list_usd * times, one.billed_usd * times) for one in days]
    assert trailing(more) == trailing(days)


@several
@given(
    amounts=st.lists(st.decimals("0.01", "1e9", places=2), min_size=1, max_size=20),
    discount=st.decimals("0.25", "2", places=6),
)
@example(amounts=[Decimal("0.01")], discount=Decimal("0.333333"))
def test_a_discount_that_is_the_same_every_day_is_found_exactly(amounts, discount):
    assert trailing(history(*((amount, amount * discount) for amount in amounts))) == discount
