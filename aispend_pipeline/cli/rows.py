"""Rows of any answer as a table for people, or as JSON or CSV with every digit."""

import csv
import json
import math
import sys
from datetime import date, datetime, time
from decimal import Decimal
from itertools import islice
from typing import Any

from rich.text import Text

from aispend_pipeline import money
from aispend_pipeline.alerts.plain import plain
from aispend_pipeline.cli import screen
from aispend_pipeline.errors import UsageError
from aispend_pipeline.service.forms import harmless
from aispend_pipeline.warehouse.own_question import Answered

# Rows of a table; the other forms have no end.
MOST_ROWS = 1000
# What DuckDB calls money: everything else that is decimal is shown with all its digits.
_MONEY = f"DECIMAL(38,{money.PLACES})"
_NUMBERS = tuple(
    "DECIMAL TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT UHUGEINT FLOAT DOUBLE".split()
)


def show_table(told: Answered, title: str) -> None:
    """The first rows, money in cents, and a line if there are more."""
    table = screen.blank(title)
    for name, kind in told.columns:
        screen.add_column(table, name, number=kind.startswith(_NUMBERS))
    for row in islice(told.rows, MOST_ROWS):
        table.add_row(*(_cell(value, kind) for value, (_, kind) in zip(row, told.columns, strict=True)))
    screen.show(table)
    if next(told.rows, None) is not None:
        screen.say(f"these are the first {MOST_ROWS:,} rows; --format csv and json have all")


def _cell(value: Any, kind: str) -> Text:
    if value is None:
        return Text("null", style="dim")
    if isinstance(value, Decimal) and kind == _MONEY:
        return Text(money.on_screen(value))
    shown = exact(value)
    return Text(plain(shown if isinstance(shown, str) else json.dumps(shown)))


def write_json(told: Answered, as_of: str) -> None:
    """An object with the columns and, a line each, the rows as objects: exact decimals are texts."""
    names = [name for name, _ in told.columns]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"two columns are called {twice!r}, which JSON cannot tell apart; name one with AS")
    columns = [{"name": name, "type": kind} for name, kind in told.columns]
    sys.stdout.write(f'{{"as_of": {json.dumps(as_of)}, "columns": {json.dumps(columns)}, "rows": [')
    between = "\n"
    for row in told.rows:
        sys.stdout.write(between + json.dumps({name: exact(value) for name, value in zip(names, row, strict=True)}))
        between = ",\n"
    sys.stdout.write("\n]}\n")


def write_csv(told: Answered) -> None:
    """A line with the names, and one for each row; empty is what is null, and no text is a formula."""
    writer = csv.writer(sys.stdout)
    writer.writerow(name for name, _ in told.columns)
    for row in told.rows:
        writer.writerow(harmless(value) if isinstance(value, str) else _csv_cell(value) for value in row)


def _csv_cell(value: Any) -> Any:
    shown = exact(value)
    return json.dumps(shown) if isinstance(shown, bool | list | dict) else shown


def exact(value: Any) -> Any:
    """A value as JSON has it: decimals in plain notation and instants in UTC as texts, counts as they are."""
    match value:
        case None | bool() | int() | str():
            return value
        case Decimal():
            return int(value) if int(value.as_tuple().exponent) >= 0 else money.text(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case datetime():
            return value.isoformat() + ("Z" if value.tzinfo is None else "")
        case date() | time():
            return value.isoformat()
        case list() | tuple():
            return [exact(one) for one in value]
        case dict():
            return {str(name): exact(one) for name, one in value.items()}
        case bytes():
            return value.hex()
        case _:
            return str(value)
