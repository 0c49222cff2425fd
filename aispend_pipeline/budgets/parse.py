"""From the Budgets API's answers to budgets, exactly. Nothing here asks.

Facts: Google's reference of the Budgets API (v1): it says what a budget is set to, and never what is spent.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec

from aispend_pipeline import money
from aispend_pipeline.budgets.model import MONTH, Budget, BudgetScope, Threshold
from aispend_pipeline.errors import ErrorClass, FetchError
from aispend_pipeline.normalise.columns import decode

_NAME = re.compile(r"billingAccounts/([^/]+)/budgets/([^/]+)")


class _Filter(msgspec.Struct, rename="camel"):
    services: list[str] = []
    credit_types_treatment: str = "INCLUDE_ALL_CREDITS"
    calendar_period: str | None = None
    custom_period: dict[str, Any] | None = None


class _Money(msgspec.Struct, rename="camel"):
    currency_code: str | None = None
    units: str | int = 0
    nanos: int = 0


class _Amount(msgspec.Struct, rename="camel"):
    specified_amount: _Money | None = None


class _Rule(msgspec.Struct, rename="camel"):
    threshold_percent: Decimal = Decimal(0)
    spend_basis: str = "CURRENT_SPEND"


class _Notify(msgspec.Struct, rename="camel"):
    pubsub_topic: str | None = None


class _Budget(msgspec.Struct, rename="camel"):
    name: str
    display_name: str = ""
    budget_filter: _Filter = msgspec.field(default_factory=_Filter)
    amount: _Amount = msgspec.field(default_factory=_Amount)
    threshold_rules: list[_Rule] = []
    notifications_rule: _Notify = msgspec.field(default_factory=_Notify)


class _Listed(msgspec.Struct, rename="camel"):
    budgets: list[_Budget] = []
    next_page_token: str | None = None


_budget, _listed = msgspec.json.Decoder(_Budget), msgspec.json.Decoder(_Listed)


def next_page(body: bytes) -> str | None:
    """The token of the page after this one of a list, none after the last; `FetchError` (schema) if it is no list."""
    return decode(_listed, body).next_page_token or None


def budgets_of_list(bodies: Iterable[bytes], ai_services: Collection[str]) -> list[Budget]:
    """The budgets of all pages of one billing account's list; `FetchError` (schema) for a page of another shape.

    A budget without an amount of its own has the currency of the others, since all are in the billing account's.
    """
    budgets = [_made(budget, ai_services) for body in bodies for budget in decode(_listed, body).budgets]
    currency = next((budget.currency for budget in budgets if budget.currency), None)
    return [replace(budget, currency=budget.currency or currency) for budget in budgets]


def one_budget(body: bytes, ai_services: Collection[str]) -> Budget:
    """The budget that was asked for by name; `FetchError` (schema) if the answer is none."""
    return _made(decode(_budget, body), ai_services)


def _made(budget: _Budget, ai_services: Collection[str]) -> Budget:
    named = _NAME.fullmatch(budget.name)
    if named is None:
        raise FetchError(ErrorClass.SCHEMA, f"a budget is called {budget.name[:200]!r}, which is no name of one")
    asked = budget.budget_filter
    specified = budget.amount.specified_amount
    return Budget(
        billing_account=named[1],
        budget_id=named[2],
        name=budget.display_name,
        amount=_cap(specified) if specified else None,
        currency=specified.currency_code.upper() if specified and specified.currency_code else None,
        period="CUSTOM" if asked.custom_period is not None else asked.calendar_period or MONTH,
        scope=_scope(asked.services, ai_services),
        credits=asked.credit_types_treatment,
        thresholds=tuple(Threshold(rule.threshold_percent, rule.spend_basis) for rule in budget.threshold_rules),
        topic=budget.notifications_rule.pubsub_topic or None,
    )


def _cap(amount: _Money) -> Decimal:
    """Whole units, as text, and billionths; either may be missing."""
    try:
        units = Decimal(int(amount.units))
    except ValueError:
        raise FetchError(ErrorClass.SCHEMA, f"a budget of {str(amount.units)[:40]!r} units") from None
    amount_of_both = money.EXACT.add(units, Decimal(amount.nanos).scaleb(-9))
    if amount_of_both.adjusted() >= money.DIGITS:
        raise FetchError(ErrorClass.SCHEMA, f"a budget of {str(amount.units)[:40]} units is too large")
    return money.quantize(amount_of_both)


def _scope(services: Sequence[str], ai_services: Collection[str]) -> BudgetScope:
    if not services:
        return BudgetScope.ALL_SERVICES
    ids = {service.removeprefix("services/") for service in services}
    return BudgetScope.AI_ONLY if ids <= set(ai_services) else BudgetScope.MIXED
