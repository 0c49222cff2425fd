"""What tests run in processes of their own: `started(part, home, ...)`."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from aispend_pipeline.model import Window
from aispend_pipeline.state.call_budget import CallBudget
from aispend_pipeline.state.database import State
from aispend_pipeline.state.waiting import WaitingDays

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
FEED = ("anthropic_costs", "default")


@contextmanager
def started(part: str, home: Path, *arguments: str) -> Iterator[subprocess.Popen]:
    """A process that runs `part` once its standard input is closed; it is dead when the block ends."""
    with subprocess.Popen(
        [sys.executable, "-m", f"{__package__}.driver", part, str(home), *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def take(home: Path, calls_per_hour: str, tries: str) -> None:
    """Try to make so many calls, all at the same instant, and tell how many were."""
    budget = CallBudget(State(home), "anthropic", "default", int(calls_per_hour))
    print(sum(budget.take(NOW) is None for _ in range(int(tries))))


def wait(home: Path, first: str, last: str) -> None:
    """Note days one after the other, and remove every second one again."""
    waiting = WaitingDays(State(home))
    for day in Window(date.fromisoformat(first), date.fromisoformat(last)).days():
        waiting.add([(FEED, Window(day, day))])
        if day.day % 2 == 0:
            waiting.remove([(FEED, Window(day, day))])
    print("noted")


def die(home: Path) -> None:
    """Die in the middle of a transaction that took a call and noted a day."""
    state = State(home)
    with state.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM waiting")
        connection.exec_driver_sql("DELETE FROM call_budget")
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sys.stdin.read()
    {"take": take, "wait": wait, "die": die}[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
