"""Dagster's own processes beside a command: its UI and the daemon that runs the schedule."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from aispend_pipeline.errors import AispendError, UsageError

MODULE = "aispend_pipeline.definitions"
_READY_SECONDS = 60.0
_STOP_SECONDS = 10.0


@contextmanager
def dagster(host: str, port: int, environment: Mapping[str, str], folder: Path) -> Iterator[str]:
    """The address of Dagster's UI while it and the daemon run; both end with the block.

    `folder` is where they run and log to (`dagster.log`); no `.env` of another folder reaches them.
    """
    _refuse_taken(host, port)
    with ExitStack() as stack:
        output = stack.enter_context((folder / "dagster.log").open("ab"))
        for command in (
            ["dagster-webserver", "-m", MODULE, "-h", host, "-p", str(port)],
            ["dagster-daemon", "run", "-m", MODULE],
        ):
            ui = stack.enter_context(_running(command, environment, folder, output.fileno()))
        _wait_for(host, port, ui, folder / "dagster.log")
        yield f"http://{host}:{port}"


@contextmanager
def _running(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, output: int
) -> Iterator["subprocess.Popen[bytes]"]:
    program = Path(sys.executable).parent / command[0]
    process = subprocess.Popen(
        [str(program), *command[1:]], env={**os.environ, **environment}, cwd=folder, stdout=output, stderr=output
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _refuse_taken(host: str, port: int) -> None:
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        raise UsageError(
            f"{host}:{port} cannot be listened on ({error.strerror}); choose another with AISPEND_DAGSTER_PORT"
        ) from None


def _wait_for(host: str, port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
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
