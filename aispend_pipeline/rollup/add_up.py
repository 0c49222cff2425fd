"""Adds up a window: rows, sums, restatements and coverage from stored pages, in one transaction.

Nothing here calls a provider. It is right whenever it runs and however often: the newest complete
answer of each day decides.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from aispend_pipeline import money
from aispend_pipeline.clock import Clock
from aispend_pipeline.errors import AssertionFailed, FetchError
from aispend_pipeline.log import log
from aispend_pipeline.model import Reading, Window, unpacked
from aispend_pipeline.sources import SOURCES
from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse import Transaction, Warehouse

# What must hold before COMMIT, in this order; each is a file `assert_<name>.sql` that finds what does not.
ASSERTIONS = ("rollup_equals_detail", "no_partial_window", "rows_equal_control")


# Text of pages held at once while rows are made.
BATCH_BYTES = 8 * 1024 * 1024


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
    """What adding up a window did; `days` are those that some account was read for."""

    window: Window
    days: dict[date, DaySum] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    not_remade: list[str] = field(default_factory=list)  # why days kept the rows they had


class _DryRunDone(Exception):
    """Ends a dry run's transaction without a commit."""


class _Unreadable(Exception):
    """An answer whose rows cannot be made again, and why; its days keep the rows they have."""

    def __init__(self, fetch_id: str, why: str) -> None:
        super().__init__(why)
        self.fetch_id, self.why = fetch_id, why


def add_up(warehouse: Warehouse, window: Window, clock: Clock, *, dry_run: bool = False) -> Outcome:
    """Make the window's rows and sums again and publish them; with `dry_run` only say what would change.

    Raises `AssertionFailed`, with everything as it was, when the figures contradict each other.
    """
    unreadable: dict[str, str] = {}
    while True:
        outcome = Outcome(window)
        try:
            with warehouse.write(publish=True) as transaction:
                _rebuild(transaction, outcome, clock.now(), unreadable)
                if dry_run:
                    raise _DryRunDone
        except _DryRunDone:
            return outcome
        except _Unreadable as found:  # rare: begin again without it
            unreadable[found.fetch_id] = found.why
        else:
            usd = money.add(day.usd or Decimal(0) for day in outcome.days.values())
            rows = sum(day.rows for day in outcome.days.values())
            log.info("days.added_up", window=str(window), rows=rows, usd=str(usd))
            return outcome


def _rebuild(transaction: Transaction, outcome: Outcome, now: datetime, unreadable: dict[str, str]) -> None:
    window = {"first": outcome.window.first, "last": outcome.window.last}
    transaction.execute(statement("rollup", "answers_in_use"), {**window, "unreadable": list(unreadable)})
    answers = _answers(transaction)
    outcome.not_remade = [
        f"{answer}: rows kept as they are: {unreadable.get(answer.fetch_id, 'its pages have expired')}"
        for answer in answers
        if not answer.usable
    ]
    transaction.execute(statement("rollup", "sums_of_days").format(table="sums_before"), window)
    for table in ("spend", "quarantine"):
        transaction.execute(statement("rollup", "delete_days").format(table=table), window)
    for answer in answers:
        if answer.usable:
            _book(transaction, answer, now)
    transaction.execute(statement("rollup", "sums_of_days").format(table="sums_after"), window)
    transaction.execute(statement("rollup", "changes"))
    transaction.execute(statement("rollup", "restatements"), {"now": now.replace(tzinfo=None)})
    transaction.execute("DELETE FROM spend_daily WHERE day BETWEEN $first AND $last", window)
    for name in ("spend_daily", "forget_coverage", "coverage"):
        transaction.execute(statement("rollup", name), window)
    for name in ASSERTIONS:
        _assert(transaction, name, window)
    _report(transaction, outcome, window)


