"""Answers that a client may keep, and asks about again each time: they are the same as long as their tag is."""

import hashlib
from typing import Any

from fastapi.responses import Response

from aispend_pipeline.warehouse import Published


def tag_of(published: Published, *parts: Any) -> str:
    """The ETag of the answer that a snapshot gives to a question, of which `parts` are all."""
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
    return f'"{published.store_id[:8]}-{published.seq}-{digest}"'


def matches(tag: str, condition: str) -> bool:
    """Whether an `If-None-Match` names `tag`: alone, in a list, weakly, or as any."""
    return any(name.strip().removeprefix("W/") in (tag, "*") for name in condition.split(","))


def cached(tag: str, body: bytes | None) -> Response:
    """JSON under its tag; without a body, word that the client has it already."""
    headers = {"etag": tag, "cache-control": "no-cache"}
    if body is None:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")
