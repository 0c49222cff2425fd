"""Rows are held against the provider's own sums: when they agree, and when they do not."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from aispend_pipeline.errors import ErrorClass
from aispend_pipeline.model import FetchState, Reading, Window
from aispend_pipeline.sources.engine import windows_to_ask
from aispend_pipeline.sources.http import Limits

from .scripted import (
    NOW,
    SETTLED,
    TODAY,
    YOUNG,
    Answer,
    FakeClock,
    bucket,
    costs,
    days,
    page,
    read,
    read_one,
    result,
    scripted,
)

RUNNING = Window(TODAY, TODAY)


def sums(rows: str, control: str, window: Window):
    """A script in which every day's rows and control are these."""
    return costs([days(window, rows)], [days(window, control)])


def first_then(first, second):
    """The first script for the first two questions, then the second."""
    asked_so_far = []

    def script(asked):
        asked_so_far.append(asked)
        return (first if len(asked_so_far) <= 2 else second)(asked)

    return script


@pytest.mark.parametrize("window", [SETTLED, YOUNG, RUNNING], ids=["settled", "young", "running"])
def test_rows_and_control_that_agree_are_one_fetch_of_two_questions(window):
    with scripted(sums("1.25", "1.25", window)) as provider:
        fetch = read_one(provider.base_url, window)
    assert fetch.state is FetchState.COMPLETE
    assert [page.reading for page in fetch.pages] == [Reading.ROWS, Reading.CONTROL]
    assert {(a.rows_usd, a.control_usd, a.agrees) for a in fetch.answers} == {(Decimal("1.25"), Decimal("1.25"), True)}


@pytest.mark.parametrize(
    ("control", "state"), [("1.000001", "complete"), ("0.999999", "complete"), ("1.0000011", "failed"), ("0", "failed")]
)
def test_a_millionth_apart_is_rounding_and_more_is_not(control, state):
    with scripted(sums("1", control, SETTLED)) as provider:
        assert read(provider.base_url)[-1].state == state


def test_a_settled_day_that_disagrees_twice_refuses_the_window():
    with scripted(sums("1.25", "1.50", SETTLED)) as provider:
        fetches = read(provider.base_url)
    assert len(provider.asked) == 4
    assert len({fetch.fetch_id for fetch in fetches}) == 2
    for fetch in fetches:
        assert (fetch.state, fetch.error_class, fetch.answers) == (FetchState.FAILED, ErrorClass.CONTROL_MISMATCH, ())
        assert fetch.error == "2026-11-18: the rows add up to 1.25 USD, the provider's own sum is 1.50 USD"
        assert len(fetch.pages) == 2


def test_a_settled_day_that_disagrees_once_is_read_again_and_then_whole():
    with scripted(first_then(sums("1.25", "1.50", SETTLED), sums("1.50", "1.50", SETTLED))) as provider:
        first, second = read(provider.base_url)
    assert (first.state, first.error_class) == (FetchState.FAILED, ErrorClass.CONTROL_MISMATCH)
    assert [page.body for page in first.pages] == [days(SETTLED, "1.25"), days(SETTLED, "1.50")]
    assert (second.state, {answer.rows_usd for answer in second.answers}) == (FetchState.COMPLETE, {Decimal("1.5")})


def test_one_settled_day_apart_refuses_its_whole_window():
    rows = [bucket(day, result("1")) for day in SETTLED.days()]
    control = [*rows[:2], bucket(SETTLED.last, result("2", None))]
    with scripted(costs([page(*rows)], [page(*control)])) as provider:
        fetches = read(provider.base_url)
    assert [fetch.error_class for fetch in fetches] == [ErrorClass.CONTROL_MISMATCH] * 2
    assert fetches[0].error.startswith("2026-11-20: ")


@pytest.mark.parametrize("window", [YOUNG, RUNNING], ids=["young", "running"])
def test_a_young_day_that_agrees_on_the_second_reading_is_complete(window):
    with scripted(first_then(sums("1", "2", window), sums("2", "2", window))) as provider:
        first, second = read(provider.base_url, window)
    assert (first.state, first.error_class) == (FetchState.FAILED, ErrorClass.CONTROL_MISMATCH)
    assert (second.state, second.answers[0].agrees) == (FetchState.COMPLETE, True)


