"""The HTTP application: routes, strict parameters, caching by snapshot."""

import hashlib
from collections.abc import Callable
from typing import Annotated, Any

import duckdb
import orjson
from fastapi import FastAPI, Query, Request
from fastapi.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aispend_pipeline import __version__
from aispend_pipeline.clock import Clock
from aispend_pipeline.model import PROVIDERS
from aispend_pipeline.service import answers, problems
from aispend_pipeline.service.admin import add_admin
from aispend_pipeline.service.parameters import Days, NoParameters, RawParameters, SpendParameters
from aispend_pipeline.service.problems import PROBLEMS, answered
from aispend_pipeline.service.schemas import DriftBody, RawBody, SpendBody
from aispend_pipeline.service.shared import Service, live
from aispend_pipeline.service.status_schemas import StatusBody
from aispend_pipeline.settings import Settings
from aispend_pipeline.warehouse import Published, reads
from aispend_pipeline.warehouse.drift import drift
from aispend_pipeline.warehouse.pages import stored_pages


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


def create_app(settings: Settings, clock: Clock, load: Callable[[], Settings] | None = None) -> FastAPI:
    """The query service over `settings.home`; `load` gives caps, channels and the admin token as they are then."""
    service = Service(settings, clock, load)
    app = FastAPI(title="aispend", version=__version__, docs_url=None, redoc_url=None)
    problems.install(app)
    app.add_middleware(_HeadAsGet)
    _add_state(app, service)
    _add_figures(app, service)
    add_admin(app, service)
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
        return live(service.settings.shown())

    @app.get(
        "/status",
        summary="How fresh and how whole the figures are, how the caps stand, and who can be told",
        responses=answered(StatusBody),
    )
    async def status(_: Annotated[NoParameters, Query()]) -> Response:
        def ask() -> dict[str, Any]:
            settings, complaints = service.now()
            return answers.status(settings, service.clock.now(), complaints)

        return live(await service.run(ask))


def _add_figures(app: FastAPI, service: Service) -> None:
    """Routes that answer from the newest snapshot."""

    @app.get(
        "/spend",
        summary="Billed and estimated spend by day, provider, account, model and more",
        responses=answered(SpendBody),
    )
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
        "/drift",
        summary="How good estimates were, by model and day, once the bill was there",
        responses=answered(DriftBody),
    )
    async def drifted(request: Request, parameters: Annotated[Days, Query()]) -> Response:
        window = parameters.window(service.clock.now().date())

        def ask(published: Published, cursor: duckdb.DuckDBPyConnection) -> tuple[str, bytes | None]:
            tag = _tag(published, "drift", window)
            if _matches(tag, request.headers.get("if-none-match", "")):
                return tag, None
            days = {"from": window.first.isoformat(), "to": window.last.isoformat()}
            rows = answers.drifts(drift(cursor, window))
            return tag, orjson.dumps({**days, "rows": rows, "as_of": published.at})

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
