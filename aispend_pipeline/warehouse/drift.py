"""How good estimates were, once the bill was there."""

from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

import duckdb

from aispend_pipeline import money
from aispend_pipeline.model import Window
from aispend_pipeline.sql import statement

# A bill that is apart from its estimate by more than this is worth a look.
APART = Decimal("0.05")
# So old a bill says nothing of today's estimates.
RECENT_DAYS = 31
_FOUR_PLACES = Decimal("0.0001")


class Drift(NamedTuple):
    """A model's day: what was billed, what that is at list price, and what was estimated before the bill came, USD.

    `calibration` is what the model's new estimates are multiplied with.
    """

    provider: str
    account: str
    model: str
    day: date
    settled: bool
    billed_usd: Decimal
    list_usd: Decimal
    estimated_usd: Decimal
    calibration: Decimal

    @property
    def ratio(self) -> Decimal:
        """Billed over estimated, to four places."""
        return money.EXACT.divide(self.billed_usd, self.estimated_usd).quantize(_FOUR_PLACES, ROUND_HALF_EVEN)

    @property
    def apart(self) -> bool:
        """Whether the two are further apart than they should be."""
        return abs(self.ratio - 1) > APART

    def __str__(self) -> str:
        figures = f"billed {money.text(self.billed_usd)} USD, estimated {money.text(self.estimated_usd)} USD"
        return f"{self.provider} {self.account} {self.day} {self.model}: {figures}, a ratio of {self.ratio}"


def drift(cursor: duckdb.DuckDBPyConnection, window: Window, *, newest_only: bool = False) -> list[Drift]:
    """The days of `window` that can be compared, of every model or of each the newest."""
    asked = {"first": window.first, "last": window.last, "newest_only": newest_only}
    return [Drift(*row) for row in cursor.execute(statement("warehouse", "drift"), asked).fetchall()]
