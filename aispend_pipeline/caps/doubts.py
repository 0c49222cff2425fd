"""Why a figure may be wrong or too low, and what is wrong with an account: rules over what is known of each feed.

Nothing here reads or writes. Money is USD, instants are UTC.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from aispend_pipeline import money
from aispend_pipeline.caps.model import Period
from aispend_pipeline.counted import counted
from aispend_pipeline.errors import ErrorClass
from aispend_pipeline.model import CoverageState, FetchState, Finality, midnight, windows_of
from aispend_pipeline.warehouse.status import FeedStatus

# A figure that fell is believed once it was given again, this long after it was first given.
CONFIRMED_AFTER = timedelta(minutes=45)
# By this much, and by more than half, it must have fallen.
SMALLEST_FALL_USD = Decimal(1)
# After this long from a day's beginning a provider has its figures.
OVERDUE_AFTER = timedelta(hours=30)
# So many failed runs in a row are an incident.
FAILED_RUNS = 3
A_DAY = timedelta(days=1)
_READ = (CoverageState.COMPLETE, CoverageState.PARTIAL)


class Said(NamedTuple):
    """What one complete answer made of a day: when it was asked for, and the sum, USD."""

    at: datetime
    usd: Decimal


class Fall(NamedTuple):
    """A figure that is not confirmed: what it was, what it became, and since when it is so low, USD."""

    was_usd: Decimal
    is_usd: Decimal
    since: datetime


def unconfirmed(answers: Iterable[Said]) -> Fall | None:
    """The fall that the last of a day's complete answers, in the order of storing, leaves unconfirmed, if any.

    Any other change is believed at once, and so is a fall that is given again `CONFIRMED_AFTER` it first was; one that
    is lower still is not the same, and its wait begins anew.
    """
    confirmed: Decimal | None = None
    fall: Fall | None = None
    for said in answers:
        if confirmed is None or not falls(confirmed, said.usd):
            confirmed, fall = said.usd, None
        elif fall is None or falls(fall.is_usd, said.usd):
            fall = Fall(confirmed, said.usd, said.at)
        elif said.at - fall.since >= CONFIRMED_AFTER:
            confirmed, fall = said.usd, None
        else:  # the earlier instant counts: a clock that was set back must not hold it up
            fall = Fall(confirmed, said.usd, min(fall.since, said.at))
    return fall


def falls(was_usd: Decimal, is_usd: Decimal) -> bool:
    """Whether a figure is lowered so much that it must be given twice."""
    fall = money.EXACT.subtract(was_usd, is_usd)
    return fall > SMALLEST_FALL_USD and money.add((fall, fall)) > was_usd.copy_abs()


class FeedDay(NamedTuple):
    """What is known of a feed's day: when the answer in use was asked for, else when it was asked for last.

    `seq` is that fetch's place in the order of storing.
    """

    provider: str
    day: date
    state: CoverageState
    finality: Finality | None
    asked_at: datetime
    seq: int

    @property
    def read(self) -> bool:
        """Whether there are figures of it."""
        return self.state in _READ


def account_of(feed: FeedStatus) -> str:
    """What people are told whose feed it is: `openai default`."""
    return f"{feed.provider} {feed.account}"


def holes(feed: FeedStatus, days: Mapping[date, FeedDay], period: Period, now: datetime, stale_after: int) -> list[str]:
    """What is not known of `period`, a line for each run of days; `days` are those that were asked for.

    Yesterday is given time as long as the feed is up to date: the next run reads it.
    """
    name = account_of(feed)
    if feed.last_day is None:
        remedy = "doctor" if feed.state == FetchState.FAILED else "ingest"
        return [f"{name}: was never read completely; run: aispend {remedy}"]
    today = now.date()
    up_to_date = not feed.stale(now, stale_after) and feed.last_day >= today - 2 * A_DAY
    if not up_to_date and not any(known.read for day, known in days.items() if day in period.window):
        return [f"{name}: nothing of {period.name} was read"]
    lacking: dict[str, list[date]] = {}
    for day in period.window.days():
        why = _lack(day, days.get(day), today, up_to_date)
        if why:
            lacking.setdefault(why, []).append(day)
    return [f"{name}: {run} {why}" for why, of in lacking.items() for run in windows_of(of)]


def _lack(day: date, known: FeedDay | None, today: date, up_to_date: bool) -> str | None:
    """Why the figures of `day` cannot be relied on; none if they can, or need not be there yet."""
    if known is not None and known.state is CoverageState.PARTIAL:
        return "read, but some of its money cannot be understood"
    if day >= today:
        return None
    if known is not None and known.state is CoverageState.FAILED:
        return "could not be read"
    if known is not None and known.state is CoverageState.NOT_DUE and known.asked_at >= midnight(day) + OVERDUE_AFTER:
        return "over, and the provider gives no figures"
    if up_to_date and day == today - A_DAY:
        return None
    if known is not None and known.state is CoverageState.COMPLETE:
        return "read only while it was running" if known.finality is Finality.OPEN else None
    return "not read"


def stale(feed: FeedStatus, now: datetime, stale_after: int) -> str | None:
    """The line for a feed whose newest figures are older than they may be; none for one that was never read."""
    if feed.newest_at is None or not feed.stale(now, stale_after):
        return None
    happened = feed.newest_is.removesuffix(" completely")
    return f"{account_of(feed)}: {happened} {ago(feed.newest_at, now)}"


def not_confirmed(feed: FeedStatus, day: date, fall: Fall) -> str:
    """The line for a day that fell and is not confirmed."""
    fell = f"{day} fell from {money.text(fall.was_usd)} to {money.text(fall.is_usd)} USD"
    return f"{account_of(feed)}: {fell}, which is not confirmed yet; read {_minute(fall.since)}"


def ago(at: datetime, now: datetime) -> str:
    """An instant, and how long it is over: `2026-11-10 11:05 UTC, 30 hours ago`."""
    return f"{_minute(at)}, {_age(now - at)} ago"


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _age(age: timedelta) -> str:
    minutes = int(age.total_seconds()) // 60
    if minutes < 120:
        return counted(minutes, "minute")
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // 60 // 24} days"


@dataclass(frozen=True)
class Trouble:
    """What is wrong with reading an account: `subject` names it, `detail` is one line with what to do.

    A small trouble is no reason to tell anybody, but one that was told of is not over as long as it is there.
    """

    subject: str
    reason: str
    detail: str
    opens: bool = True


# Worst first, with what to do; a refused key's own text says that.
_REASONS = {
    "unauthorized": "",
    "failing": "; run: aispend doctor",
    "stale": "; see that aispend runs, or run: aispend ingest",
    "unwell": "",
}
_SMALL = ("unwell",)


def troubles_of(feeds: Sequence[FeedStatus], now: datetime, stale_after: int) -> list[Trouble]:
    """The worst trouble of each account that has any, worst first; it names all feeds that have it."""
    found: dict[str, dict[str, list[str]]] = {}
    for feed in feeds:
        for reason, line in _troubles(feed, now, stale_after):
            found.setdefault(reason, {}).setdefault(account_of(feed), []).append(f"{feed.source}: {line}")
    told: dict[str, Trouble] = {}
    for reason, remedy in _REASONS.items():
        for subject, lines in sorted(found.get(reason, {}).items()):
            told.setdefault(subject, Trouble(subject, reason, "; ".join(lines) + remedy, reason not in _SMALL))
    return list(told.values())


def _troubles(feed: FeedStatus, now: datetime, stale_after: int) -> Iterator[tuple[str, str]]:
    """Every reason to tell somebody of the feed, and how it shows."""
    if feed.state == FetchState.FAILED and feed.error_class == ErrorClass.UNAUTHORIZED:
        yield "unauthorized", f"{feed.error}"
    if feed.failed_since >= FAILED_RUNS:
        last = f", the last one with: {feed.error}" if feed.error else ""
        yield "failing", f"{feed.failed_since} runs failed in a row{last}"
    if feed.newest_at is not None and feed.stale(now, stale_after):
        yield "stale", f"{feed.newest_is} {_minute(feed.newest_at)}"
    if feed.state == FetchState.FAILED and feed.error_class != ErrorClass.OUT_OF_BUDGET:
        yield "unwell", f"the last run failed with: {feed.error}"
