"""Lines one by one, a screenful at a time: what is billed, and what is used and not billed yet."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import duckdb

from aispend_pipeline.model import Window
from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse.pages import Count, StoredFetch, fetch_of, stored_fetch

# What estimates can be asked for by; billed lines by two more.
OF_ESTIMATES = (
    "provider",
    "account",
    "source",
    "model",
    "project",
    "workspace",
    "api_key",
    "token_type",
    "service_tier",
)
FILTERS = (*OF_ESTIMATES, "line_item", "charge_category")

# By the names of their columns.
Line = dict[str, Any]


class LinePlace(NamedTuple):
    """Where a screenful ended, in the order of lines; a row of usage has a line for each of its meters."""

    day: date
    source: str
    account: str
    fetch_id: str
    page_id: str
    row_no: Count
    meter: str = ""


@dataclass(frozen=True)
class LineQuestion:
    """Which lines: of these days, what filters by name let through, of this page and of this fetch.

    What is not filtered by, and no page or fetch, let everything through.
    """

    window: Window
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    page: str | None = None
    fetch: str | None = None

    def filters(self, names: Iterable[str]) -> dict[str, Any]:
        """As the statements take it."""
        only = {name: list(self.only.get(name, ())) for name in names}
        return {"first": self.window.first, "last": self.window.last, "page": self.page, "fetch": self.fetch, **only}


@dataclass(frozen=True)
class Lines:
    """A screenful of lines of some days, the columns of each, and where to go on, none at the end.

    `count`, `usd` and the amounts by currency in `unconverted` are of all lines that were asked for.
    """

    window: Window
    columns: list[str]
    shown: list[Line]
    place: LinePlace | None
    count: int
    usd: Decimal
    unconverted: list[tuple[str, Decimal]] = field(default_factory=list)


class UnknownReceipt(Exception):
    """Asked for lines of a page or a fetch that never was; the text is `page` or `fetch`."""


def billed(cursor: duckdb.DuckDBPyConnection, question: LineQuestion, after: LinePlace | None, limit: int) -> Lines:
    """Billed lines, oldest day first; raises `UnknownReceipt`."""
    asked = _narrowed(cursor, question)
    return Lines(
        asked.window,
        *_screenful(cursor, "lines", asked.filters(FILTERS), after, limit),
        *_totals(cursor, "lines", asked.filters(FILTERS)),
        unconverted=cursor.execute(_made("lines_unconverted", "lines"), asked.filters(FILTERS)).fetchall(),
    )


def estimated(cursor: duckdb.DuckDBPyConnection, question: LineQuestion, after: LinePlace | None, limit: int) -> Lines:
    """What is used and not billed yet, oldest day first; raises `UnknownReceipt`."""
    asked = _narrowed(cursor, question)
    return Lines(
        asked.window,
        *_screenful(cursor, "estimates", asked.filters(OF_ESTIMATES), after, limit),
        *_totals(cursor, "estimates", asked.filters(OF_ESTIMATES)),
    )


def _narrowed(cursor: duckdb.DuckDBPyConnection, question: LineQuestion) -> LineQuestion:
    """The question, of no more days than its page and fetch are about, so that no others are looked through.

    A day that neither is about has no lines of theirs, and is asked for as it is.
    """
    first, last = question.window.first, question.window.last
    for fetch in _receipts(cursor, question):
        first, last = max(first, fetch.window.first), min(last, fetch.window.last)
    return replace(question, window=Window(first, last)) if first <= last else question


def _receipts(cursor: duckdb.DuckDBPyConnection, question: LineQuestion) -> Iterable[StoredFetch]:
    for name, text, find in (("page", question.page, fetch_of), ("fetch", question.fetch, stored_fetch)):
        if text is not None:
            fetch = find(cursor, text)
            if fetch is None:
                raise UnknownReceipt(name)
            yield fetch


def _screenful(
    cursor: duckdb.DuckDBPyConnection, of: str, asked: Mapping[str, Any], after: LinePlace | None, limit: int
) -> tuple[list[str], list[Line], LinePlace | None]:
    names = ("day", "source", "account", "fetch", "page", "row", *(("meter",) if of == "estimates" else ()))
    places = dict(zip((f"after_{name}" for name in names), after or [None] * len(names), strict=False))
    found = cursor.execute(_made(f"{of}_shown", of), {**asked, **places, "limit": limit + 1})
    columns = [column[0] for column in found.description]
    lines = [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
    shown = lines[:limit]
    more = len(lines) > len(shown)
    return columns, shown, LinePlace(*(shown[-1][name] for name in columns[: len(names)])) if more else None


def _made(name: str, of: str) -> str:
    """A statement about the lines that `of` lets through."""
    return statement("warehouse", name).format(**{of: statement("warehouse", of)})


def _totals(cursor: duckdb.DuckDBPyConnection, of: str, asked: Mapping[str, Any]) -> tuple[int, Decimal]:
    count, usd = cursor.execute(_made(f"{of}_summed", of), asked).fetchone() or (0, None)
    return count, usd or Decimal(0)
