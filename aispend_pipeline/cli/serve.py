"""`aispend serve`."""

import socket

import uvicorn

from aispend_pipeline import log
from aispend_pipeline.cli import screen
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.errors import UsageError
from aispend_pipeline.service.app import create_app
from aispend_pipeline.warehouse import Warehouse


def serve(host: str | None, port: int | None) -> int:
    """Publish what is committed, then serve until Ctrl-C."""
    settings = screen.load_settings()
    log.configure()
    clock = SystemClock()
    Warehouse(settings.home, clock).publish()
    listener = listen(host or settings.host, settings.port if port is None else port)
    address = listener.getsockname()
    print(f"serving on http://{address[0]}:{address[1]}/spend (stop with Ctrl-C)", flush=True)
    config = uvicorn.Config(create_app(settings, clock), log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])
    return 0


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; `UsageError` when the address cannot be had."""
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise UsageError(
            f"{host}:{port} cannot be listened on ({error.strerror}); choose another with --port or AISPEND_PORT"
        ) from None
