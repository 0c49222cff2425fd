"""Errors as `application/problem+json`: type, title, status, detail, instance."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import duckdb
import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from aispend_pipeline.errors import Overloaded, StoreError, resources_left
from aispend_pipeline.log import log

MEDIA_TYPE = "application/problem+json"


class ProblemBody(BaseModel):
    """An error, as `application/problem+json` (RFC 9457)."""

    type: str = Field(description="what went wrong, one name for each kind")
    title: str = Field(description="the same for each status, for people")
    status: int = Field(description="as in the answer's first line")
    detail: str = Field(description="what happened, to what, and what to do, for people; the wording may change")
    instance: str = Field(description="the path that was asked for")


class Kind(NamedTuple):
    """A kind of problem: the status that it has, and what it may say."""

    status: int
    detail: str


_TITLES = {
    400: "Bad request",
    401: "Not authorised",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    408: "Too slow",
    409: "Conflict",
    410: "Gone",
    413: "Too large",
    414: "Address too long",
    421: "Not this service's name",
    422: "Wrong parameter",
    429: "Too many requests",
    431: "Headers too large",
    500: "Failed",
    503: "Not ready",
}
# Every kind that a route answers with, for the OpenAPI document.
KINDS = {
    "bad-host": Kind(400, "send the header Host once, with a host and perhaps a port"),
    "bad-cursor": Kind(400, "cursor: not one that this question gave; start again without it"),
    "unauthorized": Kind(401, "send AISPEND_READ_TOKEN in the header Authorization, as Bearer or as password of Basic"),
    "admin-disabled": Kind(403, "this route is off as long as no ADMIN_TOKEN is set"),
    "cross-site": Kind(403, "another site's page asked; name its origin in AISPEND_CORS_ORIGINS if it may"),
    "unknown-provider": Kind(404, "no provider of that name; there are openai, anthropic, vertex"),
    "too-large": Kind(413, "the body is longer than 20000 bytes; this route takes none"),
    "foreign-host": Kind(
        421, "this service is not called that; name it in AISPEND_ALLOWED_HOSTS, or ask by localhost or its address"
    ),
    "wrong-parameter": Kind(422, "from: is not a date written YYYY-MM-DD"),
    "unexpected-body": Kind(422, "this route takes no body, only parameters in the query"),
    "too-many-requests": Kind(429, "more than 50 requests a second came from your address"),
    "internal": Kind(500, "the request failed; the log has it under 0011223344556677"),
    "store": Kind(503, "/var/lib/aispend: nothing was read yet; run: aispend ingest"),
    "busy": Kind(503, "128 requests are being answered; ask again"),
    "too-slow": Kind(503, "the answer takes longer than 30 seconds; ask for less, or again"),
}
# Headers that answers with a status may have.
_HEADERS: dict[int | str, tuple[str, ...]] = {
    401: ("WWW-Authenticate",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
# Kinds that no route answers with: there is none, or the request does not come as far.
_ELSEWHERE = {
    "not-found": Kind(404, "Not Found"),
    "method-not-allowed": Kind(405, "Method Not Allowed"),
    "refused": Kind(400, "Bad Request"),
    "slow-request": Kind(408, "the request was not there in time"),
    "malformed": Kind(400, "this is not HTTP/1.1 as it is written"),
    "target-too-long": Kind(414, "the address is longer than anything that can be asked for"),
    "headers-too-large": Kind(431, "the headers are larger than anything that can be asked for"),
}
# What may befall any route.
_ANYWHERE = (
    "bad-host",
    "unauthorized",
    "cross-site",
    "foreign-host",
    "wrong-parameter",
    "unexpected-body",
    "too-many-requests",
    "internal",
    "busy",
    "too-slow",
)


class Problem(Exception):
    """Raised where a request cannot be answered; `kind` becomes the last part of the problem's type."""

    def __init__(self, status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail, self.headers = status, kind, detail, headers

    def body(self, path: str) -> bytes:
        """The problem as JSON, of a request for `path`."""
        return orjson.dumps(_body(self.status, self.kind, self.detail, path[:200]))


def _body(status: int, kind: str, detail: str, instance: str) -> dict[str, Any]:
    return {
        "type": f"urn:aispend:problem:{kind}",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "instance": instance,
    }


def answered(
    body: Any, *kinds: str, says: str, example: Any = None, more: Mapping[str, Kind] | None = None
) -> dict[int | str, dict[str, Any]]:
    """How a route answers: with `body`, or with problems: those of any route, of `kinds`, and `more` of its own.

    `says` is what the body says; `example` is one of it, where its type has none. What `more` says of a kind is said in
    place of what is usual.
    """
    content = {"content": {"application/json": {"example": example}}} if example is not None else {}
    return {200: {"model": body, "description": says, **content}, **documented(*kinds, more=more)}


def documented(*kinds: str, more: Mapping[str, Kind] | None = None) -> dict[int | str, dict[str, Any]]:
    """How a route can fail, by status, with an example of each kind."""
    by_status: dict[int | str, dict[str, Any]] = defaultdict(dict)
    for name, kind in {**{name: KINDS[name] for name in (*_ANYWHERE, *kinds)}, **(more or {})}.items():
        by_status[kind.status][name] = _example(name, kind)
    elsewhere = {name: _example(name, kind) for name, kind in _ELSEWHERE.items()}
    by_status["default"] = {**by_status[500], **elsewhere}
    return {status: _described(status, examples) for status, examples in sorted(by_status.items(), key=str)}


def _example(name: str, kind: Kind) -> dict[str, Any]:
    """The document puts the route's own path in it."""
    return {"summary": name, "value": _body(kind.status, name, kind.detail, "")}


def _described(status: int | str, examples: dict[str, Any]) -> dict[str, Any]:
    title = _TITLES[status] if isinstance(status, int) else "A problem"
    schema = {"$ref": f"#/components/schemas/{ProblemBody.__name__}"}
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS.get(status, ())}
    return {"description": title, "headers": headers, "content": {MEDIA_TYPE: {"schema": schema, "examples": examples}}}


