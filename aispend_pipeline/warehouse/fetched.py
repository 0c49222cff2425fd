"""How much was fetched, how long that took, and what accounts have cost so far: what only `/metrics` asks."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import duckdb

from aispend_pipeline.model import Window
from aispend_pipeline.sql import statement


class Fetched(NamedTuple):
    """All fetches of a source and account that came to `state`; without one, all. Seconds are of the wall clock."""

    source: str
    account: str
    provider: str
    state: str | None
    fetches: int
    seconds: float
    pages: int
    runs: int


class One(NamedTuple):
    """One fetch."""

    fetch_id: str
    pages: int
    seconds: float


class AccountSpend(NamedTuple):
    """What an account has cost, USD; none where that is not known."""

    provider: str
    account: str
    billed: Decimal | None
    estimated: Decimal | None


def fetched(cursor: duckdb.DuckDBPyConnection) -> list[Fetched]:
    """Everything that was ever fetched."""
    return [Fetched(*row) for row in cursor.execute(statement("warehouse", "fetched")).fetchall()]


def these(cursor: duckdb.DuckDBPyConnection, fetch_ids: Sequence[str]) -> dict[str, One]:
    """The fetches with these ids."""
    asked = 'SELECT fetch_id, pages, epoch(finished_at - started_at) FROM "fetch" WHERE list_contains(?, fetch_id)'
    return {row[0]: One(*row) for row in cursor.execute(asked, [list(fetch_ids)]).fetchall()}


def stored_pages(cursor: duckdb.DuckDBPyConnection) -> int:
    """How many pages are kept."""
    (count,) = cursor.execute("SELECT count(*) FROM page").fetchone() or (0,)
    return int(count)


def spend_of(cursor: duckdb.DuckDBPyConnection, window: Window, sources: Sequence[str]) -> list[AccountSpend]:
    """What each account has cost in `window`; `sources` are those that have money."""
    asked = {"first": window.first, "last": window.last, "sources": list(sources)}
    return [AccountSpend(*row) for row in cursor.execute(statement("warehouse", "month_to_date"), asked).fetchall()]
