"""Loaded first by every process of a test: its clock may be ahead of the machine's, and it may have to die or to wait.

What is to happen is in files of the folder `FATE`: `ahead` has seconds; at the point of `die-at-POINT` one process, the
first that comes there, kills itself; at that of `meet-at-POINT` each waits for as long as the file is there.
"""

import os
import signal
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aispend_pipeline import points
from aispend_pipeline.clock import SystemClock

FATE = Path(os.environ["FATE"])


def now(_: SystemClock) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=float((FATE / "ahead").read_text()))


def reached(point: str) -> None:
    _meet(point)
    with suppress(FileNotFoundError):
        (FATE / f"die-at-{point}").rename(FATE / f"died-at-{point}")
        os.kill(os.getpid(), signal.SIGKILL)


def _meet(point: str) -> None:
    gate = FATE / f"meet-at-{point}"
    if gate.exists():
        (FATE / f"came-{os.getpid()}").touch()
        while gate.exists():
            time.sleep(0.002)


SystemClock.now = now
points.listener = reached
