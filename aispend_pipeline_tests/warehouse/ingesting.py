"""One whole round of reading and adding up, over loopback HTTP, that can be killed at a named point."""

import json
import os
import random
import signal
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aispend_pipeline import ingest, points
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.model import Fetch, Window, midnight
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator.server import served
from aispend_pipeline.sources import SOURCES
from aispend_pipeline.sources.http import Limits
from aispend_pipeline.warehouse import Warehouse, fetches
from aispend_pipeline_tests.warehouse.books import completions
from aispend_pipeline_tests.warehouse.building import complete, line
from aispend_pipeline_tests.warehouse.driver import run, say

WINDOW = Window(date(2026, 5, 1), date(2026, 5, 3))


def _provider(figure: Decimal) -> Starlette:
    """An OpenAI where each day costs `figure`, in two lines on two pages, and takes 1000 tokens for each dollar."""

    def bucket(day: date, lines: list[dict]) -> dict:
        start = int(midnight(day).timestamp())
        return {"object": "bucket", "start_time": start, "end_time": start + 86400, "results": lines}

    async def answer(request: Request) -> Response:
        asked = request.query_params
        first, end = (datetime.fromtimestamp(int(asked[name]), UTC).date() for name in ("start_time", "end_time"))
        second, more = asked.get("page") == "2", "group_by[]" in asked and "page" not in asked
        share = figure / 2 if "group_by[]" in asked else figure
        model = ("o3" if second else "gpt-4o") if "group_by[]" in asked else None
        buckets = [bucket(day, [line(str(share), model)]) for day in Window(first, end - timedelta(days=1)).days()]
        page = {"object": "page", "data": buckets, "has_more": more, "next_page": "2" if more else None}
        return Response(json.dumps(page), media_type="application/json")

    async def usage(request: Request) -> Response:
        start = int(request.query_params["start_time"])
        counted = [completions("gpt-4o", int(figure * 1000), 0)] if "completions" in request.url.path else []
        starts = [start + 86400 * day for day in range((int(request.query_params["end_time"]) - start) // 86400)]
        buckets = [{"start_time": at, "end_time": at + 86400, "results": counted} for at in starts]
        return Response(json.dumps({"object": "page", "data": buckets, "has_more": False, "next_page": None}))

    routes = [Route("/v1/organization/costs", answer), Route("/v1/organization/usage/{kind}", usage)]
    return Starlette(routes=routes)


def read_and_add_up(home: Path, figure: str, point: str = "", nth: str = "1") -> None:
    """One whole round over HTTP; this process kills itself when it reaches `point` for the `nth` time."""
    passed = 0

    def listener(reached: str) -> None:
        nonlocal passed
        passed += reached == point
        if reached == point and passed == int(nth):
            os.kill(os.getpid(), signal.SIGKILL)

    points.listener = listener
    clock = SystemClock()
    warehouse = Warehouse(home, clock)
    with served(_provider(Decimal(figure))) as base:
        settings = Settings.load(
            {"AISPEND_HOME": str(home), "OPENAI_API_KEY": "sk-1", "OPENAI_BASE_URL": f"{base}/v1"}, None
        )
        for source in SOURCES.values():
            ingest.read_source(source, settings, warehouse, WINDOW, clock=clock, limits=Limits(), on_fetch=_acknowledge)
    add_up(warehouse, WINDOW, clock)
    say("added-up", figure)


def _acknowledge(fetch: Fetch) -> None:
    say("stored", fetch.fetch_id, fetch.state)


def write_on(home: Path, account: str) -> None:
    """Store a random window and add it up, over and over; each commit is told as soon as it is there."""
    warehouse, clock = Warehouse(home, SystemClock()), SystemClock()
    while True:
        first = WINDOW.first + timedelta(days=random.randrange(20))
        window = Window(first, first + timedelta(days=random.randrange(5)))
        made = complete(
            {day: [line(f"{random.randrange(10**9)}e-7", model) for model in ("a", "b", "c")] for day in window.days()},
            account=account,
        )
        made = replace(made, fetch_id=f"{account}-{os.getpid()}-{time.monotonic_ns()}")
        with warehouse.write() as transaction:
            fetches.store(transaction, made)
        say("stored", made.fetch_id)
        add_up(warehouse, window, clock)
        say("added-up", window.first, window.last)


if __name__ == "__main__":
    run({"read-and-add-up": read_and_add_up, "write-on": write_on})
