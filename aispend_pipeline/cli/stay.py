"""What `up` and `demo` do until Ctrl-C: Dagster's processes, the query service and the dispatch loop."""

import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
from dagster import DagsterInstance

from aispend_pipeline import log
from aispend_pipeline.assets.in_process import prepare_instance
from aispend_pipeline.assets.orphans import cancel_launched
from aispend_pipeline.cli import listening, serve
from aispend_pipeline.cli.dagsters import PATIENT, dagsters
from aispend_pipeline.cli.dispatch_loop import dispatching
from aispend_pipeline.cli.processes import Child, Place, kept
from aispend_pipeline.clock import Clock
from aispend_pipeline.health.given_up import give_up, none_given_up
from aispend_pipeline.interrupts import like_ctrl_c
from aispend_pipeline.settings import Settings
from aispend_pipeline.warehouse import folder, lock

_LOOK_SECONDS = 0.2
STOPPING = "stopping: runs that are under way are cancelled, and Dagster's processes end"
_CODE = "{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }"


def stay(
    listener: socket.socket,
    settings: Settings,
    clock: Clock,
    load: Callable[[], Settings],
    environment: Mapping[str, str],
    others: Sequence[Child] = (),
    level: int = logging.INFO,
) -> None:
    """Serve on `listener`; what is in `environment` counts for Dagster's processes and `others`, whatever else is set.

    `load` gives the settings as they are then; what is below `level` is not logged. Raises `UsageError` if the UI's
    port is taken.
    """
    home = settings.home.absolute()
    with like_ctrl_c(), dagsters(settings) as children:
        listening.bound(settings.dagster_host, settings.dagster_port, "AISPEND_DAGSTER_PORT").close()
        dagster_home = prepare_instance(settings)
        own = {**environment, **PATIENT, "AISPEND_HOME": str(home), "DAGSTER_HOME": str(dagster_home)}
        # It is there whatever becomes of Dagster's own folder, and nobody keeps a `.env` in it.
        place = Place(own, Path(home.anchor), home / "dagster.log")
        none_given_up(home)
        print(f"starting Dagster (log: {place.log}); its daemon reads every hour, and looks at the caps", flush=True)
        with (
            kept([*others, *children], place, clock, _told, lambda line: give_up(home, line)),
            _runs_cancelled(dagster_home),
            _told_when_ready(settings),
        ):
            log.configure_process(level)
            with dispatching(settings, clock, load):
                serve.serve_on(listener, settings, clock, load)
                print(STOPPING, flush=True)
    print("stopped", flush=True)


def _told(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextmanager
def _told_when_ready(settings: Settings) -> Iterator[None]:
    """Say where Dagster's UI is, once it is there and has our code."""
    over = threading.Event()
    host = f"[{settings.dagster_host}]" if ":" in settings.dagster_host else settings.dagster_host
    address = f"http://{host}:{settings.dagster_port}"

    def wait() -> None:
        while not over.wait(_LOOK_SECONDS):
            if _has_code(address):
                print(f"Dagster's UI: {address}/", flush=True)
                return

    threading.Thread(target=wait, name="ready", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _has_code(ui: str) -> bool:
    """Whether Dagster's UI at that address shows anything."""
    try:
        # No proxy: it would be asked for this machine's own loopback.
        answer = httpx.post(f"{ui}/graphql", json={"query": _CODE}, timeout=5, trust_env=False).json()
        return bool(answer["data"]["repositoriesOrError"]["nodes"])
    except (httpx.HTTPError, ValueError, LookupError, TypeError):
        return False


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
