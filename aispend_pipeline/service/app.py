"""The HTTP application: routes, strict parameters, caching by snapshot."""

import asyncio
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, TypeVar

import duckdb
import orjson
from fastapi import FastAPI, Query, Request
from fastapi.responses import Response

from aispend_pipeline import __version__
from aispend_pipeline.clock import Clock
from aispend_pipeline.service import answers, problems
from aispend_pipeline.service.parameters import SpendParameters
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources import feeds
from aispend_pipeline.warehouse import Published, Snapshots, reads

T = TypeVar("T")


class Service:
    """What the routes share: settings, clock, snapshots, and a few threads for DuckDB."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings, self.clock = settings, clock
        self.snapshots = Snapshots(settings.home)
        self.feeds = feeds(settings)
        self._threads = ThreadPoolExecutor(max_workers=3, thread_name_prefix="duckdb")

    async def read(self, question: Callable[[Published, duckdb.DuckDBPyConnection], T]) -> T:
        """Put `question` to the newest snapshot, off the event loop."""

        def ask() -> T:
            published, cursor = self.snapshots.current()
            with cursor:
                return question(published, cursor)

        return await asyncio.get_running_loop().run_in_executor(self._threads, ask)


def create_app(settings: Settings, clock: Clock) -> FastAPI:
    """The query service over `settings.home`."""
    service = Service(settings, clock)
    app = FastAPI(title="aispend", version=__version__, docs_url=None, redoc_url=None)
    problems.install(app)

    @app.get("/healthz", summary="Whether the process answers")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/spend", summary="Billed spend by day, provider, account and model")
    async def spend(request: Request, parameters: Annotated[SpendParameters, Query()]) -> Response:
        question = parameters.question(clock.now().date())

        def ask(published: Published, cursor: duckdb.DuckDBPyConnection) -> tuple[str, bytes | None]:
            tag = _tag(published, question, service.feeds)
            if tag == request.headers.get("if-none-match"):
                return tag, None
            answer = reads.ask(cursor, question, service.feeds)
            return tag, orjson.dumps(answers.spend(question, answer, published))

        tag, body = await service.read(ask)
        return _cached(tag, body)

    return app


def _tag(published: Published, *parts: Any) -> str:
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
    return f'"{published.store_id[:8]}-{published.seq}-{digest}"'


def _cached(tag: str, body: bytes | None) -> Response:
    headers = {"etag": tag, "cache-control": "no-cache"}
    if body is None:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")
