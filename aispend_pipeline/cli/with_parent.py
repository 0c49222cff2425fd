"""Becomes the program that its arguments name, which is asked to end when the process dies that started it.

Without it a killed `aispend up` would leave Dagster's processes behind, with their port.
"""

import ctypes
import os
import signal
import sys

_SET_PARENT_DEATH_SIGNAL = 1


def run() -> None:
    """Where the system has no such thing, it is only the program."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 - a program of ours, and no shell


if __name__ == "__main__":
    run()
