"""Budgets as JSON: what `/status` and `/spend` say of them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import duckdb

from aispend_pipeline import money
from aispend_pipeline.budgets.kept import Kept, MonthToDate, Spent, attempts, billed, budgets
from aispend_pipeline.budgets.model import LABEL, SOURCE
from aispend_pipeline.clock import utc_text
from aispend_pipeline.settings import Settings


def month_to_date(of: MonthToDate) -> dict[str, Any]:
    """A figure of a month, beside the bill."""
    budget, spent = of
    return {
        "account": budget.account,
        "billing_account": budget.billing_account,
        "budget": budget.name,
        "month": spent.month,
        "amount": money.text(spent.amount),
        "currency": spent.currency,
        "usd": money.text(spent.amount) if spent.currency == "USD" else None,
        "published_at": utc_text(spent.published_at),
        "label": LABEL,
    }


def shown(cursor: duckdb.DuckDBPyConnection, settings: Settings) -> list[dict[str, Any]]:
    """Every budget of the accounts that are read now, with its newest figure and what the export has billed since."""
    names = {account.name for account in settings.budgets()}
    own = billed(cursor) if names else {}
    return [_budget(one, own) for one in budgets(cursor) if one.account in names] if names else []


def complaints(cursor: duckdb.DuckDBPyConnection, settings: Settings) -> list[str]:
    """A line for each account whose budgets were not read, or not all of them."""
    names = [account.name for account in settings.budgets()]
    known = {attempt.account: attempt for attempt in attempts(cursor, names)}
    never = [f"{SOURCE} {name}: was never read; run: aispend ingest" for name in names if name not in known]
    return never + [f"{SOURCE} {one.account}: {one.error}" for one in known.values() if one.error]


def _budget(budget: Kept, own: Mapping[tuple[str, str], Decimal]) -> dict[str, Any]:
    newest = budget.figures[0] if budget.figures else None
    comparable = newest is not None and budget.of_a_month_of_ai
    usd = own.get((budget.billing_account, newest.month)) if newest and comparable else None
    return {
        "account": budget.account,
        "billing_account": budget.billing_account,
        "budget_id": budget.budget_id,
        "name": budget.name,
        "cap_amount": money.text_if_known(budget.amount),
        "currency": budget.currency,
        "period": budget.period,
        "scope": budget.scope,
        "credits": budget.credits,
        "thresholds": [{"percent": f"{of.percent:f}", "basis": of.basis} for of in budget.thresholds],
        "gone": budget.gone,
        "figure": _figure(newest) if newest else None,
        "billed_usd": money.text_if_known(usd),
    }


def _figure(spent: Spent) -> dict[str, Any]:
    return {
        "interval_start": utc_text(spent.interval_start),
        "amount": money.text(spent.amount),
        "currency": spent.currency,
        "published_at": utc_text(spent.published_at),
        "budget_amount": money.text_if_known(spent.budget_amount),
    }
