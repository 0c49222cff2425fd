"""Adds up a window: rows, sums, restatements and coverage from stored pages, in one transaction.

Nothing here calls a provider. It is right whenever it runs and however often: the newest complete
answer of each day decides.
"""

import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from aispend_pipeline import money
from aispend_pipeline.clock import Clock
from aispend_pipeline.errors import AssertionFailed, FetchError
from aispend_pipeline.estimates.pricing import estimate
from aispend_pipeline.log import log
from aispend_pipeline.model import Reading, Window, unpacked
from aispend_pipeline.rollup.outcome import Change, DaySum, EstimateSum, Outcome
from aispend_pipeline.rollup.parts import allocate_to_keys, spread_over_hours
from aispend_pipeline.sources import COST_SOURCES, SOURCES
from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse import Transaction, Warehouse

__all__ = ["ASSERTIONS", "Change", "DaySum", "EstimateSum", "Outcome", "add_up"]

# What must hold before COMMIT, in this order; each is a file `assert_<name>.sql` that finds what does not.
ASSERTIONS = ("rollup_equals_detail", "no_partial_window", "rows_equal_control", "estimates_are_ahead_of_the_bill")


# The tables that are made anew from the window's rows.
SUMS = ("usage_model", "spend_daily", "unpriced_daily", "unconverted_daily", "spend_hourly", "allocated")

# Text of pages held at once while rows are made.
BATCH_BYTES = 8 * 1024 * 1024


# Seconds to wait for another writer.
PATIENCE = 300.0

# What may be wrong with the pages of one answer, and with no other's.
_UNREADABLE = (FetchError, ValueError, LookupError, TypeError, ArithmeticError, zlib.error, pa.ArrowException)


class _DryRunDone(Exception):
    """Ends a dry run's transaction without a commit."""


class _SetAside(Exception):
    """Answers whose rows cannot be made, or contradict themselves, and why; their days keep what they were.

    `check` names the assertion that they fail, none for pages that cannot be read.
    """

    def __init__(self, why: dict[str, str], check: str | None = None) -> None:
        super().__init__(why)
        self.why, self.check = why, check

    def told(self) -> dict[str, str]:
        """Why, logged; what they stumbled over may be the provider's words, and is not."""
        for fetch_id in self.why:
            log.warning("answer.set_aside", fetch=fetch_id, check=self.check)
        return self.why


def add_up(
    warehouse: Warehouse,
    window: Window,
    clock: Clock,
    *,
    dry_run: bool = False,
    calibrated: bool = True,
    patience: float = PATIENCE,
) -> Outcome:
    """Make the window's rows and sums again and publish them; with `dry_run` only say what would change.

    Estimates learn from past bills if they are `calibrated`, else they are at list price.
    An answer that cannot be read, or fails an assertion, is set aside alone: its days keep what they were.
    Raises `AssertionFailed`, with everything as it was, when the sums contradict the rows; `StoreBusy` after
    `patience` seconds of waiting for another writer.
    """
    set_aside: dict[str, str] = {}
    refused: dict[str, list[str]] = {}
    began = clock.monotonic()
    while True:
        outcome = Outcome(window, refused=refused)
        try:
            with warehouse.write(timeout=patience, publish=True) as transaction:
                outcome.seq = transaction.seq
                _rebuild(transaction, outcome, clock.now(), set_aside)
                _sum_up(transaction, outcome, calibrated=calibrated)
                if dry_run:
                    raise _DryRunDone
        except _DryRunDone:
            return outcome
        except _SetAside as found:  # rare: begin again without them
            set_aside |= found.told()
            if found.check:
                refused.setdefault(found.check, []).extend(found.why.values())
        except AssertionFailed as error:
            log.error("assertion.failed", check=error.check, error=str(error))
            raise
        else:
            _tell(outcome, clock.monotonic() - began)
            return outcome


def _tell(outcome: Outcome, seconds: float) -> None:
    log.info(
        "days.added_up",
        window=str(outcome.window),
        rows=sum(day.rows for day in outcome.days.values()),
        usd=money.text(money.add(day.usd or Decimal(0) for day in outcome.days.values())),
        changes=len(outcome.changes),
        not_remade=len(outcome.not_remade),
        fetches=outcome.fetches,
        seq=outcome.seq,
        seconds=round(seconds, 3),
    )


def _rebuild(transaction: Transaction, outcome: Outcome, now: datetime, set_aside: dict[str, str]) -> None:
    window = {"first": outcome.window.first, "last": outcome.window.last}
    transaction.execute(
        "CREATE TEMP TABLE set_aside AS SELECT unnest(?::VARCHAR[]) AS fetch_id, unnest(?::VARCHAR[]) AS why",
        [list(set_aside), list(set_aside.values())],
    )
    transaction.execute(statement("rollup", "answers_in_use"), window)
    answers = _answers(transaction)
    outcome.fetches = sorted({answer.fetch_id for answer in answers if answer.usable})
    outcome.not_remade = [f"{answer}: rows kept as they are: {answer.why}" for answer in answers if not answer.usable]
    transaction.execute(statement("rollup", "sums_of_days").format(table="sums_before"), window)
    for table in ("spend", "usage", "quarantine"):
        transaction.execute(statement("rollup", "delete_days").format(table=table), window)
    _book_all(transaction, [answer for answer in answers if answer.usable])
    transaction.execute(statement("rollup", "sums_of_days").format(table="sums_after"), window)
    transaction.execute(statement("rollup", "changes"))
    transaction.execute(statement("rollup", "restatements"), {"now": now.replace(tzinfo=None)})
    for name in ("forget_coverage", "coverage", "set_aside_noted"):
        transaction.execute(statement("rollup", name), window)


