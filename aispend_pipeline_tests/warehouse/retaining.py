"""Expiry and compaction in a process of its own that kills itself at a named point."""

import os
import signal
from datetime import datetime
from pathlib import Path

from aispend_pipeline import points
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.warehouse import Warehouse
from aispend_pipeline.warehouse.compaction import Terms
from aispend_pipeline.warehouse.retention import expire
from aispend_pipeline_tests.warehouse.driver import run

# So that small stores are compacted too.
EVEN_SMALL = Terms(smallest=0, live=0.95)


def _die_at(point: str, nth: int) -> None:
    passed = 0

    def listener(reached: str) -> None:
        nonlocal passed
        passed += reached == point
        if passed == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    points.listener = listener


def expire_until_killed(home: Path, before: str, point: str, nth: str) -> None:
    _die_at(point, int(nth))
    expire(Warehouse(home, SystemClock()), datetime.fromisoformat(before), fetches_a_step=2, turn_of_others=0)


def compact_until_killed(home: Path, point: str) -> None:
    _die_at(point, 1)
    Warehouse(home, SystemClock()).compact(EVEN_SMALL)


if __name__ == "__main__":
    run({"expire": expire_until_killed, "compact": compact_until_killed})
