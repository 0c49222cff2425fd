"""Last month's total of each account: the provider's own sum beside what is stored.

The provider's sum is its ungrouped answer, added up exactly; what is stored are the rows of the grouped one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

import duckdb

from aispend_pipeline import money
from aispend_pipeline.doctor.findings import Finding, Level
from aispend_pipeline.errors import NothingPublished, StoreError
from aispend_pipeline.model import Finality, Window, finality
from aispend_pipeline.sources.reports import TOLERANCE_USD
from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse import Snapshots

# By currency.
Sums = Mapping[str, Decimal]


@dataclass(frozen=True)
class Stored:
    """What is stored of an account's month: sums, and how many of its days were read, and read whole."""

    sums: Sums
    read: int = 0
    whole: int = 0


class Word(StrEnum):
    """What came of holding the two against each other."""

    SAME = "same"
    DIFFERS = "differs"
    NOT_READ = "not read yet"
    NOT_COMPARED = "not compared"


@dataclass(frozen=True)
class Total:
    """An account's month; none is what could not be learned."""

    provider: str
    account: str
    month: Window
    theirs: Sums | None
    ours: Stored | None

    @property
    def word(self) -> Word:
        """Whether they are the same, up to what the provider's own rounding of each day may make."""
        if self.ours is not None and not self.ours.read:
            return Word.NOT_READ
        if self.theirs is None or self.ours is None:
            return Word.NOT_COMPARED
        tolerance = TOLERANCE_USD * len(list(self.month.days()))
        apart = [abs(_of(self.theirs, name) - _of(self.ours.sums, name)) for name in self.currencies]
        return Word.SAME if all(by <= tolerance for by in apart) else Word.DIFFERS

    @property
    def currencies(self) -> list[str]:
        """USD first, then the others that there are."""
        found = {*(self.theirs or {}), *(self.ours.sums if self.ours else {})}
        return ["USD", *sorted(found - {"USD"})]

    def rows(self) -> list[tuple[str, str, str]]:
        """Currency, the provider's sum and ours, for people; empty where nothing is known, since that is no zero."""
        ours = self.ours.sums if self.ours and self.ours.read else None
        return [(name, _shown(self.theirs, name), _shown(ours, name)) for name in self.currencies]

    @property
    def not_whole(self) -> str:
        """How many days of the month are not stored whole; empty if that is not known."""
        return "" if self.ours is None else str(len(list(self.month.days())) - self.ours.whole)

    def finding(self, now: datetime) -> Finding | None:
        """A line if the two differ: a problem once the month cannot change any more by itself."""
        if self.word is not Word.DIFFERS or self.theirs is None or self.ours is None:
            return None
        level = Level.FAIL if finality(self.month.last, now) is Finality.SETTLED else Level.NOTE
        figures = f"{self._exactly(self.theirs)} by the provider, {self._exactly(self.ours.sums)} stored"
        again = f"aispend ingest --from {self.month.first} --to {self.month.last}"
        return Finding(level, f"{self.provider} {self.account}", f"last month differs, {figures}; run: {again}")

    def _exactly(self, sums: Sums) -> str:
        return " and ".join(f"{money.text(_of(sums, name))} {name}" for name in self.currencies)


def stored(home: Path, source: str, account: str, month: Window) -> Stored | None:
    """What the newest snapshot of `home` has of a feed's month; none if it cannot be read."""
    try:
        _, cursor = Snapshots(home).current()
        asked = {"source": source, "account": account, "first": month.first, "last": month.last}
        sums = cursor.execute(statement("doctor", "stored_sums"), asked).fetchall()
        read, whole = cursor.execute(statement("doctor", "stored_days"), asked).fetchall()[0]
    except NothingPublished:
        return Stored({})
    except (StoreError, duckdb.Error):  # what is wrong is said of the home
        return None
    return Stored(dict(sums), read, whole)


def _of(sums: Sums, currency: str) -> Decimal:
    return sums.get(currency, Decimal(0))


def _shown(sums: Sums | None, currency: str) -> str:
    return "" if sums is None else money.on_screen(_of(sums, currency))
