"""Which days are due: what one tick of the hourly schedule asks for, and how long it will take."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from aispend_pipeline.counted import counted
from aispend_pipeline.model import GRID_START, Feed, Window, midnight, windows_of
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources import SOURCES
from aispend_pipeline.sources.engine import windows_to_ask

# A run asks for a month at most, whoever starts it.
DAYS_A_RUN = 31
# Last month's days may be corrected until then.
LATE_UNTIL = 5


class Due(NamedTuple):
    """Days to read together, and the feeds that need them; days that were read and not added up need none."""

    window: Window
    feeds: tuple[Feed, ...]


def start_date(settings: Settings, today: date) -> date:
    """The first day that is read without being asked for: as set, or the first of last month."""
    return max(settings.start_date or last_month(today).first, GRID_START)


def due(
    settings: Settings,
    now: datetime,
    feeds: Collection[Feed],
    read: Mapping[Feed, Mapping[date, datetime]],
    waiting: Mapping[Feed, Collection[date]],
    unadded: Collection[date] = (),
) -> list[Due]:
    """The look-back of all feeds first; then, newest first, the older days that a feed lacks.

    `read` are the days that are whole and settled, with when they were last read: such a day is due once a day
    as long as it may be corrected. `waiting` are days that were asked for and not read yet, `unadded` those that
    were read and are in no sum, however old.
    """
    today = now.date()
    everyone = tuple(sorted(feeds))
    look_back = max((now - timedelta(hours=settings.lookback_hours)).date(), GRID_START)
    first = [Due(window, everyone) for window in [*Window(look_back, today).pieces(DAYS_A_RUN)][::-1] if everyone]
    older: dict[Window, list[Feed]] = {}
    for feed in everyone:
        known, late = read.get(feed, {}), _late_days(settings, feed)
        older_days = _days(start_date(settings, today), look_back)
        lacking = {day for day in older_days if _is_due(day, known.get(day), today, late)}
        lacking |= {day for day in waiting.get(feed, ()) if day < look_back}
        for run in windows_of(lacking):
            for piece in run.pieces(DAYS_A_RUN):
                older.setdefault(piece, []).append(feed)
    newest_first = sorted(older, key=lambda window: (window.last, window.first), reverse=True)
    asked = first + [Due(window, tuple(older[window])) for window in newest_first]
    left = {day for day in unadded if not any(day in due.window for due in asked)}
    return asked + [Due(piece, ()) for run in windows_of(left) for piece in run.pieces(DAYS_A_RUN)]


def again(asked: Sequence[Due], today: date) -> list[Due]:
    """What is added up once more at the end: the running day, whose estimates learn from the older days' bills."""
    running = [Due(one.window, ()) for one in asked if today in one.window]
    return running if any(one.feeds for one in asked if today not in one.window) else []


def _late_days(settings: Settings, feed: Feed) -> int:
    source, account = feed
    return SOURCES[source].late_days(settings, account)


def _is_due(day: date, read_at: datetime | None, today: date, late_days: int) -> bool:
    return read_at is None or (_may_be_corrected(day, today, late_days) and read_at < midnight(today))


def _may_be_corrected(day: date, today: date, late_days: int) -> bool:
    return today - day <= timedelta(days=late_days) or (today.day <= LATE_UNTIL and day in last_month(today))


def last_month(today: date) -> Window:
    """The calendar month before the one of `today`."""
    last = today.replace(day=1) - timedelta(days=1)
    return Window(last.replace(day=1), last)


def _days(first: date, end: date) -> Iterable[date]:
    """From `first` on, without `end`."""
    return Window(first, end - timedelta(days=1)).days() if first < end else ()


def calls(settings: Settings, now: datetime, window: Window, feed: Feed) -> int:
    """About how many calls it takes to read `window`: a page for each question, which may hold as much as is asked."""
    source, account = feed
    pieces = windows_to_ask(window, now.date(), SOURCES[source].max_days)
    return sum(SOURCES[source].calls(settings, account, piece, now) for piece in pieces)


def affordable(
    settings: Settings, now: datetime, asked: Sequence[Due], left: Mapping[Feed, int]
) -> tuple[list[Due], list[Due]]:
    """What can be begun with the calls that are left, and what must wait; what is asked first is never left out.

    `left` has, for every feed of an account that may not ask as much as it likes, the account's calls.
    """
    remaining = {_account(feed): count for feed, count in left.items()}
    begun: list[Due] = []
    waits: list[Due] = []
    for window, feeds in asked:
        poor = tuple(feed for feed in feeds if begun and feed in left and remaining[_account(feed)] <= 0)
        rich = tuple(feed for feed in feeds if feed not in poor)
        for feed in rich:
            if feed in left:
                remaining[_account(feed)] -= calls(settings, now, window, feed)
        begun += [Due(window, rich)] if rich or not feeds else []
        waits += [Due(window, poor)] if poor else []
    return begun, waits


def _account(feed: Feed) -> tuple[str, str]:
    """Provider and account."""
    return SOURCES[feed[0]].provider, feed[1]


class Backlog(NamedTuple):
    """What an account's call budget makes wait: how many days, and when they will have been read.

    `done_at` is none when the budget does not even suffice for the look-back of every hour.
    """

    provider: str
    account: str
    days: int
    done_at: datetime | None

    def __str__(self) -> str:
        days = f"{counted(self.days, 'day')} {'waits' if self.days == 1 else 'wait'}"
        waits = f"{self.provider} {self.account}: {days} for the call budget"
        if self.done_at is None:
            return f"{waits}, which is too small even for every hour's look-back"
        return f"{waits}; every run goes on, done about {self.done_at:%Y-%m-%d %H:%M} UTC"


def backlogs(
    settings: Settings, now: datetime, asked: Sequence[Due], waiting: Mapping[Feed, Collection[date]]
) -> list[Backlog]:
    """For every account with days that wait: how many, and about when they will have been read."""
    days: dict[tuple[str, str], set[date]] = {}
    for feed, of_feed in waiting.items():
        days.setdefault(_account(feed), set()).update(of_feed)
    return [
        Backlog(*account, len(of_account), _done_at(settings, now, asked, account))
        for account, of_account in sorted(days.items())
        if of_account and _per_hour(settings, account) is not None
    ]


def _per_hour(settings: Settings, account: tuple[str, str]) -> int | None:
    """The calls an hour of an account that still has a key."""
    provider, name = account
    source = next(source for source in SOURCES.values() if source.provider == provider)
    return source.endpoint(settings, name).calls_per_hour if name in source.accounts(settings) else None


def _done_at(settings: Settings, now: datetime, asked: Sequence[Due], account: tuple[str, str]) -> datetime | None:
    needed = {True: 0, False: 0}  # for every hour's look-back, and for older days
    for window, feeds in asked:
        for feed in feeds:
            if _account(feed) == account:
                needed[now.date() in window] += calls(settings, now, window, feed)
    spare = (_per_hour(settings, account) or 0) - needed[True]
    return now + timedelta(hours=math.ceil(needed[False] / spare)) if spare > 0 else None
