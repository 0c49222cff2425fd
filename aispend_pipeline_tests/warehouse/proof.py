"""The common checks of every case, worked out from stored pages with nothing of the product's own arithmetic."""

import json
import zlib
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import duckdb

Sums = dict[tuple[str, date, str | None], Decimal]

_DETAIL = "SELECT account, day, model, sum(amount_usd) FROM spend GROUP BY ALL"
_ROLLUP = 'SELECT account, day, model, sum(billed_usd) FROM spend_daily WHERE "rows" > 0 GROUP BY ALL'
_MEASURED = """
    SELECT account, day, provider, sum(coalesce(input_tokens, 0) + coalesce(cached_input_tokens, 0)
        + coalesce(cache_write_tokens, 0) + coalesce(output_tokens, 0))
    FROM {table} GROUP BY ALL HAVING count(coalesce(input_tokens, output_tokens)) > 0
"""
_IN_USE = "SELECT source, day, fetch_id, account, provider FROM coverage WHERE state IN ('complete', 'partial')"
_BODIES = """
    SELECT body.body FROM page INNER JOIN body ON page.body_sha256 = body.sha256
    WHERE page.fetch_id = ? AND page.reading = 'rows'
"""
_COSTS = ("openai_costs", "anthropic_costs")
# All input of OpenAI is one count; Anthropic gives only its parts.
_TOKENS = ("input_tokens", "output_tokens", "uncached_input_tokens", "cache_read_input_tokens")


def sums(cursor: duckdb.DuckDBPyConnection, sql: str) -> Sums:
    """Figures by account, day and model."""
    return {(account, day, model): usd for account, day, model, usd in cursor.execute(sql).fetchall()}


def rollup(cursor: duckdb.DuckDBPyConnection) -> Sums:
    return sums(cursor, _ROLLUP)


def detail(cursor: duckdb.DuckDBPyConnection) -> Sums:
    return sums(cursor, _DETAIL)


def tokens(cursor: duckdb.DuckDBPyConnection, table: str) -> Sums:
    """All tokens of each account, day and provider (in the place of a model)."""
    counted = "(SELECT * FROM spend_daily WHERE counted_by = 'usage')" if table == "spend_daily" else table
    return sums(cursor, _MEASURED.format(table=counted))


def from_pages(cursor: duckdb.DuckDBPyConnection) -> Sums:
    """The same figures from the text of the pages that coverage names as each day's receipt."""
    found: defaultdict[tuple[str, date, str | None], Decimal] = defaultdict(Decimal)
    for source, account, _, day, result in _said(cursor):
        if source == "anthropic_costs":
            found[account, day, result["model"]] += Decimal(str(result["amount"])) / 100
        elif source == "openai_costs":
            model = (result["line_item"] or "").partition(",")[0] or None
            found[account, day, model] += Decimal(str(result["amount"]["value"]))
    return dict(found)


def tokens_from_pages(cursor: duckdb.DuckDBPyConnection) -> Sums:
    """What `tokens` gives, from the text of the pages."""
    found: defaultdict[tuple[str, date, str | None], Decimal] = defaultdict(Decimal)
    for source, account, provider, day, result in _said(cursor):
        if source not in _COSTS and result.keys() & set(_TOKENS):
            caches = [int(n) for n in (result.get("cache_creation") or {}).values()]
            found[account, day, provider] += sum((int(result.get(name) or 0) for name in _TOKENS), sum(caches))
    return dict(found)


def _said(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str, str, date, dict[str, Any]]]:
    """Every result of every receipt: source, account, provider, day."""
    for source, day, fetch_id, account, provider in cursor.execute(_IN_USE).fetchall():
        for (packed,) in cursor.execute(_BODIES, [fetch_id]).fetchall():
            for result in _results(zlib.decompress(packed).decode("utf-8-sig"), day):
                yield source, account, provider, day, result


def _results(text: str, day: date) -> list[dict[str, Any]]:
    return [
        result
        for bucket in json.loads(text, parse_float=Decimal)["data"]
        if _starts(bucket).date() == day
        for result in bucket["results"]
    ]


def _starts(bucket: dict[str, Any]) -> datetime:
    if "start_time" in bucket:
        return datetime.fromtimestamp(bucket["start_time"], UTC)
    return datetime.fromisoformat(bucket["starting_at"])


def torn(cursor: duckdb.DuckDBPyConnection) -> list[Any]:
    """Rows that are not the whole of one complete fetch's answer; days that are made of two fetches."""
    half = """
        SELECT made.fetch_id FROM {table} AS made
        LEFT JOIN "fetch" AS read ON made.fetch_id = read.fetch_id
        WHERE read.state IS DISTINCT FROM 'complete'
            OR read.pages <> (SELECT count(*) FROM page WHERE page.fetch_id = made.fetch_id)
    """
    mixed = "SELECT source, account, day FROM {table} GROUP BY ALL HAVING count(DISTINCT fetch_id) > 1"
    twice = "SELECT page_id, row_no FROM {table} GROUP BY ALL HAVING count(*) > 1"
    asked = [sql.format(table=table) for table in ("spend", "usage") for sql in (half, mixed, twice)]
    return [row for sql in asked for row in cursor.execute(sql).fetchall()]


def of_days(found: Sums) -> dict[tuple[str, date], Decimal]:
    """The same figures whatever the model."""
    totals: defaultdict[tuple[str, date], Decimal] = defaultdict(Decimal)
    for (account, day, _), usd in found.items():
        totals[account, day] += usd
    return dict(totals)


def assert_sound(cursor: duckdb.DuckDBPyConnection, *, by_model: bool = True) -> None:
    """Rollup, rows and pages say the same (V1), and nothing shows part of an answer (V2).

    Not `by_model` where line items do not simply begin with it.
    """
    assert rollup(cursor) == detail(cursor)
    assert detail(cursor) == from_pages(cursor) if by_model else of_days(detail(cursor)) == of_days(from_pages(cursor))
    assert tokens(cursor, "spend_daily") == tokens(cursor, "usage") == tokens_from_pages(cursor)
    assert torn(cursor) == []
