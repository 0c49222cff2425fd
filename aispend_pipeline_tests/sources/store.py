"""A warehouse of its own, into which a scripted provider is read as one run does it."""

from datetime import date
from pathlib import Path

from aispend_pipeline.ingest import read_source
from aispend_pipeline.model import CoverageState, Fetch, Window
from aispend_pipeline.rollup.add_up import Outcome, add_up
from aispend_pipeline.sources import feeds
from aispend_pipeline.sources.engine import Source
from aispend_pipeline.sources.http import Limits
from aispend_pipeline.warehouse import Snapshots, Warehouse
from aispend_pipeline.warehouse.reads import Answer, Question, ask

from .scripted import OPENAI_COSTS, SETTLED, FakeClock, settings_for


class Store:
    """A warehouse of its own, read for the accounts of some settings."""

    def __init__(self, home: Path, base_url: str, source: Source = OPENAI_COSTS, **more: str) -> None:
        self.clock = FakeClock()
        self.source = source
        self.settings = settings_for(base_url, source.provider, AISPEND_HOME=str(home), **more)
        self.warehouse = Warehouse(home, self.clock)
        self.home = home

    def ingest(
        self, window: Window = SETTLED, limits: Limits | None = None, on_fetch=lambda fetch: None, source=None
    ) -> list[Fetch]:
        """Read, store and add up, as one run does."""
        fetches = read_source(
            source or self.source,
            self.settings,
            self.warehouse,
            window,
            clock=self.clock,
            limits=limits or Limits(),
            on_fetch=on_fetch,
        )
        self.add_up(window)
        return fetches

    def add_up(self, window: Window = SETTLED) -> Outcome:
        return add_up(self.warehouse, window, self.clock)

    def rows(self, sql: str) -> list[tuple]:
        with self.warehouse.write() as transaction:
            return transaction.execute(sql).fetchall()

    def answer(self, window: Window = SETTLED, *by: str) -> Answer:
        _, cursor = Snapshots(self.home).current()
        return ask(cursor, Question(window, group_by=by), feeds(self.settings), self.clock.now().date())

    def states(self, window: Window = SETTLED) -> dict[tuple[str, date], CoverageState]:
        """What is known of each account's days, as far as the source goes that is read here."""
        coverage = self.answer(window).coverage
        return {(day.account, day.day): day.state for day in coverage if day.source == self.source.name}
