"""A month's forecast, by hand: what is expected, how wide the range is, and when a cap is reached."""

from datetime import date, timedelta
from decimal import Decimal, localcontext

import pytest

from aispend_pipeline.caps.model import Period
from aispend_pipeline.forecast.month_end import DAYS_OF_USE, month_end

from .days import LONG, TODAY, before, each_day, forecast

A_DAY = timedelta(days=1)


def test_ten_dollars_every_day_come_to_three_hundred_in_june_and_nothing_else():
    found = forecast(before(TODAY, ["10"] * LONG))

    assert found.so_far == 100
    assert found.low == found.expected == found.high == 300
    assert (found.filled, found.rests_on, found.tried) == (0, 56, 56)
    assert found.path == [(date(2026, 6, day), Decimal(10 * day)) for day in range(11, 31)]
    assert found.month == Period.of(TODAY).window


@pytest.mark.parametrize(
    ("last", "days"),
    [("2027-02-28", 28), ("2028-02-29", 29), ("2026-06-30", 30), ("2026-12-31", 31)],
)
@pytest.mark.parametrize("day", [1, 2, 27, "last"])
def test_every_month_is_as_long_as_it_is_from_its_first_day_to_its_last(last, days, day):
    last = date.fromisoformat(last)
    today = last if day == "last" else last.replace(day=day)

    found = forecast(before(today, ["10"] * LONG), today)

    assert found.so_far == 10 * (today.day - 1)
    assert found.low == found.expected == found.high == 10 * days
    assert [day for day, _ in found.path] == [today + n * A_DAY for n in range(days - today.day + 1)]


@pytest.mark.parametrize("today", ["2026-05-31", "2026-07-01"])
def test_a_month_that_has_not_begun_or_is_over_has_no_forecast(today):
    today = date.fromisoformat(today)
    assert month_end(before(today, ["10"] * LONG), Period.of(TODAY).window, today) is None


def test_two_full_days_are_too_few_and_three_are_enough():
    """Three days of 10 are 30 of June, and the 20 days to come are expected at 10 each."""
    june = before(date(2026, 6, 4), ["10"] * 3)

    assert forecast(before(TODAY, ["10"] * 2)) is None
    assert forecast({**before(TODAY, ["10"] * 2), TODAY: Decimal(10)}) is None
    assert forecast({}) is None
    found = forecast(june, date(2026, 6, 4))
    assert (found.expected, found.rests_on) == (300, 3)


def test_with_too_little_history_to_try_the_method_the_range_is_half_to_twice_the_rest():
    """100 are known and 200 to come. On 13 of 35 days it can be tried: with three before, and twenty from it on."""
    few, enough = forecast(before(TODAY, ["10"] * 35)), forecast(before(TODAY, ["10"] * 36))

    assert (few.low, few.expected, few.high, few.tried) == (200, 300, 500, 0)
    assert (enough.low, enough.expected, enough.high, enough.tried) == (300, 300, 300, 14)


def test_the_range_is_as_wide_as_the_method_was_ever_wrong_with_as_many_days_to_go():
    """One day to go, of which 10 are expected. Once nothing came instead, once 20; 30 did more than eight weeks ago.

    Such a day is the lowest or the highest of its week and leaves what is expected of the others as it is. June's 29
    days so far come to 29 x 10 - 10 + 10 = 290.
    """
    today = date(2026, 6, 30)
    spent = before(today, ["10"] * LONG)
    spent |= {date(2026, 6, 10): Decimal(0), date(2026, 6, 12): Decimal(20), today - 57 * A_DAY: Decimal(30)}

    found = forecast(spent, today)

    assert found.so_far == 290
    assert (found.low, found.expected, found.high, found.tried) == (290, 300, 310, 56)

    spent[today - 56 * A_DAY] = Decimal(30)
    assert forecast(spent, today).high == 320


def test_the_first_day_on_which_the_method_is_tried_rests_on_eight_weeks_too():
    """31 days of May to come, tried on the days from 31 to 86 days back; spend went from 10 to 11 115 days back.

    86 days back that looked like growth of a tenth in four weeks, and 31 days, 4 to 34 after the middle of the last
    seven, were expected at 31 x 11 x (1 + 0.1 x 19 / 28) and cost 31 x 11, which is 0.93645 of it. May's are expected
    at 341.
    """
    found = forecast(before(date(2026, 5, 1), ["10"] * 36 + ["11"] * 114), date(2026, 5, 1))
    assert (found.low, found.expected, found.high) == (Decimal("319.33"), 341, 341)


