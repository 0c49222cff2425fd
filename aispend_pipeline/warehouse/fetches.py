"""Stores a fetch: itself, what it said of each day, and its pages as received."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from aispend_pipeline.errors import NothingPublished
from aispend_pipeline.model import Fetch, Page
from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse.snapshots import snapshots_of
from aispend_pipeline.warehouse.warehouse import Transaction


def store(transaction: Transaction, fetch: Fetch, run_id: str | None = None) -> None:
    """Add `fetch` with all its pages; a body that is there already is not stored again.

    Pages of a failed fetch are kept too, as evidence; nothing ever reads figures from them.
    """
    transaction.execute(
        'INSERT INTO "fetch"'
        ' SELECT ?, (SELECT coalesce(max(seq), 0) + 1 FROM "fetch"), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?',
        [
            fetch.fetch_id,
            fetch.source,
            fetch.account,
            fetch.provider,
            fetch.window.first,
            fetch.window.last,
            fetch.state,
            fetch.started_at.replace(tzinfo=None),
            fetch.finished_at.replace(tzinfo=None),
            len(fetch.pages),
            fetch.error_class,
            fetch.error,
            json.dumps(fetch.detail),
            run_id,
        ],
    )
    answers = fetch.answers
    transaction.execute(
        "INSERT INTO answer SELECT ?, unnest(?::DATE[]), unnest(?::DECIMAL(38, 18)[]), unnest(?::DECIMAL(38, 18)[]),"
        " unnest(?::BOOLEAN[])",
        [
            fetch.fetch_id,
            [answer.day for answer in answers],
            [_text(answer.rows_usd) for answer in answers],
            [_text(answer.control_usd) for answer in answers],
            [answer.agrees for answer in answers],
        ],
    )
    transaction.execute(
        statement("warehouse", "overtaken"),
        {
            "fetch_id": fetch.fetch_id,
            "source": fetch.source,
            "account": fetch.account,
            "started_at": fetch.started_at.replace(tzinfo=None),
            "finished_at": fetch.finished_at.replace(tzinfo=None),
        },
    )
    for number, page in enumerate(fetch.pages, start=1):
        _store_page(transaction, fetch.fetch_id, number, page)


def watermarks(home: Path, source: str) -> dict[str, datetime]:
    """By configured account, the newest export that was read, UTC; an older one than that does no harm.

    Empty before anything is published. Raises `StoreError` when the snapshot cannot be read.
    """
    try:
        _, cursor = snapshots_of(home).current()
    except NothingPublished:
        return {}
    with cursor:
        rows = cursor.execute(statement("warehouse", "watermarks"), {"source": source}).fetchall()
    return {account: at.replace(tzinfo=UTC) for account, at in rows}


class Failing(NamedTuple):
    """A day that an account failed to give when it was last asked, and why."""

    account: str
    day: date
    error: str


def still_failing(home: Path, source: str, since: datetime) -> list[Failing]:
    """The days of `source` that are failing by the newest snapshot; of those that were read once, asked for `since`.

    Empty before anything is published. Raises `StoreError` when the snapshot cannot be read.
    """
    try:
        _, cursor = snapshots_of(home).current()
    except NothingPublished:
        return []
    with cursor:
        asked = {"source": source, "since": since.replace(tzinfo=None)}
        return [Failing(*row) for row in cursor.execute(statement("warehouse", "still_failing"), asked).fetchall()]


def _text(usd: Decimal | None) -> str | None:
    return None if usd is None else str(usd)


def _store_page(transaction: Transaction, fetch_id: str, number: int, page: Page) -> None:
    transaction.execute(
        "INSERT INTO page VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            f"{fetch_id}-{number}",
            fetch_id,
            number,
            page.reading,
            page.request.text(),
            page.sha256,
            page.fetched_at.replace(tzinfo=None),
        ],
    )
    transaction.execute(
        "INSERT INTO body SELECT $sha256, $bytes, $body WHERE NOT EXISTS (SELECT 1 FROM body WHERE sha256 = $sha256)",
        {"sha256": page.sha256, "bytes": page.size, "body": page.packed},
    )
