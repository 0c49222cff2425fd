"""How each store is, told cheaply: from names, sizes and first bytes, never from opening the warehouse.

Nothing is made or changed, and no database is waited for longer than `PATIENCE_SECONDS`. What is found inside the
snapshot and the state database while they are read is told by whoever reads them.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from aispend_pipeline.errors import Overloaded, StoreError, Trouble
from aispend_pipeline.health.dagster_files import PREPARING, dagster_folder, files_of
from aispend_pipeline.health.duckdb_header import Header, header
from aispend_pipeline.health.reasons import Kind, Reason
from aispend_pipeline.health.sqlite_look import tables_in
from aispend_pipeline.settings import Settings
from aispend_pipeline.state.database import KEEPS_BESIDE, REMEDY
from aispend_pipeline.warehouse import folder, lock
from aispend_pipeline.warehouse.opening import newest_copy, restoring
from aispend_pipeline.warehouse.snapshots import missing, pointer, readable

# How long a lock of somebody else's is waited for: an answer about health must come while somebody wants to know.
PATIENCE_SECONDS = 0.5
# A writer is done within seconds, and one that writes the whole file anew within minutes.
LONG_WRITE = timedelta(minutes=10)
# Publishing copies the warehouse; this much more is for what is written meanwhile.
ROOM_TO_WRITE = 32 * 1024**2
# With less than this not even a commit of the state database is sure.
NO_ROOM = 4 * 1024**2
WITHOUT_DAGSTER = "nothing is read on schedule, no figure is lost; end aispend up, move it away, and start it again"
_TRIES = 5


class Store(StrEnum):
    """What the installation keeps, and the disk on which there must be room for it."""

    DISK = "disk"
    SNAPSHOT = "snapshot"  # what readers read
    WAREHOUSE = "warehouse"
    STATE = "state"
    DAGSTER = "dagster"


@dataclass(frozen=True)
class Looked:
    """How one store was found: well without a `trouble`; else `detail` is one line for a person."""

    store: Store
    trouble: Trouble | None = None
    detail: str | None = None

    def reason(self) -> Reason | None:
        """Why not all is well with it; nothing is wrong with what was not needed yet, but for figures."""
        if self.detail is None or (self.trouble is Trouble.NOT_MADE and self.store is not Store.SNAPSHOT):
            return None
        passing = self.trouble is Trouble.NEARLY_FULL or (self.trouble is Trouble.LOCKED and self.store in _WORKED_ON)
        return Reason(Kind.WAITS if passing else Kind.UNUSABLE, self.detail)


# That somebody else writes to these is as it should be; only for how long may be a trouble.
_WORKED_ON = (Store.WAREHOUSE, Store.DAGSTER)


def look(settings: Settings, now: datetime) -> list[Looked]:
    """How every store of the installation is at `now`. It never raises."""
    home = settings.home
    looks: Mapping[Store, Callable[[], None]] = {
        Store.DISK: lambda: look_at_disk(home),
        Store.SNAPSHOT: lambda: look_at_snapshot(home),
        Store.WAREHOUSE: lambda: look_at_warehouse(home, now),
        Store.STATE: lambda: look_at_state(home),
        Store.DAGSTER: lambda: look_at_dagster(settings),
    }
    return [looked(store, ask, home) for store, ask in looks.items()]


def looked(store: Store, ask: Callable[[], None], home: Path) -> Looked:
    """What came of a look, which raises where all is not well."""
    try:
        _expect_a_handle()
        ask()
    except StoreError as error:
        return Looked(store, error.trouble, str(error))
    except OSError as error:
        told = f"{error.filename or home}: {error.strerror or error}; let this user read it, or mend the folder"
        return Looked(store, folder.trouble_of(error), told)
    return Looked(store)


def _expect_a_handle() -> None:
    """Raises `Overloaded` where nothing can be opened at all: no store is to blame for that."""
    try:
        Path(os.devnull).open("rb").close()
    except OSError:
        raise Overloaded from None


def look_at_snapshot(home: Path) -> None:
    """Raises `StoreError` where the published snapshot cannot be read, or is not there any more."""
    for _ in range(_TRIES):
        file = home / "snapshots" / readable(home).file
        if file.exists():
            if header(file) is None:
                raise StoreError(f"{file}: the snapshot is damaged; run: aispend recompute")
            return
    raise StoreError(missing(home), Trouble.MISSING)  # and no newer one was published meanwhile


def look_at_warehouse(home: Path, now: datetime) -> None:
    """Raises `StoreError` where the warehouse is missing, plainly damaged, or held by one writer for very long."""
    file = home / "warehouse.duckdb"
    if not file.exists():
        if newest_copy(file):
            raise StoreError(f"{file}: is missing; {restoring(file)}", Trouble.MISSING)
        raise StoreError("no warehouse yet", Trouble.NOT_MADE)
    # A file that DuckDB has open for writing must not be closed by others of the same process: its lock would go.
    with lock.kept_free(home / "writer.lock") as holder:
        if holder is None:
            _look_into_warehouse(file, home)
    if holder is not None and now - holder.since > LONG_WRITE:
        minutes = (now - holder.since) // timedelta(minutes=1)
        told = f"process {holder.process} has been writing for {minutes} minutes; look what it does, and end it"
        raise StoreError(f"{file}: {told}", Trouble.LOCKED)


def _look_into_warehouse(file: Path, home: Path) -> None:
    found = header(file)
    if found is None:
        raise StoreError(f"{file}: is no DuckDB file; {restoring(file)}")
    copy = _header_of_copy(home)
    if copy is not None and found.lost_its_end(copy):
        raise StoreError(f"{file}: has lost its end; {restoring(file)}")


def _header_of_copy(home: Path) -> Header | None:
    """Of the published copy, none if there is none, or nobody knows where."""
    with suppress(StoreError, OSError):
        published = pointer(home)
        return None if published is None else header(home / "snapshots" / published.file)
    return None


def look_at_state(home: Path) -> None:
    """Raises `StoreError` where the state database cannot be read, or only what SQLite keeps beside it is left."""
    file = home / "state.sqlite"
    if file.exists():
        tables_in(file, PATIENCE_SECONDS, REMEDY)
    elif any(file.with_name(file.name + end).exists() for end in KEEPS_BESIDE):
        told = "is missing, and its log is left; restore it from a backup, or remove the log: a new one is made"
        raise StoreError(f"{file}: {told}", Trouble.MISSING)
    else:
        raise StoreError("no state database yet", Trouble.NOT_MADE)


def look_at_dagster(settings: Settings) -> None:
    """Raises `StoreError` where Dagster's storage cannot be read; a server's is not looked at."""
    if not (settings.home / PREPARING).exists():
        raise StoreError("no storage of Dagster's yet", Trouble.NOT_MADE)
    for file in files_of(dagster_folder(settings)):
        if not file.exists() or (file.suffix == ".db" and not tables_in(file, PATIENCE_SECONDS, WITHOUT_DAGSTER)):
            told = "is missing, and with it what Dagster knew of runs; no figure depends on it"
            raise StoreError(f"{file}: {told}; start aispend up again, which makes it anew", Trouble.MISSING)


def look_at_disk(home: Path) -> None:
    """Raises `StoreError` where there is no room, or none to publish in. A home that is not there yet has room."""
    if not home.is_dir():
        return
    free = shutil.disk_usage(home).free
    file = home / "warehouse.duckdb"
    needed = (file.stat().st_size if file.exists() else 0) + ROOM_TO_WRITE
    if free < NO_ROOM:
        raise StoreError(f"{home}: the disk is full ({_mib(free)} free); free {_mib(needed)}", Trouble.FULL)
    if free < needed:
        told = f"{_mib(free)} are free, and publishing may need {_mib(needed)}; free some space"
        raise StoreError(f"{home}: {told}", Trouble.NEARLY_FULL)


def _mib(size: int) -> str:
    return f"{size / 1024**2:.0f} MiB"


def reasons(of: list[Looked]) -> Iterator[Reason]:
    """Why not all is well with the stores."""
    yield from (reason for one in of if (reason := one.reason()) is not None)
