"""What adding up a window did."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from aispend_pipeline import money
from aispend_pipeline.model import Window


class Change(NamedTuple):
    """A sum that is another one than before, USD."""

    source: str
    account: str
    day: date
    provider: str
    model: str | None
    was_usd: Decimal
    is_usd: Decimal

    def __str__(self) -> str:
        was, now = money.text(self.was_usd), money.text(self.is_usd)
        return f"{self.day} {self.source} {self.account} {self.model or 'unknown'}: was {was}, is {now} USD"


class DaySum(NamedTuple):
    """A day's rows, the groups they were summed in, and billed USD; none when all is in other currencies."""

    rows: int
    groups: int
    usd: Decimal | None


class EstimateSum(NamedTuple):
    """A day's estimates, USD: their rows, all of them, what counts, and of models that are billed both figures."""

    rows: int
    usd: Decimal
    counted_usd: Decimal
    held_against_usd: Decimal  # estimates of models whose bill is there
    billed_usd: Decimal  # what was billed for these

    @property
    def drift(self) -> Decimal | None:
        """Billed over estimated; none where there is nothing to compare."""
        return money.EXACT.divide(self.billed_usd, self.held_against_usd) if self.held_against_usd else None


@dataclass
class Outcome:
    """What adding up a window did; `days` are those that some account's bill was read for."""

    window: Window
    days: dict[date, DaySum] = field(default_factory=dict)
    usage_rows: dict[date, int] = field(default_factory=dict)  # of the days that some account's usage was read for
    estimates: dict[date, EstimateSum] = field(default_factory=dict)  # of the days with usage
    changes: list[Change] = field(default_factory=list)
    not_remade: list[str] = field(default_factory=list)  # why days kept the rows they had
    fetches: list[str] = field(default_factory=list)  # the ids of those whose answers are in use
    seq: int = field(default=0, compare=False)  # the commit
    refused: dict[str, list[str]] = field(default_factory=dict)  # by assertion, the answers that fail it
