"""What blocks runs beside the loop, gives what it gives, and holds up nobody: neither a time-out nor Ctrl-C."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from aispend_pipeline.simulator.google_tokens import service_account_json
from aispend_pipeline.threads import apart

PATIENCE = 20  # seconds; what is held up would take a minute


def test_what_it_returns_comes_back():
    assert asyncio.run(apart(lambda: 6 * 7)) == 42


def test_what_it_raises_is_raised():
    def broken() -> None:
        raise ValueError("odd")

    with pytest.raises(ValueError, match="odd"):
        asyncio.run(apart(broken))


def test_others_go_on_meanwhile():
    async def both() -> list[str]:
        go_on, order = threading.Event(), []

        async def other() -> None:
            order.append("other")
            go_on.set()

        async def one() -> None:
            await apart(lambda: go_on.wait(PATIENCE))
            order.append("one")

        await asyncio.gather(one(), other())
        return order

    assert asyncio.run(both()) == ["other", "one"]


def test_it_runs_in_a_thread_that_no_process_waits_for():
    assert asyncio.run(apart(lambda: threading.current_thread().daemon))


class Late:
    """A call that ends when it is told to, and the thread that it is in."""

    def __init__(self, *, raises: bool) -> None:
        self._raises, self._go_on = raises, threading.Event()
        self._thread: threading.Thread | None = None

    def __call__(self) -> None:
        self._thread = threading.current_thread()
        self._go_on.wait(PATIENCE)
        if self._raises:
            raise ValueError("nobody is there any more")

    def end(self) -> None:
        assert self._thread
        self._go_on.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


async def given_up(call: Late) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await apart(call)


@pytest.mark.parametrize("raises", [False, True])
def test_one_that_was_given_up_may_end_while_others_go_on(raises):
    unhandled: list[dict[str, object]] = []

    async def meanwhile() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: unhandled.append(context))
        call = Late(raises=raises)
        await given_up(call)
        await asyncio.to_thread(call.end)
        await asyncio.sleep(0)

    asyncio.run(meanwhile())
    assert unhandled == []


@pytest.mark.parametrize("raises", [False, True])
def test_one_that_was_given_up_may_end_after_the_loop(raises):
    call = Late(raises=raises)
    asyncio.run(given_up(call))

    call.end()


def started(command: list[str], settings: Mapping[str, str] = MappingProxyType({})) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, env={**os.environ, **settings}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


HANGS = """
import asyncio, threading
from aispend_pipeline.threads import apart

def hang():
    print("hanging", flush=True)
    threading.Event().wait(60)

asyncio.run(apart(hang))
"""


def test_a_process_whose_call_hangs_ends_when_it_is_told_to():
    with started([sys.executable, "-c", HANGS]) as process:
        assert process.stdout.readline() == b"hanging\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE)

    assert process.returncode != 0
    assert said.rstrip().endswith(b"KeyboardInterrupt")


ASKS = """
import asyncio
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.model import Request
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources import google
from aispend_pipeline.sources.http import Caller, Limits, client

async def ask():
    account = Settings.load(dotenv=None).vertex[0]
    endpoint = google.endpoint(account, account.budgets_endpoint, google.BUDGETS)
    async with client(Limits()) as http:
        await Caller(http, endpoint, SystemClock(), Limits(), 1e12).page(Request("/v1/budgets"))

asyncio.run(ask())
"""


def test_so_does_one_that_waits_for_a_token_of_googles():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(PATIENCE)
        base = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings = {"GCP_SA_JSON": service_account_json(base), "GCP_BILLING_ACCOUNT_ID": "01AAAA-BBBBBB-CCCCCC"}
        with started([sys.executable, "-c", ASKS], settings) as process:
            asked, _ = silent.accept()
            with asked:
                assert asked.recv(5) == b"POST "
                process.send_signal(signal.SIGINT)
                _, said = process.communicate(timeout=PATIENCE)

    assert said.rstrip().endswith(b"KeyboardInterrupt")
    assert b"PRIVATE KEY" not in said


@pytest.mark.long
def test_so_does_the_command_while_a_token_does_not_come(home):
    command = [str(Path(sys.executable).parent / "aispend"), "ingest", "--source", "vertex_billing"]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(PATIENCE)
        base = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings = {
            "AISPEND_HOME": str(home),
            "GCP_SA_JSON": service_account_json(base),
            "GCP_BQ_PROJECT": "finops-1",
            "GCP_BQ_DATASET": "billing",
            "GCP_BQ_TABLE": "export",
            "GCP_BIGQUERY_ENDPOINT": base,
        }
        with started(command, settings) as process:
            asked, _ = silent.accept()
            with asked:
                assert asked.recv(5) == b"POST "
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=PATIENCE)

    assert (process.returncode, out) == (1, b"")
    assert b"stopped; run the same command again to go on" in err
    assert b"PRIVATE KEY" not in err
