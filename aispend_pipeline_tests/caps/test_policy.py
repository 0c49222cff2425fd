"""What is said of a scope at which figures and caps: the pure rules, one at a time and then over whatever may come."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aispend_pipeline.caps.model import Caps, Level, Reason, Spent
from aispend_pipeline.caps.policy import Said, Standing, Timing
from aispend_pipeline_tests.caps.course import (
    BREACHED,
    DAY,
    DOWN,
    FORECAST,
    HOUR,
    RECOVERED,
    RELEASED,
    REMINDER,
    START,
    STEPPED_DOWN,
    TRIGGERED,
    Course,
    at_hard,
    at_soft,
    caps,
    course,
)

__all__ = ["at_hard", "at_soft", "course"]


class TestUp:
    def test_below_every_cap_nothing_is_said(self, course):
        assert course.said("79.999999") == []
        assert course.standing.level is Level.OK

    @pytest.mark.parametrize(("usd", "level"), [("80", Level.SOFT), ("100", Level.HARD)])
    def test_a_cap_is_reached_when_it_is_equalled_and_not_a_millionth_before(self, course, usd, level):
        course.said(Decimal(usd) - Decimal("0.000001"))
        assert course.standing.level < level

        assert course.said(usd)[0][:3] == (BREACHED, level, Level(level - 1))
        assert course.standing.announced is level

    def test_a_jump_over_both_is_one_event(self, course):
        told, asked = course.said("250")

        assert told == Said(BREACHED, Level.HARD, Level.OK, Reason.SPEND, Decimal(100))
        assert (asked.type, asked.arming) == (TRIGGERED, 1)

    def test_a_higher_level_does_not_wait_for_the_hold_of_a_lower_one(self, at_soft):
        assert at_soft.after(timedelta(minutes=1)).types("100") == [BREACHED, TRIGGERED]

    def test_the_same_again_says_nothing(self, at_hard):
        assert at_hard.said() == at_hard.after(timedelta(minutes=10)).said() == at_hard.said("150") == []

    def test_caps_that_are_equal_are_a_hard_cap(self):
        course = Course(caps=caps("100", "100"))

        assert course.said("99.99") == []
        assert course.said("100")[0][:2] == (BREACHED, Level.HARD)
        assert course.after(HOUR).said("99")[0][:3] == (RECOVERED, Level.OK, Level.HARD)

    @pytest.mark.parametrize("wrong", [{"doubt": "stale"}, {"hole": "9 November was not read"}])
    def test_doubtful_figures_raise_it_too_since_they_are_too_low_if_anything(self, course, wrong):
        assert course.types("100", **wrong) == [BREACHED, TRIGGERED]

    def test_a_negative_month_is_ok(self, course):
        assert course.said("-12.50") == []
        assert course.standing.level is Level.OK

    def test_without_any_cap_there_is_nothing_to_reach(self):
        course = Course(caps=Caps())

        assert course.said("1000000", hole="nothing was read") == []
        assert course.standing.level is Level.OK


class TestDown:
    def test_it_is_held_and_told_once_the_hold_is_over(self, at_soft):
        at_soft.after(timedelta(minutes=20)).said("70")
        assert (at_soft.standing.level, at_soft.standing.announced) == (Level.OK, Level.SOFT)
        assert at_soft.after(timedelta(minutes=39, seconds=59)).said() == []

        (said,) = at_soft.after(timedelta(seconds=1)).said()

        assert said == Said(RECOVERED, Level.OK, Level.SOFT, Reason.CORRECTION, Decimal(80))
        assert at_soft.said() == []

    def test_a_flap_shorter_than_the_hold_is_never_told(self, at_hard):
        assert at_hard.after(timedelta(minutes=15)).said("97") == []
        assert at_hard.after(timedelta(minutes=15)).said("103") == []
        assert at_hard.after(HOUR).said() == []

    def test_what_was_told_again_holds_it_anew(self, at_hard):
        at_hard.after(DAY).said()
        assert RECOVERED not in at_hard.after(timedelta(minutes=59)).types("70")
        assert at_hard.after(timedelta(minutes=1)).types() == [RECOVERED]

    def test_from_hard_it_may_only_step_down(self, at_hard):
        (said,) = at_hard.after(HOUR).said("90")
        assert said == Said(STEPPED_DOWN, Level.SOFT, Level.HARD, Reason.CORRECTION, Decimal(100))

        (said,) = at_hard.after(HOUR).said("10")
        assert said == Said(RECOVERED, Level.OK, Level.SOFT, Reason.CORRECTION, Decimal(80))

    @pytest.mark.parametrize("wrong", [{"doubt": "stale"}, {"hole": "9 November was not read"}])
    def test_doubtful_figures_never_lower_it(self, at_hard, wrong):
        assert at_hard.after(10 * DAY).types("1", **wrong) == [REMINDER]
        assert at_hard.standing.level is Level.HARD

        assert at_hard.after(HOUR).types("1") == [RECOVERED, RELEASED]


class TestUnknown:
    def test_with_a_hole_and_below_the_caps_nobody_knows(self, course):
        assert course.said("10", hole="never read") == []
        assert course.standing.level is None

        assert course.said("10") == []
        assert course.standing.level is Level.OK

    def test_a_level_that_was_ok_becomes_unknown_and_one_that_was_reached_stays(self, course, at_soft):
        at_soft.said("10", hole="a day is missing")
        assert at_soft.standing.level is Level.SOFT

        other = Course()
        other.said("10")
        other.said("10", hole="a day is missing")
        assert other.standing.level is None

    def test_from_unknown_it_goes_up_at_once(self, course):
        course.said("10", hole="never read")

        (said,) = course.said("85", hole="never read")
        assert said[:4] == (BREACHED, Level.SOFT, Level.OK, Reason.SPEND)

    def test_stale_figures_without_a_hole_are_known_to_be_that_high_at_least(self, course):
        course.said("10", doubt="stale")
        assert course.standing.level is Level.OK


class TestReasons:
    @pytest.mark.parametrize(
        ("edit", "usd", "recomputed", "reason"),
        [
            ({}, "100", False, Reason.SPEND),
            ({}, "100", True, Reason.RECOMPUTE),
            ({"hard": "85"}, "90", False, Reason.CAP_LOWERED),
            ({"hard": "85"}, "95", False, Reason.CAP_LOWERED),
            ({"hard": "95"}, "96", False, Reason.SPEND),
            ({"hard": "500"}, "500", False, Reason.SPEND),
        ],
    )
    def test_up(self, at_soft, edit, usd, recomputed, reason):
        at_soft.caps = caps(**edit)

        assert at_soft.said(usd, recomputed=recomputed)[0][:4] == (BREACHED, Level.HARD, Level.SOFT, reason)

    @pytest.mark.parametrize(
        ("edit", "usd", "recomputed", "reason"),
        [
            ({}, "90", False, Reason.CORRECTION),
            ({}, "90", True, Reason.RECOMPUTE),
            ({"hard": "150"}, "101", False, Reason.CAP_RAISED),
            ({"hard": "150"}, "120", False, Reason.CAP_RAISED),
            ({"hard": ""}, "120", False, Reason.CAP_REMOVED),
            ({"hard": "100.50"}, "90", False, Reason.CORRECTION),
        ],
    )
    def test_down(self, at_hard, edit, usd, recomputed, reason):
        at_hard.caps = caps(**edit)

        told = at_hard.after(HOUR).said(usd, recomputed=recomputed)[0]

        assert told[:4] == (STEPPED_DOWN, Level.SOFT, Level.HARD, reason)

    def test_of_a_level_that_was_held_it_is_why_it_changed_and_not_why_it_is_told_now(self, at_hard):
        at_hard.caps = caps(hard="150")
        at_hard.after(timedelta(minutes=5)).said()
        (said,) = at_hard.after(HOUR).said("102")

        assert said.reason is Reason.CAP_RAISED


class TestRemovedCaps:
    def test_that_a_cap_is_gone_is_certain_however_old_the_figures_are(self, at_hard):
        at_hard.caps = caps(hard="")

        told = at_hard.after(HOUR).said(doubt="stale")

        assert told[0] == Said(STEPPED_DOWN, Level.SOFT, Level.HARD, Reason.CAP_REMOVED)

    def test_the_hook_is_let_go_of_at_once(self, at_hard):
        at_hard.caps = caps(hard="")

        (said,) = at_hard.after(timedelta(minutes=1)).said(doubt="stale")
        assert (said.type, said.reason, said.arming, said.cap) == (RELEASED, Reason.CAP_REMOVED, 1, Decimal(100))

    def test_with_no_cap_left_at_all_it_recovers(self, at_hard):
        at_hard.caps = Caps()

        told = at_hard.after(HOUR).said(hole="nothing was read")

        assert [(one.type, one.level) for one in told] == [(RECOVERED, Level.OK), (RELEASED, Level.OK)]


# Whatever comes.

amounts = st.one_of(
    st.decimals("-20", "160", places=2), st.sampled_from([Decimal(one) for one in ("79.999999", "80", "100", "101")])
)
some_caps = st.sampled_from([caps(), caps("", "100"), caps("80", ""), caps("100", "100"), caps("40", "150"), Caps()])
waits = st.sampled_from([timedelta(minutes=one) for one in (0, 1, 10, 59, 60, 61, 361, 1440)])
wrongs = st.sampled_from(["", "doubt", "hole"])
steps = st.lists(st.tuples(amounts, wrongs, some_caps, waits, st.none() | amounts), min_size=1, max_size=12)


@settings(deadline=None)
@given(steps)
def test_whatever_comes_the_rules_hold(steps):
    course = Course(timing=Timing(milestones=(50, 90)))
    breached: dict[Level, datetime] = {}
    for usd, wrong, course.caps, wait, course.expected in steps:
        before, armed = course.standing, course.standing.armed
        said = course.after(wait).said(usd, **({wrong: "something"} if wrong else {}))
        standing = course.standing

        assert course.said(recomputed=True, **({wrong: "something"} if wrong else {})) == [], "the same input again"
        assert course.standing == standing
        _holds_of_people(said, wrong, before, standing)
        assert (standing.level is not Level.HARD) or standing.armed
        assert [one.type for one in said].count(TRIGGERED) == (standing.armed is not None and armed is None)
        assert standing.level is None or standing.level >= course.caps.level(Spent(Decimal(usd)))
        for one in said:
            if one.type in (BREACHED, REMINDER):
                assert course.now - breached.get(one.level, START - DAY) >= HOUR
                breached[one.level] = course.now


def _holds_of_people(said: list[Said], wrong: str, before: Standing, standing: Standing) -> None:
    told = [one for one in said if one.type in (BREACHED, STEPPED_DOWN, RECOVERED, REMINDER)]
    assert len(told) <= 1
    assert [one.type for one in said if one.type in (TRIGGERED, RELEASED)].count(RELEASED) <= 1
    if told:
        assert told[0].prev_level is before.announced
        assert told[0].level is standing.announced is standing.level
    for one in said:
        assert one.reason is not None
        if one.type in DOWN and wrong:
            assert standing.caps.at(one.prev_level) is None, "never down on doubtful figures"
    if standing.level is not None and standing.level > before.announced:
        assert told, "up is told at once"


@settings(deadline=None)
@given(steps)
def test_a_forecast_is_told_once_for_each_cap_and_changes_nothing_else_that_is_said_or_stands(steps):
    course, without = Course(), Course()
    expected: list[Level] = []
    for usd, wrong, course.caps, wait, course.expected in steps:
        without.caps = course.caps
        wrongs = {wrong: "something"} if wrong else {}
        said, others = course.after(wait).said(usd, **wrongs), without.after(wait).said(usd, **wrongs)
        ahead = [one for one in said if one.type is FORECAST]
        expected += [one.level for one in ahead]

        assert [one for one in said if one not in ahead] == others
        assert replace(course.standing, forecast=Level.OK) == without.standing
        for one in ahead:
            assert wrong != "hole"
            assert course.expected >= one.cap == course.caps.at(one.level)
            assert one.level > course.standing.level
    assert expected == sorted(set(expected))


@settings(deadline=None)
@given(steps, amounts)
def test_after_a_debounce_of_fresh_and_unchanged_figures_people_know_what_is_true(steps, usd):
    course = Course()
    for spent, wrong, course.caps, wait, course.expected in steps:
        course.after(wait).said(spent, **({wrong: "something"} if wrong else {}))
    course.said(usd)
    course.after(HOUR + timedelta(minutes=10)).said()

    assert course.standing.announced is course.standing.level is course.caps.level(Spent(Decimal(usd)))
