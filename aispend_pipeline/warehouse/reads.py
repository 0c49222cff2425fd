"""Questions of spend to a published snapshot. Every answer takes all its queries from one cursor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import duckdb

from aispend_pipeline.budgets.kept import MonthToDate, budgets, month_to_date
from aispend_pipeline.model import Window
from aispend_pipeline.sources import SOURCES
from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse.coverage import Day, every_day, feeds_ever_read

# What the rollup answers; the rest is answered from the rows.
OF_THE_ROLLUP = ("day", "provider", "account", "model")
# Goes with those of the rollup alone: no line of a bill tells its hour.
HOUR = "hour"
# Only the bill has these.
OF_THE_BILL = ("line_item", "token_type")
# How `spend_by.sql` reads either of the two tables of sums.
_BY_DAY = {"sums": "spend_daily", "hour": "NULL"}
_BY_HOUR = {"sums": "spend_hourly", "hour": '"hour"'}
_OF_THE_ROWS = (*OF_THE_ROLLUP, "project", "workspace", "api_key", *OF_THE_BILL, "service_tier", "source")
# What spend can be grouped by, in the order of an answer's keys; a workspace is what Anthropic calls a project.
DIMENSIONS = (HOUR, *_OF_THE_ROWS)
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

    Billed USD is none where nothing is billed (`lines` is 0 then) or all of it is in other currencies; estimated USD
    is what is used and not billed yet, none if that is nothing. `allocated_usd` is the part of what is billed that
    the bill does not tell the key of.
    """

    keys: dict[str, date | datetime | str | None]
    usd: Decimal | None
    counts: dict[str, int | None]
    lines: int
    estimated_usd: Decimal | None = None
    allocated_usd: Decimal | None = None
    names: dict[str, str | None] = field(default_factory=dict)


class Unpriced(NamedTuple):
    """What was measured and is in no estimate, and why: no bill ever lists it, or it has no list price yet."""

    provider: str
    account: str
    service_tier: str | None
    model: str | None
    input_tokens: Decimal | None
    cached_input_tokens: Decimal | None
    cache_write_tokens: Decimal | None
    output_tokens: Decimal | None
    other_units: Decimal | None
    why: str | None
    never_billed: bool

    @property
    def tokens(self) -> int:
        """All of them, whatever their type."""
        counts = (self.input_tokens, self.cached_input_tokens, self.cache_write_tokens, self.output_tokens)
        return int(sum(count or 0 for count in counts))


class NotEstimated(NamedTuple):
    """Days without a bill and without an estimate: all that the provider tells of its usage is its bill."""

    provider: str
    account: str
    days: tuple[date, ...]


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
    """Groups, their exact totals, what is not in them, which days they rest on, and what these were before.

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
    total_estimated_usd: Decimal = Decimal(0)
    not_estimated: list[NotEstimated] = field(default_factory=list)
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
    covered = every_day(cursor, question.window, _feeds(cursor, question, feeds), today)
    restated = cursor.execute(statement("warehouse", "restated"), {**filters, "limit": MOST_RESTATEMENTS}).fetchall()
    return Answer(
        rows=found[: question.limit],
        truncated=question.limit is not None and len(found) > question.limit,
        total_usd=(total[0].usd if total else None) or Decimal(0),
        unconverted=cursor.execute(statement("warehouse", "unconverted"), filters).fetchall(),
        unpriced=[Unpriced(*row) for row in cursor.execute(statement("warehouse", "unpriced"), filters).fetchall()],
        tokens_from=_books(cursor, filters, question.group_by),
        restatements=[Restatement(*row) for row in restated],
        coverage=covered,
        total_estimated_usd=(total[0].estimated_usd if total else None) or Decimal(0),
        not_estimated=_not_estimated(covered, today),
        budgets=_budgets(cursor, question),
    )


def _not_estimated(covered: Sequence[Day], today: date) -> list[NotEstimated]:
    """The days up to today without a bill, of providers whose usage comes only with it."""
    with_usage = {source.provider for source in SOURCES.values() if source.normaliser.table == "usage"}
    silent: dict[tuple[str, str], list[date]] = {}
    for day in covered:
        provider = SOURCES[day.source].provider if day.source in SOURCES else None
        if provider and provider not in with_usage and day.day <= today and day.last_read_at is None:
            silent.setdefault((provider, day.account), []).append(day.day)
    return [NotEstimated(provider, account, tuple(days)) for (provider, account), days in silent.items()]


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
    of_sums = {*group_by} <= {*OF_THE_ROLLUP, HOUR}
    dimensions = (*OF_THE_ROLLUP, HOUR) if of_sums else _OF_THE_ROWS
    asked = {**filters, "limit": limit, **{f"by_{name}": name in group_by for name in dimensions if name != HOUR}}
    if of_sums:
        sql = statement("warehouse", "spend_by").format(**(_BY_HOUR if HOUR in group_by else _BY_DAY))
    else:
        sql = statement("warehouse", "spend_by_detail")
        asked |= {"of_the_bill": bool({*group_by} & {*OF_THE_BILL}), "apart": "source" in group_by}
    found = cursor.execute(sql, asked).fetchall()
    names = _names(cursor) if {*group_by} & {*NAMED} else {}
    columns = ("usd", "n", "only_provider", "estimated_usd", "allocated_usd", *TOKENS, *dimensions)
    return [_row(group_by, dict(zip(columns, row, strict=True)), names) for row in found]


def unfit(group_by: Sequence[str]) -> str | None:
    """Why these dimensions do not go together; none if they do."""
    others = set(group_by) - {HOUR, *OF_THE_ROLLUP}
    if HOUR in group_by and others:
        return f"hour goes with {', '.join(OF_THE_ROLLUP)} alone, not with {', '.join(sorted(others))}"
    return None


def _row(group_by: Sequence[str], values: Mapping[str, Any], names: Mapping[tuple[str, str], str]) -> Row:
    return Row(
        keys={name: values[name] for name in group_by},
        usd=values["usd"],
        counts={name: None if values[name] is None else int(values[name]) for name in TOKENS},
        lines=int(values["n"] or 0),
        estimated_usd=values["estimated_usd"],
        allocated_usd=values["allocated_usd"],
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
