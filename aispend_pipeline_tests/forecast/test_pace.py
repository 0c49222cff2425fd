"""What a day to come is expected to cost, by hand: its weekday's usual, the level of the last days, and growth."""

from datetime import date
from decimal import Decimal

import pytest

from .days import LONG, before, each_day, forecast

# A Monday.
FIRST = date(2026, 6, 1)


@pytest.mark.parametrize("days", [7, 8, 13, 14, 27, 28, 55, LONG])
def test_the_rhythm_of_the_week_is_found_from_a_week_on(days):
    """20 on a weekday and 5 at the weekend: June has 22 weekdays and 8 days of weekend, which is 480."""
    today = date(2026, 6, 18)
    week = [20, 20, 5, 5, 20, 20, 20]  # from a Thursday to a Wednesday
    spent = before(today, (week * 30)[-days:])

    found = forecast(spent, today)

    unread = 17 - min(days, 17)
    assert found.filled == unread
    assert found.expected == 480
    assert each_day(found, "280.00")[:7] == [20, 20, 5, 5, 20, 20, 20]


def test_the_last_seven_days_say_how_high_spend_is_now():
    """Four weeks at 10 but for the last week at 15: half above the usual of 10, so that each day is expected at 15."""
    assert each_day(forecast(before(FIRST, [10] * 21 + [15] * 7), FIRST), "0.00") == [15] * 30


def test_the_day_before_the_last_seven_says_nothing_of_the_level():
    """The highest and the lowest of the last seven, a 15 and the 0, do not count: what is left is at 15."""
    assert each_day(forecast(before(FIRST, [10] * 21 + [15] * 6 + [0]), FIRST), "0.00") == [15] * 30


def test_a_rhythm_stays_when_the_level_moves():
    """Weekdays at 20 and weekends at 4, and the last week at half of it."""
    week, half = [20, 20, 20, 20, 20, 4, 4], [10, 10, 10, 10, 10, 2, 2]
    assert each_day(forecast(before(FIRST, week * 3 + half), FIRST), "0.00")[:7] == half


@pytest.mark.parametrize("outliers", [(100, 0), (1000, -1000), (0, 10), (10, 100)])
def test_the_highest_and_the_lowest_of_the_last_seven_days_do_not_count(outliers):
    assert each_day(forecast(before(FIRST, [10] * 26 + [*outliers]), FIRST), "0.00") == [10] * 30


def test_a_weekend_may_be_the_highest_at_less_than_a_weekday():
    """Weekdays at 20, weekends at 4, and the last Saturday at 19: for a Saturday that is the highest of its week."""
    week = [20, 20, 20, 20, 20, 4, 4]
    spent = before(FIRST, week * 3 + [20, 20, 20, 20, 20, 19, 4])
    assert each_day(forecast(spent, FIRST), "0.00")[:7] == week


def test_a_fee_of_the_first_of_each_month_is_not_expected_every_day():
    """Spend is 10 a day, and 270 more on the first: June's 30 days come to 300 and the fee."""
    today = date(2026, 6, 5)
    spent = before(today, [10] * LONG)
    spent |= {day: usd + 270 for day, usd in spent.items() if day.day == 1}

    assert forecast(spent, today).expected == 570


def test_growth_since_the_four_weeks_before_goes_on():
    """Four weeks at 10, then four at 11: a tenth more in four weeks, counted from the middle of the last seven days.

    That is the 28th of May. So the 25th of June, four weeks later, is expected at 11 x 1.1 = 12.10; and the days of
    June, 4 to 33 days later and 18.5 on average, at 30 x 11 x (1 + 0.1 x 18.5 / 28) = 351.80.
    """
    found = forecast(before(FIRST, [10] * 28 + [11] * 28), FIRST)

    assert found.expected == Decimal("351.80")
    assert found.path[24][1] - found.path[23][1] == Decimal("12.10")


@pytest.mark.parametrize(("now", "expected"), [(20, "679.29"), (5, "130.18")])
def test_no_more_than_a_fifth_of_growth_is_taken_to_go_on(now, expected):
    """After a step from 10: 30 x 20 x (1 + 0.2 x 18.5 / 28), and 30 x 5 x (1 - 0.2 x 18.5 / 28)."""
    assert forecast(before(FIRST, [10] * 28 + [now] * 28), FIRST).expected == Decimal(expected)


