"""Where the commands of the pages are run: a reader's folder, with simulated providers, receivers and the service.

What stands in the pages and cannot be there is replaced, all of it by `replaced`: the service's port, since a test
takes a free one; `data/demo`, by the home that is here; `ID`, since a message's is made by chance; and days and
months, which are brought into the few days that are read here.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import httpx

from aispend_pipeline.clock import SystemClock
from aispend_pipeline.settings import OURS
from aispend_pipeline.simulator.anthropic import anthropic
from aispend_pipeline.simulator.google import environment as google_environment
from aispend_pipeline.simulator.google import google
from aispend_pipeline.simulator.openai import openai
from aispend_pipeline.simulator.server import served

from ..alerts.receivers import http_receiver, status
from ..service.process import service_process
from ..waiting import until

# How many days are read, with today: enough for one that is over, and one that is settled.
DAYS = 3
TOKEN = "docs-Vn3-administers"
OPENAI, ANTHROPIC = {"sk-admin-docs-Vn3": "default"}, {"sk-ant-admin01-docs-Vn3": "default"}
_DAY = re.compile(r"\b20\d\d-\d\d-\d\d\b")
_MONTH = re.compile(r"\b20\d\d-\d\d\b(?!-)")


@dataclass
class Stage:
    """A reader's folder, the environment that is set there, and the address of the service."""

    folder: Path
    environment: dict[str, str]
    address: str = ""

    def replaced(self, text: str) -> str:
        """A command as it is run here."""
        text = _DAY.sub(lambda found: _day(found[0]), text)
        text = _MONTH.sub(_first_day()[:7], text)
        text = text.replace("data/demo", "home").replace("localhost:8080", self.address.removeprefix("http://"))
        return re.sub(r"\bID\b", lambda _: self._message_id(), text)

    def _message_id(self) -> str:
        """A message that was given up, or else one that waits."""
        found = (re.findall(r"msg_\w+", self.run(f"aispend alerts list --status {one}")) for one in ("dead", "pending"))
        return next(ids[0] for ids in found if ids)

    def run(self, text: str) -> str:
        """What a command says that ends well."""
        code, said = self.tried(text)
        assert code == 0, said
        return said

    def tried(self, text: str) -> tuple[int, str]:
        """The exit code of a command, and what it says."""
        with tempfile.TemporaryFile("w+") as told:
            return self._start(text, told).wait(300), _written(told)

    def interrupted(self, text: str) -> tuple[int, str]:
        """The same of one that stays, with a home of its own, once it answers and then hears Ctrl-C."""
        with tempfile.TemporaryFile("w+") as told:
            process = self._start(text, told, AISPEND_HOME=str(self.folder / "another"))
            try:
                until(lambda: process.poll() is not None or self._answers(), every=0.1)
                os.killpg(process.pid, signal.SIGINT)
                return process.wait(60), _written(told)
            finally:
                process.kill()

    def _start(self, text: str, told: IO[str], **more: str) -> subprocess.Popen:
        """In a shell and a group of its own."""
        return subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", self.replaced(text)],
            env={**self.environment, **more},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=told,
            start_new_session=True,
        )

    def _answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.environment['AISPEND_PORT']}/healthz").status_code == 200
        except httpx.TransportError:
            return False


def _written(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def _first_day() -> str:
    return str(datetime.now(UTC).date() - timedelta(days=DAYS - 1))


def _day(text: str) -> str:
    """The first days of what a page says are the first day here, the others today."""
    return _first_day() if text.endswith("01") else str(datetime.now(UTC).date())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """A stage whose home `aispend ingest` has filled, and where one receiver did not hear of a cap."""
    with ExitStack() as stack:
        made = Stage(folder, _shell(folder) | _providers(stack) | _receivers(stack))
        made.run("aispend ingest || test $? = 1")  # 1 where a bill trails
        made.run("aispend alerts dispatch || test $? = 1")
        made.address, _ = stack.enter_context(service_process(folder / "home", **made.environment))
        yield made


def _shell(folder: Path) -> dict[str, str]:
    """A shell with this checkout's command, in which curl takes an error for a failure."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith((*OURS, "DAGSTER_"))}
    (folder / ".venv").symlink_to(Path(sys.executable).parent.parent)
    (folder / ".curlrc").write_text("fail-with-body\nsilent\nshow-error\n")
    return kept | {
        "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}",
        "HOME": str(folder),
        "CURL_HOME": str(folder),
        "AISPEND_HOME": str(folder / "home"),
        "ADMIN_TOKEN": TOKEN,
        "AISPEND_START_DATE": _first_day(),
        "AISPEND_ANTHROPIC_CALLS_PER_HOUR": "1000",
    }


def _providers(stack: ExitStack) -> dict[str, str]:
    clock = SystemClock()
    return {
        "OPENAI_API_KEY": next(iter(OPENAI)),
        "OPENAI_BASE_URL": stack.enter_context(served(openai(OPENAI, clock))) + "/v1",
        "ANTHROPIC_API_KEY": next(iter(ANTHROPIC)),
        "ANTHROPIC_BASE_URL": stack.enter_context(served(anthropic(ANTHROPIC, clock))),
        **google_environment(stack.enter_context(served(google(["default"], clock))), ["default"]),
    }


def _receivers(stack: ExitStack) -> dict[str, str]:
    """Slack hears everything; the service that sends mail is no more."""
    slack = stack.enter_context(http_receiver())
    gone = stack.enter_context(http_receiver(*[status(410)] * 1000))
    return {
        "SLACK_WEBHOOK_URL": slack.url("/services/T/B/docs"),
        "ALERT_EMAIL_WEBHOOK": gone.url("/mail"),
        "OPENAI_SOFT_CAP": "1",
        "AISPEND_PORT": str(free_port()),
        "AISPEND_DAGSTER_PORT": str(free_port()),
    }
