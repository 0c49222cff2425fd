"""What was billed of a month: by the day of the usage, and by the month of the invoice that it is on.

For OpenAI and Anthropic the two are one. Google says of every line which invoice it is for: its months end at midnight
in California, and what it charges late is on a later invoice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from aispend_pipeline import money
from aispend_pipeline.caps.model import Period

IN = "in"


class Part(NamedTuple):
    """Some rows of an account: those of one invoice month and currency that were used before, in or after the month.

    `usd` is none where there is no rate; `credits_usd` and `tax_usd` are those in it, none if there are none.
    """

    provider: str
    account: str
    invoice_month: str
    used: str
    currency: str
    rows: int
    amount: Decimal
    usd: Decimal | None
    credits_usd: Decimal | None = None
    tax_usd: Decimal | None = None


@dataclass(frozen=True)
class Billed:
    """What some rows come to, exact; USD is none if all of it is in currencies without a rate.

    `converted` is what of it was billed in another currency, `unconverted` what is not in it, both by currency.
    """

    rows: int
    usd: Decimal | None
    credits_usd: Decimal
    tax_usd: Decimal
    converted: Sequence[tuple[str, Decimal]]
    unconverted: Sequence[tuple[str, Decimal]]

    @classmethod
    def of(cls, parts: Iterable[Part]) -> "Billed":
        """The sums of `parts`."""
        in_usd, others = list[Part](), list[Part]()
        for part in parts:
            (others if part.usd is None else in_usd).append(part)
        unconverted = _by_currency(others)
        return cls(
            rows=sum(part.rows for part in (*in_usd, *others)),
            usd=None if unconverted and not in_usd else _sum(part.usd for part in in_usd),
            credits_usd=_sum(part.credits_usd for part in in_usd),
            tax_usd=_sum(part.tax_usd for part in in_usd),
            converted=_by_currency(part for part in in_usd if part.currency != "USD"),
            unconverted=unconverted,
        )


class Moved(NamedTuple):
    """Rows that were used in one month and are on another one's invoice; `used` is before, in or after the month."""

    used: str
    invoice_month: str
    rows: int
    usd: Decimal


def by_day(parts: Iterable[Part]) -> Billed:
    """What the month's usage days come to."""
    return Billed.of(part for part in parts if part.used == IN)


def by_invoice(parts: Iterable[Part], period: Period) -> Billed:
    """What the month's invoice ought to come to."""
    return Billed.of(part for part in parts if part.invoice_month == period.name)


def moved(parts: Iterable[Part], period: Period) -> list[Moved]:
    """What makes the two differ: what is on another invoice, and what is on this one and was used in another month."""
    apart: dict[tuple[str, str], list[Part]] = {}
    for part in parts:
        if (part.used == IN) != (part.invoice_month == period.name):
            apart.setdefault((part.invoice_month, part.used), []).append(part)
    return [
        Moved(used, month, sum(part.rows for part in of), _sum(part.usd for part in of))
        for (month, used), of in sorted(apart.items())
    ]


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return money.add(amount for amount in amounts if amount is not None)


def _by_currency(parts: Iterable[Part]) -> list[tuple[str, Decimal]]:
    sums: dict[str, Decimal] = {}
    for part in parts:
        sums[part.currency] = money.add((sums.get(part.currency, Decimal(0)), part.amount))
    return [(currency, amount) for currency, amount in sorted(sums.items()) if amount]
