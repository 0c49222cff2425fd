"""Lines as JSON: what is billed, and what is used and not billed yet, each with its page."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from aispend_pipeline import money
from aispend_pipeline.service import forms
from aispend_pipeline.service.answers import amounts, days, instant
from aispend_pipeline.service.pages import path_of
from aispend_pipeline.warehouse import Published
from aispend_pipeline.warehouse.lines import Line, Lines

_NUMBERS = ("quantity", "ratio")


def rows(found: Lines, cursor: str | None, published: Published) -> dict[str, Any]:
    """The body of `GET /spend/rows`."""
    return {
        **days(found.window),
        "rows": [_line(line) for line in found.shown],
        "cursor": cursor,
        "count": found.count,
        "total_usd": money.text(found.usd),
        "unconverted": amounts(found.unconverted),
        "as_of": published.at,
    }


def estimates(found: Lines, cursor: str | None, published: Published) -> dict[str, Any]:
    """The body of `GET /spend/estimates`."""
    return {
        **days(found.window),
        "rows": [_line(line) for line in found.shown],
        "cursor": cursor,
        "count": found.count,
        "total_estimated_usd": money.text(found.usd),
        "as_of": published.at,
    }


def table(found: Lines) -> str:
    """The lines as CSV: what JSON has of each, but its links, which its page's id is enough for."""
    return forms.table(found.columns, ([*map(_cell, line, line.values())] for line in found.shown))


def _cell(name: str, value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return forms.harmless(value) if isinstance(value, str) else _shown(name, value)


def _line(line: Line) -> dict[str, Any]:
    path = path_of(line["provider"], line["page_id"])
    values = {name: _shown(name, value) for name, value in line.items()}
    return {**values, "links": {"page": path, "body": f"{path}/body"}}


def _shown(name: str, value: Any) -> str | int | None:
    return _number(value) if name in _NUMBERS else _value(value)


def _value(value: date | datetime | Decimal | str | int | None) -> str | int | None:
    """Money, days and instants as text."""
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    return money.text(value) if isinstance(value, Decimal) else value


def _number(value: Decimal | None) -> str | None:
    """A number that is no money: plain notation without trailing zeros."""
    if value is None:
        return None
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
