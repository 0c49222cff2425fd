"""Commands as a user runs them, in this process where that is enough, and a provider that can be told how to behave."""

import asyncio
import io
import os
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import (
    AbstractContextManager,
    ExitStack,
    chdir,
    contextmanager,
    nullcontext,
    redirect_stderr,
    redirect_stdout,
)
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import IO, NamedTuple
from unittest import mock

import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from aispend_pipeline.cli import main
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.model import Window
from aispend_pipeline.settings import OURS as SETTINGS
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator.scenario import CALM, Scenario
from aispend_pipeline.simulator.server import served
from aispend_pipeline.sources.http import Limits

from ..service.two_providers import Providers, two_providers
from ..service.world import NOTHING_ELSE, StandingClock, bucket, days_asked, fill, page

NO_OPENAI = ("OPENAI_API_KEY", "OPENAI_API_KEY__EU")
NO_ANTHROPIC = ("ANTHROPIC_API_KEY", "ANTHROPIC_API_KEY__EU")
KEY, KEY_EU = "sk-admin-cli-1", "sk-admin-cli-2"
OURS = (*SETTINGS, "DAGSTER_")
QUICK = Limits(first_wait_seconds=0.01, longest_wait_seconds=0.02)


def today() -> date:
    return datetime.now(UTC).date()


def ago(days: int) -> date:
    return today() - timedelta(days=days)


class Result(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


@dataclass
class Shell:
    """A user's shell in a folder of its own, with the home `home` and the environment `settings`.

    With `clock`, it is that time for what `run` runs.
    """

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    clock: StandingClock | None = None

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def environment(self, more: dict[str, str]) -> dict[str, str]:
        kept = {name: text for name, text in os.environ.items() if not name.startswith(OURS) and name != "COLUMNS"}
        return {**kept, "AISPEND_HOME": str(self.home), **self.settings, **more}

    def run(self, *arguments: str, **more: str) -> Result:
        """The command in this process; impatient with providers."""
        out, err = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, self.environment(more), clear=True),
            mock.patch.object(sys, "argv", ["aispend", *arguments]),
            mock.patch("aispend_pipeline.assets.installation.Limits", lambda: QUICK),
            _at(self.clock),
            chdir(self.folder),
            redirect_stdout(out),
            redirect_stderr(err),
            pytest.raises(SystemExit) as ended,
        ):
            main.run()
        return Result(int(ended.value.code or 0), out.getvalue(), err.getvalue())

    def fill(self, first: date, last: date) -> None:
        """The home as an ingest of these days leaves it, without Dagster."""
        fill(Settings.load(self.environment({}), None), self.clock or SystemClock(), Window(first, last))

    def start(self, *arguments: str, stderr: IO[str] | int = subprocess.PIPE, **more: str) -> subprocess.Popen:
        """The command in a process of its own; who does not empty `stderr` meanwhile gives a file."""
        return subprocess.Popen(
            [str(Path(sys.executable).parent / "aispend"), *arguments],
            env=self.environment(more),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )

    def finish(self, process: subprocess.Popen, *, send: signal.Signals | None = None) -> Result:
        """Wait for it, after a signal perhaps; Ctrl-C meets all that it has started too, as at a terminal."""
        if send is signal.SIGINT:
            os.killpg(process.pid, send)
        elif send is not None:
            process.send_signal(send)
        try:
            out, err = process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        return Result(process.returncode, out, err or "")

    def run_apart(self, *arguments: str, **more: str) -> Result:
        """As `run`, in a process of its own."""
        return self.finish(self.start(*arguments, **more))


def _at(clock: StandingClock | None) -> AbstractContextManager[object]:
    """Makes `clock` the system's."""
    if clock is None:
        return nullcontext()
    shown = {name: getattr(clock, name) for name in ("now", "monotonic", "sleep")}
    return mock.patch.multiple(SystemClock, **{name: staticmethod(method) for name, method in shown.items()})


def one_line(text: str) -> str:
    """The one line that `text` is."""
    assert "Traceback" not in text
    (line,) = text.splitlines()
    return line


@dataclass
class Organisation:
    """An OpenAI that bills `days`: amount and line item of each line, and measures nothing.

    `broken` keys get their answer instead, whatever they ask.
    """

    days: dict[date, list[tuple[str, str | None]]] = field(default_factory=lambda: defaultdict(list))
    broken: dict[str, Response] = field(default_factory=dict)
    silent: bool = False
    asked: threading.Event = field(default_factory=threading.Event)

    def app(self) -> ASGIApp:
        async def costs(request: Request) -> Response:
            self.asked.set()
            while self.silent:
                await asyncio.sleep(0.02)
            buckets = [bucket(day, *self.days[day]) for day in days_asked(request)]
            return Response(page(*buckets), media_type="application/json")

        sound = Starlette(routes=[Route("/v1/organization/costs", costs), *NOTHING_ELSE])

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            key = Headers(scope=scope)["authorization"].removeprefix("Bearer ")
            await self.broken.get(key, sound)(scope, receive, send)

        return app


REFUSED = JSONResponse({"error": {"message": "Incorrect API key provided.", "code": "invalid_api_key"}}, 401)


@contextmanager
def world(folder: Path, **settings: str) -> Iterator[tuple[Shell, Organisation]]:
    """A shell and the organisation whose key it has; every day of the last ten bills 1.25 + 0.10 USD."""
    organisation = Organisation()
    for days in range(10):
        organisation.days[ago(days)] = [("1.25", "gpt-4o, input"), ("0.10", "whisper")]
    with served(organisation.app()) as base:
        folder.mkdir(parents=True, exist_ok=True)
        yield Shell(folder, {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{base}/v1", **settings}), organisation
        organisation.silent = False


@contextmanager
def both(
    folder: Path, scenario: Callable[[datetime], Scenario] = lambda now: CALM, unset: Sequence[str] = ()
) -> Iterator[tuple[Shell, Providers]]:
    """A shell on a clock that stands, and the two providers that it reads: the look-back and no more.

    `scenario` is made from the instant at which the clock stands; what is `unset` is not read.
    """
    clock = StandingClock()
    with two_providers(clock, scenario(clock.now())) as providers:
        folder.mkdir(parents=True, exist_ok=True)
        own = {"AISPEND_START_DATE": str(clock.now().date()), **dict.fromkeys(unset, "")}
        yield Shell(folder, {**providers.environment, **own}, clock), providers


def demo(shell: Shell, *options: str) -> Result:
    """`aispend demo --once` in the folder `tried`: three days of it, where a user is shown two months."""
    first = shell.clock.now().date() - timedelta(days=2)
    with (
        mock.patch("aispend_pipeline.cli.demo.start_date", lambda *_: first),
        mock.patch("aispend_pipeline.due.start_date", lambda *_: first),
    ):
        return shell.run("demo", "--once", "--home", "tried", *options)


@pytest.fixture
def shell(tmp_path) -> Shell:
    """A shell without any setting."""
    (tmp_path / "shell").mkdir()
    return Shell(tmp_path / "shell")


@pytest.fixture
def openai_world(tmp_path) -> Iterator[tuple[Shell, Organisation]]:
    with ExitStack() as stack:
        yield stack.enter_context(world(tmp_path / "shell"))
