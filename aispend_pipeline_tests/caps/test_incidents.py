"""Incidents: what is told of something broken, how often, and when it is over."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aispend_pipeline.caps.incidents import Incident, Rhythm, Sign, changes

NOW = datetime(2026, 11, 10, 9, 5, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SUBJECT = "openai default"
RHYTHM = Rhythm(hush=HOUR, remind=DAY)
BROKEN, UNWELL = Sign("it is broken"), Sign("it is unwell", opens=False)


class Subject:
    """One subject over time, from the first sign of trouble with it."""

    def __init__(self) -> None:
        self.now = NOW
        self.newest: list[Incident] = []

    def told(
        self,
        sign: Sign | None,
        wait: timedelta = timedelta(0),
        rhythm: Rhythm = RHYTHM,
        *,
        known: bool = True,
        readers: bool = True,
    ) -> str | None:
        """What is told after `wait`: that it is `failing`, that it has `recovered`, or nothing.

        Without a sign it is well, or not `known` any more.
        """
        self.now += wait
        signs = {} if sign is None else {SUBJECT: sign}
        well = [SUBJECT] if known and not sign else []
        made = changes("ingest", signs, well, self.newest, rhythm, self.now, readers=readers)
        self.newest = [change.incident for change in made] or self.newest
        (change,) = made or [None]
        if change is None or not change.told:
            return None
        return "recovered" if change.incident.closed_at else "failing"

    @property
    def incident(self) -> Incident:
        return self.newest[0]


@pytest.fixture
def subject() -> Subject:
    return Subject()


def test_where_all_is_well_there_is_nothing_to_change(subject):
    assert subject.told(None) is None
    assert subject.newest == []


def test_it_is_told_once_and_again_after_a_day_and_when_it_is_over(subject):
    assert subject.told(BROKEN) == "failing"
    assert subject.incident == Incident("ingest", "openai default", 1, NOW, "it is broken", told_at=NOW, heard_at=NOW)
    assert [subject.told(BROKEN, HOUR) for _ in range(23)] == [None] * 23
    assert subject.told(BROKEN, HOUR) == "failing"
    assert subject.told(BROKEN, HOUR) is None

    assert subject.told(None, HOUR) == "recovered"
    assert subject.told(None, DAY) is None


def test_without_a_time_to_remind_it_is_told_once(subject):
    once = Rhythm(timedelta(0))

    assert [subject.told(BROKEN, DAY, once) for _ in range(3)] == ["failing", None, None]
    assert subject.incident.opened_at == NOW + DAY


def test_the_newest_detail_is_kept(subject):
    subject.told(BROKEN)
    subject.told(Sign("now it is refused"))

    assert subject.incident.detail == "now it is refused"


def test_a_small_thing_opens_nothing_and_keeps_one_from_being_over(subject):
    assert subject.told(UNWELL) is None
    assert subject.newest == []

    subject.told(BROKEN)
    assert subject.told(UNWELL, HOUR) is None
    assert subject.incident.closed_at is None
    assert subject.told(None, HOUR) == "recovered"


def test_one_that_comes_back_within_the_hush_is_told_only_if_it_lasts(subject):
    subject.told(BROKEN)
    subject.told(None, timedelta(minutes=10))

    assert subject.told(BROKEN, timedelta(minutes=10)) is None
    assert (subject.incident.n, subject.incident.told_at) == (2, None)
    assert subject.told(BROKEN, timedelta(minutes=39)) is None
    assert subject.told(BROKEN, timedelta(minutes=1)) == "failing"


def test_one_that_was_told_to_nobody_is_told_once_somebody_is_there(subject):
    assert subject.told(BROKEN, readers=False) == "failing"
    assert subject.told(BROKEN, DAY, readers=False) is None
    assert subject.told(BROKEN, HOUR) == "failing"
    assert subject.told(BROKEN, HOUR) is None
    assert subject.told(None, HOUR) == "recovered"


def test_one_that_was_told_to_nobody_ends_silently(subject):
    assert subject.told(BROKEN, readers=False) == "failing"
    assert subject.told(None, HOUR) is None


def test_one_that_nobody_knows_of_ends_silently(subject):
    subject.told(BROKEN)
    subject.told(None, timedelta(minutes=10))
    subject.told(BROKEN, timedelta(minutes=10))

    assert subject.told(None, timedelta(minutes=10)) is None
    assert subject.incident.closed_at == subject.now


def test_one_that_is_only_gone_is_over_silently(subject):
    subject.told(BROKEN)

    assert subject.told(None, HOUR, known=False) is None
    assert subject.incident.closed_at == subject.now


def test_one_that_was_told_in_the_future_is_told_now(subject):
    subject.told(BROKEN)
    assert subject.told(BROKEN, -40 * DAY) == "failing"
    assert subject.told(BROKEN, HOUR) is None


def test_subjects_have_nothing_to_do_with_each_other():
    first = changes("ingest", {"a": BROKEN}, [], [], RHYTHM, NOW)
    then = changes("ingest", {"b": BROKEN}, ["a"], [change.incident for change in first], RHYTHM, NOW + HOUR)

    assert [(one.incident.subject, one.incident.closed_at is None, one.told) for one in then] == [
        ("b", True, True),
        ("a", False, True),
    ]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([BROKEN, UNWELL, None]), st.integers(1, 90)), max_size=40))
def test_however_it_flaps_failing_is_not_told_twice_within_the_hush_and_no_recovery_of_the_unknown(course):
    subject = Subject()
    last: dict[str, datetime] = {}
    for sign, minutes in course:
        told = subject.told(sign, timedelta(minutes=minutes))
        if told == "failing":
            assert subject.now - last.get(told, NOW - DAY) >= HOUR
        if told == "recovered":
            assert "failing" in last
            assert last["failing"] > last.get("recovered", NOW - DAY)
        if told:
            last[told] = subject.now
