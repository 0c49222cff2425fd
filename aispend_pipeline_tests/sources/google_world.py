"""A billing export behind a fake Google whose answers may be replaced, read into a warehouse of its own."""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from aispend_pipeline.ingest import read_source
from aispend_pipeline.model import CoverageState, Fetch, Window
from aispend_pipeline.rollup.add_up import Outcome, add_up
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator.google import SAMPLE_TABLE, samples_bigquery
from aispend_pipeline.simulator.google_tokens import service_account_json
from aispend_pipeline.simulator.server import served
from aispend_pipeline.sources import SOURCES, feeds
from aispend_pipeline.sources.http import Limits
from aispend_pipeline.warehouse import Snapshots, Warehouse
from aispend_pipeline.warehouse.reads import Answer, Question, ask
from aispend_pipeline.warehouse.status import FeedStatus, feed_statuses
from aispend_pipeline_tests.conftest import ROOT

from .scripted import FakeClock

SAMPLES = ROOT / "data" / "samples" / "google"
ROWS = SAMPLES / "billing_export_detailed.jsonl"
EXPECTED = json.loads((SAMPLES / "billing_export_expected.json").read_text(), parse_float=Decimal)
# The newest row of the sample was exported on 2026-11-22 at 16:02.
NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
WINDOW = Window(date(2026, 11, 14), date(2026, 11, 18))
LINES, JOBS, TOKEN = "/queries/", "/jobs", "/token"

Said = Response | Callable[[Receive, Send], Awaitable[None]]


def sample(name: str, status: int = 200, **headers: str) -> Response:
    """A documented answer."""
    body = (SAMPLES / f"{name}.json").read_bytes()
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return Response(body, status, named, media_type="application/json")


@dataclass
class Interposed:
    """An application of which some answers are others: the first ones to paths that have a text in them, in turn."""

    app: ASGIApp
    answers: dict[str, list[Said]] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)  # how many are let through before
    asked: list[tuple[str, str]] = field(default_factory=list)
    newest: Mapping[str, Any] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.asked.append((scope["method"], scope["path"]))
            self.newest = scope
            said = self._instead(scope["path"])
            if isinstance(said, Response):
                return await said(scope, receive, send)
            if said is not None:
                return await said(receive, send)
        return await self.app(scope, receive, send)

    def _instead(self, path: str) -> Said | None:
        for part, answers in self.answers.items():
            if part in path and answers:
                if self.after.get(part, 0) > 0:
                    self.after[part] -= 1
                    return None
                return answers.pop(0)
        return None

    def says(self, part: str, *answers: Said, after: int = 0) -> None:
        """From now on, once `after` calls were let through."""
        self.answers[part], self.after[part] = list(answers), after


@dataclass
class World:
    """The export of the samples, what stands between, and a warehouse."""

    base: str
    google: Interposed
    home: Path
    environment: dict[str, str]
    clock: FakeClock

    @property
    def settings(self) -> Settings:
        return Settings.load(self.environment, dotenv=None)

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.home, self.clock)

    def read(self, window: Window = WINDOW, limits: Limits | None = None, *, adding: bool = True) -> list[Fetch]:
        """Read, store and add up, as one run does."""
        source = SOURCES["vertex_billing"]
        limits = limits or Limits(first_wait_seconds=0.01)
        fetches = read_source(source, self.settings, self.warehouse, window, clock=self.clock, limits=limits)
        if adding:
            self.add_up(window)
        return fetches

    def add_up(self, window: Window = WINDOW) -> Outcome:
        return add_up(self.warehouse, window, self.clock)

    def answer(self, window: Window = WINDOW, *by: str) -> Answer:
        _, cursor = Snapshots(self.home).current()
        return ask(cursor, Question(window, group_by=by), feeds(self.settings), self.clock.now().date())

    def states(self, window: Window = WINDOW) -> dict[tuple[str, date], CoverageState]:
        return {(day.account, day.day): day.state for day in self.answer(window).coverage}

    def feed(self, account: str = "default") -> FeedStatus:
        _, cursor = Snapshots(self.home).current()
        return next(one for one in feed_statuses(cursor, feeds(self.settings)) if one.account == account)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        return Snapshots(self.home).current()[1]

    def rows(self, sql: str) -> list[tuple]:
        with self.warehouse.write() as transaction:
            return transaction.execute(sql).fetchall()

    def days_later(self, days: float) -> None:
        self.clock.advance(timedelta(days=days).total_seconds())


@contextmanager
def world(home: Path, app: ASGIApp | None = None, *, now: datetime = NOW, **more: str) -> Iterator[World]:
    """A world; `more` are settings, and `app` is the fake Google if not that of the samples."""
    clock = FakeClock(now)
    google = Interposed(app or samples_bigquery(ROWS, clock))
    with served(google) as base:
        yield World(base, google, home, environment(base, AISPEND_HOME=str(home), **more), clock)


def environment(base: str, table: str = SAMPLE_TABLE, **more: str) -> dict[str, str]:
    project, dataset, name = table.split(".")
    return {
        "GCP_SA_JSON": service_account_json(base),
        "GCP_BQ_PROJECT": project,
        "GCP_BQ_DATASET": dataset,
        "GCP_BQ_TABLE": name,
        "GCP_BIGQUERY_ENDPOINT": base,
        **more,
    }


def written(row: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """A row of the sample with other values."""
    return {**row, **changes}


def grown(folder: Path, *rows: Mapping[str, Any]) -> Path:
    """The sample's rows and these, as a file."""
    file = folder / "rows.jsonl"
    file.write_bytes(ROWS.read_bytes() + b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    return file
