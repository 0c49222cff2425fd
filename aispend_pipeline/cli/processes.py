"""Dagster's own processes beside a command: its UI, and the daemon that runs the schedule and the sensor."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from aispend_pipeline.assets.tags import MODULE
from aispend_pipeline.errors import AispendError, UsageError

_WITH_PARENT = "aispend_pipeline.cli.with_parent"
_READY_SECONDS = 60.0
# With what else there is to end, all of it within ten seconds.
_STOP_SECONDS = 7.0

Process = subprocess.Popen[bytes]


@contextmanager
def dagster(host: str, port: int, environment: Mapping[str, str], folder: Path, log: Path) -> Iterator[str]:
    """The address of Dagster's UI while it and the daemon run; both end with the block, with all that they started.

    They write to `log`, and run in `folder`: Dagster copies a `.env` that is there into their environment.
    """
    _refuse_taken(host, port)
    commands = (
        ["dagster-webserver", "-m", MODULE, "-h", host, "-p", str(port)],
        ["dagster-daemon", "run", "-m", MODULE],
    )
    with log.open("ab") as output, _running(commands, environment, folder, output.fileno()) as (ui, *_):
        _wait_for(host, port, ui, log)
        yield f"http://{host}:{port}"


@contextmanager
def _running(
    commands: Sequence[Sequence[str]], environment: Mapping[str, str], folder: Path, output: int
) -> Iterator[list[Process]]:
    """Each in a group of its own: Ctrl-C reaches us alone, and we end them with everything they started."""
    processes: list[Process] = []
    try:
        for command in commands:
            program = str(Path(sys.executable).parent / command[0])
            processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", _WITH_PARENT, program, *command[1:]],
                    env={**os.environ, **environment},
                    cwd=folder,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            )
        yield processes
    finally:
        _end(processes)


def _end(processes: Sequence[Process]) -> None:
    """Ask every process of the groups to end, so that a run can still say that it was interrupted; then make them."""
    for process in processes:
        _signal(process, signal.SIGTERM)
    waited = 0.0
    while waited < _STOP_SECONDS and any(_alive(process) for process in processes):
        time.sleep(0.1)
        waited += 0.1
    for process in processes:
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


def _refuse_taken(host: str, port: int) -> None:
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        why = str(error.strerror).partition(" (while")[0]
        raise UsageError(
            f"{host}:{port} cannot be listened on ({why}); choose another with AISPEND_DAGSTER_PORT"
        ) from None


def _wait_for(host: str, port: int, process: Process, log: Path) -> None:
    waited = 0.0
    while waited < _READY_SECONDS and process.poll() is None:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
            waited += 0.1
        else:
            return
    raise AispendError(f"Dagster's processes did not start; {log} says why")
