"""The service in a process of its own, with bounds that a test can reach; and what speaks to it byte by byte.

`python -m aispend_pipeline_tests.service.bounded '{"waiting": 5}'` is the service with those `Limits`.
"""

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aispend_pipeline.settings import OURS

from ..waiting import first_line

PATIENCE = 30  # seconds; only what is broken takes that long
_CODE = f"from {__name__} import serve; serve()"


def serve() -> None:
    """Be the service, with the bounds of the first argument; and without threads from SIGUSR1 to SIGUSR2."""
    from aispend_pipeline import log
    from aispend_pipeline.cli import listening
    from aispend_pipeline.cli.serve import serve_on
    from aispend_pipeline.clock import SystemClock
    from aispend_pipeline.service.limits import Limits
    from aispend_pipeline.settings import Settings

    free = resource.getrlimit(resource.RLIMIT_NPROC)
    for number, bound in ((signal.SIGUSR1, (0, free[1])), (signal.SIGUSR2, free)):
        signal.signal(number, lambda *_, bound=bound: resource.setrlimit(resource.RLIMIT_NPROC, bound))
    settings = Settings.load(dotenv=None)
    log.configure_process()
    with listening.listen(settings, port=0) as listener:
        limits = Limits(**json.loads(sys.argv[1]))
        serve_on(listener, settings, SystemClock(), lambda: Settings.load(dotenv=None), limits)


@dataclass
class Bounded:
    """A running service."""

    port: int
    process: subprocess.Popen
    log: Path

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def raw(self, sent: bytes) -> bytes:
        """All that comes back until the service ends the connection."""
        with self.connect() as connection:
            connection.sendall(sent)
            return rest(connection)

    def handles(self) -> int:
        """How many files and sockets it holds open."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def megabytes(self) -> int:
        """The most memory that it ever had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) // 1024


@contextmanager
def bounded(
    home: Path, folder: Path, limits: dict[str, float] | None = None, under: Sequence[str] = (), **settings: str
) -> Iterator[Bounded]:
    """A service over `home` while the block runs; it must end well. Its log is kept in `folder`."""
    inherited = {name: text for name, text in os.environ.items() if not name.startswith((*OURS, "DAGSTER_"))}
    log = folder / "log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [*under, sys.executable, "-c", _CODE, json.dumps(limits or {})],
            env={**inherited, "AISPEND_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2]), **settings},
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        said = first_line(process)
        found = re.search(r"http://127.0.0.1:(\d+)", said)
        assert found, said + log.read_text()
        yield Bounded(int(found[1]), process, log)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
        assert "Traceback" not in log.read_text(), log.read_text()
    finally:
        process.kill()
        process.communicate()


def rest(connection: socket.socket) -> bytes:
    """All that comes until the other side ends it, politely or not."""
    read = b""
    try:
        while part := connection.recv(65_536):
            read += part
    except ConnectionResetError:
        pass
    return read


def answer(connection: socket.socket) -> bytes:
    """One answer of a connection that goes on, by its content-length."""
    read = b""
    while b"\r\n\r\n" not in read:
        part = connection.recv(65_536)
        assert part, read
        read += part
    head, _, body = read.partition(b"\r\n\r\n")
    length = int(re.search(rb"content-length: (\d+)", head)[1])
    while len(body) < length:
        part = connection.recv(65_536)
        assert part, head
        body += part
    return head + b"\r\n\r\n" + body
