"""Lines on their way from the processes under a command to the command, which says them on its standard error.

What Dagster's processes write goes to a file of its own, and what a run writes to another one for each step: nobody who
watches the command would see a line of ours. A line that nobody takes is lost, and no work waits for one.
"""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

# In the environment of a process: the address of whoever takes its lines; none or empty if nobody does.
ADDRESS = "_AISPEND_RELAY"
# Whoever does not take a line in this time has other troubles than its log.
_SECONDS = 1.0
_MOST_BYTES = 1 << 18
_END = b""


def relayed(line: str) -> None:
    """Send a line to whoever takes those of this process, if anybody does."""
    if address := os.environ.get(ADDRESS):
        _send(address, line.encode("utf-8", "replace"))


@contextmanager
def received(take: Callable[[str], None]) -> Iterator[str]:
    """Give `take`, in a thread, every line that comes to the address while the block runs; all have come at its end.

    The address is in a folder that nobody else can open, and short, as that of a socket has to be.
    """
    with TemporaryDirectory(prefix="aispend-") as own, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as taken:
        address = str(Path(own) / "log")
        taken.bind(address)

        def run() -> None:
            while (line := taken.recv(_MOST_BYTES)) != _END:
                take(line.decode("utf-8", "replace"))

        thread = threading.Thread(target=run, name="relay", daemon=True)
        thread.start()
        try:
            yield address
        finally:
            _send(address, _END)
            thread.join(_SECONDS)


def _send(address: str, line: bytes) -> None:
    """A message of its own for each line, so that those of several processes do not mix."""
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.settimeout(_SECONDS)
        sender.sendto(line, address)
