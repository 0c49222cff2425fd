"""All that a published snapshot has for measuring: a handful of statements over every scope and period at once."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from aispend_pipeline.budgets.kept import Kept, budgets
from aispend_pipeline.caps.doubts import Fall, FeedDay, Said, unconfirmed
from aispend_pipeline.errors import StoreError
from aispend_pipeline.model import CoverageState, Feed, Finality, Window
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources import COST_SOURCES, feeds
from aispend_pipeline.sources.google import PROVIDER as GOOGLE
from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse import Published, snapshots_of
from aispend_pipeline.warehouse.status import FeedStatus, feed_statuses


class Unconverted(NamedTuple):
    """Money that is in no total, since no rate is known."""

    provider: str
    account: str
    day: date
    currency: str
    amount: Decimal


class DaySpend(NamedTuple):
    """What a provider's day cost, USD: by its bill, and estimated beside it."""

    billed: Decimal
    estimated: Decimal


class Unpriced(NamedTuple):
    """What was used and has no money, and why: tokens, and other units."""

    provider: str
    account: str
    day: date
    why: str | None
    never_billed: bool
    tokens: Decimal
    other_units: Decimal


@dataclass(frozen=True)
class Known:
    """What is known of some days; `feeds` are those that are configured and have money. USD, UTC.

    `budgets` are what stands in for the bill of a provider of which only budgets are read.
    """

    feeds: Sequence[FeedStatus]
    sums: Mapping[tuple[str, date], DaySpend]  # by provider and day
    days: Mapping[Feed, Mapping[date, FeedDay]]
    newest: Mapping[tuple[str, date], int]  # by provider and day, the newest fetch of a bill or of usage
    unconverted: Sequence[Unconverted]
    unpriced: Sequence[Unpriced]
    falls: Mapping[Feed, Mapping[date, Fall]]  # days whose figure is not confirmed
    billed_through: Mapping[Feed, date]  # of whatever day
    budgets: Mapping[str, Sequence[Kept]]  # by provider
    only_budgets: Mapping[str, Sequence[str]]  # by provider that is billed, its accounts that are not


@contextmanager
def newest(home: Path) -> Iterator[tuple[Published, duckdb.DuckDBPyConnection]]:
    """The newest snapshot and a cursor on it.

    Raises `NothingPublished` where there is none, `StoreError` when it cannot be read.
    """
    published, cursor = snapshots_of(home).current()
    try:
        with cursor:
            yield published, cursor
    except duckdb.Error as error:
        told = str(error).partition("\n")[0][:200]
        raise StoreError(f"{home}: the published snapshot cannot be read ({told}); run: aispend recompute") from None


def read(cursor: duckdb.DuckDBPyConnection, settings: Settings, window: Window) -> Known:
    """All that is known of the days of `window`."""
    of_days = {"first": window.first, "last": window.last}
    newest_fetches = cursor.execute(statement("caps", "newest_fetches"), of_days).fetchall()
    billed = cursor.execute(statement("caps", "billed_through"), {"sources": COST_SOURCES}).fetchall()
    return Known(
        feeds=cost_feeds(cursor, settings),
        sums=sums(cursor, window),
        newest={(provider, day): seq for provider, day, seq in newest_fetches},
        days=feed_days(cursor, window),
        unconverted=unconverted(cursor, window),
        unpriced=[Unpriced(*row) for row in cursor.execute(statement("caps", "unpriced"), of_days).fetchall()],
        falls=_falls(cursor, window),
        billed_through={(source, account): day for source, account, day in billed},
        budgets=_budgets(cursor, settings),
        only_budgets={GOOGLE: _only_budgets(settings)},
    )


def _budgets(cursor: duckdb.DuckDBPyConnection, settings: Settings) -> dict[str, Sequence[Kept]]:
    """Those that are read now, where no bill of Google's is."""
    names = {account.name for account in settings.budgets()}
    if not names or settings.exports():
        return {}
    return {GOOGLE: [one for one in budgets(cursor) if one.account in names]}


def _only_budgets(settings: Settings) -> list[str]:
    """What to set for accounts whose money no bill has, beside others whose bills are read."""
    billed = {account.name for account in settings.exports()}
    return [account.main_setting for account in settings.budgets() if billed and account.name not in billed]


def configured(cursor: duckdb.DuckDBPyConnection, settings: Settings) -> list[FeedStatus]:
    """Every feed that ought to be read, with those that another one's table holds; what was removed is left out."""
    wanted = feeds(settings)
    found = [feed for feed in feed_statuses(cursor, wanted) if not feed.gone]
    return [feed for feed in found if (feed.source, feed.read_as or feed.account, feed.provider) in wanted]


def cost_feeds(cursor: duckdb.DuckDBPyConnection, settings: Settings) -> list[FeedStatus]:
    """Those of the configured feeds that have money."""
    return [feed for feed in configured(cursor, settings) if feed.source in COST_SOURCES]


def sums(cursor: duckdb.DuckDBPyConnection, window: Window) -> dict[tuple[str, date], DaySpend]:
    """What each provider's days cost, by provider and day; a day without any money is not there."""
    rows = cursor.execute(statement("caps", "sums"), {"first": window.first, "last": window.last}).fetchall()
    return {(provider, day): DaySpend(*usd) for provider, day, *usd in rows}


def unconverted(cursor: duckdb.DuckDBPyConnection, window: Window) -> list[Unconverted]:
    """The money of `window` that is in no total."""
    asked = {"first": window.first, "last": window.last}
    return [Unconverted(*row) for row in cursor.execute(statement("caps", "unconverted"), asked).fetchall()]


def feed_days(cursor: duckdb.DuckDBPyConnection, window: Window) -> dict[Feed, dict[date, FeedDay]]:
    """What is known of each day that any fetch of costs asked for."""
    found: dict[Feed, dict[date, FeedDay]] = {}
    rows = cursor.execute(statement("caps", "feed_days"), _of_costs(window)).fetchall()
    for source, account, provider, day, state, final, asked_at, seq in rows:
        known = (CoverageState(state), Finality(final) if final else None, asked_at.replace(tzinfo=UTC), seq)
        found.setdefault((source, account), {})[day] = FeedDay(provider, day, *known)
    return found


def _of_costs(window: Window) -> dict[str, Any]:
    return {"sources": COST_SOURCES, "first": window.first, "last": window.last}


def _falls(cursor: duckdb.DuckDBPyConnection, window: Window) -> dict[Feed, dict[date, Fall]]:
    found: dict[Feed, dict[date, Fall]] = {}
    rows = cursor.execute(statement("caps", "suspicious"), _of_costs(window)).fetchall()
    for (source, account, day), answers in groupby(rows, key=lambda row: row[:3]):
        fall = unconfirmed(Said(at.replace(tzinfo=UTC), usd) for *_, at, usd in answers)
        if fall:
            found.setdefault((source, account), {})[day] = fall
    return found
