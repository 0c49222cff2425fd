"""The organisation's use of a day: whole, in parts, and the same whenever it is asked about."""

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from aispend_pipeline import money
from aispend_pipeline.model import Window, midnight
from aispend_pipeline.simulator import organisation
from aispend_pipeline.simulator.rhythm import EVEN, NIGHT, OFFICE, so_far, step

from ..service.world import NOW

DAY = date(2026, 6, 10)
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

    assert timedelta(0) <= instant - step(instant) < timedelta(minutes=5)
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