@pytest.mark.parametrize("window", [YOUNG, RUNNING], ids=["young", "running"])
def test_a_young_day_that_disagrees_twice_is_complete_with_both_figures(window):
    with scripted(sums("1", "2", window)) as provider:
        _, second = read(provider.base_url, window)
    (answer,) = second.answers
    assert (second.state, second.error_class) == (FetchState.COMPLETE, None)
    assert (answer.agrees, answer.rows_usd, answer.control_usd) == (False, Decimal(1), Decimal(2))


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (datetime(2026, 11, 27, 0, 0, tzinfo=UTC), FetchState.COMPLETE),
        (datetime(2026, 11, 27, 0, 0, 1, tzinfo=UTC), FetchState.FAILED),
    ],
    ids=["48 hours", "a second more"],
)
def test_a_day_is_settled_when_it_is_over_for_more_than_48_hours(now, state):
    with scripted(sums("1", "2", YOUNG)) as provider:
        assert read(provider.base_url, YOUNG, clock=FakeClock(now))[-1].state is state


def test_the_second_reading_can_fail_for_another_reason():
    with scripted(first_then(sums("1", "2", YOUNG), lambda asked: Answer(b"{}", 500))) as provider:
        first, second = read(provider.base_url, YOUNG, limits=Limits(attempts=1))
    assert (first.error_class, second.error_class) == (ErrorClass.CONTROL_MISMATCH, ErrorClass.SERVER_ERROR)


@pytest.mark.parametrize("last", [SETTLED.last, TODAY], ids=["settled", "running"])
def test_money_that_the_control_knows_of_a_day_the_rows_leave_out_refuses_the_window(last):
    window = Window(SETTLED.first, last)
    rows = page(*(bucket(day, result()) for day in window.days() if day != last))
    with scripted(costs([rows], [days(window)])) as provider:
        fetches = read(provider.base_url, window)
    assert [fetch.error_class for fetch in fetches] == [ErrorClass.CONTROL_MISMATCH] * 2
    assert fetches[1].error == f"{last}: the rows add up to 0.00 USD, the provider's own sum is 1.00 USD"


def test_a_day_that_both_leave_out_or_the_control_calls_nothing_is_no_disagreement():
    control = page(bucket(SETTLED.first, result()), bucket(SETTLED.last, result("0.00", None)))
    with scripted(costs([page(bucket(SETTLED.first, result()))], [control])) as provider:
        fetch = read_one(provider.base_url)
    assert [(answer.day, answer.agrees) for answer in fetch.answers] == [(SETTLED.first, True)]


def test_currencies_are_compared_each_by_itself():
    rows = page(bucket(SETTLED.first, result("1"), result("2", currency="eur")))
    swapped = page(bucket(SETTLED.first, result("2"), result("1", currency="eur")))
    with scripted(costs([rows])) as provider:
        assert read_one(provider.base_url).answers[0].agrees is True
    with scripted(costs([rows], [swapped])) as provider:
        assert {fetch.error_class for fetch in read(provider.base_url)} == {ErrorClass.CONTROL_MISMATCH}


def test_a_day_with_a_quarantined_amount_cannot_be_compared():
    rows, control = page(bucket(SETTLED.first, result("1"), result("NaN"))), page(bucket(SETTLED.first, result("5")))
    with scripted(costs([rows], [control])) as provider:
        fetch = read_one(provider.base_url)
    (answer,) = fetch.answers
    assert (answer.agrees, answer.rows_usd, answer.control_usd) == (None, Decimal(1), Decimal(5))
    assert fetch.detail == {"quarantined": 1}


def test_a_control_that_cannot_be_read_is_noted_with_its_days():
    spoilt = page(*(bucket(day, result("NaN" if day == SETTLED.first else "1")) for day in SETTLED.days()))
    with scripted(costs([days(SETTLED, "1")], [spoilt])) as provider:
        fetch = read_one(provider.base_url)
    assert fetch.state is FetchState.COMPLETE
    assert fetch.detail == {"control_unreadable": [str(SETTLED.first)]}
    assert [answer.agrees for answer in fetch.answers] == [None, True, True]


