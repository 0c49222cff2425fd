"""Stored pages as JSON, and their bodies as files."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec
import orjson

from aispend_pipeline.model import FetchState, Reading
from aispend_pipeline.service.answers import days, instant
from aispend_pipeline.sources import SOURCES
from aispend_pipeline.warehouse.pages import StoredFetch, StoredPage

_BOM = b"\xef\xbb\xbf"
_json = msgspec.json.Decoder(msgspec.Raw)  # looks whether it is JSON, and makes nothing of it


def pages(found: Sequence[StoredPage], bodies: Sequence[bytes], cursor: str | None) -> dict[str, Any]:
    """The body of `GET /providers/{name}/raw`."""
    return {"items": list(map(_page, found, bodies)), "cursor": cursor}


def page(found: StoredPage, body: bytes, fetch: StoredFetch) -> dict[str, Any]:
    """The body of `GET /providers/{name}/raw/{page_id}`."""
    return {**_page(found, body), "fetch": _fetch(fetch)}


def path_of(provider: str, page_id: str) -> str:
    """Where a page is, without the host."""
    return f"/providers/{provider}/raw/{quote(page_id, safe='')}"


def file_name(page: StoredPage, media_type: str) -> str:
    """What a download of the page is called: letters, digits, `.`, `_` and `-`."""
    name = f"{page.source}-{page.account}-{page.window.first}-{page.page_id}"
    return re.sub(r"[^A-Za-z0-9._-]", "_", name) + {"application/json": ".json"}.get(media_type, ".txt")


def media_type(body: bytes) -> str:
    """What the bytes of a body are: JSON to the letter, other text, or neither."""
    if _is_json(body):
        return "application/json"
    try:
        body.decode()
    except UnicodeDecodeError:
        return "application/octet-stream"
    return "text/plain"


def _page(page: StoredPage, body: bytes) -> dict[str, Any]:
    return {
        "id": page.page_id,
        "provider": page.provider,
        "source": page.source,
        "account": page.account,
        "fetch_id": page.fetch_id,
        "fetch_state": page.fetch_state,
        "page_no": page.place.page_no,
        "reading": page.reading,
        "fetched_at": instant(page.fetched_at),
        "window": days(page.window),
        "request": orjson.Fragment(page.request),
        "body_sha256": page.sha256,
        "bytes": page.size,
        "links": _links(page),
        "payload": _payload(body),
    }


def _links(page: StoredPage) -> dict[str, str | None]:
    """Relative, since nobody knows what this service is called from outside."""
    path, asked = path_of(page.provider, page.page_id), f"?page={quote(page.page_id, safe='')}"
    source = SOURCES.get(page.source)
    booked = page.reading == Reading.ROWS and page.fetch_state == FetchState.COMPLETE
    table = source.normaliser.table if source and booked else None
    return {
        "page": path,
        "body": f"{path}/body",
        "rows": f"/spend/rows{asked}" if table == "spend" else None,
        "estimates": f"/spend/estimates{asked}" if table == "usage" else None,
    }


def _fetch(fetch: StoredFetch) -> dict[str, Any]:
    return {
        "id": fetch.fetch_id,
        "state": fetch.state,
        "started_at": instant(fetch.started_at),
        "finished_at": instant(fetch.finished_at),
        "window": days(fetch.window),
        "pages": fetch.pages,
        "days_in_use": [day.isoformat() for day in fetch.days_in_use],
        "error_class": fetch.error_class,
        "error": fetch.error,
        "run_id": fetch.run_id,
    }


def _payload(body: bytes) -> orjson.Fragment | str:
    """The page itself; one that holds a bare NaN is no JSON and is given as text."""
    text = body.removeprefix(_BOM)
    return orjson.Fragment(text) if _is_json(text) else text.decode(errors="replace")


def _is_json(text: bytes) -> bool:
    try:
        text.decode()
        _json.decode(text)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        return False
    return True
