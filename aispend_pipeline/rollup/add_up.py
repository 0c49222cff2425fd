"""Adds up a window: rows, sums, restatements and coverage from stored pages, in one transaction.

Nothing here calls a provider. It is right whenever it runs and however often: the newest complete
answer of each day decides.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from aispend_pipeline.clock import Clock
from aispend_pipeline.errors import AssertionFailed, FetchError
from aispend_pipeline.log import log
from aispend_pipeline.model import Reading, Window
from aispend_pipeline.sources import SOURCES
from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse import Transaction, Warehouse

# What must hold before COMMIT, in this order; each is a file `assert_<name>.sql` that finds what does not.
ASSERTIONS = ("rollup_equals_detail", "no_partial_window", "rows_equal_control")


class Change(NamedTuple):
    """A sum that is another one than before, USD."""

    source: str
    account: str
    day: date
    provider: str
    model: str | None
    was_usd: Decimal
    is_usd: Decimal


class DaySum(NamedTuple):
    """A day's rows, the groups they were summed in, and billed USD; none when all is in other currencies."""

    rows: int
    groups: int
    usd: Decimal | None


@dataclass
class Outcome:
    """What adding up a window did."""

    window: Window
    days: dict[date, DaySum] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    not_remade: list[str] = field(default_factory=list)  # why days kept the rows they had


class _DryRunDone(Exception):
    """Ends a dry run's transaction without a commit."""


def add_up(warehouse: Warehouse, window: Window, clock: Clock, *, dry_run: bool = False) -> Outcome:
    """Make the window's rows and sums again and publish them; with `dry_run` only say what would change.

    Raises `AssertionFailed`, with everything as it was, when the figures contradict each other.
    """
    outcome = Outcome(window)
    try:
        with warehouse.write(publish=True) as transaction:
            _rebuild(transaction, outcome, clock.now())
            if dry_run:
                raise _DryRunDone
    except _DryRunDone:
        return outcome
    total = sum((day.usd or Decimal(0) for day in outcome.days.values()), Decimal(0))
    log.info(
        "days.added_up",
        window=str(window),
        rows=sum(d.rows for d in outcome.days.values()),
        usd=str(total),
    )
    return outcome


def _rebuild(transaction: Transaction, outcome: Outcome, now: datetime) -> None:
    window = {"first": outcome.window.first, "last": outcome.window.last}
    transaction.execute(statement("rollup", "answers_in_use"), window)
    _book_all(transaction, outcome, now)
    transaction.execute(statement("rollup", "sums_before"), window)
    transaction.execute(statement("rollup", "changes"))
    transaction.execute(statement("rollup", "restatements"), {"now": now.replace(tzinfo=None)})
    for table, rows in (("spend", "booked"), ("quarantine", "quarantined")):
        transaction.execute(statement("rollup", "delete_days").format(table=table), window)
        transaction.execute(f"INSERT INTO {table} FROM {rows}")
    for table in ("spend_daily", "coverage"):
        transaction.execute(f"DELETE FROM {table} WHERE day BETWEEN $first AND $last", window)  # noqa: S608
        transaction.execute(statement("rollup", table), window)
    for name in ASSERTIONS:
        _assert(transaction, name, window)
    _report(transaction, outcome, window)


def _book_all(transaction: Transaction, outcome: Outcome, now: datetime) -> None:
    """Make the rows of every answer in use, in temporary tables; an answer that cannot be read keeps its old rows."""
    transaction.execute("CREATE TEMP TABLE booked AS FROM spend LIMIT 0")
    transaction.execute("CREATE TEMP TABLE quarantined AS FROM quarantine LIMIT 0")
    for answer in _answers(transaction):
        try:
            if not answer.usable:
                raise _Unreadable("its pages have expired")
            _book(transaction, answer, now)
        except (_Unreadable, FetchError) as error:
            named = f"{answer.source} {answer.account} {answer.days[0]}..{answer.days[-1]}"
            outcome.not_remade.append(f"{named}: rows kept as they are: {error}")
            for table in ("booked", "quarantined"):
                transaction.execute(f"DELETE FROM {table} WHERE fetch_id = ?", [answer.fetch_id])  # noqa: S608
            transaction.execute("UPDATE answers_in_use SET usable = false WHERE fetch_id = ?", [answer.fetch_id])


class _Unreadable(Exception):
    """Why an answer's rows cannot be made again."""


class _Answer(NamedTuple):
    """One fetch in use, and the days it is used for."""

    fetch_id: str
    source: str
    account: str
    provider: str
    window_start: date
    window_end: date
    usable: bool
    days: list[date]


def _answers(transaction: Transaction) -> list[_Answer]:
    rows = transaction.execute(
        "SELECT fetch_id, source, account, provider, window_start, window_end, usable, list(day ORDER BY day)"
        " FROM answers_in_use GROUP BY ALL ORDER BY source, account, min(day)"
    ).fetchall()
    return [_Answer(*row) for row in rows]


def _book(transaction: Transaction, answer: _Answer, now: datetime) -> None:
    normaliser = SOURCES[answer.source].normaliser
    pages = transaction.execute(
        "SELECT page_id, body_sha256 FROM page WHERE fetch_id = ? AND reading = ? ORDER BY page_no",
        [answer.fetch_id, Reading.ROWS],
    ).fetchall()

    def bodies() -> Iterator[bytes]:
        for _, sha256 in pages:
            row = transaction.execute("SELECT body FROM body WHERE sha256 = ?", [sha256]).fetchone()
            if row is None:
                raise _Unreadable("a page's body is missing")
            yield row[0].encode()

    common: dict[str, Any] = {"source": answer.source, "account": answer.account, "provider": answer.provider}
    common |= {"fetch_id": answer.fetch_id, "days": answer.days}
    edges = {"window_start": answer.window_start, "window_end": answer.window_end}
    for (page_id, _), records in zip(pages, normaliser.records(bodies, now), strict=True):
        with transaction.relations({"records": records, **normaliser.lookups(records)}):
            transaction.execute(normaliser.sql, {**common, "page_id": page_id})
            if records["fault"].null_count < len(records):
                transaction.execute(statement("rollup", "quarantine"), {**common, **edges, "page_id": page_id})


def _assert(transaction: Transaction, name: str, window: dict[str, date]) -> None:
    wrong = transaction.execute(statement("rollup", f"assert_{name}"), window).fetchall()
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise AssertionFailed(name, f"{wrong[0][0]}{more}; nothing was changed")


def _report(transaction: Transaction, outcome: Outcome, window: dict[str, date]) -> None:
    sums = transaction.execute(
        'SELECT day, sum("rows"), count(*), sum(billed_usd) FROM spend_daily WHERE day BETWEEN $first AND $last'
        " GROUP BY day ORDER BY day",
        window,
    ).fetchall()
    outcome.days = {day: DaySum(0, 0, Decimal(0)) for day in outcome.window.days()}
    outcome.days |= {day: DaySum(int(rows), groups, usd) for day, rows, groups, usd in sums}
    changes = transaction.execute(
        "SELECT source, account, day, provider, model, was_usd, is_usd FROM changes ORDER BY ALL"
    ).fetchall()
    outcome.changes = [Change(*row) for row in changes]
