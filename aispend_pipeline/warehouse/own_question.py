"""A person's own question to a snapshot, in SQL: one statement, which only reads."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import duckdb

from aispend_pipeline.errors import StoreError, UsageError

# Rows that are fetched at a time: an answer of millions is never in memory as a whole.
_AT_ONCE = 2048


class Answered(NamedTuple):
    """The columns of an answer with DuckDB's types, and its rows as they come."""

    columns: list[tuple[str, str]]
    rows: Iterator[tuple[Any, ...]]


def answered(cursor: duckdb.DuckDBPyConnection, question: str) -> Answered:
    """Ask it.

    Raises `UsageError` where it is no single statement that reads, or DuckDB refuses it, also while rows come.
    """
    try:
        statements = cursor.extract_statements(question)
        if len(statements) != 1:
            raise UsageError(f"{len(statements) or 'no'} statements were given; give one that reads, such as SELECT")
        if statements[0].type != duckdb.StatementType.SELECT:
            kind = statements[0].type.name
            raise UsageError(f"{kind}: only what reads is answered, such as SELECT; nothing was changed")
        cursor.execute(statements[0])
    except duckdb.Error as error:
        raise _refused(error) from None
    columns = [(name, str(kind)) for name, kind, *_ in cursor.description or ()]
    return Answered(columns, _rows(cursor))


def _rows(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    try:
        while rows := cursor.fetchmany(_AT_ONCE):
            yield from rows
    except duckdb.Error as error:
        raise _refused(error) from None


def _refused(error: duckdb.Error) -> UsageError | StoreError:
    """What DuckDB says, in one line, without the place in the text, and with what to do about it."""
    first, *more = _said(error)
    said = " ".join([first, *(line for line in more if not line.startswith(_OF_DUCKDB_ITSELF))])
    match error:
        case duckdb.CatalogException() | duckdb.BinderException():
            return UsageError(f"{said.rstrip('!')}; aispend sql --views lists what there is")
        case duckdb.OutOfMemoryException():
            return UsageError(f"{first}; ask for fewer days or columns, or in groups")
        case duckdb.IOException() | duckdb.InternalException() | duckdb.FatalException():
            return StoreError(f"{said}; run: aispend recompute")
        case _:
            return UsageError(said)


# Its own tables, which it offers where it does not know a name.
_OF_DUCKDB_ITSELF = (
    'Did you mean "pg_',
    'Did you mean "duckdb_',
    'Did you mean "sqlite_',
    'Did you mean "information_',
)


def _said(error: duckdb.Error) -> Iterator[str]:
    for line in str(error).splitlines():
        if line.startswith("LINE "):
            return
        if line.strip():
            yield line.strip()
