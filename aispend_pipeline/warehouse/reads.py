"""Questions of spend to a published snapshot. Every answer takes all its queries from one cursor."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import duckdb

from aispend_pipeline.budgets.kept import Kept, MonthToDate, budgets, month_to_date
from aispend_pipeline.model import Window
from aispend_pipeline.sources import SOURCES
from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse.beside import MOST_RESTATEMENTS, OF_SUMS, Beside, Facts, Restatement, Unpriced, found
from aispend_pipeline.warehouse.coverage import Day, days_asked_for, feeds_ever_read, filled_in
from aispend_pipeline.warehouse.groups import DEFAULT_WORKSPACE, Row, Totals, Whole, apart, groups
from aispend_pipeline.warehouse.questions import (
    DIMENSIONS,
    HOUR,
    NAMED,
    OF_THE_BILL,
    OF_THE_ROLLUP,
    TOKENS,
    Question,
    unfit,
)

__all__ = [
    "DEFAULT_WORKSPACE",
    "DIMENSIONS",
    "HOUR",
    "MOST_RESTATEMENTS",
    "NAMED",
    "OF_THE_BILL",
    "OF_THE_ROLLUP",
    "TOKENS",
    "Answer",
    "Facts",
    "NotEstimated",
    "Previous",
    "Question",
    "Restatement",
    "Row",
    "Unpriced",
    "ask",
    "unfit",
]


class NotEstimated(NamedTuple):
    """Days without a bill and without an estimate: all that the provider tells of its usage is its bill."""

    provider: str
    account: str
    days: tuple[date, ...]


class Previous(NamedTuple):
    """The period that was compared with: what all of it came to, USD, and whether every day of it was read whole."""

    window: Window
    total_usd: Decimal
    total_estimated_usd: Decimal
    complete: bool


@dataclass(frozen=True)
class Answer:
    """Groups, their exact totals, what is not in them, which days they rest on, and what these were before.

    `tokens_from` are the books that counts come from, `usage` or `costs`; at most `MOST_RESTATEMENTS`
    restatements are given, the newest. `budgets` are what Google's say of the months that are asked for: no part of
    the rows or of the total. Filters hold for each of these as far as it can be told by them.
    """

    rows: list[Row]
    truncated: bool  # whether a limit left out groups that come after these
    total_usd: Decimal
    unconverted: list[tuple[str, Decimal]]
    unpriced: list[Unpriced]
    tokens_from: list[str]
    restatements: list[Restatement]
    coverage: list[Day]
    total_estimated_usd: Decimal = Decimal(0)
    not_estimated: list[NotEstimated] = field(default_factory=list)
    budgets: list[MonthToDate] = field(default_factory=list)
    previous: Previous | None = None

    @property
    def complete(self) -> bool:
        """Whether every day asked for was read whole: none of those that are over was still running then."""
        return _whole(self.coverage)


def ask(
    cursor: duckdb.DuckDBPyConnection,
    question: Question,
    feeds: Sequence[tuple[str, str, str]],
    today: date,
    facts: Facts | None = None,
) -> Answer:
    """Answer it. `feeds` are (source, account, provider) that ought to have been read; `facts` are the snapshot's."""
    known = facts or Facts()
    asked_feeds = _feeds(question, {*feeds, *known.of(cursor, feeds_ever_read)})
    covered, before = (
        filled_in(known.of(cursor, days_asked_for, window), window, asked_feeds, today) if window else []
        for window in (question.window, question.previous)
    )
    whole = Whole(_whole(covered), _whole(before))
    rows, truncated, totals, books = groups(cursor, question, whole, lambda: known.of(cursor, _names))
    beside = Beside(cursor, question, known)
    return Answer(
        rows=rows,
        truncated=truncated,
        total_usd=totals.usd,
        unconverted=beside.unconverted(),
        unpriced=beside.unpriced(),
        tokens_from=_books(cursor, question, books),
        restatements=beside.restatements(),
        coverage=covered,
        total_estimated_usd=totals.estimated_usd,
        not_estimated=_not_estimated(covered, today),
        budgets=_budgets(known.of(cursor, budgets), question),
        previous=_previous(question, totals, whole),
    )


def _previous(question: Question, totals: Totals, whole: Whole) -> Previous | None:
    if question.previous is None:
        return None
    return Previous(question.previous, totals.previous_usd, totals.previous_estimated_usd, whole.before)


def _whole(covered: Sequence[Day]) -> bool:
    return bool(covered) and all(day.whole for day in covered)


def _not_estimated(covered: Sequence[Day], today: date) -> list[NotEstimated]:
    """The days up to today without a bill, of providers whose usage comes only with it."""
    with_usage = {source.provider for source in SOURCES.values() if source.normaliser.table == "usage"}
    silent: dict[tuple[str, str], list[date]] = {}
    for day in covered:
        provider = SOURCES[day.source].provider if day.source in SOURCES else None
        if provider and provider not in with_usage and day.day <= today and day.last_read_at is None:
            silent.setdefault((provider, day.account), []).append(day.day)
    return [NotEstimated(provider, account, tuple(days)) for (provider, account), days in silent.items()]


def _budgets(every: Sequence[Kept], question: Question) -> list[MonthToDate]:
    """What budgets say of every month of the window, as far as the question lets Google and the account through."""
    if question.providers and "vertex" not in question.providers:
        return []
    known = [one for one in every if not question.accounts or one.account in question.accounts]
    months = sorted({f"{day:%Y-%m}" for day in question.window.days()}) if known else []
    return [of for month in months for of in month_to_date(known, month)]


def _names(cursor: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], str]:
    """By kind and id, what it is called now; ids are unique over accounts."""
    rows = cursor.execute(statement("names", "newest")).fetchall()
    return {(kind, key): name for _, _, kind, key, name in rows}


def _books(cursor: duckdb.DuckDBPyConnection, question: Question, told: frozenset[str] | None) -> list[str]:
    """The books that tokens and requests are from; those of the groups, if they told."""
    if question.of_the_bill:
        return ["costs"]
    if apart(question):
        books = {"usage" if SOURCES[name].normaliser.table == "usage" else "costs" for name in question.sources}
        return sorted(books) or ["costs", "usage"]
    return sorted(told) if told is not None else [book for (book,) in found(cursor, "books", question, OF_SUMS)]


def _feeds(question: Question, feeds: Collection[tuple[str, str, str]]) -> set[tuple[str, str]]:
    """Every feed that is configured or was ever read, as far as the question lets it through."""
    return {
        (source, account)
        for source, account, provider in feeds
        if (not question.providers or provider in question.providers)
        and (not question.accounts or account in question.accounts)
        and (not question.sources or source in question.sources)
    }
