"""Questions of spend to a published snapshot. Every answer takes all its queries from one cursor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import duckdb

from aispend_pipeline.budgets.kept import MonthToDate, budgets, month_to_date
from aispend_pipeline.model import Window
from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse.coverage import Day, every_day, feeds_ever_read

# What the rollup answers; the rest is answered from the rows.
OF_THE_ROLLUP = ("day", "provider", "account", "model")
# Only the bill has these.
OF_THE_BILL = ("line_item", "token_type")
# What spend can be grouped by, in the order of an answer's keys; a workspace is what Anthropic calls a project.
DIMENSIONS = (*OF_THE_ROLLUP, "project", "workspace", "api_key", *OF_THE_BILL, "service_tier", "source")
TOKENS = ("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "requests")
# Dimensions whose ids have names.
NAMED = ("project", "workspace", "api_key")
# Anthropic has no id for the workspace that every organisation starts with.
DEFAULT_WORKSPACE = "Default"
MOST_RESTATEMENTS = 100


@dataclass(frozen=True)
class Question:
    """What is asked of spend: days, grouping and filters; an empty filter lets everything through."""

    window: Window
    group_by: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    limit: int | None = None


@dataclass(frozen=True)
class Row:
    """One group: its keys, the names of those that are ids, USD, and counts (none if unknown).

    USD is none where nothing is billed (`lines` is 0 then) or all of it is in other currencies.
    """

    keys: dict[str, date | str | None]
    usd: Decimal | None
    counts: dict[str, int | None]
    lines: int
    names: dict[str, str | None] = field(default_factory=dict)


class Unpriced(NamedTuple):
    """What was measured in a tier that the provider's cost report never lists: no money will come for it."""

    provider: str
    account: str
    service_tier: str | None
    model: str | None
    input_tokens: Decimal | None
    cached_input_tokens: Decimal | None
    cache_write_tokens: Decimal | None
    output_tokens: Decimal | None


class Restatement(NamedTuple):
    """A day that was over and became another sum when it was read again, USD."""

    at: datetime
    source: str
    account: str
    day: date
    provider: str
    model: str | None
    was_usd: Decimal
    is_usd: Decimal


@dataclass(frozen=True)
class Answer:
    """Groups, their exact total, what is not in it, which days it rests on, and what these were before.

    `tokens_from` are the books that counts come from, `usage` or `costs`; at most `MOST_RESTATEMENTS`
    restatements are given, the newest. `budgets` are what Google's say of the months that are asked for: no part of
    the rows or of the total.
    """

    rows: list[Row]
    truncated: bool  # whether a limit left groups out
    total_usd: Decimal
    unconverted: list[tuple[str, Decimal]]
    unpriced: list[Unpriced]
    tokens_from: list[str]
    restatements: list[Restatement]
    coverage: list[Day]
    budgets: list[MonthToDate] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every day asked for was read whole: none of those that are over was still running then."""
        return bool(self.coverage) and all(day.whole for day in self.coverage)


def ask(
    cursor: duckdb.DuckDBPyConnection, question: Question, feeds: Sequence[tuple[str, str, str]], today: date
) -> Answer:
    """Answer it. `feeds` are (source, account, provider) that ought to have been read."""
    filters = {
        "first": question.window.first,
        "last": question.window.last,
        "providers": list(question.providers),
        "accounts": list(question.accounts),
        "models": list(question.models),
    }
    one_more = None if question.limit is None else question.limit + 1
    found = _groups(cursor, filters, question.group_by, one_more)
    total = _groups(cursor, filters, (), None)
    restated = cursor.execute(statement("warehouse", "restated"), {**filters, "limit": MOST_RESTATEMENTS}).fetchall()
    return Answer(
        rows=found[: question.limit],
        truncated=question.limit is not None and len(found) > question.limit,
        total_usd=(total[0].usd if total else None) or Decimal(0),
        unconverted=cursor.execute(statement("warehouse", "unconverted"), filters).fetchall(),
        unpriced=[Unpriced(*row) for row in cursor.execute(statement("warehouse", "unpriced"), filters).fetchall()],
        tokens_from=_books(cursor, filters, question.group_by),
        restatements=[Restatement(*row) for row in restated],
        coverage=every_day(cursor, question.window, _feeds(cursor, question, feeds), today),
        budgets=_budgets(cursor, question),
    )


def _budgets(cursor: duckdb.DuckDBPyConnection, question: Question) -> list[MonthToDate]:
    """What budgets say of every month of the window, as far as the question lets Google and the account through."""
    if question.providers and "vertex" not in question.providers:
        return []
    known = [one for one in budgets(cursor) if not question.accounts or one.account in question.accounts]
    months = sorted({f"{day:%Y-%m}" for day in question.window.days()}) if known else []
    return [of for month in months for of in month_to_date(known, month)]


def _groups(
    cursor: duckdb.DuckDBPyConnection, filters: Mapping[str, Any], group_by: Sequence[str], limit: int | None
) -> list[Row]:
    in_detail = not set(group_by) <= set(OF_THE_ROLLUP)
    dimensions = DIMENSIONS if in_detail else OF_THE_ROLLUP
    asked = {**filters, "limit": limit, **{f"by_{name}": name in group_by for name in dimensions}}
    if in_detail:
        asked |= {"of_the_bill": bool({*group_by} & {*OF_THE_BILL}), "apart": "source" in group_by}
    found = cursor.execute(statement("warehouse", "spend_by_detail" if in_detail else "spend_by"), asked).fetchall()
    names = _names(cursor) if {*group_by} & {*NAMED} else {}
    columns = ("usd", "n", "only_provider", *TOKENS, *dimensions)
    return [_row(group_by, dict(zip(columns, row, strict=True)), names) for row in found]


def _row(group_by: Sequence[str], values: Mapping[str, Any], names: Mapping[tuple[str, str], str]) -> Row:
    return Row(
        keys={name: values[name] for name in group_by},
        usd=values["usd"],
        counts={name: None if values[name] is None else int(values[name]) for name in TOKENS},
        lines=int(values["n"] or 0),
        names={name: _name(name, values[name], values["only_provider"], names) for name in group_by if name in NAMED},
    )


def _names(cursor: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], str]:
    """By kind and id, what it is called now; ids are unique over accounts."""
    rows = cursor.execute(statement("names", "newest")).fetchall()
    return {(kind, key): name for _, _, kind, key, name in rows}


def _name(dimension: str, key: str | None, provider: str | None, names: Mapping[tuple[str, str], str]) -> str | None:
    if key is None:
        return DEFAULT_WORKSPACE if provider == "anthropic" and dimension != "api_key" else None
    kinds = ("api_key",) if dimension == "api_key" else ("project", "workspace")
    return next((names[kind, key] for kind in kinds if (kind, key) in names), None)


def _books(cursor: duckdb.DuckDBPyConnection, filters: Mapping[str, Any], group_by: Sequence[str]) -> list[str]:
    if {*group_by} & {*OF_THE_BILL}:
        return ["costs"]
    if "source" in group_by:
        return ["costs", "usage"]
    return [book for (book,) in cursor.execute(statement("warehouse", "books"), filters).fetchall()]


def _feeds(
    cursor: duckdb.DuckDBPyConnection, question: Question, feeds: Sequence[tuple[str, str, str]]
) -> set[tuple[str, str]]:
    """Every feed that is configured or was ever read, as far as the question lets it through."""
    return {
        (source, account)
        for source, account, provider in {*feeds, *feeds_ever_read(cursor)}
        if (not question.providers or provider in question.providers)
        and (not question.accounts or account in question.accounts)
    }
