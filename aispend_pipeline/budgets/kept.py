"""What is known of budgets, read back from a published snapshot, and which of it may stand in for a month's bill."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple

import duckdb

from aispend_pipeline.budgets.model import MONTH, BudgetScope, Threshold
from aispend_pipeline.sql import statement


class Spent(NamedTuple):
    """The newest figure of one interval, which begins at a Pacific midnight; `seq` is its fetch's place."""

    interval_start: datetime
    amount: Decimal
    currency: str
    budget_amount: Decimal | None
    published_at: datetime
    seq: int

    @property
    def month(self) -> str:
        """The month that begins with it: at a Pacific midnight it is the same day in UTC."""
        return f"{self.interval_start:%Y-%m}"


@dataclass(frozen=True)
class Kept:
    """One budget and its figures, newest interval first; of a budget that was not read, only its figures are known.

    `account` is the one that read it, `gone` says that it was deleted since. Instants are UTC.
    """

    account: str
    billing_account: str
    budget_id: str
    name: str
    amount: Decimal | None = None
    currency: str | None = None
    period: str | None = None
    scope: BudgetScope | None = None
    credits: str | None = None
    thresholds: tuple[Threshold, ...] = ()
    gone: bool = False
    figures: tuple[Spent, ...] = field(default=())

    @property
    def of_a_month_of_ai(self) -> bool:
        """Whether its figures are of calendar months, and of nothing but AI services."""
        return self.period == MONTH and self.scope is BudgetScope.AI_ONLY and not self.gone


def budgets(cursor: duckdb.DuckDBPyConnection) -> list[Kept]:
    """Every budget that was ever read or notified of."""
    rows = cursor.execute(statement("budgets", "budgets")).fetchall()
    return [_kept(of, [row[11:] for row in group]) for of, group in groupby(rows, key=lambda row: row[:11])]


def _kept(of: tuple[Any, ...], figures: Iterable[tuple[Any, ...]]) -> Kept:
    account, billing_account, budget_id, name, amount, currency, period, scope, credits_, thresholds, gone = of
    return Kept(
        account,
        billing_account,
        budget_id,
        name,
        amount,
        currency,
        period,
        BudgetScope(scope) if scope else None,
        credits_,
        tuple(Threshold(Decimal(one["percent"]), one["basis"]) for one in json.loads(thresholds or "[]")),
        gone,
        tuple(_spent(*row) for row in figures if row[0] is not None),
    )


def _spent(
    start: datetime, amount: Decimal, currency: str, budget_amount: Decimal | None, published: int, seq: int
) -> Spent:
    published_at = datetime.fromtimestamp(published // 10**9, UTC)
    return Spent(start.replace(tzinfo=UTC), amount, currency, budget_amount, published_at, seq)


class MonthToDate(NamedTuple):
    """What a budget says of a Pacific month: not the bill, and never a part of it."""

    budget: Kept
    spent: Spent


def month_to_date(known: Iterable[Kept], month: str) -> list[MonthToDate]:
    """The figures of a month (YYYY-MM), one for each billing account: of monthly budgets of AI services alone.

    Where a billing account has several, they overlap, and the highest figure is the one that leaves out least.
    """
    found: dict[str, MonthToDate] = {}
    for budget in known:
        for spent in budget.figures if budget.of_a_month_of_ai else ():
            best = found.get(budget.billing_account)
            if spent.month == month and (best is None or spent.amount > best.spent.amount):
                found[budget.billing_account] = MonthToDate(budget, spent)
    return [found[billing_account] for billing_account in sorted(found)]


class Attempt(NamedTuple):
    """When an account's budgets were last read whole, when that was last tried, and what went wrong; UTC, naive."""

    account: str
    last_read_at: datetime | None
    last_attempt_at: datetime
    error: str | None


def attempts(cursor: duckdb.DuckDBPyConnection, accounts: Collection[str]) -> list[Attempt]:
    """What became of the last reading of the budgets of `accounts`, as far as there was one."""
    rows = cursor.execute("SELECT account, last_read_at, last_attempt_at, error FROM budget_read ORDER BY account")
    return [Attempt(*row) for row in rows.fetchall() if row[0] in accounts]


def billed(cursor: duckdb.DuckDBPyConnection) -> Mapping[tuple[str, str], Decimal]:
    """By billing account and UTC month, what the billing export has billed, USD."""
    rows = cursor.execute(statement("budgets", "billed")).fetchall()
    return {(billing_account, month): usd for billing_account, month, usd in rows}
