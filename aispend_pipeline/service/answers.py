"""Answers as the JSON that HTTP and `aispend spend --format json` give: money as text, unknown as null."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from aispend_pipeline import money
from aispend_pipeline.clock import utc_text
from aispend_pipeline.model import Window
from aispend_pipeline.service import budgets
from aispend_pipeline.warehouse import Published
from aispend_pipeline.warehouse.coverage import Day
from aispend_pipeline.warehouse.drift import Drift
from aispend_pipeline.warehouse.groups import Row
from aispend_pipeline.warehouse.questions import NAMED, TOKENS, Question
from aispend_pipeline.warehouse.reads import Answer, NotEstimated, Previous, Restatement, Unpriced

# Whose an API key is.
OWNED = ("api_key_owner", "api_key_owner_name")


def days(window: Window) -> dict[str, str]:
    """The days asked for, both ends included."""
    return {"from": window.first.isoformat(), "to": window.last.isoformat()}


def amounts(of: Sequence[tuple[str, Decimal]]) -> list[dict[str, str]]:
    """Amounts by their currencies."""
    return [{"currency": currency, "amount": money.text(amount)} for currency, amount in of]


def spend(question: Question, answer: Answer, published: Published, cursor: str | None = None) -> dict[str, Any]:
    """The body of `GET /spend`; `cursor` leads to the groups after these."""
    return {
        **days(question.window),
        "groupBy": list(question.group_by),
        "currency": "USD",
        "rows": [row(question, one) for one in answer.rows],
        "truncated": answer.truncated,
        "total_usd": money.text(answer.total_usd),
        "total_estimated_usd": money.text(answer.total_estimated_usd),
        "unconverted": amounts(answer.unconverted),
        "unpriced": [_unpriced(used) for used in answer.unpriced],
        "not_estimated": [_not_estimated(silent) for silent in answer.not_estimated],
        "tokens_from": answer.tokens_from,
        "budget_month_to_date": [budgets.month_to_date(of) for of in answer.budgets],
        "restatements": [restatement(change) for change in answer.restatements],
        "coverage": {"complete": answer.complete, "days": [_day(day) for day in answer.coverage]},
        "as_of": published.at,
        "previous": answer.previous and _previous(answer.previous),
        "cursor": cursor,
    }


def columns(question: Question) -> list[str]:
    """What each row has, in this order."""
    named = [f"{name}_name" for name in question.group_by if name in NAMED]
    owned = [*OWNED] if "api_key" in question.group_by else []
    allocated = ["allocated_usd"] if "api_key" in question.group_by else []
    compared = ["previous_cost_usd", "change_usd"] if question.previous else []
    return [*question.group_by, *named, *owned, "cost_usd", "estimated_usd", *allocated, *TOKENS, *compared]


def row(question: Question, one: Row) -> dict[str, Any]:
    """One group."""
    shown: dict[str, Any] = {name: _key(value) for name, value in one.keys.items()}
    shown |= {f"{dimension}_name": name for dimension, name in one.names.items()}
    if "api_key" in one.keys:
        shown |= dict(zip(OWNED, one.owner, strict=True))
    shown["cost_usd"] = money.text_if_known(one.usd)
    shown["estimated_usd"] = money.text_if_known(one.estimated_usd)
    if "api_key" in one.keys:
        shown["allocated_usd"] = money.text_if_known(one.allocated_usd)
    shown |= one.counts
    if question.previous is not None:
        shown["previous_cost_usd"] = money.text_if_known(one.previous_usd)
        shown["change_usd"] = money.text_if_known(one.change_usd)
    return shown


def _previous(previous: Previous) -> dict[str, Any]:
    return {
        **days(previous.window),
        "total_usd": money.text(previous.total_usd),
        "total_estimated_usd": money.text(previous.total_estimated_usd),
        "complete": previous.complete,
    }


def _key(value: date | datetime | str | None) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return instant(value) if isinstance(value, datetime) else value.isoformat()


def _not_estimated(silent: NotEstimated) -> dict[str, Any]:
    return {"provider": silent.provider, "account": silent.account, "days": [day.isoformat() for day in silent.days]}


def _unpriced(used: Unpriced) -> dict[str, Any]:
    return {
        name: value if value is None or isinstance(value, str | bool) else int(value)
        for name, value in used._asdict().items()
    }


def restatement(change: Restatement) -> dict[str, Any]:
    """A day that became another sum."""
    return {
        "day": change.day.isoformat(),
        "source": change.source,
        "account": change.account,
        "provider": change.provider,
        "model": change.model,
        "was_usd": money.text(change.was_usd),
        "is_usd": money.text(change.is_usd),
        "at": instant(change.at),
        "fetch_id": change.fetch_id,
    }


def _day(day: Day) -> dict[str, Any]:
    return {
        "source": day.source,
        "account": day.account,
        "day": day.day.isoformat(),
        "state": day.state,
        "finality": day.finality,
        "last_read_at": instant(day.last_read_at),
        "detail": {**day.detail, "half_read": True} if day.half_read else day.detail,
    }


def drifts(held: Sequence[Drift]) -> list[dict[str, Any]]:
    """How good estimates were, for JSON."""
    return [
        {
            "provider": one.provider,
            "account": one.account,
            "model": one.model,
            "day": one.day.isoformat(),
            "settled": one.settled,
            "billed_usd": money.text(one.billed_usd),
            "list_usd": money.text(one.list_usd),
            "estimated_usd": money.text(one.estimated_usd),
            "billed_over_estimated": str(one.ratio),
            "calibration": str(one.calibration),
        }
        for one in held
    ]


@lru_cache(maxsize=4096)
def instant(at: datetime | None) -> str | None:
    """A stored instant (UTC, without zone) as text."""
    return None if at is None else utc_text(at.replace(tzinfo=UTC))