def test_growth_needs_a_week_that_can_be_held_against_one_four_weeks_before():
    """Four weeks at 11 after less than a week at 10 do not grow; after a week they do, by a tenth in four weeks."""
    assert forecast(before(FIRST, [10] * 6 + [11] * 28), FIRST).expected == 330
    assert forecast(before(FIRST, [10] * 7 + [11] * 28), FIRST).expected == Decimal("351.80")


def test_a_day_that_cost_nothing_four_weeks_before_says_nothing_of_growth():
    """Five days of a week at 10 and then at 11, and no weekends: that is a tenth more in four weeks."""
    found = forecast(before(FIRST, [10, 10, 10, 10, 10, 0, 0] * 4 + [11, 11, 11, 11, 11, 0, 0] * 4), FIRST)
    assert each_day(found, "0.00")[24] == Decimal("12.10")
    assert each_day(found, "0.00")[5:7] == [0, 0]


def test_a_day_that_gave_back_four_weeks_before_says_nothing_of_growth():
    """Of the seven days that could be held against one four weeks before, four were credits."""
    assert each_day(forecast(before(FIRST, [-10] * 4 + [10] * 3 + [11] * 28), FIRST), "0.00") == [11] * 30


@pytest.mark.parametrize(
    "usd",
    [[70, 0, 0, 0, 0, 0, 0] * 8, [30, 30, 10, 0, 0, 0, 0] * 8, [1, *[0] * 30, 280, *[0] * 20]],
    ids=["on Mondays", "on three days", "once"],
)
def test_where_most_weekdays_usually_cost_nothing_every_day_is_expected_at_the_mean_of_four_weeks(usd):
    assert each_day(forecast(before(FIRST, usd), FIRST), "0.00") == [10] * 30


def test_less_than_a_week_is_expected_at_its_mean():
    """Six days from a Tuesday: five at 20 less a Sunday at 8, which is 108 / 6 = 18."""
    assert each_day(forecast(before(FIRST, [20, 20, 20, 20, 20, 8]), FIRST), "0.00") == [18] * 30


def test_a_weekday_that_was_never_read_leaves_no_rhythm():
    """Four weeks without Sundays: the mean of the days that were read is 11, of which Saturdays are 6."""
    spent = before(FIRST, [12, 12, 12, 12, 12, 6, 99] * 4)
    spent = {day: usd for day, usd in spent.items() if day.weekday() != 6}
    assert each_day(forecast(spent, FIRST), "0.00") == [11] * 30


def test_a_level_that_only_weekends_that_cost_nothing_could_tell_is_the_usual_one():
    """Of the last four weeks one was read whole, and of the others only weekends, which cost nothing."""
    spent = before(FIRST, [12, 12, 12, 12, 12, 0, 0] * 4)
    spent = {day: usd for day, usd in spent.items() if day < date(2026, 5, 11) or day.weekday() > 4}
    assert each_day(forecast(spent, FIRST), "0.00")[:7] == [12, 12, 12, 12, 12, 0, 0]


def test_a_credit_is_not_expected_again():
    """300 came back on one day of the last week."""
    assert forecast(before(FIRST, [10] * 27 + [-300]), FIRST).expected == 300


@pytest.mark.parametrize(
    "usd",
    [[-10] * LONG, [10] * 21 + [-10] * 7, [10, 10, 10, 10, 10, 10, -500] * 8],
    ids=["always", "now", "on Sundays"],
)
def test_a_day_to_come_or_not_read_is_never_expected_to_give_back(usd):
    """The last day, a Sunday, was not read."""
    spent = before(date(2026, 6, 8), usd)
    del spent[date(2026, 6, 7)]

    found = forecast(spent, date(2026, 6, 8))

    assert found.filled == 1
    assert found.path[0][1] >= found.so_far
    assert min(each_day(found, str(found.so_far))) >= 0


def test_a_weekday_that_usually_gives_back_is_usually_nothing():
    """Weekends gave 500 back on either day, and last week cost 10 on each.

    Without a Monday, and a Sunday, the last days cost 50, and usually 40: weekdays are expected at 12.50.
    """
    found = forecast(before(FIRST, [10, 10, 10, 10, 10, -500, -500] * 3 + [10] * 7), FIRST)
    assert each_day(found, "0.00")[:7] == [Decimal("12.50")] * 5 + [0, 0]


def test_a_month_may_stand_below_nothing():
    found = forecast({**before(FIRST, [10] * LONG), FIRST: Decimal(-500)}, date(2026, 6, 2))
    assert (found.so_far, found.expected) == (-500, -210)
    assert found.low <= found.expected <= found.high
