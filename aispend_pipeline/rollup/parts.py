"""What usage tells of the bill: at which hours, and with which keys. Every amount is split exactly."""

from collections.abc import Sequence

from aispend_pipeline.model import Window
from aispend_pipeline.rollup.split import split
from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse import Transaction


def spread_over_hours(transaction: Transaction, window: Window) -> None:
    """Make `spend_hourly` of the window: the bill of each day and model over the hours in which it was used."""
    days = {"first": window.first, "last": window.last}
    for name in ("days_of_hours", "hours_of_days"):
        transaction.execute(statement("rollup", name), days)
    split(transaction, "days_of_hours", "hours_of_days", "billed_by_hour")
    transaction.execute(statement("rollup", "spend_hourly"), days)


def allocate_to_keys(transaction: Transaction, window: Window, sources: Sequence[str]) -> None:
    """Make `allocated` of the window: billed lines of `sources`, which tell no keys, by the keys that used as much."""
    days = {"first": window.first, "last": window.last}
    transaction.execute(statement("rollup", "lines_to_allocate"), {**days, "sources": list(sources)})
    if not transaction.execute("SELECT true FROM lines_to_allocate LIMIT 1").fetchone():
        return
    transaction.execute(statement("rollup", "keys_of_lines"), days)
    split(transaction, "lines_to_allocate", "keys_of_lines", "allocated_parts")
    transaction.execute(statement("rollup", "allocated"))
