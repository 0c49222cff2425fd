"""What is known of each day: whether it was read whole, when, and what else there is to say of it."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import duckdb
import orjson

from aispend_pipeline.model import CoverageState, Feed, Finality, Window
from aispend_pipeline.sql import statement

# By name: making each anew costs more than reading it.
_STATES = {str(state): state for state in CoverageState}
# Why a day that is in no answer is not due.
_NEVER_ASKED_FOR, _IN_THE_FUTURE = {"reason": "never asked for"}, {"reason": "in the future"}
_FINALITIES: dict[str | None, Finality | None] = {None: None, **{str(final): final for final in Finality}}


class Day(NamedTuple):
    """What is known of one feed's day; never read if `last_read_at` is none. `detail` is what else to say."""

    source: str
    account: str
    day: date
    state: CoverageState
    last_read_at: datetime | None = None
    finality: Finality | None = None
    detail: dict[str, Any] = {}  # noqa: RUF012 - never changed
    half_read: bool = False  # it was still running when it was last read, and is over

    @property
    def whole(self) -> bool:
        """Whether all of it was read, as far as there is anything yet."""
        return self.state is CoverageState.COMPLETE and not self.half_read

    @property
    def never_asked_for(self) -> bool:
        """Whether nothing is known because nobody asked."""
        return self.detail == _NEVER_ASKED_FOR


class Unread(NamedTuple):
    """What could not be read: the days of which nothing is known, and by day the feeds that failed."""

    days: list[date]
    feeds: dict[date, list[str]]


def unread(cursor: duckdb.DuckDBPyConnection, window: Window) -> Unread:
    """What of `window` could not be read yet, or was never asked for."""
    known: dict[date, list[Day]] = defaultdict(list)
    for day in days_asked_for(cursor, window):
        known[day.day].append(day)
    feeds = {
        day: [f"{one.source} {one.account}" for one in of if one.state is CoverageState.FAILED]
        for day, of in known.items()
    }
    return Unread([day for day in window.days() if len(feeds.get(day, ())) == len(known.get(day, ()))], feeds)


def days_asked_for(cursor: duckdb.DuckDBPyConnection, window: Window) -> list[Day]:
    """The days of `window` that any fetch asked for."""
    rows = cursor.execute(
        "SELECT source, account, day, state, last_read_at, finality, detail FROM coverage"
        " WHERE day BETWEEN ? AND ? ORDER BY source, account, day",
        [window.first, window.last],
    ).fetchall()
    return [
        Day(source, account, day, _STATES[state], read_at, _FINALITIES[final], orjson.loads(detail))
        for source, account, day, state, read_at, final, detail in rows
    ]


def every_day(cursor: duckdb.DuckDBPyConnection, window: Window, feeds: Collection[Feed], today: date) -> list[Day]:
    """Every day of `window` of each of `feeds`; one that was never asked for is not due, and says so."""
    return filled_in(days_asked_for(cursor, window), window, feeds, today)


def filled_in(asked_for: Iterable[Day], window: Window, feeds: Collection[Feed], today: date) -> list[Day]:
    """Of the days that were asked for those of `feeds`, and the others of `window` as not due, with the reason."""
    known = {(day.source, day.account, day.day): _as_of(day, today) for day in asked_for}
    days = [(day, _IN_THE_FUTURE if day > today else _NEVER_ASKED_FOR) for day in window.days()]
    return [
        known.get((source, account, day)) or Day(source, account, day, CoverageState.NOT_DUE, detail=reason)
        for source, account in sorted(feeds)
        for day, reason in days
    ]


def _as_of(day: Day, today: date) -> Day:
    """`day` with what has become of it by `today`."""
    return day._replace(half_read=True) if day.finality is Finality.OPEN and day.day < today else day


def feeds_ever_read(cursor: duckdb.DuckDBPyConnection) -> set[tuple[str, str, str]]:
    """Source, account and provider of every feed that was ever asked."""
    return set(cursor.execute("SELECT DISTINCT source, account, provider FROM coverage").fetchall())


def not_whole(cursor: duckdb.DuckDBPyConnection, window: Window) -> list[Day]:
    """The days of `window` that were asked for and are not complete."""
    return [day for day in days_asked_for(cursor, window) if day.state is not CoverageState.COMPLETE]


def disagreeing(cursor: duckdb.DuckDBPyConnection, window: Window) -> list[Day]:
    """The days of `window` that were accepted although rows and control disagree; `detail` has both figures."""
    return [day for day in days_asked_for(cursor, window) if "control_usd" in day.detail]


def unadded_days(cursor: duckdb.DuckDBPyConnection) -> list[date]:
    """Days that were read and are in no sum yet."""
    return [day for (day,) in cursor.execute(statement("warehouse", "unadded_days")).fetchall()]


def complete_days(cursor: duckdb.DuckDBPyConnection) -> dict[Feed, dict[date, datetime]]:
    """For each source and account, the days that are whole and settled, and when each was last read (UTC)."""
    found: dict[Feed, dict[date, datetime]] = defaultdict(dict)
    rows = cursor.execute(statement("warehouse", "complete_days")).fetchall()
    for source, account, day, read_at in rows:
        found[source, account][day] = read_at.replace(tzinfo=UTC)
    return found
