"""Days that wait for a call budget are remembered until they were read, by every process alike."""

from datetime import date

import pytest

from aispend_pipeline.model import Window
from aispend_pipeline.state.database import State
from aispend_pipeline.state.waiting import WaitingDays

from .driver import FEED, started

OTHER = ("anthropic_usage", "default")
WEEK = Window(date(2026, 11, 2), date(2026, 11, 8))
MIDDLE = Window(date(2026, 11, 4), date(2026, 11, 5))


@pytest.fixture
def waiting(home) -> WaitingDays:
    return WaitingDays(State(home))


def test_nothing_waits_at_first(waiting):
    assert waiting.all() == {}


def test_days_wait_until_they_came(waiting):
    waiting.add([(FEED, WEEK)])
    waiting.remove([(FEED, MIDDLE)])

    assert waiting.all() == {FEED: set(WEEK.days()) - set(MIDDLE.days())}

    waiting.remove([(FEED, WEEK)])

    assert waiting.all() == {}


def test_a_day_that_waits_again_waits_once(waiting):
    waiting.add([(FEED, MIDDLE), (FEED, WEEK), (FEED, MIDDLE)])
    waiting.add([(FEED, WEEK)])

    assert waiting.all() == {FEED: set(WEEK.days())}


def test_feeds_do_not_mix(waiting):
    waiting.add([(FEED, WEEK), (OTHER, WEEK), ((FEED[0], "eu"), WEEK)])

    waiting.remove([(OTHER, WEEK)])

    assert set(waiting.all()) == {FEED, (FEED[0], "eu")}


def test_what_never_waited_may_come(waiting):
    waiting.remove([(FEED, WEEK)])
    assert waiting.all() == {}


def test_another_process_sees_it(waiting, home):
    with started("wait", home, "2026-11-02", "2026-11-08") as process:
        process.stdin.close()
        assert process.wait(60) == 0

    assert waiting.all() == {FEED: {day for day in WEEK.days() if day.day % 2}}


@pytest.mark.long
def test_processes_that_note_at_once_lose_nothing(waiting, home):
    months = [("2026-01-01", "2026-01-31"), ("2026-02-01", "2026-02-28"), ("2026-03-01", "2026-03-31")]
    with (
        started("wait", home, *months[0]) as one,
        started("wait", home, *months[1]) as two,
        started("wait", home, *months[2]) as three,
    ):
        for process in (one, two, three):
            process.stdin.close()
        assert [process.wait(60) for process in (one, two, three)] == [0, 0, 0]

    everything = Window(date(2026, 1, 1), date(2026, 3, 31))
    assert waiting.all() == {FEED: {day for day in everything.days() if day.day % 2}}
