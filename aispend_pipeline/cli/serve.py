"""`aispend serve`."""

import errno
import socket
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from aispend_pipeline import log
from aispend_pipeline.cli import screen
from aispend_pipeline.clock import Clock, SystemClock
from aispend_pipeline.errors import UsageError
from aispend_pipeline.service.app import create_app
from aispend_pipeline.settings import Settings
from aispend_pipeline.warehouse import Warehouse


def serve(host: str | None, port: int | None) -> int:
    """Publish what is committed, then serve until Ctrl-C."""
    settings = screen.load_settings()
    clock = SystemClock()
    with listen(host or settings.host, settings.port if port is None else port, "--port or AISPEND_PORT") as listener:
        Warehouse(settings.home, clock).publish()
        log.configure()
        serve_on(listener, settings, clock, Settings.load)
    return 0


def serve_on(
    listener: socket.socket, settings: Settings, clock: Clock, load: Callable[[], Settings] | None = None
) -> None:
    """Answer on `listener` until Ctrl-C; `load` gives the settings as they are then."""
    host, port = listener.getsockname()[:2]
    print(f"answering on http://{host}:{port}/spend, /status and /openapi.json (stop with Ctrl-C)", flush=True)
    config = uvicorn.Config(create_app(settings, clock, load), log_level="warning", access_log=False)
    with suppress(KeyboardInterrupt):  # uvicorn raises it once more when it has ended
        uvicorn.Server(config).run(sockets=[listener])


def listen(host: str, port: int, by: str = "AISPEND_PORT") -> socket.socket:
    """A listening socket; `UsageError` when the address cannot be had, with `by` to choose another."""
    try:
        if not 0 <= port <= 65535:
            raise OSError(errno.EINVAL, "a port is 0 to 65535")
        return socket.create_server((host, port))
    except OSError as error:
        why = str(error.strerror).partition(" (while")[0]
        raise UsageError(f"{host}:{port} cannot be listened on ({why}); choose another with {by}") from None
