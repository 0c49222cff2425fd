"""An installation with caps: one account that bills seven dollars a day, read for the month so far."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import httpx
from jsonschema import Draft202012Validator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from aispend_pipeline.alerts.notify import notify
from aispend_pipeline.model import Window
from aispend_pipeline.service.app import create_app
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator.server import served

from .contract import hold_status
from .world import KEYS, NOTHING_ELSE, TODAY, StandingClock, bucket, days_asked, fill, page

SOFT = {"OPENAI_SOFT_CAP": "80", "OPENAI_HARD_CAP": "100"}
MONTH = Window(date(2026, 6, 1), TODAY)
TOTAL = "84.00"
TOKEN = "let-me-in-Qz7"


async def _costs(request: Request) -> Response:
    days = (day for day in days_asked(request) if day <= TODAY)
    buckets = (bucket(day, ("7.00", "gpt-4o, input")) for day in days)
    return Response(page(*buckets), media_type="application/json")


@dataclass
class Installation:
    """A home, the time, and what is set in the environment."""

    home: Path
    clock: StandingClock = field(default_factory=StandingClock)
    set: dict[str, str] = field(default_factory=dict)

    def settings(self, **more: str) -> Settings:
        own = {"AISPEND_HOME": str(self.home), "OPENAI_API_KEY": KEYS["default"]}
        return Settings.load({**own, **self.set, **more}, dotenv=None)

    def later(self, **by: int) -> "Installation":
        self.clock.instant += timedelta(**by)
        return self

    def evaluate(self, **more: str) -> None:
        """Evaluate and send, as `notify` does."""
        notify(self.settings(**more), self.clock)

    @contextmanager
    def serving(self, load: Callable[[], Settings] | None = None, **more: str) -> Iterator[httpx.Client]:
        """The service on loopback."""
        with served(create_app(self.settings(**more), self.clock, load)) as base, httpx.Client(base_url=base) as client:
            yield client

    def status(self, **more: str) -> dict:
        """What `/status` says, without a socket between."""
        return status_of(TestClient(create_app(self.settings(**more), self.clock)))


@cache
def _document() -> dict:
    return create_app(Settings.load({}, dotenv=None), StandingClock()).openapi()


@cache
def documented(path: str, method: str) -> Draft202012Validator:
    """The body that the OpenAPI document promises for 200."""
    document = _document()
    schema = document["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]
    return Draft202012Validator({**schema, "components": document["components"]})


def status_of(client: httpx.Client) -> dict:
    """What `/status` says, held to both promises; its word is ok just when nothing is wrong."""
    answer = client.get("/status").raise_for_status()
    body = answer.json()
    documented("/status", "get").validate(body)
    hold_status(body)
    assert (body["status"] == "ok") == (body["reasons"] == [])
    assert not [reason for reason in body["reasons"] if "\n" in reason]
    assert TOKEN not in answer.text
    return body


def read_month(home: Path) -> Path:
    """A home with the month so far."""
    clock = StandingClock()
    with served(Starlette(routes=[Route("/v1/organization/costs", _costs), *NOTHING_ELSE])) as base:
        made = Installation(home, clock).settings(OPENAI_BASE_URL=f"{base}/v1")
        fill(made, clock, MONTH)
    return home


def copy_of(month: Path, home: Path) -> Installation:
    """An installation of its own with what was read."""
    shutil.copytree(month, home)
    return Installation(home)
