"""Opens the warehouse's file for writing, and says in one line why it cannot be opened, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from aispend_pipeline.errors import StoreError, Trouble

DUCKDB_VERSION = "1.5.5"  # a file of another version's defaults may not open here
WRITE_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    # Without it older versions' storage is written, which packs long text not at all.
    "storage_compatibility_version": f"v{DUCKDB_VERSION.rsplit('.', 1)[0]}.0",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "memory_limit": "400MB",
    "threads": "2",
}


# How DuckDB words what it finds only when it reads a block.
_SIGNS_OF_DAMAGE = ("Corrupt database file", "Could not read enough bytes")
# How it words what is no damage, when it opens a file.
_NO_DAMAGE = (
    ("Could not set lock", Trouble.LOCKED, "close the program that has it open"),
    ("Permission denied", Trouble.NOT_WRITABLE, "let this user read and write it"),
    ("Read-only file system", Trouble.NOT_WRITABLE, "set AISPEND_HOME to a disk that can be written"),
    ("Too many open files", Trouble.NOT_WRITABLE, "end some programs, or raise the limit (ulimit -n)"),
    ("No space left", Trouble.FULL, "free some space and run the command again"),
)


@contextmanager
def connected(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """`file` open for writing; rolled back and closed however the block ends."""
    if file.stat().st_size == 0:
        raise StoreError(damaged(file, "the file is empty"))
    try:
        connection = duckdb.connect(str(file), config=WRITE_CONFIG)
    except (duckdb.Error, RuntimeError) as error:
        raise _not_opened(file, str(error).partition("\n")[0][:300]) from None
    try:
        connection.execute("SET enable_progress_bar = false")
        yield connection
    except duckdb.Error as error:
        told = str(error).partition("\n")[0][:300]
        if any(sign in told for sign in _SIGNS_OF_DAMAGE):
            raise StoreError(damaged(file, told)) from error
        if "Could not write file" in told:
            full = f"{file}: {told}; free some space and run the command again"
            raise StoreError(full, Trouble.FULL) from error
        raise StoreError(f"{file}: {told}") from error
    except RuntimeError as error:  # of what a signal raises inside a query DuckDB makes one of its own
        if error.__cause__ is None or isinstance(error.__cause__, Exception):
            raise
        raise error.__cause__ from None
    finally:
        with suppress(duckdb.Error):
            connection.rollback()
        connection.close()


def _not_opened(file: Path, told: str) -> StoreError:
    """Damage, unless DuckDB says otherwise: nobody shall restore a file that is only in use, or not theirs to open."""
    for sign, trouble, remedy in _NO_DAMAGE:
        if sign in told:
            return StoreError(f"{file}: cannot be opened ({told}); {remedy}", trouble)
    return StoreError(damaged(file, told))


def damaged(file: Path, why: str) -> str:
    """What is said of the warehouse `file` when it cannot be opened."""
    return f"{file}: cannot be opened ({why}); nothing was changed; {restoring(file)}"


def newest_copy(file: Path) -> Path | None:
    """The newest snapshot of the warehouse `file`, published or not."""
    return max((file.parent / "snapshots").glob("*.duckdb"), default=None)


def restoring(file: Path) -> str:
    """How a person restores the warehouse `file`."""
    newest = newest_copy(file)
    return f"restore it: cp {newest} {file} && rm -f {file}.wal" if newest else "restore it from a backup"


def holds_anything(file: Path) -> bool:
    """Whether there is such a file, with something in it."""
    return file.exists() and file.stat().st_size > 0
