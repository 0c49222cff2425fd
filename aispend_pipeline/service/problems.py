"""Errors as `application/problem+json`: type, title, status, detail, instance."""

import secrets
from collections.abc import Sequence
from typing import Any

import duckdb
import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from aispend_pipeline.errors import NothingPublished, StoreError
from aispend_pipeline.log import log


class ProblemBody(BaseModel):
    """An error, as `application/problem+json`."""

    type: str
    title: str
    status: int
    detail: str
    instance: str


# How every route can fail, for the OpenAPI document.
PROBLEMS: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A problem",
        "content": {"application/problem+json": {"schema": ProblemBody.model_json_schema()}},
    }
}


def answered(body: Any) -> dict[int | str, dict[str, Any]]:
    """How a route answers: with `body`, or with a problem."""
    return {200: {"model": body}, **PROBLEMS}


_TITLES = {
    400: "Bad request",
    401: "Not authorised",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    422: "Wrong parameter",
    503: "Not ready",
}


class Problem(Exception):
    """Raised where a request cannot be answered; `kind` becomes the last part of the problem's type."""

    def __init__(self, status: int, kind: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail, self.headers = status, kind, detail, headers


def answer(request: Request, status: int, kind: str, detail: str, headers: dict[str, str] | None = None) -> Response:
    """A problem as a response."""
    body = {
        "type": f"urn:aispend:problem:{kind}",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "instance": request.scope["path"][:200],
    }
    return Response(orjson.dumps(body), status, headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Turn every way in which a request can fail into a problem."""

    @app.exception_handler(Problem)
    async def problem(request: Request, error: Problem) -> Response:
        return answer(request, error.status, error.kind, error.detail, error.headers)

    @app.exception_handler(RequestValidationError)
    async def wrong(request: Request, error: RequestValidationError) -> Response:
        return answer(request, 422, "wrong-parameter", _explained(error.errors()))

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        kind = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code, "refused")
        headers = dict(error.headers or {})
        if headers.get("Allow") == "GET":
            headers["Allow"] = "GET, HEAD"
        return answer(request, error.status_code, kind, str(error.detail), headers)

    @app.exception_handler(NothingPublished)
    @app.exception_handler(StoreError)
    async def not_ready(request: Request, error: StoreError) -> Response:
        return answer(request, 503, "store", str(error), {"retry-after": "10"})

    @app.exception_handler(duckdb.IOException)
    async def damaged(request: Request, error: duckdb.IOException) -> Response:
        return await not_ready(request, StoreError("the published snapshot cannot be read; run: aispend recompute"))

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        number = secrets.token_hex(8)
        log.error("request.failed", id=number, path=request.scope["path"][:200], error=repr(error))
        return answer(request, 500, "internal", f"the request failed; the log has it under {number}")


def _explained(errors: Sequence[Any]) -> str:
    first = errors[0]
    name = str(first["loc"][-1])
    if first["type"] == "extra_forbidden":
        return f"{name[:100]}: no such parameter"
    return f"{name[:100]}: {str(first['msg']).removeprefix('Value error, ')}"