class _Answer(NamedTuple):
    """One fetch in use, and the days it is used for."""

    fetch_id: str
    source: str
    account: str
    provider: str
    window_start: date
    window_end: date
    usable: bool
    repeats: bool
    days: list[date]

    def __str__(self) -> str:
        return f"{self.source} {self.account} {self.days[0]}..{self.days[-1]}"


def _answers(transaction: Transaction) -> list[_Answer]:
    rows = transaction.execute(
        "SELECT fetch_id, source, account, provider, window_start, window_end, usable,"
        " json_exists(detail, '$.repeated_lines'), list(day ORDER BY day)"
        " FROM answers_in_use GROUP BY ALL ORDER BY source, account, min(day)"
    ).fetchall()
    return [_Answer(*row) for row in rows]


def _book(transaction: Transaction, answer: _Answer, now: datetime) -> None:
    """Insert an answer's rows, page by page."""
    normaliser = SOURCES[answer.source].normaliser
    pages = transaction.execute(
        "SELECT page_id, body_sha256, coalesce(bytes, 0) FROM page LEFT JOIN body ON body_sha256 = sha256"
        " WHERE fetch_id = ? AND reading = ? ORDER BY page_no",
        [answer.fetch_id, Reading.ROWS],
    ).fetchall()

    def bodies() -> Iterator[bytes]:
        for batch in _batches([(sha256, size) for _, sha256, size in pages]):
            found = dict(
                transaction.execute(
                    "SELECT sha256, body FROM body WHERE list_contains(?, sha256)", [list(batch)]
                ).fetchall()
            )
            for sha256 in batch:
                if sha256 not in found:
                    raise _Unreadable(answer.fetch_id, "a page's body is missing")
                yield unpacked(found[sha256])

    common = {"source": answer.source, "account": answer.account, "provider": answer.provider}
    common["fetch_id"] = answer.fetch_id
    shown = {"days": answer.days, "window_start": answer.window_start, "window_end": answer.window_end}
    try:
        tables = normaliser.records(bodies, now, repeats=answer.repeats)
        for (page_id, _, _), records in zip(pages, tables, strict=True):
            sound, faulty = _sorted_out(records, answer.days)
            if len(sound):
                transaction.execute(normaliser.sql, {**common, "page_id": page_id}, sound)
            if len(faulty):
                booked = {**common, **shown, "page_id": page_id}
                transaction.execute(statement("rollup", "quarantine"), booked, faulty)
    except FetchError as error:
        raise _Unreadable(answer.fetch_id, str(error)) from None


def _sorted_out(records: pa.Table, days: list[date]) -> tuple[pa.Table, pa.Table]:
    """A page's records of `days` that can be booked, and those, of whatever day, that cannot."""
    sound = pc.and_(pc.is_null(records["fault"]), pc.is_in(records["day"], pa.array(days, pa.date32())))
    if pc.all(sound).as_py():
        return records, records.slice(0, 0)
    return records.filter(sound), records.filter(pc.is_valid(records["fault"]))


def _batches(bodies: list[tuple[str, int]]) -> Iterator[list[str]]:
    """Bodies to read in one go: a look-up unpacks their neighbours too, and costs as much for many as for one."""
    batch: list[str] = []
    size = 0
    for sha256, length in bodies:
        if batch and size + length > BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(sha256)
        size += length
    if batch:
        yield batch


def _assert(transaction: Transaction, name: str, window: dict[str, date]) -> None:
    wrong = transaction.execute(statement("rollup", f"assert_{name}"), window).fetchall()
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise AssertionFailed(name, f"{wrong[0][0]}{more}; nothing was changed")


def _report(transaction: Transaction, outcome: Outcome, window: dict[str, date]) -> None:
    sums = transaction.execute(statement("rollup", "sums_read"), window).fetchall()
    outcome.days = {day: DaySum(int(rows), groups, usd) for day, rows, groups, usd in sums}
    changes = transaction.execute(
        "SELECT source, account, day, provider, model, was_usd, is_usd FROM changes ORDER BY ALL"
    ).fetchall()
    outcome.changes = [Change(*row) for row in changes]
