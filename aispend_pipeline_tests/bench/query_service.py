"""The query service under load: `aispend serve` as it is run, asked over connections that are kept open.

Milliseconds of one connection's requests, one after the other: the median, and the 99th percentile in the note, with
the requests a second that four connections get. Beside a kept answer stands a constant, beside the others, which are
asked only once, the sums alone, put to DuckDB in this process. The writer is a process of its own, which changes a sum
and publishes every second.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path

from aispend_pipeline.clock import SystemClock
from aispend_pipeline.model import Window
from aispend_pipeline.warehouse import Snapshots, Warehouse
from aispend_pipeline.warehouse.groups import Whole, groups
from aispend_pipeline.warehouse.questions import Question
from aispend_pipeline_tests.bench import filled_store
from aispend_pipeline_tests.bench.measure import median, seconds

SIZES = (100_000, 10_000_000)
SECONDS = 1.5
CONNECTIONS = 4
_MONTH = Window(filled_store.DAYS.last - timedelta(days=28), filled_store.DAYS.last)
_CACHED = f"/spend?from={_MONTH.first}&to={_MONTH.last}&groupBy=day,provider"


def main() -> None:
    for lines in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder) / "home"
            filled_store.fill(home, lines)
            measure(home, f"{lines / 1e6:g} M lines")


def measure(home: Path, size: str) -> None:
    """Print the rows of one store."""
    with _served(home) as (port, started):
        _row(f"start to first answer, {size}", started, None, "1500")
        constant, note = _loaded(port, lambda: "/healthz")
        _row(f"a constant, {size}", constant, None, "-", note)
        usual, note = _loaded(port, lambda: _CACHED)
        _row(f"kept, {size}", usual, constant, "-", note)
        for group_by, aim in (("provider", "3"), ("provider,model,day", "-"), ("project", "-")):
            usual, note = _loaded(port, _asked_once(group_by))
            _row(f"by {group_by}, {size}", usual, _bare(home, group_by), aim, note)
        with _written(home):
            for name, path in (("kept", lambda: _CACHED), ("by provider", _asked_once("provider"))):
                usual, note = _loaded(port, path, seconds=2 * SECONDS)
                _row(f"{name}, beside a writer, {size}", usual, None, "p99 30", note)


def _row(name: str, ours: float, limit: float | None, aim: str, note: str = "") -> None:
    beside = f"{limit:>9.2f} ms {ours / limit:>7.2f}" if limit else " " * 20
    print(f"{name:<42} {ours:>8.2f} ms {beside}   at most {aim}  {note}", flush=True)


def _asked_once(group_by: str) -> Callable[[], str]:
    """A month of two accounts, of thirty months in turn, each time beside another account that there is not."""
    asked = count()

    def path() -> str:
        n = next(asked)
        first = filled_store.DAYS.first + timedelta(days=n % 30)
        days = f"from={first}&to={first + timedelta(days=28)}"
        return f"/spend?{days}&groupBy={group_by}&account=default&account=eu&account=none{n}"

    return path


def _bare(home: Path, group_by: str) -> float:
    """Milliseconds of the sums alone, asked of DuckDB in this process."""
    _, cursor = Snapshots(home).current()
    question = Question(_MONTH, tuple(group_by.split(",")), accounts=("default", "eu"))
    taken = []
    while len(taken) < 3 or (sum(taken) < SECONDS / 2 and len(taken) < 100):
        taken.append(seconds(lambda: groups(cursor, question, Whole(now=True), dict)))
    return median(taken) * 1000


@contextmanager
def _served(home: Path) -> Iterator[tuple[int, float]]:
    """The port of a running `aispend serve`, and the milliseconds until its first answer about spend."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "AISPEND_HOME": str(home), "AISPEND_PORT": str(port), "AISPEND_RATE_LIMIT": "0"}
    with tempfile.TemporaryFile() as said:
        command = [str(Path(sys.executable).with_name("aispend")), "serve"]
        started = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said, cwd=home)
        try:
            _first_answer(port, process)
            yield port, (time.perf_counter() - started) * 1000
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)


def _first_answer(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            asyncio.run(_ask(port, lambda: _CACHED, requests=1))
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise RuntimeError("aispend serve ended before it answered")


@contextmanager
def _written(home: Path) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", __name__, str(home)], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def _write(home: Path) -> None:
    """Commit and publish every second, until the process is ended."""
    while True:
        started = time.perf_counter()
        with Warehouse(home, SystemClock()).write(publish=True) as transaction:
            filled_store.change(transaction)
        time.sleep(max(0.0, 1 - (time.perf_counter() - started)))


def _loaded(port: int, path: Callable[[], str], seconds: float = SECONDS) -> tuple[float, str]:
    """Milliseconds of the median, and the note with the 99th percentile and requests a second."""
    alone = asyncio.run(_ask(port, path, seconds))
    together = asyncio.run(_together(port, path, seconds))
    p50, p99 = median(alone) * 1000, sorted(alone)[int(len(alone) * 0.99)] * 1000
    return p50, f"p99 {p99:.1f} ms, {together:,.0f} requests/s"


async def _together(port: int, path: Callable[[], str], seconds: float) -> float:
    started = time.perf_counter()
    taken = await asyncio.gather(*(_ask(port, path, seconds) for _ in range(CONNECTIONS)))
    return sum(map(len, taken)) / (time.perf_counter() - started)


async def _ask(port: int, path: Callable[[], str], seconds: float = 3600, requests: int = 10**9) -> list[float]:
    """Seconds of each request of one connection, the first not counted if there are more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while len(taken) < requests and (started := time.perf_counter()) < end:
        writer.write(f"GET {path()} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
        taken.append(time.perf_counter() - started)
    writer.close()
    return taken[1:] or taken


if __name__ == "__main__":
    _write(Path(sys.argv[1]))
