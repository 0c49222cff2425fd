"""Waiting for what another thread or process does: never longer than a test may hang."""

import os
import select
import subprocess
import time
from collections.abc import Callable


def until(come: Callable[[], bool], seconds: float = 120, every: float = 0.01) -> None:
    """Wait until something has come; only what is broken takes that long."""
    ends = time.monotonic() + seconds
    while not come():
        assert time.monotonic() < ends, f"it has not come in {seconds} s"
        time.sleep(every)


def first_line(process: subprocess.Popen, start: str = "", seconds: float = 60) -> str:
    """The first line that it prints with this `start`, with its end; empty if it ends before.

    It is read byte by byte: what a buffer held would not be seen to be there.
    """
    ends, line = time.monotonic() + seconds, b""
    while select.select([process.stdout], [], [], max(0.0, ends - time.monotonic()))[0]:
        byte = os.read(process.stdout.fileno(), 1)
        line += byte
        if not byte or (byte == b"\n" and line.startswith(start.encode())):
            return line.decode()
        line = b"" if byte == b"\n" else line
    raise AssertionError(f"it has not said {start!r} in {seconds} s, only {line!r}")