def test_what_is_expected_is_in_the_range_even_where_the_method_was_always_too_low():
    """A spend that doubles every week is more than is expected, always; what is expected is then the lowest."""
    found = forecast(before(TODAY, [10 * 2 ** (n // 7) for n in range(LONG)]))
    assert found.low == found.expected < found.high


@pytest.mark.parametrize(
    ("known", "expected"), [("0", 300), ("3", 300), ("10", 300), ("25", 315), ("-4", 300), (None, 300)]
)
def test_the_running_day_counts_as_expected_or_as_known_whichever_is_more(known, expected):
    spent = before(TODAY, ["10"] * LONG)
    found = forecast(spent if known is None else {**spent, TODAY: Decimal(known)})

    assert found.expected == expected
    assert found.so_far == 100 + Decimal(known or 0)
    assert found.path[0] == (TODAY, expected - 190)
    assert found.rests_on == 56


def test_yesterday_may_be_said_to_grow_still():
    """It is known with 4 of the 10 that are expected, and so is today."""
    found = forecast(before(TODAY + A_DAY, [*["10"] * LONG, "4", "4"]), TODAY - A_DAY)

    assert found.so_far == 98
    assert found.path[:2] == [(TODAY - A_DAY, Decimal(100)), (TODAY, Decimal(110))]
    assert found.expected == 300


def test_days_that_were_not_read_are_filled_and_days_that_cost_nothing_are_not():
    """Of ten days two were not read, and count 10 each; one cost nothing, the lowest of its week."""
    spent = before(TODAY, ["10"] * LONG)
    del spent[date(2026, 6, 3)], spent[date(2026, 6, 10)]
    spent[date(2026, 6, 7)] = Decimal(0)

    found = forecast(spent)

    assert found.so_far == 70
    assert found.expected == 290
    assert (found.filled, found.rests_on) == (2, 54)
    assert each_day(found, "90.00") == [10] * 20


def test_a_month_of_which_no_day_was_read_is_forecast_from_the_months_before():
    spent = before(date(2026, 6, 1), ["10"] * LONG)
    found = forecast(spent)
    assert (found.so_far, found.expected, found.filled) == (0, 300, 10)


def test_an_organisation_that_read_nothing_for_eight_weeks_has_no_forecast():
    spent = before(TODAY, ["10"] * LONG)
    old = {day: usd for day, usd in spent.items() if day < TODAY - 56 * A_DAY}

    assert forecast(old) is None
    assert forecast({**old, **{TODAY - n * A_DAY: Decimal(10) for n in (54, 55, 56)}}).expected == 300


def test_days_before_the_first_that_cost_anything_are_no_history():
    """Three days of 30 after months of nothing go on at 30; they are June's first, with 27 days to come."""
    today = date(2026, 6, 4)
    begun = before(today, [*["0"] * LONG, "30", "30", "30"])

    found = forecast(begun, today)

    assert (found.so_far, found.expected, found.rests_on, found.filled) == (90, 900, 3, 0)
    assert forecast(before(today, [*["0"] * LONG, "30", "30"]), today) is None
    assert forecast({**before(today, ["0"] * LONG), today: Decimal(30)}, today) is None


def test_an_organisation_that_spent_nothing_in_all_days_of_use_begins_anew():
    today = date(2026, 6, 4)
    found = forecast(before(today, [*["30"] * 9, *["0"] * (DAYS_OF_USE - 4), "30", "30", "30"]), today)
    assert (found.expected, found.rests_on) == (900, 3)


def test_where_nothing_was_ever_spent_nothing_is_expected():
    found = forecast(before(TODAY, ["0"] * LONG))

    assert found.low == found.expected == found.high == 0
    assert found.hit(Decimal("0.01")) is None


@pytest.mark.parametrize(
    ("cap", "day"),
    [
        ("0", None),
        ("99.99", None),
        ("100", None),
        ("100.01", 11),
        ("110", 11),
        ("110.01", 12),
        ("155", 16),
        ("160", 16),
        ("299.99", 30),
        ("300", 30),
        ("300.01", None),
    ],
)
def test_a_cap_is_hit_on_the_day_by_whose_end_it_is_equalled(cap, day):
    """100 are known of ten days, and each day adds 10."""
    found = forecast(before(TODAY, ["10"] * LONG))
    assert found.hit(Decimal(cap)) == (day and date(2026, 6, day))


def test_a_cap_that_days_that_were_not_read_may_have_reached_is_hit_on_the_first_day_that_is_not_over():
    spent = before(TODAY, ["10"] * LONG)
    del spent[date(2026, 6, 3)]

    assert forecast(spent).so_far == 90
    assert forecast(spent).hit(Decimal(95)) == TODAY
    assert forecast(spent).hit(Decimal(90)) is None


def test_a_forecast_is_in_cents_and_what_is_known_is_exact():
    """Three days of a third of a cent less than 1: 30 times that is 29.90."""
    today = date(2026, 6, 4)
    found = forecast(before(today, ["0.996666666666666666"] * 3), today)

    assert str(found.so_far) == "2.989999999999999998"
    assert (str(found.low), str(found.expected), str(found.high)) == ("16.44", "29.90", "56.81")
    assert str(found.path[0][1]) == "3.99"


def test_the_arithmetic_of_the_caller_changes_nothing():
    spent = before(TODAY, [f"{n % 13}.{n:06}" for n in range(LONG)])
    found = forecast(spent)
    with localcontext(prec=3):
        assert forecast(spent) == found
