"""The warehouse: one DuckDB file, one writer at a time, and a published copy for everyone else."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from aispend_pipeline import points
from aispend_pipeline.clock import Clock, utc_text
from aispend_pipeline.errors import StoreBusy, StoreError, Trouble
from aispend_pipeline.log import log
from aispend_pipeline.warehouse import compaction, folder, lock, views
from aispend_pipeline.warehouse.opening import (
    DUCKDB_VERSION,
    WRITE_CONFIG,
    connected,
    damaged,
    holds_anything,
    newest_copy,
    restoring,
)
from aispend_pipeline.warehouse.snapshots import Published, known_schema, pointer

KEPT_SNAPSHOTS = 3


class Transaction:
    """One change of the warehouse. `seq` is its commit number, `store_id` the warehouse's own name."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, seq: int, store_id: str) -> None:
        self._connection = connection
        self.seq = seq
        self.store_id = store_id

    def execute(
        self,
        sql: str,
        params: Mapping[str, Any] | Sequence[Any] | None = None,
        records: pa.Table | None = None,
    ) -> duckdb.DuckDBPyConnection:
        """Run one statement; its rows are read from what this returns.

        `records` may be named in it as a relation: DuckDB looks it up among the variables of its caller. Were
        it registered, the transaction would keep it until it ends.
        """
        return self._connection.execute(sql, params)


