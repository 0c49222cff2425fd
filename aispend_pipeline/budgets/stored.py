"""Stores what was read of budgets, in the transaction of the fetch that it came with."""

import json
from collections.abc import Iterable
from datetime import datetime

from aispend_pipeline.budgets.model import Budget, Figure
from aispend_pipeline.model import Fetch
from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse import Transaction


def store_budgets(transaction: Transaction, fetch: Fetch, read: Iterable[Budget]) -> None:
    """Keep budgets as they are set now."""
    for budget in read:
        row = {
            "account": fetch.account,
            "billing_account": budget.billing_account,
            "budget_id": budget.budget_id,
            "name": budget.name,
            "amount": budget.amount,
            "currency": budget.currency,
            "period": budget.period,
            "scope": budget.scope,
            "credits": budget.credits,
            "thresholds": json.dumps([{"percent": f"{of.percent:f}", "basis": of.basis} for of in budget.thresholds]),
            "topic": budget.topic,
            "fetch_id": fetch.fetch_id,
        }
        transaction.execute(statement("budgets", "budget_seen"), row)


def mark_gone(transaction: Transaction, billing_account: str, there: Iterable[str], at: datetime) -> None:
    """Keep budgets of `billing_account` that are not among `there` any more, as ones that are gone."""
    transaction.execute(
        "UPDATE budget SET gone_at = $at"
        " WHERE billing_account = $of AND gone_at IS NULL AND NOT list_contains($there, budget_id)",
        {"of": billing_account, "there": list(there), "at": at.replace(tzinfo=None)},
    )


def mark_one_gone(transaction: Transaction, billing_account: str, budget_id: str, at: datetime) -> bool:
    """Keep a budget as one that is gone; false if it was never there."""
    known = transaction.execute(
        "UPDATE budget SET gone_at = coalesce(gone_at, $at) WHERE billing_account = $of AND budget_id = $id"
        " RETURNING budget_id",
        {"of": billing_account, "id": budget_id, "at": at.replace(tzinfo=None)},
    ).fetchall()
    return bool(known)


def store_figures(transaction: Transaction, fetch: Fetch, figures: Iterable[Figure]) -> None:
    """Keep each figure, unless a newer one is known of its budget and interval."""
    for figure in figures:
        row = {
            "account": fetch.account,
            "billing_account": figure.billing_account,
            "budget_id": figure.budget_id,
            "interval_start": figure.interval_start.replace(tzinfo=None),
            "name": figure.name,
            "amount": figure.amount,
            "currency": figure.currency,
            "budget_amount": figure.budget_amount,
            "budget_amount_type": figure.budget_amount_type,
            "alert_threshold": figure.alert_threshold,
            "forecast_threshold": figure.forecast_threshold,
            "published": figure.published,
            "message_id": figure.message_id,
            "fetch_id": fetch.fetch_id,
        }
        transaction.execute(statement("budgets", "figure_seen"), row)


def store_attempt(transaction: Transaction, account: str, at: datetime, error: str | None) -> None:
    """Keep what became of the reading that began `at`: all was read if there is no `error`."""
    asked = {"account": account, "at": at.replace(tzinfo=None), "error": error}
    transaction.execute(statement("budgets", "attempted"), asked)
