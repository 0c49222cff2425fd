"""Dagster's daemon over an installation of `world`: it, its code server and its runs are processes of their own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg

from aispend_pipeline.assets.in_process import prepare_instance
from aispend_pipeline.assets.tags import MODULE

from ..waiting import until
from .world import Whole


class Daemon:
    """`dagster-daemon run` on the installation's own instance."""

    def __init__(self, of: Whole) -> None:
        self.home = prepare_instance(of.settings)
        self._of = of
        self._process = self._started()

    def _started(self) -> subprocess.Popen:
        with (self._of.shell.folder / "daemon.log").open("ab") as log:
            return subprocess.Popen(
                [str(Path(sys.executable).parent / "dagster-daemon"), "run", "-m", MODULE],
                env=self._of.shell.environment({"DAGSTER_HOME": str(self.home)}),
                cwd=self._of.shell.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def end(self, seconds: float = 10) -> None:
        """Ask it and all that it started to end: it ends, and its runs are over, each within `seconds`."""
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait(seconds)
        until(lambda: not self.under_way(), seconds)

    def kill(self) -> None:
        """End it and all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def under_way(self) -> bool:
        """Whether a run of `notify` is asked for, or runs as far as Dagster knows."""
        return any(not run.is_finished for run in self.runs())

    def runs(self) -> list[dg.DagsterRun]:
        """Of `notify`, the oldest first."""
        with dg.DagsterInstance.from_config(str(self.home)) as instance:
            return list(reversed(instance.get_runs(dg.RunsFilter(job_name="notify"))))


@contextmanager
def daemon(of: Whole) -> Iterator[Daemon]:
    """It runs until the block ends, and nothing of it after that."""
    made = Daemon(of)
    try:
        yield made
    finally:
        made.kill()
