"""The closing of an account: all that there is to say of its month. Money is exact USD, instants are UTC."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from aispend_pipeline.closing.billed import Billed, Moved
from aispend_pipeline.closing.final import Unsettled, finality_of
from aispend_pipeline.model import Finality, Window
from aispend_pipeline.warehouse.reads import Restatement


class Restated(NamedTuple):
    """What became of a month's days since it ended: how many changes, what they come to, USD, and the newest."""

    changes: int = 0
    net_usd: Decimal = Decimal(0)
    newest: Sequence[Restatement] = ()


class Tier(NamedTuple):
    """Tokens of a tier that the bill never lists; none where they are not told."""

    service_tier: str | None
    input_tokens: int | None
    cached_input_tokens: int | None
    cache_write_tokens: int | None
    output_tokens: int | None

    @property
    def tokens(self) -> int:
        """All of them."""
        return sum(count or 0 for count in self[1:])


@dataclass(frozen=True)
class Closing:
    """An account's month; `billed` is by usage day and `invoiced` by invoice month, none if no day of it was read.

    `not_read_before` are days of the month before, which may be on this invoice too; `unchecked` are days that could
    not be held against the provider's own sum. `lacks` are things that the provider's bill does not have.
    """

    provider: str
    account: str
    billed: Billed | None
    invoiced: Billed | None
    moved: Sequence[Moved]
    unsettled: Sequence[Unsettled]
    not_read_before: Sequence[Window]
    unchecked: Sequence[date]
    restated: Restated
    unpriced: Sequence[Tier]
    lacks: Sequence[str]

    @property
    def finality(self) -> Finality:
        """Settled, provisional or open."""
        return finality_of(self.unsettled)