def test_both_questions_always_say_width_and_limit():
    with scripted(costs([page(more="2"), page(more="3"), days(SETTLED)])) as provider:
        read_one(provider.base_url)
    assert len(provider.asked) == 6
    for asked in provider.asked:
        assert asked.path == "/v1/organization/costs"
        assert (asked.all("bucket_width"), asked.all("limit")) == (["1d"], ["180"])


def test_a_window_is_asked_for_from_its_first_midnight_to_the_one_after_its_last():
    with scripted(costs([days(SETTLED)])) as provider:
        read_one(provider.base_url)
    for asked in provider.asked:
        start, end = (int(asked.all(name)[0]) for name in ("start_time", "end_time"))
        assert datetime.fromtimestamp(start, UTC) == datetime(2026, 11, 18, tzinfo=UTC)
        assert datetime.fromtimestamp(end, UTC) == datetime(2026, 11, 21, tzinfo=UTC)


def test_the_running_day_is_asked_for_without_an_end():
    with scripted(costs([days(RUNNING)])) as provider:
        read_one(provider.base_url, RUNNING)
    assert [asked.all("end_time") for asked in provider.asked] == [[], []]


def test_rows_are_grouped_in_full_and_the_control_not_at_all():
    with scripted(costs([days(SETTLED)])) as provider:
        read_one(provider.base_url)
    rows, control = provider.asked
    assert rows.all("group_by[]") == ["project_id", "line_item", "api_key_id"]
    assert control.all("group_by[]") == []
    assert rows.all("project_ids[]") == control.all("project_ids[]") == []


def test_with_a_project_filter_both_questions_carry_it_and_the_control_groups_by_project():
    control = page(*(bucket(day, result("0.25", None, project_id=p)) for day in SETTLED.days() for p in ("a", "b")))
    with scripted(costs([days(SETTLED, "0.50")], [control])) as provider:
        fetch = read_one(provider.base_url, OPENAI_PROJECT_ID=" proj_a, proj_b ,")
    rows, control = provider.asked
    assert rows.all("project_ids[]") == control.all("project_ids[]") == ["proj_a", "proj_b"]
    assert rows.all("group_by[]") == ["project_id", "line_item", "api_key_id"]
    assert control.all("group_by[]") == ["project_id"]
    assert {answer.agrees for answer in fetch.answers} == {True}


def test_the_running_day_is_asked_for_by_itself():
    def asked(first, last, most=180):
        return [str(window) for window in windows_to_ask(Window(date(*first), date(*last)), TODAY, most)]

    assert asked((2026, 11, 23), (2026, 11, 25)) == ["2026-11-23..2026-11-24", "2026-11-25"]
    assert asked((2026, 11, 25), (2026, 11, 25)) == ["2026-11-25"]
    assert asked((2026, 11, 20), (2026, 11, 24)) == ["2026-11-20..2026-11-24"]
    assert asked((2026, 11, 20), (2026, 11, 30)) == ["2026-11-20..2026-11-24", "2026-11-25"]
    assert asked((2026, 11, 26), (2026, 11, 30)) == []
    assert asked((2026, 11, 20), (2026, 11, 25), most=2) == [
        "2026-11-20..2026-11-21",
        "2026-11-22..2026-11-23",
        "2026-11-24",
        "2026-11-25",
    ]


def test_the_time_of_the_fetch_is_when_it_began_whatever_happened_meanwhile():
    clock = FakeClock()

    def slow(asked):
        clock.advance(30)
        return Answer(days(SETTLED))

    with scripted(slow) as provider:
        fetch = read_one(provider.base_url, clock=clock)
    assert (fetch.started_at, (fetch.finished_at - NOW).total_seconds()) == (NOW, 60)
    assert [(page.fetched_at - NOW).total_seconds() for page in fetch.pages] == [30, 60]
