"""Faults of storage for tests of a running service: each is there while its block runs, and then all is as before."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from aispend_pipeline.health.dagster_files import PREPARING
from aispend_pipeline.state.database import State
from aispend_pipeline.state.waiting import WaitingDays

RUNS = "dagster/history/runs.db"
Fault = Callable[[Path], Iterator[None]]


def with_every_store(home: Path) -> None:
    """Make what an installation has besides its figures: the state database, and what Dagster keeps."""
    state = State(home)
    WaitingDays(state).add([])
    state.close()
    for name in (RUNS, "dagster/history/runs/index.db", "dagster/schedules/schedules.db"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(home / name)) as connection:
            connection.execute("CREATE TABLE something (id INTEGER)")
    for name in (PREPARING, "dagster/dagster.yaml"):
        (home / name).touch()


def snapshot(home: Path) -> Path:
    """The published one."""
    return home / "snapshots" / json.loads((home / "CURRENT").read_text())["file"]


@contextmanager
def changed(file: Path, change: Callable[[bytes], bytes]) -> Iterator[None]:
    """The file's content is another one, in a file of its own as after a copy."""
    kept = file.with_name(f"{file.name}.kept")
    shutil.copy(file, kept)
    file.unlink()
    file.write_bytes(change(kept.read_bytes()))
    try:
        yield
    finally:
        kept.replace(file)


@contextmanager
def gone(path: Path) -> Iterator[None]:
    """A file or folder is missing."""
    kept = path.with_name(f"{path.name}.kept")
    path.rename(kept)
    try:
        yield
    finally:
        if path.is_dir():
            shutil.rmtree(path)
        kept.replace(path)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another connection has an SQLite file for itself."""
    with closing(sqlite3.connect(file, isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode=EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        yield


@contextmanager
def of_schema(home: Path, by: int) -> Iterator[None]:
    """The newest snapshot was published by a version whose schema is `by` ahead of ours."""
    current = json.loads((home / "CURRENT").read_text())
    other = json.dumps({**current, **{name: current[name] + by for name in ("schema_version", "seq")}}).encode()
    with changed(home / "CURRENT", lambda _: other):
        yield


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def garbage_header(content: bytes) -> bytes:
    return b"\x99" * 4096 + content[4096:]


def rubbish(_: bytes) -> bytes:
    return b"no database at all\n" * 1000
