"""What came of Dagster runs, for the command that started them."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import duckdb

from aispend_pipeline.model import FetchState, Window
from aispend_pipeline.sql import statement


class FetchLine(NamedTuple):
    """A fetch as people are told of it; USD is the sum of its rows, none where there is no money."""

    source: str
    account: str
    window: Window
    state: FetchState
    pages: int
    usd: Decimal | None
    error_class: str | None
    error: str | None


def fetches_of(cursor: duckdb.DuckDBPyConnection, run_ids: Sequence[str]) -> list[FetchLine]:
    """What the runs fetched; of two readings of the same window only the one that counts."""
    rows = cursor.execute(statement("warehouse", "fetches_of_runs"), [list(run_ids)]).fetchall()
    return [
        FetchLine(source, account, Window(first, last), FetchState(state), *said)
        for source, account, first, last, state, *said in rows
    ]


def restatements_of(
    cursor: duckdb.DuckDBPyConnection, run_ids: Sequence[str]
) -> list[tuple[str, str, date, str | None, Decimal, Decimal]]:
    """What the answers of the runs changed of days that were over: source, account, day, model, was, is (USD)."""
    return cursor.execute(statement("warehouse", "restatements_of_runs"), [list(run_ids)]).fetchall()


def quarantined_in(cursor: duckdb.DuckDBPyConnection, window: Window) -> list[tuple[str, str, date, str, str]]:
    """Records of `window` that could not be booked: source, account, day, why, their own JSON."""
    return cursor.execute(
        "SELECT source, account, day, reason, record FROM quarantine WHERE day BETWEEN ? AND ? ORDER BY ALL",
        [window.first, window.last],
    ).fetchall()
