"""What a model costs over its list price, from what was billed for it lately: how estimates learn of a contract."""

from collections.abc import Iterable
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

from aispend_pipeline import money

# Settled days that a ratio rests on, the newest.
DAYS = 14
# No ratio is below or above: a price that is off by more than that is no discount, but a mistake of ours.
LOWEST, HIGHEST = Decimal("0.25"), Decimal(2)
AT_LIST = Decimal(1)
_SIX_PLACES = Decimal("0.000001")


class SettledDay(NamedTuple):
    """What was billed for a model on a day, and what it would have been at list price, USD."""

    day: date
    list_usd: Decimal
    billed_usd: Decimal


def trailing(history: Iterable[SettledDay]) -> Decimal:
    """Billed over list of the newest `DAYS` settled days together, to six places.

    Without history it is one, and so it is where nothing at all was billed: then the bill has another name for it.
    """
    newest = sorted(history, reverse=True)[:DAYS]
    listed, billed = (money.add(amounts) for amounts in _columns(newest))
    if listed <= 0 or billed <= 0:
        return AT_LIST
    ratio = money.EXACT.divide(billed, listed).quantize(_SIX_PLACES, ROUND_HALF_EVEN)
    return min(max(ratio, LOWEST), HIGHEST)


def _columns(days: Iterable[SettledDay]) -> tuple[list[Decimal], list[Decimal]]:
    listed = [(one.list_usd, one.billed_usd) for one in days]
    return [at_list for at_list, _ in listed], [billed for _, billed in listed]