class Warehouse:
    """The system of record in `home`, written by one process at a time, under a file lock."""

    def __init__(self, home: Path, clock: Clock) -> None:
        if duckdb.__version__ != DUCKDB_VERSION:
            raise StoreError(f"DuckDB {duckdb.__version__} is installed, {DUCKDB_VERSION} is needed; run: make install")
        folder.prepare(home)
        self.home = home
        self.file = home / "warehouse.duckdb"
        self._clock = clock

    @contextmanager
    def write(self, *, timeout: float = 300, publish: bool = False) -> Iterator[Transaction]:
        """One transaction: committed when the block ends, rolled back when it raises.

        With `publish` the commit is made visible to readers before the lock is let go. Raises
        `StoreBusy` after `timeout` seconds of waiting for another writer.
        """
        with self._locked(timeout):
            with self._opened() as connection:
                transaction = self._begin(connection)
                yield transaction
                self._commit(connection, transaction.seq)
            if publish:
                self._publish(transaction.seq, transaction.store_id)

    def publish(self, *, timeout: float = 300) -> Published:
        """Make every commit visible to readers. Cheap when nothing changed; the first call makes the store."""
        with self._locked(timeout):
            with self._opened() as connection:
                seq, store_id = _newest_commit(connection)
            return self._publish(seq, store_id)

    def publish_at_start(self, *, timeout: float = 0.5) -> None:
        """Publish before readers come; while somebody writes, who will publish too, what there is will do."""
        try:
            self.publish(timeout=timeout)
        except StoreBusy:
            self.publish_if_outdated()

    def publish_if_outdated(self) -> None:
        """Publish where there is nothing that this version can read; the file is migrated on the way."""
        current = pointer(self.home)
        if current is None or current.schema_version != known_schema():
            self.publish()

    def compact(self, terms: compaction.Terms = compaction.TERMS, *, timeout: float = 300) -> bool:
        """Write the file anew, without the room of what was removed, and publish it; say whether that paid."""
        with self._locked(timeout), folder.told_of_trouble(self.home):
            with self._opened() as connection:
                seq, store_id = _newest_commit(connection)
                new = compaction.written_anew(connection, self.file, self._clock.now(), terms)
            if new is None:
                return False
            compaction.put_in_place(new, self.file)
            self._publish(seq + 1, store_id)
        return True

    def _locked(self, timeout: float) -> AbstractContextManager[int]:
        return lock.held(self.home / "writer.lock", timeout)

    @contextmanager
    def _opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The file, open for writing; the caller holds the lock."""
        with folder.told_of_trouble(self.home):
            if not self.file.exists():
                self._create()
        with connected(self.file) as connection:
            version = self._checked_version(connection)
            if version == known_schema():
                self._step_over_torn_log(connection)
                self._step_over_published(connection)
                yield connection
                return
        self._migrate_from(version)
        with connected(self.file) as connection:
            yield connection

    def _checked_version(self, connection: duckdb.DuckDBPyConnection) -> int:
        """The file's schema; `StoreError` when it is not one that this version can use."""
        version, known = _version(connection), known_schema()
        if version > known:
            newer = f"written by a newer aispend (schema {version}, this one knows {known})"
            raise StoreError(f"{self.file}: {newer}; upgrade aispend", Trouble.NEWER)
        if version == 0:
            raise StoreError(damaged(self.file, "it was not made by aispend"))
        return version

    def _migrate_from(self, version: int) -> None:
        """Migrate an older file; a copy of it, made while it is closed, stays beside it."""
        with connected(self.file) as connection:
            connection.execute("CHECKPOINT")
        with folder.told_of_trouble(self.home):
            folder.copy_durably(self.file, self.file.with_name(f"{self.file.name}.schema{version}"))
        with connected(self.file) as connection:
            _migrate(connection, version, self._clock.now())

    def _step_over_torn_log(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Write past a log that somebody has left and that cannot be read to its end, as a power cut leaves it.

        DuckDB reads what is whole of it and would let the rest lie, and whatever comes after that, until the log is
        begun anew, which only a commit does. A copy of the log stays.
        """
        log_file = self.file.with_name(f"{self.file.name}.wal")
        if not holds_anything(log_file):
            return
        connection.execute("CHECKPOINT")
        if holds_anything(log_file):
            with folder.told_of_trouble(self.home):
                folder.copy_durably(log_file, log_file.with_name(f"{log_file.name}.unread"))
            self._number(connection, _newest_commit(connection)[0] + 1)
            connection.execute("CHECKPOINT")

    def _step_over_published(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Give a restored file, which is older than what readers have seen, a number that is new to them."""
        seq, store_id = _newest_commit(connection)
        published = pointer(self.home)
        if published is not None and published.store_id == store_id and published.seq > seq:
            self._number(connection, published.seq + 1)

    def _number(self, connection: duckdb.DuckDBPyConnection, seq: int) -> None:
        connection.execute(
            "INSERT INTO store_meta SELECT $seq, $now, max(schema_version) FROM store_meta",
            {"seq": seq, "now": self._clock.now().replace(tzinfo=None)},
        )

    def _create(self) -> None:
        if newest_copy(self.file):
            raise StoreError(f"{self.file}: is missing; {restoring(self.file)}", Trouble.MISSING)
        new = self.file.with_name(".warehouse.duckdb.new")
        for left in self.home.glob(f"{new.name}*"):
            left.unlink()
        new_connection = duckdb.connect(str(new), config=WRITE_CONFIG)
        with new_connection as connection:
            _migrate(connection, 0, self._clock.now())
            connection.execute("CHECKPOINT")
        new.replace(self.file)
        folder.sync_folder(self.home)

    def _begin(self, connection: duckdb.DuckDBPyConnection) -> Transaction:
        connection.execute("BEGIN TRANSACTION")
        seq, store_id = _newest_commit(connection)
        return Transaction(connection, seq + 1, store_id)

    def _commit(self, connection: duckdb.DuckDBPyConnection, seq: int) -> None:
        self._number(connection, seq)
        points.reached("before_commit")
        connection.execute("COMMIT")
        points.reached("after_commit")
        connection.execute("CHECKPOINT")

    def _publish(self, seq: int, store_id: str) -> Published:
        with folder.told_of_trouble(self.home):
            return self._copy(seq, store_id)

    def _copy(self, seq: int, store_id: str) -> Published:
        began = self._clock.monotonic()
        snapshots = self.home / "snapshots"
        current = pointer(self.home)
        if (
            current is not None
            and (current.seq, current.store_id, current.schema_version) == (seq, store_id, known_schema())
            and (snapshots / current.file).exists()
        ):
            return current
        wal = self.file.with_name(f"{self.file.name}.wal")
        if holds_anything(wal):
            raise StoreError(f"{wal}: not empty although the file is closed; run the command again")
        for left in snapshots.glob(".*.tmp"):
            left.unlink()
        published = Published(
            f"{seq:012d}-{store_id[:8]}.duckdb",
            seq,
            utc_text(self._clock.now()),
            known_schema(),
            store_id,
        )
        folder.copy_durably(self.file, snapshots / published.file)
        points.reached("before_pointer")
        folder.write_durably(self.home / "CURRENT", published.text())
        for old in sorted(snapshots.glob("*.duckdb"))[:-KEPT_SNAPSHOTS]:
            if old.name != published.file:
                old.unlink(missing_ok=True)
        log.info("published", file=published.file, seq=seq, seconds=round(self._clock.monotonic() - began, 3))
        points.reached("published")
        return published


def empty(now: datetime) -> duckdb.DuckDBPyConnection:
    """A warehouse of this version's schema with nothing in it, in memory."""
    connection = duckdb.connect()
    _migrate(connection, 0, now)
    return connection


def _newest_commit(connection: duckdb.DuckDBPyConnection) -> tuple[int, str]:
    row = connection.execute("SELECT max(seq), any_value(store_id) FROM store_meta, store").fetchone()
    if row is None or row[0] is None:
        raise StoreError("the warehouse has no commit at all: it was not made by aispend")
    return row


def _migrations() -> dict[int, str]:
    """Version to SQL, oldest first."""
    found = (file for file in (files(__package__) / "migrations").iterdir() if file.name.endswith(".sql"))
    return {int(file.name[:4]): file.read_text(encoding="utf-8") for file in sorted(found, key=lambda f: f.name)}


def _migrate(connection: duckdb.DuckDBPyConnection, version: int, now: datetime) -> None:
    """Apply every migration after `version`, make the views anew, and record it, in one transaction."""
    connection.execute("BEGIN TRANSACTION")
    for number, sql in _migrations().items():
        if number > version:
            connection.execute(sql)
    connection.execute(views.made())
    connection.execute(
        "INSERT INTO store_meta SELECT coalesce(max(seq), 0) + 1, ?, ? FROM store_meta",
        [now.replace(tzinfo=None), known_schema()],
    )
    connection.execute("COMMIT")


def _version(connection: duckdb.DuckDBPyConnection) -> int:
    exists = connection.execute(
        "SELECT count(*) FROM information_schema.tables WHERE table_name = 'store_meta'"
    ).fetchone()
    if not exists or not exists[0]:
        return 0
    row = connection.execute("SELECT max(schema_version) FROM store_meta").fetchone()
    return row[0] if row else 0
