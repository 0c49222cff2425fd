"""The words of caps and alerts as types; money is USD, instants are UTC.

A *scope* is what a cap is put on, a *period* the calendar month it is for, a *level* what the numbers say.
An *event* is one thing worth saying; it is never changed once it is stored.
"""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

from aispend_pipeline import money
from aispend_pipeline.forecast.month_end import Forecast
from aispend_pipeline.model import Window, midnight

UNKNOWN = "unknown"


class Level(IntEnum):
    """How far a scope is, lowest first. One that cannot be told is none, and called `unknown`."""

    OK = 0
    SOFT = 1
    HARD = 2

    @property
    def word(self) -> str:
        """As it is stored and shown."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> "Level":
        """The level of that name."""
        return cls[word.upper()]


def level_word(level: Level | None) -> str:
    """A level's word, `unknown` for none."""
    return UNKNOWN if level is None else level.word


class EventType(StrEnum):
    """Everything that people or machines are told."""

    BREACHED = "cap.breached"
    STEPPED_DOWN = "cap.stepped_down"
    RECOVERED = "cap.recovered"
    REMINDER = "cap.reminder"
    PERIOD_RESET = "cap.period_reset"
    MILESTONE = "milestone"
    FORECAST = "forecast.breach"
    TRIGGERED = "hardcap.triggered"
    RELEASED = "hardcap.released"
    INGEST_FAILING = "ingest.failing"
    INGEST_RECOVERED = "ingest.recovered"
    CHANNEL_FAILING = "channel.failing"
    CHANNEL_RECOVERED = "channel.recovered"
    TEST = "test"


# What the hook carries: events that ask a machine to act.
FOR_MACHINES = frozenset({EventType.TRIGGERED, EventType.RELEASED})


class Reason(StrEnum):
    """Why an event came about."""

    SPEND = "spend"
    CORRECTION = "correction"
    CAP_RAISED = "cap_raised"
    CAP_LOWERED = "cap_lowered"
    CAP_REMOVED = "cap_removed"
    RECOMPUTE = "recompute"
    PERIOD_ROLL = "period_roll"
    LATE_DATA = "late_data"


class Spent(NamedTuple):
    """What is spent, USD: all of it, the part that is estimated, and whether a hard cap counts that part."""

    total: Decimal
    estimated: Decimal = Decimal(0)
    hard_on_estimates: bool = True

    def towards(self, level: Level) -> Decimal:
        """What counts towards the cap of `level`."""
        if level is Level.HARD and not self.hard_on_estimates:
            return money.EXACT.subtract(self.total, self.estimated)
        return self.total


@dataclass(frozen=True)
class Caps:
    """The soft and the hard cap of a scope, USD a period; none is no cap."""

    soft: Decimal | None = None
    hard: Decimal | None = None

    def at(self, level: Level) -> Decimal | None:
        """The amount at which `level` begins, none if nothing of the kind is set."""
        return {Level.OK: None, Level.SOFT: self.soft, Level.HARD: self.hard}[level]

    def level(self, spent: "Spent") -> Level:
        """The highest level that `spent` has reached: a cap is reached when it is equalled."""
        for level in (Level.HARD, Level.SOFT):
            cap = self.at(level)
            if cap is not None and spent.towards(level) >= cap:
                return level
        return Level.OK

    def standing(self, level: Level) -> Level:
        """The highest level up to `level` that still has a cap."""
        return next((one for one in (Level.HARD, Level.SOFT) if one <= level and self.at(one) is not None), Level.OK)


@dataclass(frozen=True)
class Scope:
    """What caps are put on: an opaque name, the providers whose spend counts, and the caps."""

    name: str
    providers: tuple[str, ...]
    caps: Caps


@dataclass(frozen=True, order=True)
class Period:
    """One UTC calendar month; money belongs to the period of its usage day."""

    window: Window
    name: str = field(compare=False)

    @classmethod
    def of(cls, day: date) -> "Period":
        """The period that `day` is in."""
        last = day.replace(day=calendar.monthrange(day.year, day.month)[1])
        return cls(Window(day.replace(day=1), last), f"{day:%Y-%m}")

    @property
    def end(self) -> datetime:
        """The first instant after it."""
        return midnight(self.window.last + timedelta(days=1))


@dataclass(frozen=True)
class Version:
    """Which figures were measured: the warehouse's own name, and the commit that its snapshot shows."""

    store_id: str
    seq: int

    def older_than(self, other: "Version") -> bool:
        """Whether `other` has seen more; another warehouse was made or restored later, and is never older."""
        return self.store_id == other.store_id and self.seq < other.seq


# Before anything was published.
NO_VERSION = Version("", 0)


@dataclass(frozen=True)
class Measurement:
    """What is known of a scope's spend in a period, from one snapshot.

    `total` is exact USD, whatever is missing, and `estimated` the part of it that no bill has yet; `holes` say why it
    cannot be relied on, `doubts` why it may be out of date or fall back. `data_through` is how far each provider's
    figures reach, as far as it has any; `billed_through` the last day whose bill was read of every one of its accounts.
    `read_seq` is the newest fetch that the total is made of: where it is the same and the total is not, the pages were
    recomputed. `basis` says by provider what its figure is, where that is not its bill; `unpriced` what was used and
    has no money, a line each. `forecast` is what the period is expected to come to, where people want to be told.
    """

    scope: str
    period: Period
    total: Decimal
    holes: tuple[str, ...]
    doubts: tuple[str, ...]
    stale: bool
    unconfirmed: bool
    data_through: Mapping[str, datetime]
    billed_through: Mapping[str, date | None]
    read_seq: int
    version: Version
    basis: Mapping[str, str] = field(default_factory=dict)
    estimated: Decimal = Decimal(0)
    hard_on_estimates: bool = True
    unpriced: tuple[str, ...] = ()
    forecast: Forecast | None = None

    @property
    def spent(self) -> Spent:
        """What caps are held against."""
        return Spent(self.total, self.estimated, self.hard_on_estimates)

    @property
    def measured(self) -> bool:
        """Whether all that should be known by now is."""
        return not self.holes

    @property
    def fresh(self) -> bool:
        """Whether it may be relied on in every way."""
        return not self.holes and not self.doubts


@dataclass(frozen=True)
class Event:
    """One thing worth saying, as it is stored. `facts` are the inputs it was decided from, as JSON holds them."""

    event_id: str
    type: EventType
    scope: str
    period: str
    level: Level | None
    prev_level: Level | None
    reason: Reason | None
    facts: Mapping[str, Any]
    created_at: datetime
