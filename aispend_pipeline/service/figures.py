"""Routes that answer sums from the newest snapshot, cached by it."""

import hashlib
from typing import Annotated, Any

import duckdb
import orjson
from fastapi import FastAPI, Query, Request
from fastapi.responses import Response

from aispend_pipeline.service import answers
from aispend_pipeline.service.parameters import Days
from aispend_pipeline.service.problems import answered
from aispend_pipeline.service.schemas import DriftBody, SpendBody
from aispend_pipeline.service.shared import Service
from aispend_pipeline.service.spend_parameters import SpendParameters
from aispend_pipeline.warehouse import Published, reads
from aispend_pipeline.warehouse.drift import drift


def add_figures(app: FastAPI, service: Service) -> None:
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
