"""Ninety days of hourly look-backs of both providers, two accounts each: what that leaves in the store.

The providers answer in this process, on a clock that is moved from hour to hour, and a day's fetches are stored
together; what is stored is what 2,160 runs store. One run is then added up and published, as every hour does.
"""

import asyncio
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from starlette.types import ASGIApp

from aispend_pipeline.clock import SystemClock
from aispend_pipeline.model import FetchState, Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator.anthropic import anthropic
from aispend_pipeline.simulator.openai import openai
from aispend_pipeline.sources import SOURCES, feeds
from aispend_pipeline.sources.engine import read_account, windows_to_ask
from aispend_pipeline.sources.http import Limits
from aispend_pipeline.warehouse import Warehouse, fetches

DAYS = 90
FIRST = datetime(2026, 8, 1, tzinfo=UTC)
KEYS = {"k-default": "default", "k-eu": "eu"}


class MovedClock(SystemClock):
    """A clock that shows the hour it was moved to."""

    at = FIRST

    def now(self) -> datetime:
        return self.at


class Remembering(httpx.ASGITransport):
    """Asks the application once for what it would say again: the days that are over."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self._said: dict[str, bytes] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        asked = str(request.url)
        if asked in self._said:
            return httpx.Response(200, content=self._said[asked])
        response = await super().handle_async_request(request)
        if "end_time" in asked or "ending_at" in asked:
            self._said[asked] = await response.aread()
        return response


def main() -> None:
    clock = MovedClock()
    with tempfile.TemporaryDirectory() as folder:
        settings = _settings(Path(folder))
        warehouse = Warehouse(settings.home, clock)
        for _ in range(DAYS):
            read = asyncio.run(_a_day(settings, clock))
            assert all(fetch.state is FetchState.COMPLETE for fetch in read), read
            with warehouse.write() as transaction:
                for fetch in read:
                    fetches.store(transaction, fetch)
        first = (clock.now() - timedelta(hours=settings.lookback_hours)).date()
        started = time.perf_counter()
        add_up(warehouse, Window(FIRST.date(), clock.now().date()), clock)
        whole = time.perf_counter() - started
        started = time.perf_counter()
        add_up(warehouse, Window(first, clock.now().date()), clock)
        look_back = time.perf_counter() - started
        with warehouse.write() as transaction:
            (pages, bodies) = transaction.execute(
                "SELECT (SELECT count(*) FROM page), (SELECT count(*) FROM body)"
            ).fetchone()
        started = time.perf_counter()
        warehouse.publish()
        published = time.perf_counter() - started
        size = warehouse.file.stat().st_size / 2**20
    print(
        f"{DAYS} days of hourly look-backs: {pages:,} pages, {bodies:,} different bodies, store {size:.0f} MB; publish"
        f" {published:.2f} s, add up the look-back and publish {look_back:.2f} s, all {DAYS} days {whole:.2f} s"
    )


def _settings(home: Path) -> Settings:
    own = {
        "AISPEND_HOME": str(home),
        "OPENAI_BASE_URL": "http://127.0.0.1/v1",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1",
    }
    keys = {
        f"{provider}_API_KEY{suffix}": key
        for provider in ("OPENAI", "ANTHROPIC")
        for suffix, key in zip(("", "__EU"), KEYS, strict=True)
    }
    return Settings.load({**own, **keys}, None)


async def _a_day(settings: Settings, clock: MovedClock) -> list:
    """The fetches of 24 hourly look-backs; the clock stands at the next day's midnight after it."""
    transports = {"openai": Remembering(openai(KEYS, clock)), "anthropic": Remembering(anthropic(KEYS, clock))}
    read = []
    for _ in range(24):
        first = (clock.now() - timedelta(hours=settings.lookback_hours)).date()
        window = Window(first, clock.now().date())
        for source, account, provider in feeds(settings):
            windows = windows_to_ask(window, clock.now().date(), SOURCES[source].max_days)
            async with httpx.AsyncClient(transport=transports[provider]) as http:
                read += await read_account(
                    SOURCES[source], settings, account, windows, http=http, clock=clock, limits=Limits()
                )
        clock.at += timedelta(hours=1)
    return read
