"""Answers as the JSON that HTTP and `aispend spend --format json` give: money as text, unknown as null."""

from datetime import UTC, datetime
from typing import Any

from aispend_pipeline import money
from aispend_pipeline.clock import utc_text
from aispend_pipeline.warehouse import Published
from aispend_pipeline.warehouse.reads import Answer, Day, Question, Row


def spend(question: Question, answer: Answer, published: Published) -> dict[str, Any]:
    """The body of `GET /spend`."""
    return {
        "from": question.window.first.isoformat(),
        "to": question.window.last.isoformat(),
        "groupBy": list(question.group_by),
        "currency": "USD",
        "rows": [_row(row) for row in answer.rows],
        "total_usd": money.text(answer.total_usd),
        "unconverted": [
            {"currency": currency, "amount": money.text(amount)} for currency, amount in answer.unconverted
        ],
        "coverage": {"complete": answer.complete, "days": [_day(day) for day in answer.coverage]},
        "as_of": published.at,
    }


def _row(row: Row) -> dict[str, Any]:
    keys = {
        name: value if value is None or isinstance(value, str) else value.isoformat()
        for name, value in row.keys.items()
    }
    return {**keys, "cost_usd": None if row.usd is None else money.text(row.usd), **row.counts}


def _day(day: Day) -> dict[str, Any]:
    return {
        "source": day.source,
        "account": day.account,
        "day": day.day.isoformat(),
        "state": day.state,
        "last_read_at": instant(day.last_read_at),
    }


def instant(at: datetime | None) -> str | None:
    """A stored instant (UTC, without zone) as text."""
    return None if at is None else utc_text(at.replace(tzinfo=UTC))
