"""What ails an SQLite file, by the error that it gives, and what to do about it."""

import sqlite3

from aispend_pipeline.errors import StoreError, Trouble

_TROUBLES = {
    sqlite3.SQLITE_BUSY: Trouble.LOCKED,
    sqlite3.SQLITE_LOCKED: Trouble.LOCKED,
    sqlite3.SQLITE_FULL: Trouble.FULL,
    sqlite3.SQLITE_READONLY: Trouble.NOT_WRITABLE,
    sqlite3.SQLITE_CANTOPEN: Trouble.NOT_WRITABLE,
    sqlite3.SQLITE_PERM: Trouble.NOT_WRITABLE,
    # Even who reads has to make room beside the file.
    sqlite3.SQLITE_IOERR_SHMSIZE: Trouble.FULL,
    sqlite3.SQLITE_IOERR_SHMOPEN: Trouble.FULL,
    sqlite3.SQLITE_IOERR_WRITE: Trouble.FULL,
    sqlite3.SQLITE_IOERR_FSYNC: Trouble.FULL,
}


def trouble_of(error: BaseException | None) -> Trouble:
    """In a word; whatever has no word of its own is damage."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return _TROUBLES.get(code) or _TROUBLES.get(code & 0xFF, Trouble.DAMAGED)  # above the low byte is detail


def unusable(file: object, error: BaseException | None, otherwise: str) -> StoreError:
    """One line about `file`; `otherwise` is the remedy of what is damaged."""
    trouble = trouble_of(error)
    match trouble:
        case Trouble.LOCKED:
            return StoreError(f"{file}: is locked by another process; end that, or try again when it is done", trouble)
        case Trouble.NOT_WRITABLE:
            return StoreError(f"{file}: cannot be opened ({error}); let this user read and write it", trouble)
        case Trouble.FULL:
            return StoreError(f"{file}: cannot be used ({error}); free some space", trouble)
        case _:
            return StoreError(f"{file}: cannot be used ({error}); {otherwise}", trouble)
