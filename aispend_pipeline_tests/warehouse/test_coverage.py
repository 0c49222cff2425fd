"""What is known of days beyond their figures: half read, not added up yet, not answered whole, billed twice."""

from datetime import timedelta

import pytest

from aispend_pipeline.model import CoverageState, Window, midnight
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.warehouse import Snapshots
from aispend_pipeline.warehouse.coverage import unadded_days
from aispend_pipeline.warehouse.reads import Question, ask
from aispend_pipeline.warehouse.status import same_bills

from .building import DAY, LATER, complete, failed, line, look, store

ONE_DAY = Window(DAY, DAY)
NOON = midnight(DAY) + timedelta(hours=12)
LINES = {DAY: [line("10"), line("1", "o3")]}


@pytest.mark.parametrize(
    ("read_at", "today", "half_read"),
    [
        (NOON, DAY, False),
        (NOON, DAY + timedelta(days=1), True),
        (NOON + timedelta(hours=12), DAY + timedelta(days=1), False),
    ],
    ids=["still running", "over since", "read when it was over"],
)
def test_a_day_that_was_running_when_it_was_read_is_not_whole_once_it_is_over(
    warehouse, clock, read_at, today, half_read
):
    store(warehouse, complete(LINES, at=read_at))
    add_up(warehouse, ONE_DAY, clock)

    with Snapshots(warehouse.home).current()[1] as cursor:
        answer = ask(cursor, Question(ONE_DAY), [], today)

    assert [(day.state, day.half_read) for day in answer.coverage] == [(CoverageState.COMPLETE, half_read)]
    assert answer.complete is not half_read
    assert answer.total_usd == 11


def test_days_that_were_read_and_never_added_up_are_known_until_they_are(warehouse, clock):
    def unadded() -> list:
        warehouse.publish()
        with Snapshots(warehouse.home).current()[1] as cursor:
            return unadded_days(cursor)

    store(warehouse, failed(Window(DAY, DAY + timedelta(days=5))))
    assert unadded() == []
    store(warehouse, complete(LINES), complete({DAY + timedelta(days=1): [line("2")]}))
    assert unadded() == [DAY, DAY + timedelta(days=1)]
    add_up(warehouse, ONE_DAY, clock)
    assert unadded() == [DAY + timedelta(days=1)]
    add_up(warehouse, Window(DAY, DAY + timedelta(days=1)), clock)
    assert unadded() == []
    store(warehouse, complete(LINES, at=LATER + timedelta(hours=1)))
    assert unadded() == [DAY]


def test_a_day_that_is_not_answered_again_keeps_what_it_was_and_says_so(warehouse, clock):
    later = LATER + timedelta(hours=1)
    next_day = DAY + timedelta(days=1)
    store(warehouse, complete(LINES), complete({next_day: [line("2")]}, window=Window(DAY, next_day), at=later))
    add_up(warehouse, Window(DAY, next_day), clock)

    told = "the provider did not answer for all of this day"
    assert look(warehouse, "SELECT day, state, detail->>'last_attempt' FROM coverage ORDER BY day") == [
        (DAY, "complete", told),
        (next_day, "complete", None),
    ]
    assert look(warehouse, "SELECT sum(amount_usd) FROM spend") == [(13,)]


@pytest.mark.parametrize(("theirs", "told"), [(LINES, True), ({DAY: [line("11")]}, False)], ids=["same", "other"])
def test_two_keys_of_one_organisation_are_told_of(warehouse, clock, theirs, told):
    store(warehouse, complete(LINES, account="eu"), complete(theirs, account="us"))
    add_up(warehouse, ONE_DAY, clock)

    with Snapshots(warehouse.home).current()[1] as cursor:
        found = same_bills(cursor)

    text = "openai_costs: eu and us are given the same lines, and counted twice; remove one of the two keys"
    assert found == ([text] if told else [])


def test_a_day_whose_last_attempt_had_failed_is_unadded_too(warehouse, clock):
    store(warehouse, complete(LINES), failed(ONE_DAY, at=LATER + timedelta(hours=1)))
    add_up(warehouse, ONE_DAY, clock)
    store(warehouse, complete(LINES, at=LATER + timedelta(hours=2)))
    warehouse.publish()
    with Snapshots(warehouse.home).current()[1] as cursor:
        assert unadded_days(cursor) == [DAY]
