"""Budgets and what their notifications say, as types.

Facts: Google's reference of the Budgets API (v1), and its guide to programmatic budget notifications. Amounts are in
the currency of the billing account.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

# As in the table `fetch`. It is no source of rows.
SOURCE = "vertex_budget"
# What a figure of a budget is called wherever it stands in for a bill.
LABEL = "budget, Pacific month"
# The period of a budget that is held against a month.
MONTH = "MONTH"


class BudgetScope(StrEnum):
    """Which services a budget watches."""

    AI_ONLY = "ai_only"
    MIXED = "mixed"  # some that are not AI
    ALL_SERVICES = "all_services"


class Threshold(NamedTuple):
    """When Google tells of a budget: `percent` of 1 is all of it, of what is spent or what it forecasts."""

    percent: Decimal
    basis: str


@dataclass(frozen=True)
class Budget:
    """What a budget is set to; `amount` is none where it is what the last period cost, which only a figure tells.

    `period` is MONTH, QUARTER, YEAR or CUSTOM, or what else Google may call one. `credits` says which credits its
    figures are net of.
    """

    billing_account: str
    budget_id: str
    name: str
    amount: Decimal | None
    currency: str | None
    period: str
    scope: BudgetScope
    credits: str
    thresholds: tuple[Threshold, ...]
    topic: str | None


@dataclass(frozen=True)
class Figure:
    """What a notification says of one budget: how much is spent since `interval_start`, a Pacific midnight.

    `published` is in nanoseconds since 1970, UTC: notifications differ by less than Python's instants can tell.
    """

    billing_account: str
    budget_id: str
    interval_start: datetime
    name: str
    amount: Decimal
    currency: str
    budget_amount: Decimal | None
    budget_amount_type: str | None
    alert_threshold: Decimal | None
    forecast_threshold: Decimal | None
    published: int
    message_id: str

    @property
    def key(self) -> tuple[str, str, datetime]:
        """What there is one figure of: the newest."""
        return self.billing_account, self.budget_id, self.interval_start

    @property
    def age(self) -> tuple[int, str]:
        """What is highest in the newest figure; the message decides between two of one instant."""
        return self.published, self.message_id
