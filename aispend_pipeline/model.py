"""The words of the product as types.

A *source* is one feed of a *provider*; an *account* is one organisation there. A *fetch* is one
attempt to read a *window* (days, UTC) of one source and account, and it consists of *pages*:
provider answers, kept as received.
"""

import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

PROVIDERS = ("openai", "anthropic", "vertex")

# Source and account: what is read by itself, and what coverage is kept for.
Feed = tuple[str, str]
# Provider and name of an account.
Account = tuple[str, str]

# The first day of the daily grid. It never moves: partitions, windows and questions start here.
GRID_START = date(2024, 1, 1)
# Characters of a model's name that are kept.
LONGEST_NAME = 200


def midnight(day: date) -> datetime:
    """The UTC instant at which `day` begins."""
    return datetime.combine(day, time.min, UTC)


def parse_day(text: str) -> date:
    """The day that `text` names, written `YYYY-MM-DD` and no other way; `ValueError` otherwise."""
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
        with suppress(ValueError):
            return date.fromisoformat(text)
    raise ValueError("is not a date written YYYY-MM-DD")


@dataclass(frozen=True, order=True)
class Window:
    """Days asked for together, both ends included, UTC."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"a window cannot end ({self.last}) before it starts ({self.first})")

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and self.first <= day <= self.last

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}..{self.last}"

    def days(self) -> Iterator[date]:
        """Every day, oldest first."""
        for offset in range((self.last - self.first).days + 1):
            yield self.first + timedelta(days=offset)

    def pieces(self, most: int) -> Iterator["Window"]:
        """The window cut, from its first day on, into windows of at most `most` days."""
        first = self.first
        while first <= self.last:
            last = min(first + timedelta(days=most - 1), self.last)
            yield Window(first, last)
            first = last + timedelta(days=1)


def windows_of(days: Iterable[date]) -> list[Window]:
    """The days as windows without gaps, oldest first."""
    windows: list[Window] = []
    for day in sorted(days):
        if windows and windows[-1].last == day - timedelta(days=1):
            windows[-1] = Window(windows[-1].first, day)
        else:
            windows.append(Window(day, day))
    return windows


class Reading(StrEnum):
    """What a page is for: the rows we book, the provider's own sums that check them, or how far its books go."""

    ROWS = "rows"
    CONTROL = "control"
    EXPORTS = "exports"  # how far a billing export goes


class FetchState(StrEnum):
    """A fetch is complete or it is nothing."""

    COMPLETE = "complete"
    FAILED = "failed"


class CoverageState(StrEnum):
    """What is known of one source, account and day."""

    COMPLETE = "complete"
    PARTIAL = "partial"  # every page read, but some money is quarantined
    FAILED = "failed"
    NOT_DUE = "not_due"  # not known yet


class Finality(StrEnum):
    """How far a day that was read may still change."""

    OPEN = "open"  # it was still running when it was read
    PROVISIONAL = "provisional"  # it was over for less than `SETTLED_AFTER`
    SETTLED = "settled"


# A provider's grouped and ungrouped figures of a day must agree once the day is over this long.
SETTLED_AFTER = timedelta(hours=48)


def finality(day: date, read_at: datetime) -> Finality:
    """The finality of `day` as it was read at `read_at`."""
    over_since = read_at - midnight(day + timedelta(days=1))
    if over_since < timedelta(0):
        return Finality.OPEN
    return Finality.PROVISIONAL if over_since <= SETTLED_AFTER else Finality.SETTLED


@dataclass(frozen=True)
class Request:
    """One question to a provider, without credentials, so that it can be kept beside the answer.

    `content` is the body that is sent along, JSON.
    """

    path: str
    params: tuple[tuple[str, str], ...] = ()
    method: str = "GET"
    content: bytes = b""

    def with_param(self, name: str, value: str) -> "Request":
        """The same question with parameter `name` set to `value` and all others unchanged."""
        kept = tuple(pair for pair in self.params if pair[0] != name)
        return replace(self, params=(*kept, (name, value)))

    def text(self) -> str:
        """As JSON, for the page table."""
        asked = {"method": self.method, "path": self.path, "params": self.params}
        return json.dumps(asked | ({"body": self.content.decode()} if self.content else {}))


@dataclass(frozen=True)
class Question:
    """A request whose answer is the first page of a reading."""

    reading: Reading
    request: Request


def unpacked(packed: bytes) -> bytes:
    """The bytes of a page's body from how it is stored."""
    return zlib.decompress(packed)


@dataclass(frozen=True)
class Page:
    """One provider answer as received. The body is held and stored packed: a window may be large."""

    reading: Reading
    request: Request
    fetched_at: datetime
    sha256: str
    size: int
    packed: bytes = field(repr=False)

    @classmethod
    def received(cls, reading: Reading, request: Request, fetched_at: datetime, body: bytes) -> "Page":
        """A page from the bytes that came."""
        return cls(reading, request, fetched_at, hashlib.sha256(body).hexdigest(), len(body), zlib.compress(body))

    @property
    def body(self) -> bytes:
        """The bytes that came."""
        return unpacked(self.packed)


@dataclass(frozen=True)
class DayAnswer:
    """What one complete fetch said of one day: rows, pages that had any, its sum and the control's, USD.

    `agrees` is false when they differ (possible on young days only), and none when they could not
    be compared because some amount is quarantined. A source without money or control has no sums.
    """

    day: date
    rows: int
    pages: int
    rows_usd: Decimal | None = None
    control_usd: Decimal | None = None
    agrees: bool | None = None


@dataclass(frozen=True)
class Fetch:
    """One attempt to read one window: complete, with all its pages, or failed, saying why."""

    fetch_id: str
    source: str
    provider: str
    account: str
    window: Window
    state: FetchState
    started_at: datetime
    finished_at: datetime
    pages: Sequence[Page]
    answers: Sequence[DayAnswer] = ()
    error_class: str | None = None
    error: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)
