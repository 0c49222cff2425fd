"""Too many at once, too slow, and a machine that has nothing left: those who behave are answered all the same."""

import os
import resource
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from aispend_pipeline.warehouse import Warehouse

from ..waiting import until
from .bounded import PATIENCE, Bounded, bounded, rest
from .test_refusals import assert_problem
from .world import StandingClock


def asked_by(service: Bounded, address: str) -> httpx.Client:
    """A client with another address of this machine."""
    transport = httpx.HTTPTransport(local_address=address)
    return httpx.Client(base_url=service.base, transport=transport, timeout=PATIENCE)


@contextmanager
def handles_for(number: int) -> Iterator[None]:
    """This process may open so many files and sockets, while the block runs."""
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before, number + 500), most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))


@pytest.mark.long
class TestFloods:
    def test_beyond_its_rate_an_address_is_told_to_wait_and_others_are_not(self, settings, tmp_path):
        with (
            bounded(settings.home, tmp_path, AISPEND_RATE_LIMIT="10") as service,
            asked_by(service, "127.0.0.2") as flood,
            asked_by(service, "127.0.0.3") as other,
        ):
            began, statuses, waits, others = time.monotonic(), Counter(), set(), Counter()
            for number in range(200):
                told = flood.get("/spend")
                statuses[told.status_code] += 1
                waits.add(told.headers.get("retry-after"))
                if number % 20 == 0:
                    others[other.get("/spend").status_code] += 1
                time.sleep(max(0.0, began + number / 100 - time.monotonic()))
            took = time.monotonic() - began

        assert {*statuses} == {200, 429}
        assert statuses[200] <= 10 * (took + 1)
        assert waits == {None, "1"}
        assert others == {200: 10}

    def test_500_idle_and_500_slow_connections_hold_up_nobody_and_are_gone_in_the_end(self, settings, tmp_path):
        with (
            handles_for(1000),
            bounded(settings.home, tmp_path, {"request_seconds": 3.0}) as service,
            httpx.Client(base_url=service.base, timeout=PATIENCE) as client,
            ExitStack() as stack,
        ):
            assert client.get("/spend").status_code == 200  # which opens what stays open
            before = service.handles()
            connections = [stack.enter_context(service.connect()) for _ in range(1000)]
            slow, ends = connections[500:], time.monotonic() + PATIENCE
            head, place, statuses = b"GET /spend HTTP/1.1\r\nhost: localhost\r\n" + b"x: y\r\n" * 1000, 0, Counter()
            while service.handles() > before + 5 and time.monotonic() < ends:
                for connection in slow:
                    with suppress(OSError):
                        connection.sendall(head[place : place + 1])
                place += 1
                statuses[client.get("/spend").status_code] += 1
                time.sleep(0.2)
            assert service.handles() <= before + 5

        assert {*statuses} == {200}
        assert statuses[200] > 3

    def test_requests_from_everywhere_at_once_are_answered_or_sent_away(self, settings, tmp_path):
        statuses: Counter = Counter()
        with bounded(settings.home, tmp_path, {"answering": 4}) as service:

            def ask() -> None:
                with httpx.Client(base_url=service.base, timeout=PATIENCE) as client:
                    for _ in range(20):
                        told = client.get("/spend?groupBy=day,provider,account,model")
                        statuses[told.status_code] += 1
                        assert told.status_code == 200 or told.headers["retry-after"] == "1"

            threads = [threading.Thread(target=ask) for _ in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(PATIENCE)
            alone = httpx.get(f"{service.base}/spend").status_code

        assert (sum(statuses.values()), {*statuses}, alone) == (400, {200, 503}, 200)


# The machine's administrator has no bound to threads: the process is counted as somebody else's, and may not exceed.
AS_NO_ROOT = ("setpriv", "--ruid=54321", "--bounding-set=-sys_resource,-sys_admin")


@contextmanager
def without_handles(service: Bounded) -> Iterator[None]:
    """The process may open nothing more, while the block runs."""
    before = resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        yield
    finally:
        resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE, before)


@contextmanager
def without_threads(service: Bounded) -> Iterator[None]:
    """The process may begin no thread, while the block runs."""
    limits = Path(f"/proc/{service.process.pid}/limits")
    before = limits.read_text()
    service.process.send_signal(signal.SIGUSR1)
    until(lambda: limits.read_text() != before)
    try:
        yield
    finally:
        service.process.send_signal(signal.SIGUSR2)
        until(lambda: limits.read_text() == before)


@pytest.fixture
def own(settings, tmp_path) -> Path:
    """A home of one's own, with figures."""
    return Path(shutil.copytree(settings.home, tmp_path / "own"))


@pytest.mark.long
class TestStarvation:
    def test_without_file_handles_it_says_so_and_recovers_when_they_are_back(self, own, tmp_path):
        with (
            bounded(own, tmp_path) as service,
            httpx.Client(base_url=service.base, timeout=PATIENCE) as client,
        ):
            assert client.get("/spend").status_code == 200
            Warehouse(own, StandingClock()).publish()
            with without_handles(service):
                told = [client.get("/spend") for _ in range(3)]
                alive = client.get("/healthz").status_code
                with service.connect() as refused:
                    refused.settimeout(1)
                    with suppress(OSError):
                        refused.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
                        rest(refused)
            back = client.get("/spend").status_code
            new = httpx.get(f"{service.base}/spend", timeout=PATIENCE).status_code

        for one in told:
            body = assert_problem(one, 503, "/spend")
            assert body["type"].endswith(":busy")
            assert "damaged" not in body["detail"]
            assert one.headers["retry-after"] == "1"
        assert (alive, back, new) == (200, 200, 200)

    def test_without_threads_it_says_so_and_recovers_when_they_are_back(self, own, tmp_path):
        with (
            bounded(own, tmp_path, under=AS_NO_ROOT if os.getuid() == 0 else ()) as service,
            httpx.Client(base_url=service.base, timeout=PATIENCE) as client,
        ):
            with without_threads(service):
                told = client.get("/spend")
                alive = client.get("/healthz").status_code
            back = [client.get(path).status_code for path in ("/spend", "/status")]

        body = assert_problem(told, 503, "/spend")
        assert body["type"].endswith(":busy")
        assert (alive, back) == (200, [200, 200])
