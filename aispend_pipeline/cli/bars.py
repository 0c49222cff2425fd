"""Bars: how much of an amount is used, in letters that any terminal has, or in blocks where it has these."""

from decimal import ROUND_FLOOR, Decimal

from rich.console import Console
from rich.text import Text

from aispend_pipeline import money

CELLS = 10


def percent(total: Decimal, cap: Decimal) -> int:
    """Whole percents of `cap` that are used up: 100 is shown only once it is reached."""
    hundredths = money.EXACT.divide(money.EXACT.multiply(total, Decimal(100)), cap)
    return int(hundredths.to_integral_value(ROUND_FLOOR))


def bar(used: int | None, out: Console, style: str, most: int = CELLS) -> Text:
    """A bar of up to `most` cells for so many percent, none if unknown, and the number.

    It is of letters where there is no colour or terminal.
    """
    fancy = out.is_terminal and not out.no_color and not out.options.ascii_only
    full, empty = ("█", "░") if fancy else ("#", ".")
    cells = min(max(used or 0, 0) * most // 100, most)
    number = "?" if used is None else f"{used} %"
    return Text.assemble((full * cells, style), (empty * (most - cells), "dim"), f" {number:>5}")
