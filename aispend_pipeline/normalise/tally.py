"""Sums of a reading's pages, per day and currency: what rows and control are compared by."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from aispend_pipeline import money
from aispend_pipeline.model import Window


@dataclass
class Tally:
    """Exact sums of what can be booked, and what else was noticed.

    `rows` and `pages` count by day of the window. A record that cannot be booked makes its day
    faulty; one that names no day of the window is `unplaced` and makes the first answered day so.
    """

    unplaced: int = 0
    faulty_days: set[date] = field(default_factory=set)
    amounts: dict[tuple[date, str], Decimal] = field(default_factory=dict)
    rows: Counter[date] = field(default_factory=Counter)
    pages: Counter[date] = field(default_factory=Counter)
    quarantined: int = 0
    repeated: int = 0
    rounded: int = 0
    unread_quantities: int = 0
    ignored: Counter[str] = field(default_factory=Counter)

    @property
    def days(self) -> set[date]:
        """The days of the window that had a bucket, with results or without."""
        return set(self.pages)

    def sums(self, day: date) -> Mapping[str, Decimal]:
        """The sums of `day` by currency."""
        return {currency: amount for (at, currency), amount in self.amounts.items() if at == day}

    def notes(self) -> dict[str, Any]:
        """What a person should know of the reading; empty when there is nothing."""
        notes = {
            "quarantined": self.quarantined,
            "repeated_lines": self.repeated,
            "rounded_amounts": self.rounded,
            "unread_quantities": self.unread_quantities,
            "lines_of_other_days": dict(self.ignored),
        }
        return {name: value for name, value in notes.items() if value}


def tally(tables: Iterable[pa.Table], window: Window) -> Tally:
    """Add up the records of a reading's pages."""
    result = Tally()
    for table in tables:
        metadata = table.schema.metadata
        bucket_days = [date.fromisoformat(text) for text in json.loads(metadata[b"days"])]
        result.pages.update(day for day in bucket_days if day in window)
        result.repeated += int(metadata[b"repeated"])
        result.rounded += int(metadata[b"rounded"])
        result.unread_quantities += int(metadata[b"unread_quantities"])
        for at, faulty in _counts(table, pc.is_valid(table["fault"])):
            result.quarantined += faulty
            if at is not None and at in window:
                result.faulty_days.add(at)
            else:
                result.unplaced += faulty
        sound = table.filter(pc.is_null(table["fault"]))
        sums = sound.group_by(["day", "currency"]).aggregate([("amount", "sum"), ("row_no", "count")])
        for row in sums.to_pylist():
            if row["day"] in window:
                key = row["day"], row["currency"]
                result.rows[row["day"]] += row["row_no_count"]
                result.amounts[key] = money.add((result.amounts.get(key, Decimal(0)), row["amount_sum"]))
            else:
                result.ignored[str(row["day"])] += row["row_no_count"]
    if result.unplaced and result.days:
        result.faulty_days.add(min(result.days))
    return result


def _counts(table: pa.Table, mask: pa.ChunkedArray) -> list[tuple[date | None, int]]:
    counted = table.filter(mask).group_by("day").aggregate([("row_no", "count")])
    return [(row["day"], row["row_no_count"]) for row in counted.to_pylist()]
