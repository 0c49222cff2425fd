"""Stored pages as JSON; payloads are the bytes that came, where those are JSON."""

from collections.abc import Sequence
from typing import Any

import orjson

from aispend_pipeline.service.answers import instant
from aispend_pipeline.warehouse.pages import StoredPage


def pages(found: Sequence[StoredPage], cursor: str | None) -> dict[str, Any]:
    """The body of `GET /providers/{name}/raw`; payloads are the bytes that came, where those are JSON."""
    return {"items": [_page(page) for page in found], "cursor": cursor}


def _page(page: StoredPage) -> dict[str, Any]:
    return {
        "id": page.page_id,
        "provider": page.provider,
        "source": page.source,
        "account": page.account,
        "fetched_at": instant(page.fetched_at),
        "window": {"from": page.window.first.isoformat(), "to": page.window.last.isoformat()},
        "request": orjson.Fragment(page.request),
        "payload": _payload(page.body),
    }


def _payload(body: str) -> orjson.Fragment | str:
    """The page itself; one that holds a bare NaN is no JSON and is given as text."""
    text = body.removeprefix("\ufeff")
    if "NaN" in text or "Infinity" in text:
        try:
            orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
    return orjson.Fragment(text)
