"""Stored pages, a screenful at a time or one by one: the receipts."""

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, NamedTuple

import duckdb
import msgspec

from aispend_pipeline.errors import StoreError
from aispend_pipeline.model import Window, unpacked
from aispend_pipeline.sql import statement

# Bodies given in one answer, so that no answer is boundless; at least one page is always given.
MOST_BYTES = 32 * 1024 * 1024
# As the columns hold them; a cursor that somebody made up may say any number.
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Place(NamedTuple):
    """Where a screenful ended: walking on from it meets each page once, whatever is added meanwhile."""

    seq: Count
    page_no: Count


@dataclass(frozen=True)
class StoredPage:
    """One page without its body; `sha256` and `size` are those of the bytes that came."""

    place: Place
    page_id: str
    provider: str
    source: str
    account: str
    fetch_id: str
    fetch_state: str
    reading: str
    fetched_at: datetime
    window: Window
    request: str
    sha256: str
    size: int


@dataclass(frozen=True)
class StoredFetch:
    """The attempt that a page came of; `days_in_use` are those whose figures rest on it now. Times are UTC."""

    fetch_id: str
    provider: str
    state: str
    window: Window
    started_at: datetime
    finished_at: datetime
    pages: int
    error_class: str | None
    error: str | None
    run_id: str | None
    days_in_use: list[date]

    def had(self, page_id: str) -> bool:
        """Whether a page of that id was stored once, be it gone by now."""
        number = page_id.removeprefix(f"{self.fetch_id}-")
        return number in map(str, range(1, self.pages + 1))


def stored_pages(
    cursor: duckdb.DuckDBPyConnection,
    provider: str,
    window: Window,
    after: Place | None,
    limit: int,
    *,
    sources: Sequence[str] = (),
    accounts: Sequence[str] = (),
) -> tuple[list[StoredPage], Place | None]:
    """Pages whose window touches `window`, newest fetch first; and where to go on, if there are more.

    Fewer than `limit` where their bodies are more than `MOST_BYTES` together. No sources or accounts are all of them.
    """
    found = _found(
        cursor,
        provider=provider,
        first=window.first,
        last=window.last,
        sources=list(sources),
        accounts=list(accounts),
        seq=after.seq if after else None,
        page_no=after.page_no if after else None,
        limit=limit + 1,
    )
    pages: list[StoredPage] = []
    size = 0
    for page in found[:limit]:
        size += page.size
        if pages and size > MOST_BYTES:
            break
        pages.append(page)
    return pages, pages[-1].place if len(found) > len(pages) else None


def stored_page(cursor: duckdb.DuckDBPyConnection, page_id: str) -> StoredPage | None:
    """The page of that id; none if it was never stored or has expired."""
    return next(iter(_found(cursor, page_id=page_id)), None)


def stored_fetch(cursor: duckdb.DuckDBPyConnection, fetch_id: str) -> StoredFetch | None:
    """The fetch of that id; fetches are kept for good."""
    row = cursor.execute(statement("warehouse", "fetch"), {"fetch_id": fetch_id}).fetchone()
    if row is None:
        return None
    (of, provider, state, first, last, *others) = row
    return StoredFetch(of, provider, state, Window(first, last), *others)


def fetch_of(cursor: duckdb.DuckDBPyConnection, page_id: str) -> StoredFetch | None:
    """The fetch that a page came of, be the page gone by now; none if there never was such a page."""
    fetch = stored_fetch(cursor, page_id.rpartition("-")[0])
    return fetch if fetch and fetch.had(page_id) else None


def bodies_of(cursor: duckdb.DuckDBPyConnection, pages: Sequence[StoredPage]) -> list[bytes]:
    """The bytes that came, page by page; `StoreError` where what is stored is no longer those."""
    wanted = [page.sha256 for page in pages]
    # All at once: each look-up reads the names of all bodies.
    found = cursor.execute("SELECT sha256, body FROM body WHERE sha256 IN (SELECT unnest(?::VARCHAR[]))", [wanted])
    packed = dict(found.fetchall())
    return [_unpacked(page, packed.get(page.sha256, b"")) for page in pages]


def _unpacked(page: StoredPage, packed: bytes) -> bytes:
    try:
        body = unpacked(packed)
    except zlib.error:
        body = None
    if body is None or hashlib.sha256(body).hexdigest() != page.sha256:
        raise StoreError(f"page {page.page_id}: its stored body is damaged; restore the warehouse from a backup")
    return body


_NAMES = ("page_id", "provider", "first", "last", "seq", "page_no", "limit")
_ANY: dict[str, Any] = {**dict.fromkeys(_NAMES), "sources": [], "accounts": []}


def _found(cursor: duckdb.DuckDBPyConnection, **asked: Any) -> list[StoredPage]:
    return [_page(row) for row in cursor.execute(statement("warehouse", "pages"), {**_ANY, **asked}).fetchall()]


def _page(row: Sequence[Any]) -> StoredPage:
    (seq, page_no, page_id, provider, source, account, fetch_id, state, reading, at, first, last, *content) = row
    place, window = Place(seq, page_no), Window(first, last)
    return StoredPage(place, page_id, provider, source, account, fetch_id, state, reading, at, window, *content)
