"""An installation to examine and its providers on loopback, all at one instant, the providers' `Date` included."""

import email.utils
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aispend_pipeline import ingest, money
from aispend_pipeline.cli import doctor
from aispend_pipeline.model import Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator.anthropic import anthropic
from aispend_pipeline.simulator.openai import openai
from aispend_pipeline.simulator.organisation import total
from aispend_pipeline.sources import SOURCES
from aispend_pipeline.sources.http import Limits
from aispend_pipeline.warehouse import Warehouse

from ..warehouse.building import SetClock

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
NOW = datetime(2026, 11, 25, 13, 20, tzinfo=UTC)
OCTOBER = Window(date(2026, 10, 1), date(2026, 10, 31))
# What the simulator bills in October, USD as on the screen.
BILLED = {name: money.on_screen(total(name, "default", OCTOBER.days(), NOW)) for name in ("openai", "anthropic")}
OPENAI_KEY, ANTHROPIC_KEY = "sk-admin-doctor-91c2", "sk-ant-admin01-doctor-5e7f"


@dataclass
class World:
    """A folder with a home in it, what time it is there, and what is set; a provider is the simulator unless told."""

    folder: Path
    stack: ExitStack
    clock: SetClock = field(default_factory=lambda: SetClock(NOW))
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def serve(self, app: ASGIApp, ahead: timedelta = timedelta(0)) -> str:
        """The address of `app`, whose `Date` is `ahead` of our clock."""
        return self.stack.enter_context(served_at(app, self.clock, ahead))

    def with_openai(self, app: ASGIApp | None = None, key: str = OPENAI_KEY, **how: Any) -> str:
        base = self.serve(app or openai({OPENAI_KEY: "default"}, self.clock), **how)
        self.environment |= {"OPENAI_API_KEY": key, "OPENAI_BASE_URL": f"{base}/v1"}
        return base

    def with_anthropic(self, app: ASGIApp | None = None, key: str = ANTHROPIC_KEY, **how: Any) -> str:
        base = self.serve(app or anthropic({ANTHROPIC_KEY: "default"}, self.clock), **how)
        self.environment |= {"ANTHROPIC_API_KEY": key, "ANTHROPIC_BASE_URL": base}
        return base

    def settings(self, **more: str) -> Settings:
        return Settings.load({"AISPEND_HOME": str(self.home), **self.environment, **more}, dotenv=None)

    def fill(self, window: Window = OCTOBER, *sources: str) -> None:
        """Read and add up what is billed in `window`, as the hourly job does."""
        settings, warehouse = self.settings(), Warehouse(self.home, self.clock)
        for name in sources or ("openai_costs", "anthropic_costs"):
            ingest.read_source(SOURCES[name], settings, warehouse, window, clock=self.clock, limits=Limits())
        add_up(warehouse, window, self.clock)


def examined(world: World, capsys, **more: str) -> tuple[int, list[str]]:
    """The exit code of the examination and what it prints; nothing secret is in it."""
    settings = world.settings(**more)
    capsys.readouterr()
    code = doctor.examine(settings, world.clock)
    out, err = capsys.readouterr()
    assert err == ""
    for account in (*settings.openai, *settings.anthropic):
        key = account.api_key.get_secret_value()
        assert key not in out
        assert key[-8:] not in out
    return code, [line.rstrip() for line in out.splitlines()]


def about(lines: list[str], *what: str) -> list[str]:
    """The lines about the home, the clock, or an account."""
    return [line for line in lines if line[5:].startswith(tuple(f"{one}:" for one in what))]


def trouble(lines: list[str], what: str) -> str:
    """The one line that says what is wrong with an account."""
    (line,) = [line for line in about(lines, what) if not line.startswith("ok")]
    return line


def answering(status: int, file: Path | bytes, headers: Mapping[str, str] | None = None) -> Starlette:
    """A provider that answers everything alike."""
    body = file if isinstance(file, bytes) else file.read_bytes()

    async def answer(request: Request) -> Response:
        return Response(body, status, headers, media_type="application/json")

    return Starlette(routes=[Route("/{path:path}", answer)])


@contextmanager
def served_at(app: ASGIApp, clock: SetClock, ahead: timedelta) -> Iterator[str]:
    """`app` on loopback, its answers dated by `clock`."""

    async def dated(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = email.utils.format_datetime(clock.now() + ahead, usegmt=True)
                message["headers"] = [*message["headers"], (b"date", said.encode())]
            await send(message)

        await app(scope, receive, send_dated)

    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(dated, log_level="critical", lifespan="off", date_header=False, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
