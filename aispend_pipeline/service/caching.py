"""Answers that a client may keep, and asks about again each time: they are the same as long as their tag is."""

import hashlib
from typing import Any

from fastapi.responses import Response

from aispend_pipeline import __version__
from aispend_pipeline.service.kept import Made
from aispend_pipeline.warehouse import Published


def tag_of(published: Published, *parts: Any) -> str:
    """The ETag of the answer that this version gives from a snapshot to a question, of which `parts` are all."""
    digest = hashlib.sha256(repr((__version__, parts)).encode()).hexdigest()[:16]
    return f'"{published.store_id[:8]}-{published.seq}-{digest}"'


def tagged(answers: dict[int | str, dict[str, Any]]) -> dict[int | str, dict[str, Any]]:
    """How a route answers that gives its answers a tag, for the OpenAPI document."""
    tag = {"ETag": {"$ref": "#/components/headers/ETag"}}
    known = {"description": "The client has it: `If-None-Match` names its ETag", "headers": tag}
    return {**answers, 200: {**answers[200], "headers": {**answers[200].get("headers", {}), **tag}}, 304: known}


def matches(tag: str, condition: str) -> bool:
    """Whether an `If-None-Match` names `tag`: alone, in a list, weakly, or as any."""
    return any(name.strip().removeprefix("W/") in (tag, "*") for name in condition.split(","))


def cached(tag: str, body: bytes | None) -> Response:
    """JSON under its tag; without a body, word that the client has it already."""
    headers = {"etag": tag, "cache-control": "no-cache"}
    if body is None:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def in_form(tag: str, made: Made | None) -> Response:
    """What was made in the form asked for, under its tag; if nothing was, word that the client has it already."""
    headers = {"etag": tag, "cache-control": "no-cache", "vary": "Accept"}
    if made is None:
        return Response(status_code=304, headers=headers)
    return Response(made.body, headers={**headers, **made.headers})
