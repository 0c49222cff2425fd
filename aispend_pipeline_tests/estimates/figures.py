"""When a bill is read, and the figures of a day beside each other."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from aispend_pipeline.model import midnight
from aispend_pipeline_tests.warehouse.building import look

MILLION = 10**6
# A day on which batch, flex and priority have list prices.
NOVEMBER = date(2026, 11, 10)


def while_open(day: date) -> datetime:
    """In the afternoon of the day itself."""
    return midnight(day) + timedelta(hours=15)


def soon(day: date) -> datetime:
    """The next morning: the day is over and may still change."""
    return midnight(day) + timedelta(hours=30)


def for_good(day: date) -> datetime:
    """A week later: the day is settled."""
    return midnight(day) + timedelta(days=8)


def sums(warehouse, account: str = "default") -> dict[str | None, tuple[Decimal | None, Decimal | None]]:
    """Of each model of an account, on the one day that there is: billed, and estimated."""
    found = look(warehouse, f"SELECT model, billed_usd, estimated_usd FROM spend_daily WHERE account = '{account}'")
    assert len({model for model, _, _ in found}) == len(found)
    return {model: (billed, estimated) for model, billed, estimated in found}


def priced(warehouse) -> dict[tuple[str | None, str], tuple[int, Decimal | None]]:
    """Of each model and meter: how much was used, and its estimate."""
    found = look(warehouse, "SELECT model, meter, sum(quantity), sum(usd) FROM estimate GROUP BY ALL")
    return {(model, meter): (int(n), usd) for model, meter, n, usd in found}


def estimated(warehouse, account: str = "default") -> list[tuple[Any, ...]]:
    """Of each model of an account: the state of the bill, the estimate, and what of it counts."""
    columns = "model, bill, estimated_usd, counted_usd"
    return look(warehouse, f"SELECT {columns} FROM estimate_daily WHERE account = '{account}' ORDER BY ALL")
