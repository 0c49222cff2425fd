"""Answers as the JSON that HTTP and `aispend spend --format json` give: money as text, unknown as null."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from aispend_pipeline import money
from aispend_pipeline.clock import utc_text
from aispend_pipeline.service import budgets
from aispend_pipeline.warehouse import Published
from aispend_pipeline.warehouse.coverage import Day
from aispend_pipeline.warehouse.drift import Drift
from aispend_pipeline.warehouse.reads import Answer, NotEstimated, Question, Restatement, Row, Unpriced


def spend(question: Question, answer: Answer, published: Published) -> dict[str, Any]:
    """The body of `GET /spend`."""
    return {
        "from": question.window.first.isoformat(),
        "to": question.window.last.isoformat(),
        "groupBy": list(question.group_by),
        "currency": "USD",
        "rows": [_row(row) for row in answer.rows],
        "truncated": answer.truncated,
        "total_usd": money.text(answer.total_usd),
        "total_estimated_usd": money.text(answer.total_estimated_usd),
        "unconverted": [
            {"currency": currency, "amount": money.text(amount)} for currency, amount in answer.unconverted
        ],
        "unpriced": [_unpriced(used) for used in answer.unpriced],
        "not_estimated": [_not_estimated(silent) for silent in answer.not_estimated],
        "tokens_from": answer.tokens_from,
        "budget_month_to_date": [budgets.month_to_date(of) for of in answer.budgets],
        "restatements": [restatement(change) for change in answer.restatements],
        "coverage": {"complete": answer.complete, "days": [_day(day) for day in answer.coverage]},
        "as_of": published.at,
    }


def _row(row: Row) -> dict[str, Any]:
    keys = {name: _key(value) for name, value in row.keys.items()}
    names = {f"{dimension}_name": name for dimension, name in row.names.items()}
    usd = {"cost_usd": money.text_if_known(row.usd), "estimated_usd": money.text_if_known(row.estimated_usd)}
    if "api_key" in row.keys:
        usd["allocated_usd"] = money.text_if_known(row.allocated_usd)
    return {**keys, **names, **usd, **row.counts}


def _key(value: date | datetime | str | None) -> str | None:
    if isinstance(value, datetime):
        return instant(value)
    return value if value is None or isinstance(value, str) else value.isoformat()


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


def instant(at: datetime | None) -> str | None:
    """A stored instant (UTC, without zone) as text."""
    return None if at is None else utc_text(at.replace(tzinfo=UTC))
