"""The closings of a month, from one cursor on a published snapshot."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

import duckdb

from aispend_pipeline.caps.model import Period
from aispend_pipeline.closing.billed import IN, Part, by_day, by_invoice, moved
from aispend_pipeline.closing.final import days_of, unsettled
from aispend_pipeline.closing.lacks import lacks
from aispend_pipeline.closing.model import Closing, Restated, Tier
from aispend_pipeline.model import Account, CoverageState, Feed, Window, windows_of
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources import COST_SOURCES, feeds
from aispend_pipeline.sources.google import PROVIDER as GOOGLE
from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse.coverage import Day, days_asked_for, every_day
from aispend_pipeline.warehouse.reads import MOST_RESTATEMENTS, Restatement
from aispend_pipeline.warehouse.status import FeedStatus, feed_statuses


def closings(cursor: duckdb.DuckDBPyConnection, settings: Settings, period: Period, today: date) -> list[Closing]:
    """A closing of every account that is configured, or of which any day of the month was asked for, in their order."""
    found = _read(cursor, period, today, _feeds(cursor, settings, period))
    return [
        _closing(found, settings, period, today, account, list(own))
        for account, own in groupby(found.feeds, key=_account)
    ]


def _feeds(cursor: duckdb.DuckDBPyConnection, settings: Settings, period: Period) -> list[FeedStatus]:
    """The cost feeds of those accounts, by account."""
    wanted = feeds(settings)
    asked = {(day.source, day.account) for day in days_asked_for(cursor, period.window)}
    known = [feed for feed in feed_statuses(cursor, wanted) if feed.source in COST_SOURCES]
    own = [f for f in known if (f.source, f.account, f.provider) in wanted or (f.source, f.account) in asked]
    return sorted(own, key=_account)


def _account(feed: FeedStatus) -> Account:
    return feed.provider, feed.account


@dataclass(frozen=True)
class _Read:
    """All that the snapshot has of the month; `days` go from the month before it to the day after it."""

    feeds: Sequence[FeedStatus]
    parts: Mapping[Account, Sequence[Part]]
    days: Mapping[Feed, Sequence[Day]]
    restated: Mapping[Account, Restated]
    unpriced: Mapping[Account, Sequence[Tier]]


def _read(cursor: duckdb.DuckDBPyConnection, period: Period, today: date, own: Sequence[FeedStatus]) -> _Read:
    of_days = {"first": period.window.first, "last": period.window.last}
    parts = [Part(*row) for row in _ask(cursor, "parts", {**of_days, "month": period.name})]
    tiers = _ask(cursor, "unpriced", of_days)
    since = {"since": period.end.replace(tzinfo=None), "sources": COST_SOURCES, "limit": MOST_RESTATEMENTS}
    return _Read(
        feeds=own,
        parts={account: list(of) for account, of in groupby(parts, key=lambda part: (part.provider, part.account))},
        days=_days(cursor, period, today, {(feed.source, name) for feed in own for name in _names(feed)}),
        restated=_restated(_ask(cursor, "restated", {**of_days, **since})),
        unpriced={account: [_tier(row) for row in of] for account, of in groupby(tiers, key=lambda row: row[:2])},
    )


def _ask(cursor: duckdb.DuckDBPyConnection, name: str, asked: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return cursor.execute(statement("closing", name), asked).fetchall()


def _names(feed: FeedStatus) -> set[str]:
    """Its account, and the one whose credentials read it."""
    return {feed.account, feed.read_as or feed.account}


def _days(
    cursor: duckdb.DuckDBPyConnection, period: Period, today: date, own: Collection[Feed]
) -> dict[Feed, list[Day]]:
    a_day = timedelta(days=1)
    window = Window(Period.of(period.window.first - a_day).window.first, period.window.last + a_day)
    days = every_day(cursor, window, own, today)
    return {feed: list(of) for feed, of in groupby(days, key=lambda day: (day.source, day.account))}


def _restated(rows: Sequence[tuple[Any, ...]]) -> dict[Account, Restated]:
    """By account; a row is a change, how many there are of its account, and what they come to."""
    found: dict[Account, list[Restatement]] = {}
    sums: dict[Account, tuple[int, Decimal]] = {}
    for *change, changes, net_usd in rows:
        one = Restatement(*change)
        found.setdefault((one.provider, one.account), []).append(one)
        sums[one.provider, one.account] = changes, net_usd
    return {account: Restated(*sums[account], newest) for account, newest in found.items()}


def _tier(row: tuple[Any, ...]) -> Tier:
    tier, *counts = row[2:]
    return Tier(tier, *(None if count is None else int(count) for count in counts))


def _closing(
    found: _Read, settings: Settings, period: Period, today: date, account: Account, own: Sequence[FeedStatus]
) -> Closing:
    days = [day for feed in own for day in _days_of(found, feed)]
    before = [day for day in days if day.day < period.window.first] if account[0] == GOOGLE else []
    of_month = [day for day in days if day.day in days_of(account[0], period)]
    parts = found.parts.get(account, ())
    read = any(part.used == IN for part in parts) or any(d.last_read_at for d in of_month if d.day in period.window)
    return Closing(
        *account,
        billed=by_day(parts) if read else None,
        invoiced=by_invoice(parts, period) if read else None,
        moved=moved(parts, period),
        unsettled=unsettled(of_month, today),
        not_read_before=windows_of({day.day for day in before if not day.whole}),
        unchecked=sorted({day.day for day in of_month if str(day.day) in day.detail.get("control_unreadable", ())}),
        restated=found.restated.get(account, Restated()),
        unpriced=found.unpriced.get(account, ()),
        lacks=lacks(settings, account[0], own[0].read_as or account[1]),
    )


def _days_of(found: _Read, feed: FeedStatus) -> list[Day]:
    """The days of a feed; one that has left its table has no lines where all that the table holds was read."""
    days = found.days[feed.source, feed.account]
    if not feed.gone:
        return list(days)
    of_table = found.days[feed.source, feed.read_as or feed.account]
    pairs = zip(days, of_table, strict=True)
    return [table if day.state is CoverageState.NOT_DUE else day for day, table in pairs]
