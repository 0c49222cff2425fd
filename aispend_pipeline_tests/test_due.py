"""Which days a tick asks for, of which feeds, and how long what must wait will take."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from aispend_pipeline.due import DAYS_A_RUN, Due, affordable, backlogs, due, last_month
from aispend_pipeline.model import GRID_START, Feed, Window, windows_of
from aispend_pipeline.settings import Settings

EU, US = ("openai_costs", "eu"), ("openai_costs", "us")
COSTS, USAGE = ("anthropic_costs", "default"), ("anthropic_usage", "default")
OTHER = ("anthropic_usage", "eu")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LOOK_BACK = Window(date(2026, 11, 21), date(2026, 11, 23))


def settings(**more: str) -> Settings:
    keys = {"ANTHROPIC_API_KEY": "sk-ant-1", "ANTHROPIC_API_KEY__EU": "sk-ant-2", "OPENAI_API_KEY": "sk-3"}
    return Settings.load({**keys, **more}, None)


def days(first: date | str, last: date | str) -> list[date]:
    first, last = (date.fromisoformat(day) if isinstance(day, str) else day for day in (first, last))
    return list(Window(first, last).days()) if first <= last else []


def read_until(last: date | str, at: datetime = NOON) -> dict[date, datetime]:
    """Every day up to `last`, each read whole at `at`."""
    return dict.fromkeys(days("2024-01-01", last), at)


def of(asked: list[Due], feed: Feed) -> list[date]:
    """Every day that is asked of `feed`, in the order of asking."""
    return [day for one in asked if feed in one.feeds for day in one.window.days()]


def older(now: datetime, read: dict[date, datetime], waiting=(), **more: str) -> list[date]:
    """The days before the look-back that are asked of one feed, oldest first."""
    asked = due(settings(**more), now, [EU], {EU: read}, {EU: list(waiting)})
    return sorted(of(asked[1:], EU))


def test_the_look_back_is_asked_of_all_feeds_whatever_was_read():
    read = {feed: read_until("2026-11-23") for feed in (EU, US)}

    assert due(settings(), NOON, [US, EU], read, {}) == [Due(LOOK_BACK, (EU, US))]


HOURS = [(0, 0, "2026-11-21"), (23, 59, "2026-11-21")]


@pytest.mark.parametrize(("hour", "minute", "first"), HOURS)
def test_the_look_back_begins_two_whole_days_before_today(hour, minute, first):
    now = NOON.replace(hour=hour, minute=minute)
    assert due(settings(), now, [EU], {}, {})[0].window == Window(date.fromisoformat(first), now.date())


def test_a_look_back_of_ninety_days_is_cut_into_months_and_begins_with_today():
    asked = due(settings(CRON_LOOKBACK_HOURS="2160"), NOON, [EU], {EU: read_until("2026-11-23")}, {})

    assert [len(list(one.window.days())) for one in asked] == [29, 31, 31]
    assert sorted(of(asked, EU)) == days("2026-08-25", "2026-11-23")


def test_the_look_back_never_reaches_back_beyond_the_grid():
    now = datetime(2024, 1, 10, 6, tzinfo=UTC)
    asked = due(settings(CRON_LOOKBACK_HOURS="2160"), now, [EU], {}, {})
    assert of(asked, EU) == days(GRID_START, "2024-01-10")


def test_each_feed_is_asked_for_the_days_that_it_lacks_and_for_no_others():
    lacks = {EU: {date(2026, 11, 3)}, US: {date(2026, 11, 3), date(2026, 11, 9), date(2026, 11, 10)}}
    everything = read_until("2026-11-23")
    read = {feed: {day: at for day, at in everything.items() if day not in lacks[feed]} for feed in lacks}

    assert due(settings(), NOON, [EU, US], read, {})[1:] == [
        Due(Window(date(2026, 11, 9), date(2026, 11, 10)), (US,)),
        Due(Window(date(2026, 11, 3), date(2026, 11, 3)), (EU, US)),
    ]


def test_feeds_that_lack_the_same_days_are_asked_together():
    assert due(settings(AISPEND_START_DATE="2026-11-01"), NOON, [EU, US, COSTS], {}, {})[1:] == [
        Due(Window(date(2026, 11, 1), date(2026, 11, 20)), (COSTS, EU, US))
    ]


def test_after_five_days_asleep_the_days_in_between_are_asked_for_in_one_window():
    now = NOON + timedelta(days=5)
    assert older(now, read_until("2026-11-20")) == days("2026-11-21", "2026-11-25")


def test_a_new_installation_reads_from_the_first_of_last_month_newest_first_a_month_a_run():
    asked = due(settings(), datetime(2026, 11, 20, 9, tzinfo=UTC), [EU], {}, {})

    assert asked[0].window == Window(date(2026, 11, 18), date(2026, 11, 20))
    assert sorted(of(asked, EU)) == days("2026-10-01", "2026-11-20")
    windows = [one.window for one in asked[1:]]
    assert [window.last for window in windows] == sorted((window.last for window in windows), reverse=True)
    assert windows[0].last == date(2026, 11, 17)


STARTS = [
    ("2026-11-22", []),
    ("2026-11-21", []),
    ("2026-11-20", ["2026-11-20"]),
    ("2026-11-19", ["2026-11-19", "2026-11-20"]),
]


@pytest.mark.parametrize(("start", "expected"), STARTS)
def test_a_start_date_bounds_what_is_due_by_itself(start, expected):
    assert [str(day) for day in older(NOON, {}, AISPEND_START_DATE=start)] == expected


def test_a_start_date_before_the_grid_is_the_grids():
    assert older(NOON, {}, AISPEND_START_DATE="2024-01-01")[0] == GRID_START


# A day that was read whole and settled, when that was, now, and whether it is read again.
AGAIN = [
    # the trailing seven days, once a day
    ("2026-11-16", "2026-11-22T23:59:59", "2026-11-23T00:00:00", True),
    ("2026-11-16", "2026-11-23T00:00:00", "2026-11-23T00:00:00", False),
    ("2026-11-16", "2026-11-23T00:00:00", "2026-11-23T23:59:59", False),
    ("2026-11-15", "2026-11-18T00:00:01", "2026-11-23T12:00:00", False),
    # last month until the 5th, once a day
    ("2026-10-01", "2026-10-31T12:00:00", "2026-11-01T00:00:00", True),
    ("2026-10-01", "2026-11-01T00:00:01", "2026-11-01T13:00:00", False),
    ("2026-10-01", "2026-11-04T23:59:59", "2026-11-05T00:00:00", True),
    ("2026-10-01", "2026-11-05T00:00:01", "2026-11-05T23:59:59", False),
    ("2026-10-01", "2026-11-05T23:59:59", "2026-11-06T00:00:00", False),
    # in the first days of a month the trailing seven may be last month's
    ("2026-10-30", "2026-11-05T12:00:00", "2026-11-06T00:00:00", True),
    ("2026-10-29", "2026-11-05T12:00:00", "2026-11-06T00:00:00", False),
    # the month before last is not last month
    ("2026-09-30", "2026-10-20T12:00:00", "2026-11-01T12:00:00", False),
    # over the new year, and a leap day
    ("2025-12-01", "2026-01-04T12:00:00", "2026-01-05T12:00:00", True),
    ("2025-12-01", "2026-01-05T12:00:00", "2026-01-06T12:00:00", False),
    ("2025-11-30", "2026-01-01T12:00:00", "2026-01-02T12:00:00", False),
    ("2024-02-29", "2024-03-04T12:00:00", "2024-03-05T12:00:00", True),
    ("2024-02-29", "2024-03-06T12:00:00", "2024-03-07T12:00:00", True),
    ("2024-02-29", "2024-03-07T12:00:00", "2024-03-08T12:00:00", False),
    ("2024-02-01", "2024-03-04T12:00:00", "2024-03-05T12:00:00", True),
]


@pytest.mark.parametrize(("day", "read_at", "now", "again"), AGAIN)
def test_a_day_that_may_still_be_corrected_is_read_again_once_a_day(day, read_at, now, again):
    at, moment = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (read_at, now))
    read = {**read_until(moment.date(), moment), date.fromisoformat(day): at}

    assert [str(one) for one in older(moment, read, AISPEND_START_DATE="2024-01-01")] == ([day] if again else [])


def test_days_that_wait_are_asked_for_however_old_they_are():
    waiting = days("2025-03-01", "2025-03-03")
    assert older(NOON, read_until("2026-11-23"), waiting) == waiting


def test_a_day_that_waits_and_is_lacking_is_asked_for_once():
    lacking = read_until("2026-11-18")
    assert older(NOON, lacking, days("2026-11-18", "2026-11-23")) == days("2026-11-18", "2026-11-20")


def test_days_that_wait_for_a_feed_without_credentials_are_not_asked_for():
    assert due(settings(), NOON, [EU], {EU: read_until("2026-11-23")}, {US: [date(2026, 1, 1)]}) == [
        Due(LOOK_BACK, (EU,))
    ]


def test_days_that_are_in_no_sum_are_added_up_last_however_old_and_asked_of_nobody():
    unadded = [*days("2025-03-01", "2025-03-03"), date(2025, 3, 5), *days("2026-09-01", "2026-10-05")]

    assert due(settings(), NOON, [EU, US], {feed: read_until("2026-11-23") for feed in (EU, US)}, {}, unadded) == [
        Due(LOOK_BACK, (EU, US)),
        Due(Window(date(2025, 3, 1), date(2025, 3, 3)), ()),
        Due(Window(date(2025, 3, 5), date(2025, 3, 5)), ()),
        Due(Window(date(2026, 9, 1), date(2026, 10, 1)), ()),
        Due(Window(date(2026, 10, 2), date(2026, 10, 5)), ()),
    ]


def test_days_that_are_read_anyway_are_added_up_with_that():
    read = {EU: read_until("2026-11-19")}
    unadded = days("2026-11-19", "2026-11-23")

    assert due(settings(), NOON, [EU], read, {}, unadded)[1:] == [
        Due(Window(date(2026, 11, 20), date(2026, 11, 20)), (EU,)),
        Due(Window(date(2026, 11, 19), date(2026, 11, 19)), ()),
    ]


RUNS = [
    ([], []),
    (["2026-03-01", "2026-02-28"], [("2026-02-28", "2026-03-01")]),
    (["2026-12-31", "2027-01-01", "2027-01-03"], [("2026-12-31", "2027-01-01"), ("2027-01-03", "2027-01-03")]),
]


@pytest.mark.parametrize(("single", "runs"), RUNS)
def test_days_in_any_order_are_windows_without_gaps(single, runs):
    expected = [Window(date.fromisoformat(first), date.fromisoformat(last)) for first, last in runs]
    assert windows_of(map(date.fromisoformat, single)) == expected


@pytest.mark.parametrize(
    ("today", "first", "last"),
    [("2026-01-31", "2025-12-01", "2025-12-31"), ("2024-03-01", "2024-02-01", "2024-02-29")],
)
def test_last_month_is_the_calendar_month_before(today, first, last):
    assert last_month(date.fromisoformat(today)) == Window(date.fromisoformat(first), date.fromisoformat(last))


near = st.dates(date(2026, 7, 1), date(2026, 11, 23))
read_days = st.dictionaries(near, st.datetimes(datetime(2026, 11, 1), datetime(2026, 11, 23)), max_size=40)  # noqa: DTZ001
moments = st.datetimes(datetime(2026, 10, 28), datetime(2026, 11, 24), timezones=st.just(UTC))  # noqa: DTZ001


@examples(max_examples=30, deadline=None, database=None)
@given(
    now=moments,
    read=st.fixed_dictionaries({EU: read_days, US: read_days}),
    waiting=st.fixed_dictionaries({EU: st.sets(near, max_size=9), US: st.just(set())}),
    hours=st.integers(24, 2160),
    start=st.one_of(st.none(), near),
)
def test_no_day_that_is_due_is_missing_or_asked_twice_and_none_is_to_come(now, read, waiting, hours, start):
    asked_for = {"CRON_LOOKBACK_HOURS": str(hours), **({"AISPEND_START_DATE": str(start)} if start else {})}
    known = {feed: {day: at.replace(tzinfo=UTC) for day, at in of_feed.items()} for feed, of_feed in read.items()}
    look_back = days((now - timedelta(hours=hours)).date(), now.date())
    first = start or (now.date().replace(day=1) - timedelta(days=1)).replace(day=1)

    asked = due(settings(**asked_for), now, [EU, US], known, waiting)

    for feed in (EU, US):
        never_read = [day for day in days(first, now.date()) if day not in known[feed]]
        waits = [day for day in waiting[feed] if day <= now.date()]
        counted = Counter(of(asked, feed))
        assert {*look_back, *never_read, *waits} <= set(counted)
        assert set(counted.values()) == {1}
        assert max(counted) == now.date()
        assert set(counted) <= {*look_back, *waits, *days(first, now.date())}
    assert all(len(list(one.window.days())) <= DAYS_A_RUN and one.feeds for one in asked)
    assert asked[0].feeds == (EU, US)
    assert now.date() in asked[0].window


# Look-back: two questions on the days before and two on today for costs, one and one for usage.
OF_A_LOOK_BACK = 6


def backlog(calls: int, asked: list[Due], waiting) -> list[str]:
    made = settings(AISPEND_ANTHROPIC_CALLS_PER_HOUR=str(calls))
    return [str(one) for one in backlogs(made, NOON, asked, waiting)]


def test_a_backlog_says_how_many_days_wait_and_when_they_will_have_been_read():
    """Four weeks of usage take four calls, which takes two hours at two calls an hour beside the look-back."""
    month = Window(date(2026, 10, 24), date(2026, 11, 20))
    asked = [Due(LOOK_BACK, (COSTS, USAGE)), Due(month, (USAGE,))]

    assert backlog(OF_A_LOOK_BACK + 2, asked, {USAGE: set(month.days())}) == [
        "anthropic default: 28 days wait for the call budget; every run goes on, done about 2026-11-23 14:00 UTC"
    ]
    assert "done about 2026-11-23 16:00 UTC" in backlog(OF_A_LOOK_BACK + 1, asked, {USAGE: set(month.days())})[0]


@pytest.mark.parametrize("calls", [OF_A_LOOK_BACK, 1])
def test_a_budget_that_does_not_suffice_for_the_look_back_is_called_too_small(calls):
    asked = [Due(LOOK_BACK, (COSTS, USAGE)), Due(Window(date(2026, 11, 1), date(2026, 11, 2)), (COSTS,))]

    assert backlog(calls, asked, {COSTS: set(days("2026-11-01", "2026-11-02"))}) == [
        "anthropic default: 2 days wait for the call budget, which is too small even for every hour's look-back"
    ]


def test_each_account_has_a_backlog_of_its_own_and_no_other_pays_for_it():
    old = Window(date(2026, 11, 1), date(2026, 11, 7))
    asked = [Due(LOOK_BACK, (COSTS, USAGE, OTHER, EU)), Due(old, (OTHER,))]

    [told] = backlog(60, asked, {OTHER: set(old.days()), COSTS: set()})

    assert told.startswith("anthropic eu: 7 days wait")


def test_a_day_that_two_sources_of_an_account_wait_for_is_one_day():
    old = Window(date(2026, 11, 1), date(2026, 11, 1))
    asked = [Due(LOOK_BACK, (COSTS, USAGE)), Due(old, (COSTS, USAGE))]
    assert backlog(60, asked, {COSTS: set(old.days()), USAGE: set(old.days())})[0].startswith(
        "anthropic default: 1 day waits for"
    )


NO_BACKLOG = [
    ({EU: {date(2026, 11, 1)}}, "an account may ask as much as it likes"),
    ({("anthropic_costs", "gone"): {date(2026, 11, 1)}}, "an account has no key any more"),
    ({COSTS: set()}, "nothing waits"),
]


@pytest.mark.parametrize(("waiting", "why"), NO_BACKLOG)
def test_nothing_is_said_where(waiting, why):
    assert backlog(60, [Due(LOOK_BACK, (COSTS, EU))], waiting) == []


def test_what_no_calls_are_left_for_waits_and_the_look_back_is_always_begun():
    old = Window(date(2026, 11, 1), date(2026, 11, 2))
    asked = [Due(LOOK_BACK, (COSTS, EU)), Due(old, (COSTS, EU))]

    begun, waits = affordable(settings(), NOON, asked, {COSTS: 0})

    assert begun == [asked[0], Due(old, (EU,))]
    assert waits == [Due(old, (COSTS,))]


def test_calls_are_counted_for_the_account_whatever_the_source():
    windows = [Window(date(2026, 11, day), date(2026, 11, day)) for day in (9, 6, 3)]
    asked = [Due(LOOK_BACK, (COSTS, USAGE)), *(Due(window, (COSTS, USAGE)) for window in windows)]

    left = OF_A_LOOK_BACK + 4  # each older day takes two of costs and one of usage

    begun, waits = affordable(settings(), NOON, asked, {COSTS: left, USAGE: left, OTHER: 9})

    assert begun == asked[:3]
    assert waits == asked[3:]


def test_what_is_begun_first_is_paid_for_too():
    """An account whose calls just suffice for the look-back begins no older day in the same hour."""
    old = Window(date(2026, 11, 1), date(2026, 11, 2))
    asked = [Due(LOOK_BACK, (COSTS, USAGE)), Due(old, (COSTS, USAGE))]

    left = dict.fromkeys((COSTS, USAGE), OF_A_LOOK_BACK)
    assert affordable(settings(), NOON, asked, left) == (asked[:1], asked[1:])
    one_more = dict.fromkeys((COSTS, USAGE), OF_A_LOOK_BACK + 1)
    assert affordable(settings(), NOON, asked, one_more) == (asked, [])


def test_what_is_only_added_up_costs_no_calls_and_never_waits():
    add_up = Due(Window(date(2025, 3, 1), date(2025, 3, 1)), ())
    assert affordable(settings(), NOON, [Due(LOOK_BACK, (COSTS,)), add_up], {COSTS: 0}) == (
        [Due(LOOK_BACK, (COSTS,)), add_up],
        [],
    )
