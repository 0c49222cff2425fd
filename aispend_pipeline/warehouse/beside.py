"""What stands beside groups of spend: money and use that is in no sum, what days were before, and other facts."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

import duckdb

from aispend_pipeline import money
from aispend_pipeline.model import Window
from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse.groups import conditions
from aispend_pipeline.warehouse.questions import DIMENSIONS, OF_THE_ROLLUP, Question

T = TypeVar("T")

MOST_RESTATEMENTS = 100
# Facts that are kept of a snapshot: some of its own, the others of windows that are not long.
_MOST_FACTS = 64
_LONGEST_DAYS = 92
# The filters that each of it can be told by.
OF_SUMS = ("provider", "account", "model")
_OF_UNPRICED = (*OF_SUMS, "service_tier")
_OF_RESTATED = (*OF_SUMS, "source")


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


class Restatement(NamedTuple):
    """A day that was over and became another sum when it was read again, USD; by which fetch."""

    at: datetime
    source: str
    account: str
    day: date
    provider: str
    model: str | None
    was_usd: Decimal
    is_usd: Decimal
    fetch_id: str


class Facts:
    """What a snapshot says whatever is asked of it: read when it is first needed, and kept as long as the snapshot."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}

    def of(self, cursor: duckdb.DuckDBPyConnection, read: Callable[..., T], *about: Window) -> T:
        """What `read` reads, of the window that it is about if it is about one; long windows are not kept."""
        if any((window.last - window.first).days > _LONGEST_DAYS for window in about):
            return read(cursor, *about)
        known = self._known  # other threads may begin anew
        if (read, *about) not in known:
            if len(known) >= _MOST_FACTS:
                known = self._known = {}
            known[read, *about] = read(cursor, *about)
        fact: T = known[read, *about]
        return fact


class _Unconverted(NamedTuple):
    """What is billed in a currency for which no rate is known."""

    provider: str
    account: str
    model: str | None
    currency: str
    amount: Decimal


def _unconverted(cursor: duckdb.DuckDBPyConnection, window: Window) -> list[_Unconverted]:
    return [_Unconverted(*row) for row in found(cursor, "unconverted", Question(window), ())]


def _unpriced(cursor: duckdb.DuckDBPyConnection, window: Window) -> list[Unpriced]:
    return [Unpriced(*row) for row in found(cursor, "unpriced", Question(window), ())]


class Beside:
    """What stands beside the groups of a question, which is asked for only where there may be any."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, question: Question, facts: Facts) -> None:
        self._cursor, self._question, self._facts = cursor, question, facts

    def unconverted(self) -> list[tuple[str, Decimal]]:
        """By currency, what is in no sum: from sums, unless it is filtered by what only lines tell."""
        if not self._any("unconverted"):
            return []
        if {*self._question.filters} - {*OF_THE_ROLLUP}:
            return found(self._cursor, "unconverted_lines", self._question, DIMENSIONS)
        amounts: dict[str, list[Decimal]] = {}
        for one in self._facts.of(self._cursor, _unconverted, self._question.window):
            if self._lets_through(one, OF_SUMS):
                amounts.setdefault(one.currency, []).append(one.amount)
        return [(currency, money.add(amounts[currency])) for currency in sorted(amounts)]

    def unpriced(self) -> list[Unpriced]:
        """What was measured and is in no estimate."""
        if not self._any("unpriced"):
            return []
        used = self._facts.of(self._cursor, _unpriced, self._question.window)
        return [one for one in used if self._lets_through(one, _OF_UNPRICED)]

    def restatements(self) -> list[Restatement]:
        """The newest changes of the days asked for."""
        if not self._any("restated"):
            return []
        most = str(MOST_RESTATEMENTS)
        return [Restatement(*row) for row in found(self._cursor, "restated", self._question, _OF_RESTATED, most=most)]

    def _any(self, what: str) -> bool:
        first, last = self._facts.of(self._cursor, _days_beside)[what]
        window = self._question.window
        return first is not None and last is not None and last >= window.first and first <= window.last

    def _lets_through(self, one: NamedTuple, dimensions: Sequence[str]) -> bool:
        """Whether the question's filters by `dimensions` do."""
        filters = self._question.filters.items()
        return all(_told(one, name) in values for name, values in filters if name in dimensions)


def _told(one: NamedTuple, name: str) -> str:
    """A key as filters name it: what cannot be told is empty, and so is the tier that usage calls default."""
    value: str | None = getattr(one, name)
    return "" if value is None or (name, value) == ("service_tier", "default") else value


def _days_beside(cursor: duckdb.DuckDBPyConnection) -> dict[str, tuple[date | None, date | None]]:
    """The first and last days that there is anything of what stands beside groups, none if there never is."""
    rows = cursor.execute(statement("warehouse", "beside")).fetchall()
    return {what: (first, last) for what, first, last in rows}


def found(
    cursor: duckdb.DuckDBPyConnection, name: str, question: Question, dimensions: Sequence[str], **more: str
) -> list[Any]:
    """What the statement `name` finds on the days asked for, by the question's filters by `dimensions`."""
    filtered, asked = conditions(question, dimensions)
    sql = statement("warehouse", name).format(conditions=filtered, **more)
    return cursor.execute(sql, {**asked, "first": question.window.first, "last": question.window.last}).fetchall()
