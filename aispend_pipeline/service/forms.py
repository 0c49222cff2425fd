"""The forms that an answer comes in: JSON, or its rows as CSV."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from aispend_pipeline import money
from aispend_pipeline.model import Window
from aispend_pipeline.service import answers
from aispend_pipeline.warehouse import Published
from aispend_pipeline.warehouse.questions import DIMENSIONS, NAMED, Question
from aispend_pipeline.warehouse.reads import Answer

Form = Literal["json", "csv"]

# Equals, plus, minus and at, as they are written between East Asian characters.
_FULL_WIDTH = "\uff1d\uff0b\uff0d\uff20"
# Where a spreadsheet takes text for a formula: at the beginning of a cell, and of what it takes for one where its own
# separator is another than a comma.
_FORMULA = re.compile(rf"(^|[;\t\r\n])(?=[=+\-@\t\r\n{_FULL_WIDTH}])")
_TEXT = {*DIMENSIONS, *(f"{name}_name" for name in NAMED), *answers.OWNED}


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
    columns = answers.columns(question)
    rows = (answers.row(question, row) for row in answer.rows)
    return table(columns, ([_cell(name, row[name]) for name in columns] for row in rows))


def _cell(name: str, value: Any) -> Any:
    return harmless(value) if name in _TEXT and isinstance(value, str) else value


def harmless(text: str) -> str:
    """A text as it is, or with an apostrophe wherever a spreadsheet would take what follows for a formula."""
    return _FORMULA.sub(r"\1'", text)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """CSV with a title; empty is what is none. Texts have to be `harmless` already."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def csv_headers(question: Question, answer: Answer, published: Published, cursor: str | None) -> dict[str, str]:
    """What the JSON says beside its rows and a CSV has no place for: the most important of it."""
    beside = {
        "complete": "true" if answer.complete else "false",
        "total-usd": money.text(answer.total_usd),
        "total-estimated-usd": money.text(answer.total_estimated_usd),
    }
    by = f"_by_{'_'.join(question.group_by)}" if question.group_by else ""
    doubt = "" if answer.complete else "_incomplete"  # whoever has only the file is to see it too
    return table_headers(f"spend{by}{doubt}", question.window, published, cursor, beside)


def table_headers(
    name: str, window: Window, published: Published, cursor: str | None, beside: Mapping[str, str]
) -> dict[str, str]:
    """The headers of a CSV that is called `name`, with what stands `beside` its rows."""
    beside = {"as-of": published.at, **beside, **({} if cursor is None else {"cursor": cursor})}
    return {
        "content-type": "text/csv; charset=utf-8; header=present",
        "content-disposition": f'attachment; filename="{name}_{window.first}_{window.last}.csv"',
        **{f"x-aispend-{what}": value for what, value in beside.items()},
    }
