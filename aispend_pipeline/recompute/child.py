"""Processes of ours that add up beside the service: its memory and its readers do not feel it.

A lock that is held for as long as such a process lives says whether it does: the kernel frees it, however the process
ends. Its standard input says whether the service lives: it ends with it, and what it had not committed never was.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from threading import Thread
from typing import IO

from aispend_pipeline.model import Window
from aispend_pipeline.settings import DOTENV, OURS, Settings

RUNNING, DRY_RUNNING = "recompute.lock", "recompute-dry-run.lock"
LOG = "recompute.log"


def recompute(settings: Settings, request_id: str, lock: int) -> None:
    """Start the process that makes the days of a request; it writes to `LOG`, and notes itself how far it is."""
    with (settings.home / LOG).open("wb") as output:
        process, lifeline = _started(settings, ["request", request_id], lock, output, output)
    Thread(target=_until_it_ends, args=(process, lifeline), daemon=True).start()


class DryRun:
    """A process that says what would change; to be used once."""

    def __init__(self, settings: Settings, windows: Sequence[Window], lock: int) -> None:
        days = [str(day) for window in windows for day in (window.first, window.last)]
        self._process, self._lifeline = _started(settings, ["dry-run", *days], lock, subprocess.PIPE, subprocess.PIPE)

    def result(self, seconds: float) -> tuple[int, bytes, str]:
        """Exit code, output and the last line of the error output; `TimeoutError` after `seconds`, and it is ended."""
        try:
            out, err = self._process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.end()
            self._process.communicate()
            raise TimeoutError from None
        finally:
            os.close(self._lifeline)
        return self._process.returncode, out, err.decode(errors="replace").strip().rpartition("\n")[2]

    def end(self) -> None:
        """End it at once, whatever it is at."""
        self._process.kill()


def _started(
    settings: Settings, arguments: Sequence[str], lock: int, out: int | IO[bytes], err: int | IO[bytes]
) -> tuple[subprocess.Popen[bytes], int]:
    """The process, and the descriptor that tells it, once closed, to end."""
    end, lifeline = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "aispend_pipeline.recompute.process", *arguments],
            env=_environment(settings),
            stdin=end,
            stdout=out,
            stderr=err,
            pass_fds=(lock,),
            start_new_session=True,  # Ctrl-C reaches the service, which ends
        )
    except BaseException:
        os.close(lifeline)
        raise
    finally:
        os.close(end)
    return process, lifeline


def _environment(settings: Settings) -> dict[str, str]:
    """Ours without keys and tokens, since nobody is called, and with the settings that adding up asks for."""
    others = {name: text for name, text in os.environ.items() if not name.startswith((*OURS, "DAGSTER_"))}
    own = {
        "AISPEND_HOME": str(settings.home.absolute()),
        "AISPEND_CALIBRATE_ESTIMATES": "true" if settings.calibrate_estimates else "false",
        DOTENV: os.devnull,
    }
    if settings.dagster_home:
        own["DAGSTER_HOME"] = str(settings.dagster_home.expanduser().absolute())
    return others | own


def _until_it_ends(process: subprocess.Popen[bytes], lifeline: int) -> None:
    process.wait()
    os.close(lifeline)
