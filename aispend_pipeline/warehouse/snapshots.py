"""Published snapshots: immutable copies of the warehouse that readers open, and nothing else.

Each has a name of its own, since re-opening one path in a process that still has the old file open
gives the old data. `CURRENT` points at the newest.
"""

import json
import threading
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

import duckdb
import msgspec

from aispend_pipeline.errors import NothingPublished, Overloaded, StoreError, Trouble, resources_left

READ_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "enable_external_access": "false",
    "lock_configuration": "true",
    # A name in a question is a table's, never that of one of our own variables.
    "python_enable_replacements": "false",
    "threads": "1",
    # A question that needs more is refused; unbounded, DuckDB takes four fifths of the machine, then fills the disk.
    "memory_limit": "1GB",
    "temp_directory": "",
}
_TRIES = 5


@dataclass(frozen=True)
class Published:
    """A snapshot: its file's name, the commit it shows, when it was published (UTC, ISO), its schema."""

    file: str
    seq: int
    at: str
    schema_version: int
    store_id: str

    def text(self) -> str:
        """As `CURRENT` holds it."""
        return json.dumps(asdict(self))


def pointer(home: Path) -> Published | None:
    """The newest snapshot of `home`, none if nothing was published yet."""
    try:
        return msgspec.json.decode((home / "CURRENT").read_bytes(), type=Published)
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise StoreError(f"{home}: is a file, not a folder; set AISPEND_HOME to a folder", Trouble.MISSING) from None
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        if not resources_left(error):
            raise Overloaded from None
        raise StoreError(
            f"{home / 'CURRENT'}: cannot be read ({error}); remove it and run: aispend recompute"
        ) from None


def readable(home: Path) -> Published:
    """The newest snapshot of `home`, whose schema is the one that this version knows.

    Raises `NothingPublished` where there is none, `StoreError` when it cannot be told.
    """
    published = pointer(home)
    if published is None:
        if next((home / "snapshots").glob("*.duckdb"), None) is None:
            if (home / "warehouse.duckdb").exists():
                told = "the figures are there, but not published yet; run: aispend recompute"
                raise NothingPublished(f"{home}: {told}", Trouble.MISSING)
            raise NothingPublished(f"{home}: nothing was read yet; run: aispend ingest")
        raise NothingPublished(f"{home / 'CURRENT'}: is missing; run: aispend recompute", Trouble.MISSING)
    known = known_schema()
    if published.schema_version > known:
        newer = f"by a newer aispend (schema {published.schema_version}, this one knows {known})"
        raise NothingPublished(f"{home}: the figures were published {newer}; upgrade aispend", Trouble.NEWER)
    if published.schema_version < known:
        raise NothingPublished(
            f"{home}: the figures were published by an older version of aispend; run: aispend ingest", Trouble.OLDER
        )
    return published


@cache
def known_schema() -> int:
    """The newest schema that this version knows."""
    migrations = (file.name for file in (files(__package__) / "migrations").iterdir())
    return max(int(name[:4]) for name in migrations if name.endswith(".sql"))


@lru_cache(maxsize=8)
def snapshots_of(home: Path) -> "Snapshots":
    """One reader of `home` a process: opening a snapshot costs more than most questions to it."""
    return Snapshots(home)


class Snapshots:
    """One reader of the newest snapshot; safe to share between threads."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._open: tuple[Published, duckdb.DuckDBPyConnection] | None = None

    def current(self) -> tuple[Published, duckdb.DuckDBPyConnection]:
        """The newest snapshot and a cursor of its own on it: all of one answer comes from one cursor.

        Raises `NothingPublished` before the first snapshot of this version's schema.
        """
        with self._lock:
            published, connection = self._newest()
            return published, connection.cursor()

    def _newest(self) -> tuple[Published, duckdb.DuckDBPyConnection]:
        for _ in range(_TRIES):
            published = readable(self._home)
            if self._open is not None and self._open[0] == published:
                return self._open
            file = self._home / "snapshots" / published.file
            try:
                connection = duckdb.connect(str(file), read_only=True, config=READ_CONFIG)
            except duckdb.IOException as error:
                if not resources_left(error):
                    raise Overloaded from None
                if file.exists():
                    raise StoreError(f"{file}: the snapshot is damaged; run: aispend recompute") from None
                continue  # a newer one was published and this one removed, between two lines above
            # The old connection is not closed here: cursors of running answers keep it alive.
            self._open = published, connection
            return self._open
        raise StoreError(missing(self._home), Trouble.MISSING)


def missing(home: Path) -> str:
    """Of a snapshot that `CURRENT` names and nobody has."""
    return f"{home}: the published snapshot is missing; run: aispend recompute"
