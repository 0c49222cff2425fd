"""Can the home be used? Nothing is made in it but the folder itself, and no lock of a writer is needed."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb

from aispend_pipeline.doctor.findings import Finding, Level
from aispend_pipeline.errors import NothingPublished, StoreError
from aispend_pipeline.state.database import state_of
from aispend_pipeline.warehouse import Snapshots, folder

_ABOUT = "home"
_GIB = 1024**3
# The warehouse is copied whole at each publishing, so that room for some copies is needed.
LEAST_FREE = 1 * _GIB
# Bytes 8 to 12 of every DuckDB file.
_MAGIC = b"DUCK"


def examine(home: Path) -> Iterator[Finding]:
    """Folder, free space, state database, warehouse and newest snapshot; only the first where that fails."""
    try:
        folder.prepare(home)
        yield _free_space(home)
    except StoreError as error:
        yield Finding(Level.FAIL, _ABOUT, str(error))
        return
    except OSError as error:
        yield Finding(Level.FAIL, _ABOUT, f"{home}: {error.strerror}; set AISPEND_HOME to another folder")
        return
    for check in (_state, _warehouse, _snapshot):
        try:
            yield Finding(Level.OK, _ABOUT, check(home))
        except (StoreError, OSError) as error:
            yield Finding(Level.FAIL, _ABOUT, str(error))


def _free_space(home: Path) -> Finding:
    free = shutil.disk_usage(home).free
    text = f"{home}: can be written, {free / _GIB:.1f} GiB free"
    if free < LEAST_FREE:
        return Finding(Level.NOTE, _ABOUT, f"{text}; free some space, or set AISPEND_HOME to another disk")
    return Finding(Level.OK, _ABOUT, text)


def _state(home: Path) -> str:
    """Open the state database if there is one."""
    if not (home / "state.sqlite").exists():
        return "no state database yet"
    with state_of(home).transaction():
        return "the state database opens"


def _warehouse(home: Path) -> str:
    """Look at the warehouse's first bytes: opening it would get in a writer's way."""
    file = home / "warehouse.duckdb"
    snapshots = sorted((home / "snapshots").glob("*.duckdb"))
    remedy = f"restore it: cp {snapshots[-1]} {file} && rm -f {file}.wal" if snapshots else "restore it from a backup"
    if not file.exists():
        if snapshots:
            raise StoreError(f"{file}: is missing; {remedy}")
        return "no warehouse yet"
    with file.open("rb") as opened:
        if opened.read(12)[8:] != _MAGIC:
            raise StoreError(f"{file}: is no DuckDB file; {remedy}")
    return "the warehouse is there"


def _snapshot(home: Path) -> str:
    """Read from the newest snapshot."""
    try:
        published, cursor = Snapshots(home).current()
        cursor.execute("SELECT count(*) FROM coverage")
    except NothingPublished:
        return "nothing was read yet; the next step is: aispend ingest"
    except duckdb.Error as error:
        told = str(error).partition("\n")[0][:200]
        raise StoreError(f"{home}: the snapshot cannot be read ({told}); run: aispend recompute") from None
    return f"the figures can be read, as of {published.at}"