PROBLEMS = documented()


def refused(path: str, problem: Problem) -> Response:
    """A problem as the answer to a request for `path`."""
    return Response(problem.body(path), problem.status, problem.headers, media_type=MEDIA_TYPE)


async def send_problem(
    scope: Scope, receive: Receive, send: Send, problem: Problem, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Answer with a problem from where there is no route yet."""
    response = refused(scope["path"], problem)
    response.raw_headers.extend(headers)
    await response(scope, receive, send)


def install(app: FastAPI) -> None:
    """Turn every way in which a request can be refused into a problem."""

    @app.exception_handler(Problem)
    async def problem(request: Request, error: Problem) -> Response:
        return refused(request.scope["path"], error)

    @app.exception_handler(RequestValidationError)
    async def wrong(request: Request, error: RequestValidationError) -> Response:
        return await problem(request, Problem(422, "wrong-parameter", _explained(error.errors())))

    @app.exception_handler(HTTPException)
    async def of_starlette(request: Request, error: HTTPException) -> Response:
        kind = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code, "refused")
        headers = dict(error.headers or {})
        if headers.get("Allow") == "GET":
            headers["Allow"] = "GET, HEAD"
        return await problem(request, Problem(error.status_code, kind, str(error.detail), headers))

    @app.exception_handler(StoreError)
    async def not_ready(request: Request, error: StoreError) -> Response:
        return await problem(request, unusable(error))

    @app.exception_handler(duckdb.IOException)
    async def damaged(request: Request, error: duckdb.IOException) -> Response:
        if not resources_left(error):
            return await not_ready(request, Overloaded())
        return await not_ready(request, StoreError("the published snapshot cannot be read; run: aispend recompute"))

    @app.exception_handler(duckdb.OutOfMemoryException)
    async def too_heavy(request: Request, error: duckdb.OutOfMemoryException) -> Response:
        heavy = "the question needs more memory than there is for questions; group by less, or ask for fewer days"
        return await problem(request, Problem(503, "busy", heavy, {"retry-after": "1"}))


def unusable(error: StoreError) -> Problem:
    """A store that cannot be used, as a problem."""
    log.warning("store.unusable", error=str(error))
    if isinstance(error, Overloaded):
        return Problem(503, "busy", str(error), {"retry-after": "1"})
    return Problem(503, "store", str(error), {"retry-after": "10"})


def _explained(errors: Sequence[Any]) -> str:
    first = errors[0]
    name = next(part for part in reversed(first["loc"]) if isinstance(part, str))  # not the place in a list
    if first["type"] == "extra_forbidden":
        return f"{name[:100]}: no such parameter"
    return f"{name[:100]}: {str(first['msg']).removeprefix('Value error, ')}"
