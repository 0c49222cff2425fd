"""What the hourly tick asks for, at the edges of days and after the service slept."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from aispend_pipeline.assets.grid import LANE
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.schedules import hourly_ingest
from aispend_pipeline.ingest import DAYS_A_RUN, due_windows
from aispend_pipeline.model import Window
from aispend_pipeline.settings import Settings

FEED = ("openai_costs", "default")
KEY = {"OPENAI_API_KEY": "sk-admin-x"}


def every_day_until(last: date) -> set[date]:
    return set(Window(date(2026, 1, 1), last).days())


def requests_at(moment: datetime, home) -> list[dg.RunRequest]:
    installation = Installation(
        Settings.load({**KEY, "AISPEND_HOME": str(home), "AISPEND_START_DATE": "2026-11-20"}, None)
    )
    context = dg.build_schedule_context(scheduled_execution_time=moment, resources={"installation": installation})
    return hourly_ingest(context)


@pytest.mark.parametrize("hour", [0, 23])
def test_each_hour_asks_for_today_and_the_two_days_before(hour, home):
    requests = requests_at(datetime(2026, 11, 23, hour, tzinfo=UTC), home)

    first = [r for r in requests if r.partition_key_range == dg.PartitionKeyRange("2026-11-21", "2026-11-23")]
    assert [sorted(key.to_user_string() for key in r.asset_selection) for r in first] == [
        ["raw/openai_costs"],
        ["spend", "spend_daily"],
    ]
    assert {r.tags[LANE] for r in requests} == {"ingest"}
    assert len({r.run_key for r in requests}) == len(requests)


def test_without_credentials_the_tick_says_what_to_set(home):
    installation = Installation(Settings.load({"AISPEND_HOME": str(home)}, None))
    context = dg.build_schedule_context(
        scheduled_execution_time=datetime(2026, 11, 23, tzinfo=UTC), resources={"installation": installation}
    )

    assert "OPENAI_API_KEY" in hourly_ingest(context).skip_message


def test_the_schedule_is_on_without_being_asked():
    assert hourly_ingest.default_status is dg.DefaultScheduleStatus.RUNNING
    assert (hourly_ingest.cron_schedule, hourly_ingest.execution_timezone) == ("0 * * * *", "UTC")


def settings(**more: str) -> Settings:
    return Settings.load({**KEY, **more}, None)


NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def test_when_all_is_read_only_the_look_back_is_due():
    complete = {FEED: every_day_until(date(2026, 11, 23))}
    assert due_windows(settings(), NOW, [FEED], complete) == [Window(date(2026, 11, 21), date(2026, 11, 23))]


def test_after_five_days_asleep_the_days_in_between_are_due_in_one_window():
    asleep_since = date(2026, 11, 18)
    complete = {FEED: every_day_until(asleep_since - timedelta(days=1))}
    assert due_windows(settings(), NOW, [FEED], complete) == [
        Window(date(2026, 11, 21), date(2026, 11, 23)),
        Window(asleep_since, date(2026, 11, 20)),
    ]


def test_a_new_installation_reads_from_the_first_of_last_month_newest_first_a_month_a_run():
    windows = due_windows(settings(), NOW, [FEED], {})

    assert windows[0] == Window(date(2026, 11, 21), date(2026, 11, 23))
    assert min(window.first for window in windows) == date(2026, 10, 1)
    assert sorted(day for window in windows for day in window.days()) == list(
        Window(date(2026, 10, 1), date(2026, 11, 23)).days()
    )
    assert all(len(list(window.days())) <= DAYS_A_RUN for window in windows)


def test_a_start_date_bounds_what_is_due_by_itself():
    windows = due_windows(settings(AISPEND_START_DATE="2026-11-22"), NOW, [FEED], {})
    assert windows == [Window(date(2026, 11, 21), date(2026, 11, 23))]


def test_a_day_that_one_account_lacks_is_due():
    other = ("openai_costs", "eu")
    complete = {
        FEED: every_day_until(date(2026, 11, 23)),
        other: every_day_until(date(2026, 11, 23)) - {date(2026, 11, 3)},
    }
    assert due_windows(settings(), NOW, [FEED, other], complete)[1:] == [Window(date(2026, 11, 3), date(2026, 11, 3))]


def test_a_look_back_of_ninety_days_is_cut_into_months():
    windows = due_windows(settings(CRON_LOOKBACK_HOURS="2160"), NOW, [FEED], {FEED: every_day_until(NOW.date())})
    assert [len(list(window.days())) for window in windows] == [31, 31, 29]
