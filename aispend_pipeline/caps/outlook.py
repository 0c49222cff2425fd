"""What the running month is expected to come to, for each scope, from one published snapshot.

A forecast is no figure of what is spent. Money is USD, days are UTC. Nothing here decides or sends.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from aispend_pipeline import money
from aispend_pipeline.caps.doubts import FeedDay
from aispend_pipeline.caps.known import DaySpend, cost_feeds, feed_days, newest, sums
from aispend_pipeline.caps.model import Period, Scope
from aispend_pipeline.errors import NothingPublished
from aispend_pipeline.forecast.month_end import DAYS_OF_USE, Forecast, month_end
from aispend_pipeline.model import Finality, Window
from aispend_pipeline.settings import Settings
from aispend_pipeline.warehouse.status import FeedStatus

_A_DAY = timedelta(days=1)


def outlook(settings: Settings, scopes: Sequence[Scope], period: Period, now: datetime) -> dict[str, Forecast]:
    """The forecast of `period` by the name of each scope that has one; none unless it is the running one.

    A scope has none where the bill of one of its accounts is not read: what budgets say has no days. Raises
    `StoreError` when the snapshot cannot be read.
    """
    if not scopes or now.date() not in period.window:
        return {}
    window = Window(period.window.first - timedelta(days=DAYS_OF_USE), period.window.last)
    try:
        with newest(settings.home) as (_, cursor):
            feeds, days, spend = cost_feeds(cursor, settings), feed_days(cursor, window), sums(cursor, window)
    except NothingPublished:
        return {}
    bills = [
        _Bill(feed.provider, feed.first_day, _whole(feed, days.get((feed.source, feed.account), {})))
        for feed in feeds
        if feed.first_day
    ]
    found = {
        scope.name: _forecast([bill for bill in bills if bill.provider in scope.providers], spend, period, now.date())
        for scope in scopes
        if _is_read(scope, feeds)
    }
    return {name: forecast for name, forecast in found.items() if forecast}


class _Bill(NamedTuple):
    """The bill of one account: the first day that was ever read of it, and the days that it has whole."""

    provider: str
    begins: date
    whole: frozenset[date]

    @property
    def goes_on(self) -> date:
        """The day after all that it has whole."""
        return max(self.whole) + _A_DAY if self.whole else self.begins


def _is_read(scope: Scope, feeds: Sequence[FeedStatus]) -> bool:
    """Whether there is a bill of every provider, and each of them was read."""
    own = [feed for feed in feeds if feed.provider in scope.providers]
    return bool(own) and {feed.provider for feed in own} == {*scope.providers} and all(feed.first_day for feed in own)


def _whole(feed: FeedStatus, days: Mapping[date, FeedDay]) -> frozenset[date]:
    """The days that were read when they were over; of an export, when it had gone beyond them."""
    through = feed.exported_through.date() if feed.exported_through else date.max
    read = (day for day, known in days.items() if known.read and known.finality is not Finality.OPEN)
    return frozenset(day for day in read if day < through)


def _forecast(
    bills: Sequence[_Bill], spend: Mapping[tuple[str, date], DaySpend], period: Period, today: date
) -> Forecast | None:
    """From the days that are known whole, and from what is known of those that grow still.

    Those are the days from the first on that the slowest bill does not have; all of the month where that is earlier.
    """
    growing = max(period.window.first, min(today, *(bill.goes_on for bill in bills)))
    providers = {bill.provider for bill in bills}
    usd: dict[date, Decimal] = {}
    for (provider, day), of_day in spend.items():
        if provider in providers:
            usd[day] = money.add((usd.get(day, Decimal(0)), *of_day))
    first = min(bill.begins for bill in bills)
    over = Window(first, growing - _A_DAY).days() if first < growing else ()
    spent = {day: usd.get(day, Decimal(0)) for day in over if _is_known(day, bills)}
    return month_end(spent | {day: of_day for day, of_day in usd.items() if day >= growing}, period.window, growing)


def _is_known(day: date, bills: Sequence[_Bill]) -> bool:
    """Whether every bill that had begun by `day` has it whole: what is missing is not zero."""
    return all(day in bill.whole for bill in bills if bill.begins <= day)
