"""Sums of a reading's pages, per day and currency: what rows and control are compared by."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from aispend_pipeline import money
from aispend_pipeline.model import Window
from aispend_pipeline.normalise.tables import A_DAY_SECONDS


@dataclass
class Tally:
    """Exact sums of what can be booked, and what else was noticed.

    `amounts` are in each currency as billed; `converted` are dollars, of pages that state a rate for each line.
    `rows` and `pages` count by day of the window; `buckets` has, by question and day, the seconds of each bucket by
    its start. A record that cannot be booked makes its day
    faulty; one that names no day of the window is `unplaced` and makes the first answered day so.
    """

    unplaced: int = 0
    faulty_days: set[date] = field(default_factory=set)
    amounts: dict[tuple[date, str], Decimal] = field(default_factory=dict)
    converted: dict[date, Decimal] = field(default_factory=dict)
    buckets: dict[tuple[str, date], dict[str, float]] = field(default_factory=dict)
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

    def answered(self, questions: Collection[str], today: date) -> set[date]:
        """The days that every question has buckets of: of all of the day, once it is over."""
        return {
            day
            for day in self.days
            if all(self._seconds(question, day) >= (A_DAY_SECONDS if day < today else 1) for question in questions)
        }

    def _seconds(self, question: str, day: date) -> float:
        return sum(self.buckets.get((question, day), {}).values())

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


def tally(tables: Iterable[tuple[str, pa.Table]], window: Window) -> Tally:
    """Add up the records of a reading's pages, each with the question that it answers."""
    result = Tally()
    for question, table in tables:
        metadata = table.schema.metadata
        _add_buckets(result, question, json.loads(metadata[b"buckets"]), window)
        result.repeated += int(metadata[b"repeated"])
        result.rounded += int(metadata.get(b"rounded", 0))
        result.unread_quantities += int(metadata.get(b"unread_quantities", 0))
        for at, faulty in _counts(table, pc.is_valid(table["fault"])):
            result.quarantined += faulty
            if at is not None and at in window:
                result.faulty_days.add(at)
            else:
                result.unplaced += faulty
        sound = pc.is_null(table["fault"])
        for at, count in _counts(table, sound):
            if at is not None and at in window:
                result.rows[at] += count
            else:
                result.ignored[str(at)] += count
        if "amount" in table.column_names:
            _add_amounts(result, table.filter(sound), window)
        if "amount_usd" in table.column_names:
            _add_converted(result, table.filter(sound), window)
    if result.unplaced and result.days:
        result.faulty_days.add(min(result.days))
    return result


def _add_buckets(result: Tally, question: str, buckets: Iterable[tuple[str, str, float]], window: Window) -> None:
    days = set()
    for text, start, seconds in buckets:
        day = date.fromisoformat(text)
        if day in window:
            days.add(day)
            result.buckets.setdefault((question, day), {})[start] = seconds
    result.pages.update(days)


def _add_amounts(result: Tally, sound: pa.Table, window: Window) -> None:
    for row in sound.group_by(["day", "currency"]).aggregate([("amount", "sum")]).to_pylist():
        if row["day"] in window:
            key = row["day"], row["currency"]
            result.amounts[key] = money.add((result.amounts.get(key, Decimal(0)), row["amount_sum"]))


def _add_converted(result: Tally, sound: pa.Table, window: Window) -> None:
    for row in sound.group_by("day").aggregate([("amount_usd", "sum")]).to_pylist():
        if row["day"] in window:
            usd = row["amount_usd_sum"] or Decimal(0)
            result.converted[row["day"]] = money.add((result.converted.get(row["day"], Decimal(0)), usd))


def _counts(table: pa.Table, mask: pa.ChunkedArray) -> list[tuple[date | None, int]]:
    counted = table.filter(mask).group_by("day").aggregate([("row_no", "count")])
    return [(row["day"], row["row_no_count"]) for row in counted.to_pylist()]
