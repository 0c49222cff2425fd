"""A small world to ask the service about: providers on loopback, a clock that stands, a home that was filled."""

import json
from collections.abc import Iterable, Iterator, Mapping
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


def days_asked(request: Request) -> list[date]:
    """The days that a question to OpenAI is about."""
    first = datetime.fromtimestamp(int(request.query_params["start_time"]), UTC).date()
    end = int(request.query_params.get("end_time", datetime.now(UTC).timestamp() + 1))
    last = datetime.fromtimestamp(end - 1, UTC).date()
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


async def nothing_used(request: Request) -> Response:
    """OpenAI's usage of an organisation that used nothing: all of every day that is asked for."""
    return Response(page(*(bucket(day) for day in days_asked(request))), media_type="application/json")


async def nothing_listed(request: Request) -> Response:
    """Any list of OpenAI's, empty."""
    return Response(page(), media_type="application/json")


NOTHING_ELSE = [
    Route("/v1/organization/usage/{kind}", nothing_used),
    Route("/v1/organization/{path:path}", nothing_listed),
]


def _odd_organisation() -> Starlette:
    body = page(
        bucket(ODD_DAY, ("12.5", "gpt-4o, input"), ("0.000003", "what is this")),
        bucket(ODD_DAY, ("7.25", "gpt-4-turbo, input"), ("0.75", "gpt-4o, input"), currency="eur"),
        bucket(ODD_DAY + timedelta(days=1)),
    )

    async def costs(request: Request) -> Response:
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route("/v1/organization/costs", costs), *NOTHING_ELSE])


def provider(clock: StandingClock) -> ASGIApp:
    """An OpenAI with the accounts of `KEYS`; its costs come two days a page."""
    keys = {KEYS[name]: name for name in ("default", "eu")}
    costs, others, odd = openai(keys, clock, buckets_a_page=2), openai(keys, clock), _odd_organisation()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        key = dict(scope["headers"]).get(b"authorization", b"")
        of_others = costs if scope["path"].endswith("/costs") else others
        await (odd if key.endswith(KEYS["odd"].encode()) else of_others)(scope, receive, send)

    return app


def settings(home: Path, base: str, **more: str) -> Settings:
    """Settings with the three accounts of `KEYS`."""
    keys = {"OPENAI_API_KEY" + ("" if name == "default" else f"__{name.upper()}"): key for name, key in KEYS.items()}
    return Settings.load({"AISPEND_HOME": str(home), "OPENAI_BASE_URL": f"{base}/v1", **keys, **more}, dotenv=None)


def read(
    of: Settings,
    clock: StandingClock,
    window: Window = DAYS,
    source: str = "openai_costs",
    run_id: str | None = None,
) -> list[Fetch]:
    """Read `window` of every account and store it, as a run's first step does."""
    warehouse, limits = Warehouse(of.home, clock), Limits()
    return ingest.read_source(SOURCES[source], of, warehouse, window, clock=clock, limits=limits, run_id=run_id)


def fill(
    of: Settings,
    clock: StandingClock,
    window: Window = DAYS,
    sources: Iterable[str] = SOURCES,
    run_id: str | None = None,
) -> None:
    """Read, add up and publish."""
    for source in sources:
        read(of, clock, window, source, run_id)
    add_up(Warehouse(of.home, clock), window, clock)


@contextmanager
def filled(home: Path, clock: StandingClock, sources: Iterable[str] = SOURCES, **more: str) -> Iterator[Settings]:
    """Settings of a home that was filled, while the provider runs."""
    with served(provider(clock)) as base:
        made = settings(home, base, **more)
        fill(made, clock, sources=sources)
        yield made
