"""The views that people may rely on, in `views/*.sql`: what `aispend sql` and notebooks ask.

They live in the warehouse's file, so that whoever opens a snapshot has them; every migration makes them anew. What a
view has is said above it, and of each column behind it.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import duckdb

from aispend_pipeline.sql import packaged


class Column(NamedTuple):
    """A column of a view: its name, DuckDB's type, and what it means."""

    name: str
    type: str
    meaning: str


class View(NamedTuple):
    """A view, what it has, and its columns in their order."""

    name: str
    meaning: str
    columns: tuple[Column, ...]


# In the order in which they are made: one may rest on those before it.
NAMES = tuple(
    """
    snapshot coverage_days id_names spend_by_day spend_by_hour spend_by_key spend_rows estimate_rows usage_rows
    restatements unconverted unpriced quarantined fetches pages budgets
    """.split()
)


@cache
def made() -> str:
    """The SQL that makes all of them."""
    return "\n".join(packaged("warehouse", f"views/{name}.sql") for name in NAMES)


def declared(connection: duckdb.DuckDBPyConnection) -> list[View]:
    """All of them, as they are in this store."""
    return [_declared(name, connection.execute(f"DESCRIBE {name}").fetchall()) for name in NAMES]


def _declared(name: str, described: Sequence[tuple[str, ...]]) -> View:
    """A view whose columns and types DuckDB describes; what they mean is in the comments of its file."""
    lead, _, select = packaged("warehouse", f"views/{name}.sql").partition("CREATE ")
    meaning = " ".join(line.removeprefix("-- ") for line in lead.splitlines())
    told = {column.strip('"'): what for column, what in _TOLD.findall(select)}
    return View(name, meaning, tuple(Column(column, kind, told[column]) for column, kind, *_ in described))


# The last word of a line, which is the name of a column, and what is said of it.
_TOLD = re.compile(r'("?\w+"?),? -- (.+)$', re.MULTILINE)
