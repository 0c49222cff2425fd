"""When people are told that a cap is expected to be reached: once for each, from whole figures."""

from datetime import timedelta
from decimal import Decimal

import pytest

from aispend_pipeline.caps.model import Caps, Level, Reason
from aispend_pipeline.caps.policy import Said
from aispend_pipeline_tests.caps.course import (
    BREACHED,
    FORECAST,
    HOUR,
    RECOVERED,
    STEPPED_DOWN,
    TRIGGERED,
    Course,
    at_soft,
    caps,
    course,
)

__all__ = ["at_soft", "course"]


def test_without_a_forecast_nothing_is_said_of_one(course):
    assert course.said("10") == []


@pytest.mark.parametrize(("usd", "level"), [("80", Level.SOFT), ("100", Level.HARD), ("250", Level.HARD)])
def test_the_highest_cap_that_is_expected_to_be_reached_is_said_and_not_a_cent_before(course, usd, level):
    course.expected = "79.99"
    assert course.said("10") == []
    course.expected = usd

    assert course.said() == [Said(FORECAST, level, Level.OK, Reason.SPEND, course.caps.at(level))]
    assert (course.standing.level, course.standing.announced, course.standing.peak) == (Level.OK,) * 3
    assert (course.standing.announced_at, course.standing.armed, course.standing.armings) == (None, None, 0)


def test_it_is_said_once_however_the_forecast_goes_up_and_down(course):
    course.said("10")
    told = []
    for course.expected in ("85", "70", "85", "90", None, "81"):
        told += course.after(12 * HOUR).types()

    assert told == [FORECAST]


def test_a_higher_cap_is_said_once_too_and_with_it_the_lower_one(course):
    course.expected = "85"
    assert [one.level for one in course.said("10")] == [Level.SOFT]
    course.expected = "120"
    assert [one.level for one in course.said()] == [Level.HARD]
    for course.expected in ("85", "120"):
        assert course.said() == []

    both = Course(expected="120")
    both.said("10")
    both.expected = "85"
    assert both.said() == []


def test_a_cap_that_is_raised_and_expected_again_is_not_said_again(course):
    course.expected = "120"
    course.said("10")
    course.caps = caps("80", "200")
    assert course.said() == []
    course.expected = "250"

    assert course.said() == []


def test_what_is_reached_is_not_expected_any_more_and_the_next_cap_is(at_soft):
    at_soft.expected = "99"
    assert at_soft.said() == []
    at_soft.expected = "101"

    assert at_soft.said() == [Said(FORECAST, Level.HARD, Level.SOFT, Reason.SPEND, Decimal(100))]


def test_beside_a_breach_only_a_higher_cap_is_said(course):
    course.expected = "90"
    assert course.types("85") == [BREACHED]

    assert Course(expected="120").types("85") == [BREACHED, FORECAST]
    assert Course(expected="120").types("101") == [BREACHED, TRIGGERED]


def test_as_long_as_people_believe_a_cap_to_be_reached_they_are_not_told_that_it_will_be(at_soft):
    at_soft.expected = "90"
    assert at_soft.after(timedelta(minutes=30)).types("70") == []

    assert at_soft.after(timedelta(minutes=30)).types() == [RECOVERED, FORECAST]


def test_a_step_down_may_be_followed_by_the_news_that_it_will_not_last():
    course = Course(expected="130")
    course.said("101")

    assert course.after(HOUR).types("95") == [STEPPED_DOWN, FORECAST]


def test_figures_with_a_hole_say_nothing_and_old_ones_do(course):
    course.expected = "120"
    assert course.types("10", hole="9 November was not read") == []

    assert course.types("10", doubt="stale") == [FORECAST]


def test_a_scope_with_one_cap_or_none_is_told_of_that_or_of_nothing():
    assert [one.level for one in Course(expected="120", caps=caps("", "100")).said("10")] == [Level.HARD]
    assert [one.level for one in Course(expected="120", caps=caps("80", "")).said("10")] == [Level.SOFT]
    assert Course(expected="120", caps=Caps()).said("10") == []


def test_a_month_that_is_over_is_not_forecast(course):
    course.said("10")
    course.expected = "120"

    assert course.closed("10") == []
