"""Opens the state database: SQLite in WAL mode, every write durable, one writer at a time.

Tables are declared where they are used, on `TABLES`; nothing in their statements is SQLite's alone.
"""

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from aispend_pipeline.errors import Trouble
from aispend_pipeline.state.trouble import trouble_of, unusable
from aispend_pipeline.warehouse import folder

TABLES = sa.MetaData()
REMEDY = "restore the file; without it, what people were told is forgotten"
# What SQLite keeps beside the file, by the end of its name.
KEEPS_BESIDE = ("-wal", "-shm")
# How long a lock of somebody else's is waited for.
PATIENCE_SECONDS = 10.0
_BETWEEN_SWITCHES = 0.05
_READS = "aispend_reads"
# Where Ctrl-C meets a connection that is being closed, the pool would print a traceback; its process closes it too.
logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)


class State:
    """The state database of one installation; safe to share between threads."""

    def __init__(self, home: Path, patience_seconds: float = PATIENCE_SECONDS) -> None:
        folder.prepare(home)
        self.file = home / "state.sqlite"
        self._patience = patience_seconds
        self._engine = sa.create_engine(f"sqlite:///{self.file}", connect_args={"timeout": patience_seconds})
        sa.event.listen(self._engine, "connect", self._configure)
        sa.event.listen(self._engine, "begin", _begin)
        self._tables = 0  # how many are known to be there
        self._opened: tuple[int, int] | None = None  # which file it was that connections were opened to

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Raises `StoreError` when the file cannot be used.
        """
        self._follow()
        with self._told():
            with self._engine.begin() as connection:
                tables = self._create(connection)
                yield connection
            self._tables = tables  # now that other threads can see them

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One consistent view for questions, which waits for nobody and holds nobody up.

        Raises `StoreError` when the file cannot be used.
        """
        self._follow()
        if not self._ready():
            with self.transaction():
                pass  # which makes the tables
        with self._told(), self._engine.connect().execution_options(**{_READS: True}) as connection:
            yield connection

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def _follow(self) -> None:
        """Let go of a file that was removed or replaced meanwhile: what is written to it would be seen by nobody."""
        now = _identity(self.file)
        if now != self._opened:
            self._engine.dispose()
            self._tables, self._opened = 0, now

    def _configure(self, connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy says BEGIN, below; sqlite3 would say it too late
        _switch_to_wal(connection, self._patience)
        connection.execute("PRAGMA synchronous=FULL")

    def _ready(self) -> bool:
        """Whether all tables are there; asked for without the writer's lock, which may be held for long."""
        if self._tables != len(TABLES.tables):
            with self._told(), self._engine.connect().execution_options(**{_READS: True}) as connection:
                self._tables = 0 if _missing(connection) else len(TABLES.tables)
        return self._tables == len(TABLES.tables)

    def _create(self, connection: sa.Connection) -> int:
        """Make the tables and columns that are missing, and say how many tables there are then."""
        if self._tables != len(TABLES.tables):
            TABLES.create_all(connection)
            _add_columns(connection)
        return len(TABLES.tables)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.IntegrityError, sa.exc.ProgrammingError, sa.exc.DataError):
            raise  # our own mistake, and not the file's
        except sa.exc.DatabaseError as error:
            self._tables = 0
            raise unusable(self.file, error.orig, REMEDY) from None


@lru_cache(maxsize=8)
def state_of(home: Path, patience_seconds: float = PATIENCE_SECONDS) -> State:
    """The state database of `home`, opened once a process for each patience."""
    return State(home, patience_seconds)


def _identity(file: Path) -> tuple[int, int] | None:
    """Which file it is, whatever its name; none if there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _missing(connection: sa.Connection) -> list[str]:
    """The tables, and the columns of tables, that are not there yet."""
    there = sa.inspect(connection)
    names = set(there.get_table_names())
    lacking = [name for name in TABLES.tables if name not in names]
    return lacking + [f"{column.table}.{column.name}" for column in _missing_columns(there, names)]


def _missing_columns(there: sa.Inspector, names: set[str]) -> list[sa.Column[Any]]:
    return [
        column
        for name, table in TABLES.tables.items()
        if name in names
        for known in [{one["name"] for one in there.get_columns(name)}]
        for column in table.columns
        if column.name not in known
    ]


def _add_columns(connection: sa.Connection) -> None:
    """Add the columns that a file of an older version lacks; they are null there."""
    there = sa.inspect(connection)
    for column in _missing_columns(there, set(there.get_table_names())):
        type_ = column.type.compile(connection.dialect)
        connection.execute(sa.text(f'ALTER TABLE "{column.table.name}" ADD COLUMN "{column.name}" {type_}'))


def _switch_to_wal(connection: sqlite3.Connection, patience_seconds: float) -> None:
    """Of processes that switch a new file at once SQLite makes one fail at once, whatever it was told to wait."""
    connection.execute("PRAGMA busy_timeout=0")
    for more in reversed(range(max(int(patience_seconds / _BETWEEN_SWITCHES), 1))):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as error:
            if not more or trouble_of(error) is not Trouble.LOCKED:
                raise
            time.sleep(_BETWEEN_SWITCHES)
    connection.execute(f"PRAGMA busy_timeout={int(patience_seconds * 1000)}")


def _begin(connection: sa.Connection) -> None:
    """Take the writer's lock first: a transaction that reads and then writes would otherwise fail, not wait."""
    reads = connection.get_execution_options().get(_READS, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
