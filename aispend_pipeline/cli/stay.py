"""What `up` and `demo` do until Ctrl-C: Dagster's UI and daemon, the query service and the dispatch loop."""

import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from aispend_pipeline import log
from aispend_pipeline.assets.in_process import prepare_instance
from aispend_pipeline.cli import processes, serve
from aispend_pipeline.cli.dispatch_loop import dispatching
from aispend_pipeline.clock import Clock
from aispend_pipeline.settings import Settings


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
    home, folder = settings.home.absolute(), prepare_instance(settings)
    own = {**environment, "AISPEND_HOME": str(home), "DAGSTER_HOME": str(folder)}
    dagster_log = home / "dagster.log"
    print("starting Dagster", flush=True)
    with (
        _ended_like_ctrl_c(),
        processes.dagster(settings.dagster_host, settings.dagster_port, own, folder, dagster_log) as ui,
    ):
        print(f"Dagster's UI: {ui} (log: {dagster_log})")
        print("its daemon reads the providers every hour (hourly_ingest) and looks at the caps (cap_check)")
        log.configure()
        with dispatching(settings, clock, load):
            serve.serve_on(listener, settings, clock, load)


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
