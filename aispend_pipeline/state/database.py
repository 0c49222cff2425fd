"""Opens the state database: SQLite in WAL mode, every write durable, one writer at a time.

Tables are declared where they are used, on `TABLES`; nothing in their statements is SQLite's alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from aispend_pipeline.errors import StoreError
from aispend_pipeline.warehouse import folder

TABLES = sa.MetaData()
_BUSY_MILLISECONDS = 10_000


class State:
    """The state database of one installation; safe to share between threads."""

    def __init__(self, home: Path) -> None:
        folder.prepare(home)
        self.file = home / "state.sqlite"
        self._engine = sa.create_engine(f"sqlite:///{self.file}")
        sa.event.listen(self._engine, "connect", _configure)
        sa.event.listen(self._engine, "begin", _begin_at_once)

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Raises `StoreError` when the file cannot be used.
        """
        try:
            with self._engine.begin() as connection:
                TABLES.create_all(connection)
                yield connection
        except sa.exc.DatabaseError as error:
            remedy = "free some space, or mend or remove the file (it holds call budgets and what waits for them)"
            raise StoreError(f"{self.file}: cannot be used ({error.orig}); {remedy}") from None


@lru_cache(maxsize=8)
def state_of(home: Path) -> State:
    """The state database of `home`, opened once a process."""
    return State(home)


def _configure(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy says BEGIN, below; sqlite3 would say it too late
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={_BUSY_MILLISECONDS}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_at_once(connection: sa.Connection) -> None:
    """Take the writer's lock first: a transaction that reads and then writes would otherwise fail, not wait."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
