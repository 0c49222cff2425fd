"""Money: exact decimals from the provider's text to ours. No binary float comes near it.

An amount is a `Decimal` of at most `DIGITS` digits before the point and exactly `PLACES` after it: the
warehouse's DECIMAL(38,18) then holds the sum of 100,000 of the largest. More places are rounded half-even,
once, here, and counted.
"""

import re
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import NamedTuple

DIGITS = 15
PLACES = 18
_UNIT = Decimal(1).scaleb(-PLACES)
# Wide enough for every sum of amounts; the thread's own context rounds at 28 digits.
EXACT = Context(prec=76, rounding=ROUND_HALF_EVEN)

# A JSON number, or a JSON string that holds one: the two spellings seen in real answers.
_AMOUNT = re.compile(rb'("?)(-?[0-9]{1,10000}(?:\.[0-9]{1,10000})?(?:[eE][+-]?[0-9]{1,9})?)\1')


class Amount(NamedTuple):
    """A parsed amount; `value` is none when the text is no amount, and then `fault` says why."""

    value: Decimal | None
    rounded: bool = False
    fault: str | None = None


def parse(token: bytes, *, cents: bool = False) -> Amount:
    """The amount that a JSON token spells, number or string, exactly; of `cents`, in whole units."""
    spelt = _AMOUNT.fullmatch(token)
    if spelt is None:
        return Amount(None, fault="amount missing" if token in (b"", b"null") else "amount unreadable")
    number = Decimal(spelt[2].decode("ascii"))
    if cents:
        sign, digits, exponent = number.as_tuple()
        number = Decimal((sign, digits, int(exponent) - 2))  # scaleb would round
    if number and number.adjusted() >= DIGITS:
        return Amount(None, fault="amount out of range")
    value = quantize(number)
    if value and value.adjusted() >= DIGITS:  # it was rounded up
        return Amount(None, fault="amount out of range")
    return Amount(value, rounded=value != number)


def quantize(number: Decimal) -> Decimal:
    """`number` at the warehouse's scale, rounded half-even beyond it."""
    if not number or number.adjusted() < -PLACES - 1:
        return Decimal(0).quantize(_UNIT)
    return number.quantize(_UNIT, context=EXACT)


def add(amounts: Iterable[Decimal]) -> Decimal:
    """Their sum, exact."""
    total = Decimal(0)
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def text(amount: Decimal) -> str:
    """Plain notation, at least two decimals and no further trailing zeros: `12.50`, `0.000003`."""
    return _short(f"{amount or abs(amount):f}")


def text_if_known(amount: Decimal | None) -> str | None:
    """As `text`; none for what is not known."""
    return None if amount is None else text(amount)


def on_screen(amount: Decimal) -> str:
    """For people: cents, with thousands set apart; what would round to nothing shows its first digits."""
    if amount and abs(amount) <= Decimal("0.005"):
        return f"{amount:.1g}" if abs(amount) < Decimal("0.000001") else f"{amount:.6f}".rstrip("0")
    return f"{amount:,.2f}"


def against(total: Decimal, cap: Decimal) -> tuple[str, str]:
    """A total and the cap it is held against, for people: the cap exact, the total in cents.

    The total gets as many more digits as it takes not to look like none, and to look below a cap exactly if it is.
    """
    spellings = (on_screen(total), *(f"{total:,.{places}f}" for places in range(3, PLACES + 1)))
    return next(one for one in spellings if _true(one, total, cap)), _short(f"{cap:,f}")


def _true(spelling: str, total: Decimal, cap: Decimal) -> bool:
    looks = Decimal(spelling.replace(",", ""))
    return (looks < cap) == (total < cap) and bool(looks) == bool(total)


def _short(plain: str) -> str:
    """Plain notation with at least two decimals and no further trailing zeros."""
    whole, _, places = plain.partition(".")
    return f"{whole}.{places.rstrip('0').ljust(2, '0')}"
