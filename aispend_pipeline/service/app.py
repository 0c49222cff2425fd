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
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aispend_pipeline import __version__
from aispend_pipeline.clock import Clock
from aispend_pipeline.model import PROVIDERS
from aispend_pipeline.service import answers, problems
from aispend_pipeline.service.parameters import NoParameters, RawParameters, SpendParameters
from aispend_pipeline.service.problems import PROBLEMS, answered
from aispend_pipeline.service.schemas import RawBody, SpendBody, StatusBody
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources import feeds
from aispend_pipeline.warehouse import Published, Snapshots, reads
from aispend_pipeline.warehouse.pages import stored_pages

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

        return await self.run(ask)

    async def run(self, work: Callable[[], T]) -> T:
        """Do `work` off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


class _HeadAsGet:
    """Answers HEAD with what GET would, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        if scope["type"] == "http" and scope["method"] == "HEAD":
            await self._app({**scope, "method": "GET"}, receive, without_body)
        else:
            await self._app(scope, receive, send)


def create_app(settings: Settings, clock: Clock) -> FastAPI:
    """The query service over `settings.home`."""
    service = Service(settings, clock)
    app = FastAPI(title="aispend", version=__version__, docs_url=None, redoc_url=None)
    problems.install(app)
    app.add_middleware(_HeadAsGet)
    _add_state(app, service)
    _add_figures(app, service)
    return app


def _add_state(app: FastAPI, service: Service) -> None:
    """Routes that say how the installation is."""

    @app.get("/healthz", summary="Whether the process answers", responses=PROBLEMS)
    async def healthz(_: Annotated[NoParameters, Query()]) -> dict[str, str]:
        return {"status": "ok"}

    @app.get(
        "/config",
        summary="The settings that are set; secrets only as set or not",
        responses=answered(dict[str, str | int | bool]),
    )
    async def config(_: Annotated[NoParameters, Query()]) -> Response:
        return _live(service.settings.shown())

    @app.get(
        "/status",
        summary="How fresh and how whole the figures are, per source and account",
        responses=answered(StatusBody),
    )
    async def status(_: Annotated[NoParameters, Query()]) -> Response:
        return _live(
            await service.run(lambda: answers.status(service.settings, service.snapshots, service.clock.now()))
        )


def _add_figures(app: FastAPI, service: Service) -> None:
    """Routes that answer from the newest snapshot."""

    @app.get("/spend", summary="Billed spend by day, provider, account and model", responses=answered(SpendBody))
    async def spend(request: Request, parameters: Annotated[SpendParameters, Query()]) -> Response:
        today = service.clock.now().date()
        question = parameters.question(today)

        def ask(published: Published, cursor: duckdb.DuckDBPyConnection) -> tuple[str, bytes | None]:
            tag = _tag(published, question, service.feeds, today)
            if _matches(tag, request.headers.get("if-none-match", "")):
                return tag, None
            answer = reads.ask(cursor, question, service.feeds, today)
            return tag, orjson.dumps(answers.spend(question, answer, published))

        tag, body = await service.read(ask)
        return _cached(tag, body)

    @app.get(
        "/providers/{name}/raw", summary="A provider's answers as received, newest first", responses=answered(RawBody)
    )
    async def raw(name: str, parameters: Annotated[RawParameters, Query()]) -> Response:
        if name not in PROVIDERS:
            raise problems.Problem(
                404, "unknown-provider", f"no provider of that name; there are {', '.join(PROVIDERS)}"
            )
        window = parameters.window(service.clock.now().date())
        after = parameters.place(name)

        def ask(published: Published, cursor: duckdb.DuckDBPyConnection) -> bytes:
            found, place = stored_pages(cursor, name, window, after, parameters.limit)
            return orjson.dumps(answers.pages(found, parameters.cursor_at(name, place) if place else None))

        return Response(await service.read(ask), headers={"cache-control": "no-store"}, media_type="application/json")


def _live(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), headers={"cache-control": "no-store"}, media_type="application/json")


def _tag(published: Published, *parts: Any) -> str:
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
    return f'"{published.store_id[:8]}-{published.seq}-{digest}"'


def _matches(tag: str, condition: str) -> bool:
    """Whether an `If-None-Match` names `tag`: alone, in a list, weakly, or as any."""
    return any(name.strip().removeprefix("W/") in (tag, "*") for name in condition.split(","))


def _cached(tag: str, body: bytes | None) -> Response:
    headers = {"etag": tag, "cache-control": "no-cache"}
    if body is None:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")