def _sum_up(transaction: Transaction, outcome: Outcome, *, calibrated: bool) -> None:
    """Estimates, sums, and what usage tells of the bill, from the window's rows; then what must hold is asserted."""
    window = {"first": outcome.window.first, "last": outcome.window.last}
    for table in SUMS:
        transaction.execute(f"DELETE FROM {table} WHERE day BETWEEN $first AND $last", window)  # noqa: S608 - ours
    transaction.execute(statement("rollup", "usage_model"), window)
    used = estimate(transaction, outcome.window, COST_SOURCES, calibrated=calibrated)
    for name in ("measured_by_hour", "spend_daily", "unpriced_daily", "unconverted_daily"):
        transaction.execute(statement("rollup", name), window)
    if used:
        spread_over_hours(transaction, outcome.window)
        allocate_to_keys(transaction, outcome.window, _keys_from_usage())
    else:
        transaction.execute(statement("rollup", "without_hours"), window)
    for name in ASSERTIONS:
        _assert(transaction, name, window)
    _report(transaction, outcome, window)


def _keys_from_usage() -> list[str]:
    """The sources whose bill does not tell keys, and whose usage does."""
    return [name for name in COST_SOURCES if SOURCES[name].normaliser.keys_from_usage]


class _Answer(NamedTuple):
    """One fetch in use, and the days it is used for."""

    fetch_id: str
    source: str
    account: str
    provider: str
    window_start: date
    window_end: date
    started_at: datetime
    usable: bool
    why: str
    repeats: bool
    days: list[date]

    def __str__(self) -> str:
        return f"{self.source} {self.account} {self.days[0]}..{self.days[-1]}"


def _answers(transaction: Transaction) -> list[_Answer]:
    rows = transaction.execute(
        "SELECT fetch_id, source, account, provider, window_start, window_end, started_at, usable, why,"
        " json_exists(detail, '$.repeated_lines'), list(day ORDER BY day)"
        " FROM answers_in_use GROUP BY ALL ORDER BY source, account, min(day)"
    ).fetchall()
    return [_Answer(*row) for row in rows]


def _book_all(transaction: Transaction, answers: Sequence[_Answer]) -> None:
    """Insert the rows of every answer; those that cannot be read are set aside together."""
    why: dict[str, str] = {}
    for answer in answers:
        try:
            _book(transaction, answer)
        except _UNREADABLE as error:
            why[answer.fetch_id] = str(error).partition("\n")[0] or repr(error)
        except duckdb.DataError as error:  # it ends the transaction, so that the others cannot be looked at
            why[answer.fetch_id] = str(error).partition("\n")[0]
            break
    if why:
        raise _SetAside(why)


def _book(transaction: Transaction, answer: _Answer) -> None:
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
                    raise LookupError("a page's body is missing")
                yield unpacked(found[sha256])

    common = {"source": answer.source, "account": answer.account, "provider": answer.provider}
    common["fetch_id"] = answer.fetch_id
    shown = {"days": answer.days, "window_start": answer.window_start, "window_end": answer.window_end}
    tables = normaliser.records(bodies, answer.started_at.replace(tzinfo=UTC), repeats=answer.repeats)
    for (page_id, _, _), records in zip(pages, tables, strict=True):
        sound, faulty = _sorted_out(records, answer.days)
        if len(sound):
            transaction.execute(normaliser.sql, {**common, "page_id": page_id}, sound)
        if len(faulty):
            booked = {**common, **shown, "page_id": page_id}
            transaction.execute(statement("rollup", "quarantine"), booked, faulty)


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
    """Raise for what does not hold: `_SetAside` where a fetch is to blame, else `AssertionFailed`."""
    wrong = transaction.execute(statement("rollup", f"assert_{name}"), window).fetchall()
    if not wrong:
        return
    to_blame = {fetch_id: text for fetch_id, text in reversed(wrong) if fetch_id is not None}
    if to_blame:
        raise _SetAside(to_blame, name)
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    raise AssertionFailed(name, f"{wrong[0][1]}{more}; nothing was changed")


def _report(transaction: Transaction, outcome: Outcome, window: dict[str, date]) -> None:
    asked = {**window, "costs": COST_SOURCES}
    sums = transaction.execute(statement("rollup", "sums_read"), asked).fetchall()
    outcome.days = {day: DaySum(int(rows), groups, usd) for day, rows, groups, usd in sums}
    outcome.usage_rows = dict(transaction.execute(statement("rollup", "usage_read"), asked).fetchall())
    estimates = transaction.execute(statement("rollup", "estimates_made"), window).fetchall()
    outcome.estimates = {day: EstimateSum(*sums) for day, *sums in estimates}
    changes = transaction.execute(
        "SELECT source, account, day, provider, model, was_usd, is_usd FROM changes ORDER BY ALL"
    ).fetchall()
    outcome.changes = [Change(*row) for row in changes]
