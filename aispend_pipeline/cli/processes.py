"""Processes beside a command: one that ends is started again, and given up, loudly, when that does not help."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from aispend_pipeline.clock import Clock
from aispend_pipeline.relay import ADDRESS

_WITH_PARENT = "aispend_pipeline.cli.with_parent"
_WELL = "exit code 0"

Process = subprocess.Popen[bytes]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Child:
    """A program beside a command: how people call it, how it is called, and what is not done while it is away.

    It writes to the log, or on the screen if it is `shown`. What is done `once` ends by itself.
    """

    name: str
    command: Sequence[str]
    undone: str
    shown: bool = False
    once: bool = False


@dataclass(frozen=True)
class Place:
    """Where children run: their environment, beside what there is; their folder; the file that they write to.

    The folder should hold no `.env`: Dagster copies one that is there into its environment.
    """

    environment: Mapping[str, str]
    folder: Path
    log: Path


@dataclass(frozen=True)
class Patience:
    """Seconds: before each new start, after how long one that runs counts as well, to end, and between two looks."""

    waits: Sequence[float] = (1, 2, 4, 8, 16)
    well: float = 600
    # With what else there is to end, well within the half minute that systemd gives.
    stop: float = 7
    look: float = 0.1


PATIENCE = Patience()


@contextmanager
def kept(
    children: Sequence[Child],
    place: Place,
    clock: Clock,
    tell: Tell,
    given_up: Tell = lambda line: None,
    patience: Patience = PATIENCE,
) -> Iterator[None]:
    """Run `children` while the block runs; they end with it, with all that they started.

    `tell` is told, a line each, of every one that ended; `given_up` too of one that is not started again.
    """
    over = threading.Event()

    def keep(child: Child) -> None:
        for line in _ends(child, place, clock, over, patience):
            tell(line)
        if not (child.once or over.is_set()):
            given_up(line)

    # The system ends a child with the thread that started it.
    threads = [threading.Thread(target=keep, args=(child,), name=child.name, daemon=True) for child in children]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _ends(child: Child, place: Place, clock: Clock, over: threading.Event, patience: Patience) -> Iterator[str]:
    """Run `child` until it is `over`, or there is no point any more: a line for each time that it ended before."""
    failed = 0
    while True:
        began = clock.monotonic()
        how = _ran(child, place, over, patience)
        if over.is_set():
            return
        if child.once:
            if how != _WELL:
                yield f"{child.name} ended ({how}): {child.undone}"
            return
        failed = 0 if clock.monotonic() - began >= patience.well else failed
        if failed == len(patience.waits):
            break
        wait = patience.waits[failed]
        yield f"{child.name} ended ({how}), and is started again in {wait:g} s; {place.log} may say why"
        if over.wait(wait):
            return
        failed += 1
    times = f"{failed + 1} times in a row"
    yield f"{child.name} ended {times} ({how}) and is given up: {child.undone}; see {place.log}, mend it, start again"


def _ran(child: Child, place: Place, over: threading.Event, patience: Patience) -> str:
    """Run it once, until it ends or is over, and then end whatever it started; how it ended."""
    try:
        process = _started(child, place)
    except OSError as error:
        return f"it cannot be started: {error.strerror}"
    try:
        while process.poll() is None and not over.wait(patience.look):
            pass
        code = process.poll()
    finally:
        _end(process, patience)
    return f"exit code {code}" if code is None or code >= 0 else signal.Signals(-code).name


def _started(child: Child, place: Place) -> Process:
    """In a group of its own: Ctrl-C reaches us alone, and we end it with everything that it started."""
    program, *arguments = child.command
    with place.log.open("ab") as log:
        output = None if child.shown else log
        seen = {ADDRESS: ""} if child.shown else {}
        return subprocess.Popen(
            [sys.executable, "-m", _WITH_PARENT, str(Path(sys.executable).parent / program), *arguments],
            env={**os.environ, **place.environment, **seen},
            cwd=place.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _end(process: Process, patience: Patience) -> None:
    """Ask every process of the group to end, so that a run can still say that it was interrupted; then make them."""
    _signal(process, signal.SIGTERM)
    waited = 0.0
    while waited < patience.stop and _alive(process):
        time.sleep(patience.look)
        waited += patience.look
    _signal(process, signal.SIGKILL)
    process.wait()


def _alive(process: Process) -> bool:
    """Whether it or anything that it started still runs."""
    process.poll()  # one that has ended is in its group until it was asked for
    return _signal(process, 0)


def _signal(process: Process, number: int) -> bool:
    """Send a signal to a process and all that it started; false if none of them is left."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
        return True
    return False
