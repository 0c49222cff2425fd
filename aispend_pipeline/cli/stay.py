"""What `up` and `demo` do until Ctrl-C: Dagster's UI and daemon, the query service and the dispatch loop."""

import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from dagster import DagsterInstance

from aispend_pipeline import log
from aispend_pipeline.assets.in_process import prepare_instance
from aispend_pipeline.assets.orphans import cancel_launched
from aispend_pipeline.cli import processes, serve
from aispend_pipeline.cli.dispatch_loop import dispatching
from aispend_pipeline.clock import Clock
from aispend_pipeline.settings import Settings
from aispend_pipeline.warehouse import folder, lock


def stay(
    listener: socket.socket,
    settings: Settings,
    clock: Clock,
    load: Callable[[], Settings],
    environment: Mapping[str, str],
) -> None:
    """Serve on `listener`; what is in `environment` counts for Dagster's processes, whatever else is set.

    `load` gives the settings as they are then. Raises `UsageError` if the UI's port is taken.
    """
    home, dagster_home = settings.home.absolute(), prepare_instance(settings)
    own = {**environment, "AISPEND_HOME": str(home), "DAGSTER_HOME": str(dagster_home)}
    # It is there whatever becomes of Dagster's own folder, and nobody keeps a `.env` in it.
    root = Path(home.anchor)
    dagster_log = home / "dagster.log"
    print("starting Dagster", flush=True)
    with (
        _ended_like_ctrl_c(),
        processes.dagster(settings.dagster_host, settings.dagster_port, own, root, dagster_log) as ui,
        _runs_cancelled(dagster_home),
    ):
        print(f"Dagster's UI: {ui} (log: {dagster_log})")
        print("its daemon reads the providers every hour (hourly_ingest) and looks at the caps (cap_check)")
        log.configure_process()
        with dispatching(settings, clock, load):
            serve.serve_on(listener, settings, clock, load)


@contextmanager
def _runs_cancelled(dagster_home: Path) -> Iterator[None]:
    """The runs that are under way when the block ends are cancelled, if Dagster's storage lets them be."""
    try:
        yield
    finally:
        try:
            with DagsterInstance.from_config(str(dagster_home)) as instance:
                cancel_launched(instance)
        except Exception as error:  # its processes must be ended whatever is wrong with what they keep
            log.log.warning("fault", what="runs to be cancelled", **log.fault(error))


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """While the block runs no other process stays on `home`; `StoreBusy` at once, naming it, if one does already."""
    folder.prepare(home)
    with lock.held(home / "up.lock", 0, _stays_already):
        yield


def _stays_already(file: Path, holder: str, _: float) -> str:
    return f"{file.parent}: process {holder} already reads, watches and serves it; end that first"


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """A request to end, or a terminal that goes away, is Ctrl-C: whatever was started is ended too."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
