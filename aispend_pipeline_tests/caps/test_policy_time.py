"""What is said of a scope as time goes by: reminders, milestones, the hook, a wrong clock and the period's end."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from aispend_pipeline.caps.model import Level, Reason
from aispend_pipeline.caps.policy import Said, Timing
from aispend_pipeline_tests.caps.course import (
    BREACHED,
    DAY,
    HOUR,
    MILESTONE,
    NOVEMBER,
    RECOVERED,
    RELEASED,
    REMINDER,
    RESET,
    START,
    TRIGGERED,
    Course,
    at_hard,
    at_soft,
    caps,
    course,
)

__all__ = ["at_hard", "at_soft", "course"]


class TestReminders:
    def test_of_a_hard_cap_there_is_one_a_day(self, at_hard):
        assert at_hard.after(DAY - timedelta(seconds=1)).said() == []
        assert at_hard.after(timedelta(seconds=1)).said() == [
            Said(REMINDER, Level.HARD, Level.HARD, Reason.SPEND, Decimal(100))
        ]
        assert at_hard.said() == []

    def test_of_a_soft_cap_there_is_none_unless_it_is_asked_for(self, at_soft):
        assert at_soft.after(10 * DAY).said() == []

        at_soft.timing = Timing(remind_soft=2 * DAY)
        assert at_soft.types() == [REMINDER]

    def test_none_is_never(self, at_hard):
        at_hard.timing = Timing(remind_hard=None)
        assert at_hard.after(15 * DAY).said() == []

    def test_a_month_of_hours_above_the_hard_cap_is_one_breach_and_a_reminder_a_day(self, course):
        course.now = datetime(2026, 11, 1, 0, 5, tzinfo=UTC)
        told = [course.after(HOUR if hour else timedelta(0)).types("100.40") for hour in range(720)]

        assert told[0] == [BREACHED, TRIGGERED]
        assert [hour for hour, types in enumerate(told) if types] == list(range(0, 720, 24))
        assert all(types == [REMINDER] for types in told[1:] if types)


class TestMilestones:
    @pytest.fixture
    def course(self) -> Course:
        return Course(timing=Timing(milestones=(50, 75, 90)))

    def test_each_is_said_once(self, course):
        assert course.said("49.99") == []
        (said,) = course.said("50")
        assert (said.type, said.percent, said.cap) == (MILESTONE, 50, Decimal(100))
        assert course.said("60") == course.said("40") == course.said("51") == []
        assert [one.percent for one in course.said("76")] == [75]

    def test_of_several_at_once_the_highest_is_said(self, course):
        assert [(one.type, one.percent) for one in course.said("95")] == [(BREACHED, None), (MILESTONE, 90)]
        assert course.said("75") == []

    def test_beside_a_hard_breach_it_is_not_said_and_not_later_either(self, course):
        assert [one.type for one in course.said("101")] == [BREACHED, TRIGGERED]
        assert MILESTONE not in course.after(7 * HOUR).types("95")

    def test_without_a_hard_cap_there_are_none(self, course):
        course.caps = caps(hard="")
        assert course.said("79") == []

    def test_it_is_reached_exactly_and_arms_nothing(self, course):
        course.caps = caps("", "0.03")
        assert course.said("0.0149999999999") == []
        assert course.types("0.015") == [MILESTONE]
        assert course.standing.armed is None


class TestTheHook:
    def test_it_is_asked_once_as_long_as_it_is_armed(self, at_hard):
        assert at_hard.standing.armed.n == 1
        at_hard.after(2 * HOUR).said("90")
        assert at_hard.types("105") == [BREACHED]
        assert (at_hard.standing.armed.n, at_hard.standing.armed.armed_at) == (1, START)

    def test_it_is_held_for_six_hours_of_its_own(self, at_hard):
        assert at_hard.after(HOUR).types("10") == [RECOVERED]
        assert at_hard.after(5 * HOUR - timedelta(seconds=1)).said() == []

        (said,) = at_hard.after(timedelta(seconds=1)).said()

        assert said == Said(RELEASED, Level.OK, Level.HARD, Reason.CORRECTION, Decimal(100), arming=1)
        assert at_hard.standing.armed is None

    def test_it_may_be_let_go_of_before_people_are_told(self):
        course = Course(timing=Timing(hook_hold=timedelta(0)))
        course.said("101")

        assert course.after(timedelta(minutes=1)).types("90") == [RELEASED]

    @pytest.mark.parametrize(("hard", "reason"), [("150", Reason.CAP_RAISED), ("", Reason.CAP_REMOVED)])
    def test_a_raised_or_removed_cap_lets_go_at_once(self, at_hard, hard, reason):
        at_hard.caps = caps(hard=hard)

        (said,) = at_hard.after(timedelta(minutes=1)).said()
        assert (said.type, said.reason) == (RELEASED, reason)

    def test_a_cap_that_is_raised_while_it_is_held_lets_go_at_once(self, at_hard):
        at_hard.after(HOUR).said("90")
        at_hard.caps = caps(hard="150")

        (said,) = at_hard.said()
        assert (said.type, said.reason) == (RELEASED, Reason.CAP_RAISED)

    def test_a_raise_that_is_not_enough_lets_nothing_go(self, at_hard):
        at_hard.caps = caps(hard="100.50")

        assert at_hard.said() == []
        assert at_hard.standing.armed.n == 1

    def test_nor_does_a_cap_that_is_lowered_while_it_is_held(self, at_hard):
        at_hard.said("90")
        at_hard.caps = caps(hard="95")

        assert at_hard.said() == []

    def test_every_arming_has_its_own_number(self, at_hard):
        at_hard.after(6 * HOUR).said("10")

        (_, again) = at_hard.said("120")
        assert (again.type, again.arming) == (TRIGGERED, 2)
        assert at_hard.standing.armings == 2

    def test_stale_figures_let_nothing_go(self, at_hard):
        at_hard.after(HOUR).said("10")
        assert at_hard.after(6 * HOUR).said(doubt="stale") == []
        assert at_hard.types() == [RELEASED]


class TestAWrongClock:
    """What was written by a clock that was ahead counts as long ago, so that nothing is silenced by it."""

    @pytest.mark.parametrize(("ahead", "types"), [(timedelta(minutes=5), []), (timedelta(minutes=6), [RECOVERED])])
    def test_what_people_were_told_in_the_future_holds_nothing(self, at_soft, ahead, types):
        at_soft.standing = replace(at_soft.standing, announced_at=START + ahead)

        assert at_soft.types("10") == types

    def test_a_reminder_of_the_future_is_due_once_and_then_not_again(self, at_hard):
        at_hard.standing = replace(at_hard.standing, announced_at=START + 40 * DAY)

        assert at_hard.types() == [REMINDER]
        assert at_hard.after(HOUR).said() == []

    def test_an_arming_of_the_future_may_be_over(self, at_hard):
        armed = replace(at_hard.standing.armed, armed_at=START + 40 * DAY)
        at_hard.standing = replace(at_hard.standing, armed=armed, announced_at=START + 40 * DAY)

        assert at_hard.types("10") == [RECOVERED, RELEASED]

    def test_a_clock_two_hours_back_says_nothing_twice(self, at_hard):
        assert at_hard.after(-timedelta(minutes=4)).said() == []
        assert at_hard.after(-2 * HOUR).types() == [REMINDER]
        assert at_hard.after(HOUR).said() == at_hard.after(HOUR).said() == []

    def test_a_period_that_was_closed_too_early_is_open_again(self, at_hard):
        at_hard.now = NOVEMBER.end + 20 * DAY
        at_hard.closed()
        assert (at_hard.standing.closed, at_hard.standing.final) == (True, True)

        at_hard.now = START + HOUR
        (asked,) = at_hard.said()

        assert (asked.type, asked.arming) == (TRIGGERED, 2)
        assert (at_hard.standing.closed, at_hard.standing.final) == (False, False)


class TestTheEndOfThePeriod:
    def test_at_midnight_exactly_people_are_told_and_the_hook_is_let_go_of_whatever_the_hold(self, course):
        course.now = NOVEMBER.end - timedelta(minutes=1)
        course.said("101")
        course.now = NOVEMBER.end

        reset, let_go = course.closed()

        assert reset == Said(RESET, Level.HARD, Level.HARD, Reason.PERIOD_ROLL, Decimal(100))
        assert (let_go.type, let_go.reason, let_go.arming) == (RELEASED, Reason.PERIOD_ROLL, 1)
        assert course.closed() == []

    def test_of_one_that_was_ok_nothing_is_said(self, course):
        course.said("10")
        course.now = NOVEMBER.end

        assert course.closed() == []
        assert course.standing.closed

    def test_late_data_is_told_without_the_hook_and_once(self, at_soft):
        at_soft.now = NOVEMBER.end
        assert [one.type for one in at_soft.closed()] == [RESET]

        (said,) = at_soft.after(DAY).closed("104")
        assert said == Said(BREACHED, Level.HARD, Level.SOFT, Reason.LATE_DATA, Decimal(100))
        assert at_soft.closed() == at_soft.closed("200") == []
        assert at_soft.standing.armed is None

    def test_what_people_were_told_before_is_not_told_again_when_it_comes_back_late(self, at_hard):
        at_hard.after(HOUR).said("10")
        at_hard.now = NOVEMBER.end
        at_hard.closed()

        assert at_hard.after(DAY).closed("104") == []

    @pytest.mark.parametrize(("late", "told", "final"), [(4 * DAY - HOUR, 1, False), (4 * DAY, 0, True)])
    def test_after_the_days_to_settle_it_is_recorded_and_not_told(self, course, late, told, final):
        course.said("10")
        course.now = NOVEMBER.end
        course.closed()

        assert len(course.after(late).closed("90")) == told
        assert (course.standing.total, course.standing.final) == (Decimal(90), final)
