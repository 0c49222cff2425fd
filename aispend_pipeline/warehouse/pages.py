"""Stored pages, a screenful at a time: the receipts."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import duckdb

from aispend_pipeline.model import Window, unpacked
from aispend_pipeline.sql import statement

# Bodies given in one answer, so that no answer is boundless; at least one page is always given.
MOST_BYTES = 32 * 1024 * 1024


class Place(NamedTuple):
    """Where a screenful ended: walking on from it meets each page once, whatever is added meanwhile."""

    seq: int
    page_no: int


@dataclass(frozen=True)
class StoredPage:
    """One page with its body, as received."""

    place: Place
    page_id: str
    provider: str
    source: str
    account: str
    fetched_at: datetime
    window: Window
    request: str
    body: str


def stored_pages(
    cursor: duckdb.DuckDBPyConnection, provider: str, window: Window, after: Place | None, limit: int
) -> tuple[list[StoredPage], Place | None]:
    """Pages whose window touches `window`, newest fetch first; and where to go on, if there are more."""
    found = cursor.execute(
        statement("warehouse", "pages"),
        {
            "provider": provider,
            "first": window.first,
            "last": window.last,
            "seq": after.seq if after else None,
            "page_no": after.page_no if after else None,
            "limit": limit + 1,
        },
    ).fetchall()
    pages: list[StoredPage] = []
    size = 0
    for seq, page_no, page_id, of, source, account, fetched_at, first, last, request, sha256, length in found[:limit]:
        size += length
        if pages and size > MOST_BYTES:
            break
        row = cursor.execute("SELECT body FROM body WHERE sha256 = ?", [sha256]).fetchone()
        body = unpacked(row[0]).decode() if row else ""
        place = Place(seq, page_no)
        pages.append(StoredPage(place, page_id, of, source, account, fetched_at, Window(first, last), request, body))
    return pages, pages[-1].place if len(found) > len(pages) else None
