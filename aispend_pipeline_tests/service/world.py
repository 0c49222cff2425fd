"""A small world to ask the service about: providers on loopback, a clock that stands, a home that was filled."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from aispend_pipeline import ingest
from aispend_pipeline.model import Fetch, Window, midnight
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator.openai import openai
from aispend_pipeline.simulator.server import served
from aispend_pipeline.sources import SOURCES
from aispend_pipeline.sources.http import Limits
from aispend_pipeline.warehouse import Warehouse

NOW = datetime(2026, 6, 12, 13, 20, tzinfo=UTC)
TODAY = NOW.date()
DAYS = Window(date(2026, 6, 8), TODAY)
# The key of each account. `odd` is an organisation with lines that are unusual but allowed.
KEYS = {"default": "sk-admin-world-1", "eu": "sk-admin-world-2", "odd": "sk-admin-world-3"}
ODD_DAY = DAYS.first


class StandingClock:
    """Shows one instant until it is set to another."""

    def __init__(self, instant: datetime = NOW) -> None:
        self.instant = instant

    def now(self) -> datetime:
        return self.instant

    def monotonic(self) -> float:
        return self.instant.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.instant += timedelta(seconds=seconds)


def bucket(day: date, *lines: tuple[str, str | None], currency: str = "usd") -> dict[str, Any]:
    """A bucket of OpenAI's costs with an amount and a line item for each line."""
    start = int(midnight(day).timestamp())
    results = [
        {
            "object": "organization.costs.result",
            "amount": {"value": value, "currency": currency},
            "line_item": line_item,
            "project_id": None,
        }
        for value, line_item in lines
    ]
    return {"object": "bucket", "start_time": start, "end_time": start + 86400, "results": results}


def page(*buckets: Mapping[str, Any]) -> bytes:
    """One page that is the last."""
    return json.dumps({"object": "page", "data": buckets, "has_more": False, "next_page": None}).encode()


def _odd_organisation() -> Starlette:
    body = page(
        bucket(ODD_DAY, ("12.5", "gpt-4o, input"), ("0.000003", "what is this")),
        bucket(ODD_DAY, ("7.25", "gpt-4-turbo, input"), ("0.75", "gpt-4o, input"), currency="eur"),
        bucket(ODD_DAY + timedelta(days=1)),
    )

    async def costs(request: Request) -> Response:
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route("/v1/organization/costs", costs)])


def provider(clock: StandingClock) -> ASGIApp:
    """An OpenAI with the accounts of `KEYS`."""
    simulated = openai({KEYS[name]: name for name in ("default", "eu")}, clock, buckets_a_page=2)
    odd = _odd_organisation()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        key = dict(scope["headers"]).get(b"authorization", b"")
        await (odd if key.endswith(KEYS["odd"].encode()) else simulated)(scope, receive, send)

    return app


def settings(home: Path, base: str, **more: str) -> Settings:
    """Settings with the three accounts of `KEYS`."""
    keys = {"OPENAI_API_KEY" + ("" if name == "default" else f"__{name.upper()}"): key for name, key in KEYS.items()}
    return Settings.load({"AISPEND_HOME": str(home), "OPENAI_BASE_URL": f"{base}/v1", **keys, **more}, dotenv=None)


def read(of: Settings, clock: StandingClock, window: Window = DAYS) -> list[Fetch]:
    """Read `window` of every account and store it, as a run's first step does."""
    return ingest.read_source(
        SOURCES["openai_costs"], of, Warehouse(of.home, clock), window, clock=clock, limits=Limits()
    )


def fill(of: Settings, clock: StandingClock, window: Window = DAYS) -> None:
    """Read, add up and publish."""
    read(of, clock, window)
    add_up(Warehouse(of.home, clock), window, clock)


@contextmanager
def filled(home: Path, clock: StandingClock, **more: str) -> Iterator[Settings]:
    """Settings of a home that was filled, while the provider runs."""
    with served(provider(clock)) as base:
        made = settings(home, base, **more)
        fill(made, clock)
        yield made
