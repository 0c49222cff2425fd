"""What holds of a forecast whatever was spent and read, credits and holes included."""

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from aispend_pipeline import money
from aispend_pipeline.caps.model import Period
from aispend_pipeline.forecast.month_end import DAYS_OF_USE

from .days import before, forecast

steady = settings(deadline=None, derandomize=True, max_examples=60)
HALF_A_CENT = Decimal("0.005")

todays = st.dates(date(2026, 1, 1), date(2028, 12, 31))
debits = st.one_of(
    st.sampled_from([Decimal(usd) for usd in ("0", "1", "10", "10.000000000000000001", "100", "999999")]),
    st.decimals("0", "1000", places=2),
)
amounts = debits | st.decimals("-2000", "1000", places=4)


def histories(usd):
    """A running day, and the days up to two after it; of which some were not read."""
    lengths = st.sampled_from([5, 12, 40, 75, DAYS_OF_USE + 10])
    read = lengths.flatmap(lambda days: st.lists(usd | st.none() | usd, min_size=days, max_size=days))
    return st.builds(lambda today, read: (today, before(today + timedelta(days=3), read)), todays, read)


@steady
@given(histories(amounts))
def test_what_is_expected_is_within_the_range_and_at_the_end_of_the_path(history):
    today, spent = history
    found = forecast(spent, today)

    full = [day for day in spent if today - timedelta(days=56) <= day < today]
    if len(full) < 3:
        assert found is None
    if found is not None:
        month = Period.of(today).window
        reached = [usd for _, usd in found.path]
        assert found.low <= found.expected <= found.high
        assert [day for day, _ in found.path] == [day for day in month.days() if day >= today]
        assert reached == sorted(reached)
        assert reached[-1] == found.expected
        assert found.so_far == money.add(usd for day, usd in spent.items() if day in month)
        assert found.filled == sum(day not in spent for day in month.days() if day < today)
        assert 3 <= found.rests_on <= len(full)
        assert found.tried == 0 or 14 <= found.tried <= 56


@steady
@given(histories(debits))
def test_no_less_is_expected_than_was_spent_when_nothing_comes_back(history):
    today, spent = history
    found = forecast(spent, today)
    if found is not None:
        assert found.low >= found.so_far - HALF_A_CENT


@steady
@given(histories(amounts), st.sampled_from([Decimal(k) for k in ("2", "7", "0.3", "1000", "1.0917")]))
def test_as_many_times_the_spend_is_as_many_times_the_forecast(history, times):
    today, spent = history
    found = forecast(spent, today)
    scaled = forecast({day: money.EXACT.multiply(usd, times) for day, usd in spent.items()}, today)

    assert (found is None) == (scaled is None)
    if found is not None:
        off = HALF_A_CENT * (times + 1)
        assert (scaled.tried, scaled.rests_on, scaled.filled) == (found.tried, found.rests_on, found.filled)
        for one, other in zip(
            (found.low, found.expected, found.high), (scaled.low, scaled.expected, scaled.high), strict=True
        ):
            assert abs(one * times - other) <= off


@steady
@given(histories(amounts), st.randoms())
def test_the_order_in_which_days_are_given_does_not_matter(history, random):
    today, spent = history
    shuffled = dict(random.sample([*spent.items()], len(spent)))
    assert forecast(shuffled, today) == forecast(spent, today)


@steady
@given(histories(amounts), st.lists(amounts, min_size=1, max_size=40))
def test_no_day_further_back_than_those_of_use_matters(history, older):
    today, spent = history
    spent = {day: usd for day, usd in spent.items() if day > today - timedelta(days=DAYS_OF_USE)}
    before_use = before(today - timedelta(days=DAYS_OF_USE - 1), older)
    assert forecast({**before_use, **spent}, today) == forecast(spent, today)


@steady
@given(
    todays,
    st.lists(debits, min_size=7, max_size=7).filter(lambda week: sum(usd > 0 for usd in week) >= 4),
    st.integers(7, DAYS_OF_USE),
)
def test_weeks_that_are_all_alike_go_on_alike_to_the_cent(today, week, days):
    month = Period.of(today).window
    whole = [today - timedelta(days=n) for n in range(1, days + 1)]
    spent = {day: week[day.weekday()] for day in whole}
    first = min((day for day in whole if spent[day]), default=today)

    found = forecast(spent, today)

    if (today - first).days >= 7:
        every_day = money.add(week[day.weekday()] for day in month.days())
        assert abs(found.expected - every_day) <= HALF_A_CENT


@steady
@given(histories(amounts), st.lists(st.decimals("0.01", "50000", places=2), min_size=2, max_size=2))
def test_a_higher_cap_is_never_hit_earlier(history, caps):
    today, spent = history
    found = forecast(spent, today)
    lower, higher = sorted(caps)
    if found is not None and found.hit(higher) is not None:
        assert found.so_far >= lower or found.hit(lower) <= found.hit(higher)
        assert found.expected >= higher > found.so_far
