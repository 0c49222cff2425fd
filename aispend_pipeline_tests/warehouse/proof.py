"""The common checks of every case, worked out from stored pages with nothing of the product's own arithmetic."""

import json
import zlib
from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import duckdb

Sums = dict[tuple[str, date, str | None], Decimal]

_DETAIL = "SELECT account, day, model, sum(amount_usd) FROM spend GROUP BY ALL"
_ROLLUP = "SELECT account, day, model, billed_usd FROM spend_daily"
_IN_USE = "SELECT day, fetch_id, account FROM coverage WHERE state IN ('complete', 'partial')"
_BODIES = """
    SELECT body.body FROM page INNER JOIN body ON page.body_sha256 = body.sha256
    WHERE page.fetch_id = ? AND page.reading = 'rows'
"""


def sums(cursor: duckdb.DuckDBPyConnection, sql: str) -> Sums:
    """Figures by account, day and model."""
    return {(account, day, model): usd for account, day, model, usd in cursor.execute(sql).fetchall()}


def rollup(cursor: duckdb.DuckDBPyConnection) -> Sums:
    return sums(cursor, _ROLLUP)


def detail(cursor: duckdb.DuckDBPyConnection) -> Sums:
    return sums(cursor, _DETAIL)


def from_pages(cursor: duckdb.DuckDBPyConnection) -> Sums:
    """The same figures from the text of the pages that coverage names as each day's receipt."""
    found: defaultdict[tuple[str, date, str | None], Decimal] = defaultdict(Decimal)
    for day, fetch_id, account in cursor.execute(_IN_USE).fetchall():
        for (packed,) in cursor.execute(_BODIES, [fetch_id]).fetchall():
            for result in _results(zlib.decompress(packed).decode("utf-8-sig"), day):
                model = (result["line_item"] or "").partition(",")[0] or None
                found[account, day, model] += Decimal(str(result["amount"]["value"]))
    return dict(found)


def _results(text: str, day: date) -> list[dict[str, Any]]:
    buckets = json.loads(text, parse_float=Decimal)["data"]
    return [
        result
        for bucket in buckets
        if datetime.fromtimestamp(bucket["start_time"], UTC).date() == day
        for result in bucket["results"]
    ]


def torn(cursor: duckdb.DuckDBPyConnection) -> list[Any]:
    """Rows that are not the whole of one complete fetch's answer; days that are made of two fetches."""
    half = """
        SELECT spend.fetch_id FROM spend
        LEFT JOIN "fetch" AS read ON spend.fetch_id = read.fetch_id
        WHERE read.state IS DISTINCT FROM 'complete'
            OR read.pages <> (SELECT count(*) FROM page WHERE page.fetch_id = spend.fetch_id)
    """
    mixed = "SELECT source, account, day FROM spend GROUP BY ALL HAVING count(DISTINCT fetch_id) > 1"
    twice = "SELECT page_id, row_no FROM spend GROUP BY ALL HAVING count(*) > 1"
    return [row for sql in (half, mixed, twice) for row in cursor.execute(sql).fetchall()]


def assert_sound(cursor: duckdb.DuckDBPyConnection) -> None:
    """Rollup, rows and pages say the same (V1), and nothing shows part of an answer (V2)."""
    assert rollup(cursor) == detail(cursor) == from_pages(cursor)
    assert torn(cursor) == []
