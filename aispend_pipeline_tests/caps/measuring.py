"""A store that is read as the hourly schedule would, hour by hour, and measured."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aispend_pipeline.caps.measure import measure
from aispend_pipeline.caps.model import Caps, Measurement, Period, Scope
from aispend_pipeline.model import Fetch, Window, windows_of
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources.engine import windows_to_ask
from aispend_pipeline.warehouse import Warehouse, fetches
from aispend_pipeline_tests.warehouse.books import billed
from aispend_pipeline_tests.warehouse.building import SetClock, complete, line
from aispend_pipeline_tests.warehouse.conftest import empty_store as empty_store

NOW = datetime(2026, 11, 10, 12, 5, tzinfo=UTC)
AN_HOUR = timedelta(hours=1)
OCTOBER, NOVEMBER, DECEMBER = (Period.of(date(2026, month, 1)) for month in (10, 11, 12))
OPENAI, ANTHROPIC = Scope("openai", ("openai",), Caps()), Scope("anthropic", ("anthropic",), Caps())
BOTH = Scope("global", ("openai", "anthropic"), Caps())
FIRST, YESTERDAY, TODAY = date(2026, 11, 1), date(2026, 11, 9), date(2026, 11, 10)
KEYS = {"OPENAI_API_KEY": "sk-admin-1", "ANTHROPIC_API_KEY": "sk-ant-admin01-1"}
Days = Mapping[date, Sequence[dict[str, Any]]]


def november(day: int) -> date:
    return date(2026, 11, day)


def dollars(first: date, last: date, usd: str = "1.00") -> Days:
    """Every day with one line of that amount at OpenAI."""
    return {day: [line(usd)] for day in Window(first, last).days()}


@dataclass
class World:
    """A home, what is set, and the time."""

    home: Path
    clock: SetClock
    settings: Settings = field(default_factory=lambda: Settings.load({}, None))

    def set(self, **more: str) -> None:
        """The keys of `KEYS` and nothing else, but for `more`; an empty text takes one away."""
        self.settings = Settings.load({"AISPEND_HOME": str(self.home), **KEYS, **more}, None)

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.home, self.clock)

    def store(self, *made: Fetch) -> None:
        """Store fetches in one commit."""
        with self.warehouse.write() as transaction:
            for fetch in made:
                fetches.store(transaction, fetch)

    def show(self, *made: Fetch) -> None:
        """Store fetches and publish; nothing is added up."""
        self.store(*made)
        self.warehouse.publish()

    def book(self, *made: Fetch) -> None:
        """Store fetches, add up their days and publish."""
        self.store(*made)
        span = Window(min(fetch.window.first for fetch in made), max(fetch.window.last for fetch in made))
        add_up(self.warehouse, span, self.clock)

    def read(self, days: Days, at: datetime | None = None, **more: Any) -> None:
        """What OpenAI bills, asked for now: each run of days, and the running day by itself, as ever."""
        self.clock.instant = at or self.clock.instant
        self.book(*(complete(of, at=self.clock.instant, **more) for of in self._apart(days)))

    def read_anthropic(self, days: Days, asked: Window, at: datetime | None = None) -> None:
        """What Anthropic bills of the days that were asked for; it may leave some out."""
        self.clock.instant = at or self.clock.instant
        whole = billed(days or {asked.first: []}, window=asked, at=self.clock.instant)
        self.book(whole if days else replace(whole, answers=[]))

    def _apart(self, days: Days) -> Iterator[Days]:
        today = self.clock.instant.date()
        for run in windows_of(days):
            for piece in windows_to_ask(run, today, max_days=180):
                yield {day: days[day] for day in piece.days()}

    def measure(self, scope: Scope = OPENAI, period: Period = NOVEMBER, at: datetime | None = None) -> Measurement:
        """What is known at an instant, now unless it is given; other months and scopes are asked for beside it."""
        found = measure(self.settings, [ANTHROPIC, scope], [OCTOBER, NOVEMBER, DECEMBER], at or self.clock.instant)
        return {(one.scope, one.period): one for one in found}[scope.name, period]


def world_at(home: Path) -> World:
    """OpenAI's key is set; nothing was read that is not in `home` already."""
    made = World(home, SetClock(NOW))
    made.set(ANTHROPIC_API_KEY="")
    return made


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


@pytest.fixture
def world(empty_store, home) -> World:
    shutil.copytree(empty_store, home)
    return world_at(home)


@pytest.fixture(scope="module")
def whole_month(empty_store, tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("whole") / "home"
    shutil.copytree(empty_store, home)
    world_at(home).read(dollars(FIRST, TODAY, "100.00"))
    return home


@pytest.fixture
def whole(whole_month, home) -> World:
    """A month of which every day until now was read: 100 dollars a day."""
    shutil.copytree(whole_month, home)
    return world_at(home)
