"""What the simulated organisation has agreed with its providers: how much less than the list price it pays."""

from decimal import Decimal

# By provider and account, the part of the list price that is let off; an account that is not here pays all of it.
DISCOUNTS = {("openai", "default"): Decimal("0.12"), ("anthropic", "default"): Decimal("0.08")}


def part_paid(provider: str, account: str) -> Decimal:
    """The part of a list price that `account` pays: 1 without a contract. Credits are what they are."""
    return 1 - DISCOUNTS.get((provider, account), Decimal(0))
