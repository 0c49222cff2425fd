"""Locks of one process at a time, freed by the kernel when their holder dies: the writer's, and others'."""

import fcntl
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from aispend_pipeline.errors import StoreBusy
from aispend_pipeline.warehouse import folder


class Holder(NamedTuple):
    """Who has a lock: the number of a process, if it could write it down, and since when, UTC."""

    process: str
    since: datetime


def busy_writing(file: Path, holder: str, timeout: float) -> str:
    """What is said of a writer's lock that could not be had."""
    return f"{file}: process {holder} has been writing for over {timeout:.0f} s; try again when it is done"


@contextmanager
def held(file: Path, timeout: float, busy: Callable[[Path, str, float], str] = busy_writing) -> Iterator[int]:
    """Hold `file`'s lock; `StoreBusy`, naming the holder as `busy` words it, after `timeout` seconds of waiting.

    The descriptor is not inherited: only a child process that it is passed on to keeps the lock alive. Raises
    `StoreError` where the file cannot be made.
    """
    with folder.told_of_trouble(file.parent):
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(descriptor, file, timeout, busy)
        with suppress(OSError):  # the name is for people; a full disk must not refuse the lock
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def kept_free(file: Path) -> Iterator[Holder | None]:
    """While the block runs nobody can come to hold `file`'s lock; where somebody does, says who.

    It is for looks that are over at once: whoever wants the lock meanwhile waits for a few hundredths of a second.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # nobody ever held it
        yield None
        return
    try:
        yield _holder(descriptor)
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> Holder | None:
    """Share the lock; or say who has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return Holder(_name(descriptor), datetime.fromtimestamp(os.fstat(descriptor).st_mtime, UTC))
    return None


def _name(descriptor: int) -> str:
    return os.pread(descriptor, 32, 0).decode("ascii", "replace") or "unknown"


def _acquire(descriptor: int, file: Path, timeout: float, busy: Callable[[Path, str, float], str]) -> None:
    waited = 0.0
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waited >= timeout:
                raise StoreBusy(busy(file, _name(descriptor), timeout)) from None
            pause = random.uniform(0.01, 0.05)  # noqa: S311 - jitter
            time.sleep(pause)
            waited += pause
        else:
            return
