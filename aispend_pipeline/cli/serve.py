"""`aispend serve`."""

import socket
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from aispend_pipeline import log
from aispend_pipeline.cli import listening, screen
from aispend_pipeline.clock import Clock, SystemClock
from aispend_pipeline.service.app import create_app
from aispend_pipeline.service.limits import Limits
from aispend_pipeline.service.wire import Serving
from aispend_pipeline.settings import Settings
from aispend_pipeline.warehouse import Warehouse


def serve(host: str | None, port: int | None, *, insecure: bool) -> int:
    """Publish what is committed, then serve until Ctrl-C; `insecure` lets everybody read who can reach us."""
    settings, clock = screen.load_settings(), SystemClock()
    settings = settings.model_copy(update={"host": host or settings.host})
    with listening.listen(settings, port, "--port or AISPEND_PORT", insecure=insecure) as listener:
        Warehouse(settings.home, clock).publish_at_start()
        log.configure_process()
        serve_on(listener, settings, clock, Settings.load)
    return 0


def serve_on(
    listener: socket.socket,
    settings: Settings,
    clock: Clock,
    load: Callable[[], Settings] | None = None,
    limits: Limits | None = None,
) -> None:
    """Answer on `listener` until Ctrl-C; `load` gives the settings as they are then."""
    limits = limits or Limits()
    print(f"answering on {listening.address(listener)}/spend, /status and /openapi.json (stop with Ctrl-C)", flush=True)
    serving = Serving(create_app(settings, clock, load, limits), limits)
    with suppress(KeyboardInterrupt):  # uvicorn raises it once more when it has ended
        uvicorn.Server(serving).run(sockets=[listener])
