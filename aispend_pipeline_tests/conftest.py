"""What most tests need: a clean environment, a home of their own, and sample answers over loopback."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partialmethod
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool
from starlette.testclient import TestClient

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "data" / "samples" / "openai"
SCHEMAS = Path(__file__).parent / "schemas"
KEY = "sk-admin-test-7d1f0c"


# A client without a socket asks by this machine's address too: the service answers to no stranger's name.
TestClient.__init__ = partialmethod(TestClient.__init__, base_url="http://127.0.0.1")


def pytest_configure() -> None:
    """Signals as at a terminal: a script's `make test &` ignores Ctrl-C, Dagster then `kill`, and so would children."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    _spare_threads()
    hypothesis.settings.register_profile("untimed", deadline=None)
    hypothesis.settings.load_profile("untimed")  # how long an example takes says how busy the machine is


def _spare_threads() -> None:
    """In this process DuckDB has one thread: to wake a second one takes longer than all that a small store asks."""
    from aispend_pipeline.warehouse.opening import WRITE_CONFIG

    WRITE_CONFIG["threads"] = "1"


@event.listens_for(Pool, "checkout")
def hasty(connection: sqlite3.Connection, *_: object) -> None:
    """What is written to SQLite in this process need not outlive the machine, and nobody waits for the disk."""
    connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    """No setting of the machine reaches a test, and no `.env` of the working directory does."""
    for name in list(os.environ):
        if name.startswith(
            (
                "AISPEND_",
                "OPENAI_",
                "ANTHROPIC_",
                "GCP_",
                "ENABLE_",
                "DAGSTER_",
                "GLOBAL_",
                "VERTEX_",
                "CRON_",
                "SLACK_",
                "ALERT_",
                "ON_HARDCAP_",
                "ADMIN_",
            )
        ):
            monkeypatch.delenv(name)
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")


@pytest.fixture(autouse=True)
def clean_log() -> Iterator[None]:
    """What one test concealed is no secret of the next: a token `second` would be taken out of `seconds`."""
    from aispend_pipeline import log

    before = set(log._secrets)
    yield
    log._secrets.intersection_update(before)


@pytest.fixture
def home(tmp_path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def aispend(home, tmp_path) -> Callable[..., subprocess.CompletedProcess]:
    """Runs the real command in a process of its own, as a user would."""

    def run(*arguments: str, timeout: float = 120, **settings: str) -> subprocess.CompletedProcess:
        environment = {**os.environ, "AISPEND_HOME": str(home), **settings}
        return subprocess.run(
            [str(Path(sys.executable).parent / "aispend"), *arguments],
            env=environment,
            cwd=tmp_path / "cwd",
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    return run


@pytest.fixture
def serve_app() -> Iterator[Callable[..., str]]:
    """Serves ASGI applications on loopback until the test ends; gives their base address."""
    from aispend_pipeline.simulator.server import served

    with ExitStack() as stack:
        yield lambda app: stack.enter_context(served(app))


@pytest.fixture
def promtool() -> Callable[..., subprocess.CompletedProcess]:
    """Runs Prometheus' own checks."""
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess:
        return subprocess.run([program, *arguments], input=stdin, capture_output=True, text=True, timeout=60)

    return run


@pytest.fixture
def sample() -> Callable[[str], dict]:
    return lambda name: json.loads((SAMPLES / name).read_text())


def pytest_sessionfinish(session, exitstatus):
    """Where all that tests need is installed, a skipped test is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("AISPEND_TESTS_MAY_NOT_SKIP") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
