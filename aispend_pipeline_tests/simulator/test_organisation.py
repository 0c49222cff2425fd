"""The organisation's use of a day: whole, in parts, and the same whenever it is asked about."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aispend_pipeline import money
from aispend_pipeline.model import Window, midnight
from aispend_pipeline.simulator import anthropic_books, openai_books, organisation
from aispend_pipeline.simulator.rhythm import EVEN, NIGHT, OFFICE, so_far, step
from aispend_pipeline.simulator.scenario import SCENARIOS

from ..service.world import NOW

DAY = date(2026, 6, 10)
ACCOUNTS = [(provider, account) for provider in ("openai", "anthropic") for account in organisation.ACCOUNTS]
CREDIT = Decimal("-25.00")
seconds = st.integers(-3600, 90_000)
cuts = st.lists(seconds, min_size=1, max_size=30).map(sorted)


@given(st.integers(0, 10**10), st.sampled_from([OFFICE, NIGHT, EVEN]), cuts)
def test_the_parts_of_a_day_add_up_however_it_is_cut(whole, hours, at):
    marks = [midnight(DAY), *(midnight(DAY) + timedelta(seconds=n) for n in at), midnight(DAY + timedelta(days=1))]
    counted = [so_far(whole, hours, DAY, mark) for mark in marks]

    assert sum(after - before for before, after in pairwise(counted)) == whole
    assert counted[0] == 0
    assert counted[1:-1] == sorted(counted[1:-1])


@given(seconds)
def test_the_figures_move_in_steps_that_have_passed(after):
    instant = midnight(DAY) + timedelta(seconds=after)

    assert timedelta(0) <= instant - step(instant) < timedelta(minutes=1)
    assert step(step(instant)) == step(instant)


def test_days_add_up_and_no_day_to_come_costs_anything():
    days = list(Window(date(2026, 5, 30), date(2026, 6, 14)).days())
    for provider in organisation.PROVIDERS:
        for account in organisation.ACCOUNTS:
            each = [organisation.total(provider, account, [day], NOW) for day in days]
            assert organisation.total(provider, account, iter(days), NOW) == money.add(each)
            assert [usd > 0 for usd in each] == [
                day < NOW.date() or (day == NOW.date() and provider != "anthropic") for day in days
            ]


@pytest.mark.parametrize(("provider", "account"), ACCOUNTS)
@pytest.mark.parametrize("day", [date(2026, 6, 1), DAY], ids=str)
def test_what_was_used_is_what_is_billed_in_the_end_but_for_credits(provider, account, day):
    credit = CREDIT if provider == "openai" and day.day == 1 else 0

    assert organisation.used_usd(provider, account, day, NOW) + credit == organisation.total(
        provider, account, [day], NOW
    )


@pytest.mark.parametrize(
    ("provider", "account", "part", "free"),
    [
        ("openai", "default", "0.88", 0),
        ("openai", "eu", "1", 20),  # ten million tokens of input at 2.00 a million
        ("anthropic", "default", "0.92", 0),
        ("anthropic", "eu", "1", 0),
    ],
)
def test_what_was_used_at_list_prices_is_more_by_the_discount_and_what_was_free(provider, account, part, free):
    at_list = organisation.used_usd(provider, account, DAY, NOW, at_list=True)

    assert organisation.used_usd(provider, account, DAY, NOW) == at_list * Decimal(part) - free


@given(st.sampled_from(ACCOUNTS), seconds)
def test_a_trailing_bill_is_what_was_used_some_hours_ago_or_of_days_that_are_long_over(of, after):
    provider, account = of
    now = midnight(DAY) + timedelta(seconds=after)
    scenario = SCENARIOS["trailing"](NOW)
    for day in (DAY, DAY - timedelta(days=1)):
        if provider == "openai":
            known = organisation.used_usd(provider, account, day, now - timedelta(hours=3))
        else:
            over = midnight(day) + timedelta(hours=24 + 5) <= now
            known = organisation.used_usd(provider, account, day, now) if over else 0
        assert organisation.total(provider, account, [day], now, scenario) == known


@pytest.mark.long
@given(st.sampled_from(ACCOUNTS), cuts)
def test_no_line_of_what_was_used_ever_shrinks(of, at):
    provider, account = of
    books = openai_books if provider == "openai" else anthropic_books
    before: dict[tuple, Decimal] = {}
    for after in at:
        spent = books.spent(account, DAY, midnight(DAY) + timedelta(seconds=after))
        now = {_named(line): _amount(line) for line in spent}
        assert all(now.get(line, 0) >= amount > 0 for line, amount in before.items())
        before = now


def _named(line) -> tuple:
    return tuple(getattr(line, name) for name in line._fields if name not in ("amount", "cents", "quantity"))


def _amount(line) -> Decimal:
    return line.amount if isinstance(line, openai_books.Line) else line.cents
