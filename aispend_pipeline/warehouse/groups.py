"""Spend in groups: from sums where they answer it, else from the lines."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, NamedTuple

import duckdb

from aispend_pipeline import money
from aispend_pipeline.errors import UsageError
from aispend_pipeline.sources import SOURCES
from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse.questions import DIMENSIONS, FIGURES, HOUR, NAMED, TOKENS, Question

# Anthropic has no id for the workspace that every organisation starts with.
DEFAULT_WORKSPACE = "Default"
# The columns of dimensions that are called otherwise.
_COLUMNS = {"project": "project_id", "workspace": "project_id", "api_key": "api_key_id", HOUR: '"hour"'}
# OpenAI's usage calls a tier "default" that its bill does not name.
_FILTERED = {**_COLUMNS, "service_tier": "nullif(service_tier, 'default')"}

# The sums that tell which books their counts are from; of two books there is a first and a last.
_DAYS = "spend_daily"
_BOOKS = ("first_book", "last_book")

# In one answer: they are all in memory at once.
MOST_GROUPS = 50_000

# By kind and id, what it is called now; ids are unique over accounts.
Names = Mapping[tuple[str, str], str]


class Owner(NamedTuple):
    """Whose an API key is, by id and by name, as far as that is known."""

    id: str | None = None
    name: str | None = None


class Row(NamedTuple):
    """One group: its keys, the names of those that are ids, whose its API key is, USD, and counts (none if unknown).

    Billed USD is none where nothing is billed (`lines` is 0 then) or all of it is in other currencies; estimated USD
    is what is used and not billed yet, none if that is nothing. `allocated_usd` is the part of what is billed that
    the bill does not tell the key of. `previous_usd` was billed in the period before, and `change_usd` is what is
    billed more now: none if that cannot be told.
    """

    keys: dict[str, date | datetime | str | None]
    names: dict[str, str | None]
    owner: Owner
    counts: dict[str, int | None]
    lines: int
    usd: Decimal | None
    estimated_usd: Decimal | None
    allocated_usd: Decimal | None
    previous_usd: Decimal | None
    previous_estimated_usd: Decimal | None
    change_usd: Decimal | None


class Totals(NamedTuple):
    """Of all groups, also of those that a limit leaves out, USD."""

    usd: Decimal
    estimated_usd: Decimal
    previous_usd: Decimal
    previous_estimated_usd: Decimal


# What reads each of a row's amounts that are totalled.
_TOTALLED = [attrgetter(name) for name in Totals._fields]


class Whole(NamedTuple):
    """Whether the asked period, and the one before that it is compared with, were read whole."""

    now: bool
    before: bool = False


class Groups(NamedTuple):
    """The groups that are asked for, whether a limit leaves some out after them, the totals of all, and their books.

    `books` are those that tokens and requests are from, `usage` or `costs`; none if the groups do not tell.
    """

    rows: list[Row]
    truncated: bool
    totals: Totals
    books: frozenset[str] | None


def groups(cursor: duckdb.DuckDBPyConnection, question: Question, whole: Whole, names: Callable[[], Names]) -> Groups:
    """Add them up. `names` is asked only if a dimension has them.

    Raises `UsageError` where there are more than `MOST_GROUPS`, and no limit.
    """
    called = names() if {*question.group_by} & {*NAMED} else {}
    found, books = _found(cursor, question, whole, called)
    if question.limit is None and len(found) > MOST_GROUPS:
        raise UsageError(f"more than {MOST_GROUPS} groups; group by less, or ask for fewer days or a limit at a time")
    if question.limit is None and not question.skip:
        return Groups(found, False, _totals(found), books)
    in_one, books = _found(cursor, replace(question, group_by=(), order=(), limit=None, skip=0), whole, {})
    truncated = question.limit is not None and len(found) > question.limit
    return Groups(found[: question.limit], truncated, _totals(in_one), books)


def _totals(rows: Sequence[Row]) -> Totals:
    return Totals(*(money.add(usd for usd in map(of, rows) if usd is not None) for of in _TOTALLED))


def conditions(question: Question, dimensions: Sequence[str] = DIMENSIONS) -> tuple[str, dict[str, Any]]:
    """The question's filters by `dimensions` as SQL, and its parameters: names are ours, and values are bound."""
    filters = {name: values for name, values in question.filters.items() if name in dimensions}
    sql = "".join(f" AND list_contains($of_{name}, coalesce({_FILTERED.get(name, name)}, ''))" for name in filters)
    return sql, {f"of_{name}": list(values) for name, values in filters.items()}


