"""Writes the warehouse's file anew where most of it is room of what was removed: DuckDB never gives that back.

Whoever calls holds the writer's lock. A process that dies on the way leaves the old file as it was, and a new one
beside it that the next compaction removes.
"""

import shutil
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import duckdb

from aispend_pipeline import points
from aispend_pipeline.errors import StoreError
from aispend_pipeline.log import log
from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse import folder


class Terms(NamedTuple):
    """When compaction pays: sizes in bytes, `live` the share of the file that is in use."""

    smallest: int = 16 * 1024 * 1024
    live: float = 0.5
    spare: int = 64 * 1024 * 1024  # what must be left of the disk beside the new file


TERMS = Terms()


def written_anew(connection: duckdb.DuckDBPyConnection, file: Path, now: datetime, terms: Terms) -> Path | None:
    """A checked copy of `file`, which `connection` has open, one commit ahead of it; none where it does not pay.

    The copy is one commit ahead so that it is published under a name of its own. Raises `StoreError`, with nothing
    changed, where it is not what the file is.
    """
    new = file.with_name(f".{file.name}.compacted")
    _remove(new)
    connection.execute("CHECKPOINT")
    if not _pays(connection, file, terms) or not _fits(file, terms):
        return None
    try:
        _copy(connection, new, now)
    except BaseException:
        _remove(new)
        raise
    return new


def put_in_place(new: Path, file: Path) -> None:
    """Let `new` be `file` from now on; both are closed."""
    for wal in (one.with_name(f"{one.name}.wal") for one in (new, file)):
        if wal.exists() and wal.stat().st_size:
            raise StoreError(f"{wal}: not empty although the file is closed; run the command again")
    log.info("compacted", bytes_before=file.stat().st_size, bytes_after=new.stat().st_size)
    points.reached("before_replaced")
    folder.settle(new, file)
    points.reached("replaced")


def _remove(new: Path) -> None:
    for left in new.parent.glob(f"{new.name}*"):
        left.unlink()


def _pays(connection: duckdb.DuckDBPyConnection, file: Path, terms: Terms) -> bool:
    (live,) = connection.execute(statement("warehouse", "live_share")).fetchone() or (1.0,)
    return file.stat().st_size >= terms.smallest and live < terms.live


def _fits(file: Path, terms: Terms) -> bool:
    free, needed = shutil.disk_usage(file.parent).free, file.stat().st_size + terms.spare
    if free < needed:
        log.warning("compaction.skipped", free=free, needed=needed)
    return free >= needed


def _copy(connection: duckdb.DuckDBPyConnection, new: Path, now: datetime) -> None:
    (own,) = connection.execute("SELECT current_database()").fetchone() or ("",)
    connection.execute(f"ATTACH '{str(new).replace(chr(39), chr(39) * 2)}' AS compacted")
    connection.execute(f'COPY FROM DATABASE "{own}" TO compacted')
    points.reached("copied")
    was, now_is = _contents(connection, own), _contents(connection, "compacted")
    if was != now_is:
        wrong = ", ".join(sorted(name for name in was | now_is if was.get(name) != now_is.get(name)))
        raise StoreError(f"{new}: the copy differs from the store in {wrong}; nothing was changed")
    connection.execute(statement("warehouse", "number_copy"), {"now": now.replace(tzinfo=None)})
    connection.execute("CHECKPOINT compacted")
    connection.execute("DETACH compacted")


def _contents(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, tuple[int, int]]:
    """By table, how many rows there are, and a sum over all of each row."""
    tables = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND NOT temporary", [database]
    ).fetchall()
    found = {}
    for (name,) in tables:
        sums = f'SELECT count(*), coalesce(sum(hash(one)), 0) FROM "{database}"."{name}" AS one'  # noqa: S608 - ours
        found[name] = connection.execute(sums).fetchone() or (0, 0)
    return found
