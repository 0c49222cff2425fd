"""The writer's lock: one process at a time, freed by the kernel when its holder dies."""

import fcntl
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aispend_pipeline.errors import StoreBusy


@contextmanager
def held(file: Path, timeout: float) -> Iterator[None]:
    """Hold `file`'s lock; `StoreBusy`, naming the holder, after `timeout` seconds of waiting.

    The descriptor is not inherited, so a child process cannot keep the lock alive.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(descriptor, file, timeout)
        with suppress(OSError):  # the name is for people; a full disk must not refuse the lock
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, file: Path, timeout: float) -> None:
    waited = 0.0
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waited >= timeout:
                holder = os.pread(descriptor, 32, 0).decode("ascii", "replace") or "unknown"
                raise StoreBusy(
                    f"{file}: process {holder} has been writing for over {timeout:.0f} s; try again when it is done"
                ) from None
            pause = random.uniform(0.01, 0.05)  # noqa: S311 - jitter
            time.sleep(pause)
            waited += pause
        else:
            return
