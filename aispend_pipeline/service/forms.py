"""The forms that an answer comes in: JSON, or its rows as CSV."""

import csv
import io
from typing import Any, Literal

from aispend_pipeline import money
from aispend_pipeline.service import answers
from aispend_pipeline.warehouse import Published
from aispend_pipeline.warehouse.questions import DIMENSIONS, NAMED, Question
from aispend_pipeline.warehouse.reads import Answer

Form = Literal["json", "csv"]

# Equals, plus, minus and at, as they are written between East Asian characters.
_FULL_WIDTH = ("\uff1d", "\uff0b", "\uff0d", "\uff20")
# What a spreadsheet takes for the beginning of a formula, in a cell that is text.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", *_FULL_WIDTH)
_TEXT = {*DIMENSIONS, *(f"{name}_name" for name in NAMED)}


def chosen(asked: Form | None, accept: str) -> Form:
    """The form to answer in: the one asked for, else the one that `Accept` likes better, else JSON."""
    if asked is not None:
        return asked
    return "csv" if _quality(accept, "text", "csv") > _quality(accept, "application", "json") else "json"


def _quality(accept: str, kind: str, of_it: str) -> float:
    """How much a header likes a media type, 0 to 1: what names it most exactly decides."""
    best = (-1, 0.0)
    for part in accept.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        names = ("*/*", f"{kind}/*", f"{kind}/{of_it}")
        if name in names:
            best = max(best, (names.index(name), _weight(parameters)))
    return best[1]


def _weight(parameters: list[str]) -> float:
    given = [text.removeprefix("q=") for text in parameters if text.startswith("q=")]
    try:
        weight = float(given[0]) if given else 1.0
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0


def csv_text(question: Question, answer: Answer) -> str:
    """The rows with the columns that they have in JSON, under their names; empty is what is null there.

    A text that a spreadsheet would take for a formula has an apostrophe before it. Figures are as they are.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, answers.columns(question))
    writer.writeheader()
    for row in answer.rows:
        shown = answers.row(question, row)
        writer.writerow({name: _cell(name, value) for name, value in shown.items()})
    return text.getvalue()


def _cell(name: str, value: Any) -> Any:
    if name in _TEXT and isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value


def csv_headers(question: Question, answer: Answer, published: Published, cursor: str | None) -> dict[str, str]:
    """What the JSON says beside its rows and a CSV has no place for: the most important of it."""
    window = question.window
    headers = {
        "content-type": "text/csv; charset=utf-8; header=present",
        "content-disposition": f'attachment; filename="spend_{window.first}_{window.last}.csv"',
        "x-aispend-as-of": published.at,
        "x-aispend-complete": "true" if answer.complete else "false",
        "x-aispend-total-usd": money.text(answer.total_usd),
        "x-aispend-total-estimated-usd": money.text(answer.total_estimated_usd),
    }
    return headers if cursor is None else {**headers, "x-aispend-cursor": cursor}
