"""Questions to a published snapshot. Every answer takes all its queries from one cursor."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import duckdb

from aispend_pipeline.model import CoverageState, FetchState, Finality, Window
from aispend_pipeline.sql import statement

# What spend can be grouped by, in the order of an answer's keys.
DIMENSIONS = ("day", "provider", "account", "model")
TOKENS = ("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "requests")


@dataclass(frozen=True)
class Question:
    """What is asked of spend: days, grouping and filters; an empty filter lets everything through."""

    window: Window
    group_by: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    limit: int | None = None


class Row(NamedTuple):
    """One group: its keys, USD (none if all of it is in other currencies) and counts (none if unknown)."""

    keys: dict[str, date | str | None]
    usd: Decimal | None
    counts: dict[str, int | None]


class Day(NamedTuple):
    """What is known of one feed's day; never read if `last_read_at` is none. `detail` is what else to say."""

    source: str
    account: str
    day: date
    state: CoverageState
    last_read_at: datetime | None = None
    finality: Finality | None = None
    detail: dict[str, Any] = {}  # noqa: RUF012 - never changed


@dataclass(frozen=True)
class Answer:
    """Groups, their exact total, what could not be converted to USD, and which days it rests on."""

    rows: list[Row]
    truncated: bool  # whether a limit left groups out
    total_usd: Decimal
    unconverted: list[tuple[str, Decimal]]
    coverage: list[Day]

    @property
    def complete(self) -> bool:
        """Whether every day asked for was read whole."""
        return bool(self.coverage) and all(day.state == CoverageState.COMPLETE for day in self.coverage)


def ask(cursor: duckdb.DuckDBPyConnection, question: Question, feeds: Sequence[tuple[str, str, str]]) -> Answer:
    """Answer from the rollup. `feeds` are (source, account, provider) that ought to have been read."""
    filters = {
        "first": question.window.first,
        "last": question.window.last,
        "providers": list(question.providers),
        "accounts": list(question.accounts),
        "models": list(question.models),
    }
    one_more = None if question.limit is None else question.limit + 1
    found = _sums(cursor, filters, question.group_by, one_more)
    totals = _sums(cursor, filters, (), None)
    unconverted = cursor.execute(statement("warehouse", "unconverted"), filters).fetchall()
    return Answer(
        rows=[_row(question.group_by, row) for row in found[: question.limit]],
        truncated=question.limit is not None and len(found) > question.limit,
        total_usd=(totals[0][0] if totals else None) or Decimal(0),
        unconverted=unconverted,
        coverage=_coverage(cursor, question, feeds),
    )


def _sums(
    cursor: duckdb.DuckDBPyConnection, filters: dict[str, Any], group_by: Sequence[str], limit: int | None
) -> list[tuple[Any, ...]]:
    grouping = {f"by_{name}": name in group_by for name in DIMENSIONS}
    return cursor.execute(statement("warehouse", "spend_by"), {**filters, **grouping, "limit": limit}).fetchall()


def _row(group_by: Sequence[str], row: tuple[object, ...]) -> Row:
    values = dict(zip(("usd", *TOKENS, *DIMENSIONS), row, strict=True))
    counts = {name: None if values[name] is None else int(str(values[name])) for name in TOKENS}
    return Row({name: values[name] for name in group_by}, values["usd"], counts)  # type: ignore[misc, arg-type]


def _coverage(
    cursor: duckdb.DuckDBPyConnection, question: Question, feeds: Sequence[tuple[str, str, str]]
) -> list[Day]:
    """Every day of every feed that is configured or was ever read; a day never asked for is not due."""
    window = question.window
    known = {
        (source, account, day): Day(
            source, account, day, CoverageState(state), read_at, Finality(final) if final else None, json.loads(detail)
        )
        for source, account, day, state, read_at, final, detail in cursor.execute(
            "SELECT source, account, day, state, last_read_at, finality, detail FROM coverage"
            " WHERE day BETWEEN ? AND ?",
            [window.first, window.last],
        ).fetchall()
    }
    wanted = {
        (source, account)
        for source, account, provider in {*feeds, *_feeds_with_coverage(cursor)}
        if (not question.providers or provider in question.providers)
        and (not question.accounts or account in question.accounts)
    }
    return [
        known.get((source, account, day), Day(source, account, day, CoverageState.NOT_DUE))
        for source, account in sorted(wanted)
        for day in window.days()
    ]


def _feeds_with_coverage(cursor: duckdb.DuckDBPyConnection) -> set[tuple[str, str, str]]:
    return set(cursor.execute("SELECT DISTINCT source, account, provider FROM coverage").fetchall())


def complete_days(cursor: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], set[date]]:
    """For each source and account, the days that need not be asked for again by themselves."""
    found: dict[tuple[str, str], set[date]] = defaultdict(set)
    rows = cursor.execute(statement("warehouse", "complete_days")).fetchall()
    for source, account, day in rows:
        found[source, account].add(day)
    return found


class FetchLine(NamedTuple):
    """A fetch as people are told of it; USD is the sum of its rows."""

    source: str
    account: str
    window: Window
    state: FetchState
    pages: int
    usd: Decimal
    error: str | None


def fetches_of(cursor: duckdb.DuckDBPyConnection, run_id: str) -> list[FetchLine]:
    """What one run fetched; of two readings of the same window only the one that counts."""
    rows = cursor.execute(statement("warehouse", "fetches_of_run"), [run_id]).fetchall()
    return [
        FetchLine(source, account, Window(first, last), FetchState(state), pages, usd, error)
        for source, account, first, last, state, pages, usd, error in rows
    ]


class CoverageNote(NamedTuple):
    """A day that there is something to say of, and what."""

    source: str
    account: str
    day: date
    state: CoverageState
    detail: dict[str, Any]


def not_whole(cursor: duckdb.DuckDBPyConnection, window: Window) -> list[CoverageNote]:
    """The days of `window` that were asked for and are not complete."""
    return [note for note in _notes(cursor, window) if note.state is not CoverageState.COMPLETE]


def disagreeing(cursor: duckdb.DuckDBPyConnection, window: Window) -> list[CoverageNote]:
    """The days of `window` that were accepted although rows and control disagree; `detail` has both figures."""
    return [note for note in _notes(cursor, window) if "control_usd" in note.detail]


def _notes(cursor: duckdb.DuckDBPyConnection, window: Window) -> list[CoverageNote]:
    rows = cursor.execute(
        "SELECT source, account, day, state, detail FROM coverage"
        " WHERE day BETWEEN ? AND ? ORDER BY source, account, day",
        [window.first, window.last],
    ).fetchall()
    return [
        CoverageNote(source, account, day, CoverageState(state), json.loads(detail))
        for source, account, day, state, detail in rows
    ]


def restatements_of(
    cursor: duckdb.DuckDBPyConnection, run_id: str
) -> list[tuple[str, date, str | None, Decimal, Decimal]]:
    """What the answers of one run changed of days that were over: account, day, model, was, is (USD)."""
    return cursor.execute(statement("warehouse", "restatements_of_run"), [run_id]).fetchall()


def quarantined_in(cursor: duckdb.DuckDBPyConnection, window: Window) -> list[tuple[str, date, str, str]]:
    """Records of `window` that could not be booked: account, day, why, their own JSON."""
    return cursor.execute(
        "SELECT account, day, reason, record FROM quarantine WHERE day BETWEEN ? AND ? ORDER BY ALL",
        [window.first, window.last],
    ).fetchall()