def apart(question: Question) -> bool:
    """Whether it tells the books apart: by source, or because it is about sources of one of them alone."""
    books = {SOURCES[name].normaliser.table for name in question.sources if name in SOURCES}
    return "source" in question.group_by or len(books) == 1


def _found(
    cursor: duckdb.DuckDBPyConnection, question: Question, whole: Whole, names: Names
) -> tuple[list[Row], frozenset[str] | None]:
    """The groups in their order, with one more than the limit, and their books."""
    if question.of_the_rollup and question.previous is None:
        answered = cursor.execute(*_by_sums(question))
    else:
        answered = cursor.execute(*_by_lines(question, whole))
    columns = [column[0] for column in answered.description]
    found = [dict(zip(columns, values, strict=True)) for values in answered.fetchall()]
    books = {one[name] for one in found for name in _BOOKS} - {None} if _BOOKS[0] in columns else None
    return [_row(question, one, names) for one in found], None if books is None else frozenset(books)


def _by_sums(question: Question) -> tuple[str, dict[str, Any]]:
    text, asked = _asked(question)
    sums = _sums(question)
    books = "".join(f", {book}(counted_by) AS {name}" for book, name in zip(("min", "max"), _BOOKS, strict=True))
    told = books if sums == _DAYS else ""
    return statement("warehouse", "spend_by").format(**text, sums=sums, books=told), asked


def _by_lines(question: Question, whole: Whole) -> tuple[str, dict[str, Any]]:
    """From lines, or from sums as if they were lines."""
    text, asked = _asked(question)
    lines, more = _lines(question)
    previous = question.previous
    return statement("warehouse", "spend_by_lines").format(**text, lines=lines), {
        **asked,
        **more,
        "earliest": previous.first if previous else question.window.first,
        "previous_last": previous.last if previous else None,
        "whole": whole.now,
        "previous_whole": whole.before,
    }


def _asked(question: Question) -> tuple[dict[str, str], dict[str, Any]]:
    """What is put into either statement, and its parameters."""
    filtered, values = conditions(question)
    keys = "".join(f"{_column(name)} AS by_{name}, " for name in question.group_by)
    return {"keys": keys, "conditions": filtered, "order": _order(question)}, {
        **values,
        "first": question.window.first,
        "last": question.window.last,
        "limit": (MOST_GROUPS if question.limit is None else question.limit) + 1,
        "skip": question.skip,
    }


def _lines(question: Question) -> tuple[str, dict[str, Any]]:
    if question.of_the_rollup:
        return statement("warehouse", "lines_of_sums").format(sums=_sums(question)), {}
    billed = statement("warehouse", "billed_by_key" if "api_key" in question.dimensions else "billed")
    asked = {"of_the_bill": question.of_the_bill, "apart": apart(question)}
    return statement("warehouse", "lines_in_detail").format(billed=billed), asked


def _sums(question: Question) -> str:
    return "spend_hourly" if HOUR in question.group_by else _DAYS


def _column(name: str) -> str:
    return _COLUMNS.get(name, name)


def _order(question: Question) -> str:
    """The order that is asked for, and then every key, so that it is total."""
    asked = [(FIGURES.get(name, f"by_{name}"), " DESC" if descending else "") for name, descending in question.order]
    keys = [(f"by_{name}", "") for name in DIMENSIONS if name in question.group_by]
    return ", ".join(f"{column}{way} NULLS LAST" for column, way in [*asked, *keys]) or "n"


def _row(question: Question, values: Mapping[str, Any], names: Names) -> Row:
    keys = {name: values[f"by_{name}"] for name in question.group_by}
    provider = values.get("only_provider")
    return Row(
        keys,
        {name: _name(name, keys[name], provider, names) for name in keys if name in NAMED},
        _owner(keys.get("api_key"), names),
        {name: values[name] for name in TOKENS},
        values["n"] or 0,
        values["usd"],
        values["estimated_usd"],
        values.get("allocated_usd"),
        values.get("previous_usd"),
        values.get("previous_estimated_usd"),
        values.get("change_usd") if question.previous else None,
    )


def _name(dimension: str, key: Any, provider: str | None, names: Names) -> str | None:
    if key is None:
        return DEFAULT_WORKSPACE if provider == "anthropic" and dimension != "api_key" else None
    kinds = ("api_key",) if dimension == "api_key" else ("project", "workspace")
    return next((names[kind, key] for kind in kinds if (kind, key) in names), None)


def _owner(api_key: Any, names: Names) -> Owner:
    id_ = names.get(("api_key_owner", api_key))
    if id_ is None:
        return Owner()
    return Owner(id_, next((names[kind, id_] for kind in ("user", "service_account") if (kind, id_) in names), None))
