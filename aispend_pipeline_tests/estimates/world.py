"""Two simulated providers that bill late, at list price less a discount, read as the hourly schedule reads them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from aispend_pipeline.model import Window
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator import anthropic_books, openai_books, organisation
from aispend_pipeline.simulator.scenario import Scenario, Trailing, Where
from aispend_pipeline.warehouse import snapshots_of
from aispend_pipeline.warehouse.reads import Answer, Question, ask
from aispend_pipeline_tests.service.two_providers import ACCOUNTS, two_providers
from aispend_pipeline_tests.service.world import StandingClock, fill

# List prices of every tier are in force since 2026-10-14; the simulator has the same on every day.
FIRST = date(2026, 11, 2)
NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)
# OpenAI's bill trails its use by three hours, and Anthropic's of a day comes five hours after it.
LATE = Scenario(
    trailing=(Trailing(timedelta(hours=3), Where("openai")), Trailing(timedelta(hours=5), Where("anthropic")))
)
# What the bill has and no price list: these models, and what has no model.
WITHOUT_PRICE = {"ft-gpt-4o-2024-08-06", "gpt-image-1"}


@dataclass
class World:
    """A home, the providers it reads, and the instant that it is."""

    settings: Settings
    clock: StandingClock

    def read(self, instant: datetime, *, days: int = 2) -> None:
        """What the hourly schedule does at `instant`: the look-back again, and the running day."""
        self.clock.instant = instant
        fill(self.settings, self.clock, Window(max(instant.date() - timedelta(days=days), FIRST), instant.date()))

    def answer(self, group_by: tuple[str, ...] = (), days: Window | None = None, account: str | None = None) -> Answer:
        today = self.clock.now().date()
        asked = Question(days or Window(today, today), group_by, accounts=(account,) if account else ())
        with snapshots_of(self.settings.home).current()[1] as cursor:
            return ask(cursor, asked, [], today)

    def rows(self, sql: str, *params: object) -> list[tuple]:
        with snapshots_of(self.settings.home).current()[1] as cursor:
            return cursor.execute(sql, params).fetchall()

    def used(self, provider: str, account: str, day: date, *, at_list: bool = False) -> dict[str, Decimal]:
        """What the provider's own books say was used of `day` by now, USD by model; only what has a list price."""
        now = self.clock.now()
        if provider == "openai":
            lines = openai_books.spent(account, day, now, at_list=at_list)
            named = [(_model(line.line_item), line.amount) for line in lines]
        else:
            spent = anthropic_books.spent(account, day, now, at_list=at_list)
            named = [(line.model, line.cents.scaleb(-2)) for line in spent]
        sums: dict[str, Decimal] = {}
        for model, usd in named:
            if model and model not in WITHOUT_PRICE:
                sums[model] = sums.get(model, Decimal(0)) + usd
        return sums

    def billed(self, provider: str, account: str, day: date) -> Decimal:
        """What the bill says now."""
        return organisation.total(provider, account, [day], self.clock.now(), LATE)


def _model(line_item: str) -> str | None:
    """The model of a line of OpenAI's bill, as the simulator spells them; its priority and batch are of the same."""
    head = line_item.rpartition(" | ")[2].partition(",")[0].partition(" ")[0]
    return head if "," in line_item or head == "whisper" else None


@contextmanager
def world(home: Path, scenario: Scenario = LATE, **more: str) -> Iterator[World]:
    clock = StandingClock(NOON)
    with two_providers(clock, scenario) as providers:
        yield World(Settings.load({"AISPEND_HOME": str(home), **providers.environment, **more}, None), clock)


def copied(home: Path, to: Path) -> Path:
    """Another home that is as the first one is now."""
    shutil.copytree(home, to)
    return to


__all__ = ["ACCOUNTS", "FIRST", "LATE", "NOON", "World", "copied", "world"]
