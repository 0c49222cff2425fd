"""The folder of one installation, and the small file operations that survive a power cut."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aispend_pipeline.errors import StoreError, Trouble


def prepare(home: Path) -> None:
    """Make `home` if it is missing, for its owner alone; `StoreError` if it cannot be used."""
    try:
        if home.is_symlink() and not home.exists():
            nowhere = "a link that leads nowhere; mend it, or set AISPEND_HOME to another folder"
            raise StoreError(f"{home}: {nowhere}", Trouble.MISSING)
        if home.exists() and not home.is_dir():
            raise StoreError(f"{home}: is a file, not a folder; set AISPEND_HOME to a folder", Trouble.NOT_WRITABLE)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home / "snapshots").mkdir(mode=0o700, exist_ok=True)
        if not os.access(home, os.W_OK | os.X_OK, effective_ids=True):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        told = f"{home}: cannot be written ({error.strerror}); set AISPEND_HOME to another folder"
        raise StoreError(told, trouble_of(error)) from None


@contextmanager
def told_of_trouble(home: Path) -> Iterator[None]:
    """Turn trouble with the folder into one line."""
    try:
        yield
    except OSError as error:
        told = f"{home}: {error.strerror or error}; free some space or mend the folder"
        raise StoreError(told, trouble_of(error)) from None


def trouble_of(error: OSError) -> Trouble:
    """What the system's word comes to."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return Trouble.FULL
    return Trouble.MISSING if error.errno == errno.ENOENT else Trouble.NOT_WRITABLE


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def copy_durably(source: Path, target: Path) -> None:
    """Copy `source` to `target`, which appears whole or not at all."""
    temporary = target.with_name(f".{target.name}.tmp")
    shutil.copyfile(source, temporary)
    settle(temporary, target)


def write_durably(target: Path, text: str) -> None:
    """Replace `target`'s text, whole or not at all."""
    temporary = target.with_name(f".{target.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    settle(temporary, target)


def settle(temporary: Path, target: Path) -> None:
    """Give a file that is written and closed its name, whoever had it before, for good."""
    descriptor = os.open(temporary, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(target)
    sync_folder(target.parent)
