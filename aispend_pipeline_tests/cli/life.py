"""Processes that a command has started, and ports for them."""

import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def descendants(pid: int) -> list[int]:
    """Every process under `pid`."""
    found = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True).stdout.split()
    children: dict[int, list[int]] = {}
    for child, parent in zip(map(int, found[::2]), map(int, found[1::2]), strict=True):
        children.setdefault(parent, []).append(child)
    under = list(children.get(pid, []))
    for one in under:
        under += children.get(one, [])
    return under


def running(pids: Sequence[int]) -> list[int]:
    """Those that have not ended."""
    states = {pid: Path(f"/proc/{pid}/stat") for pid in pids}
    return [pid for pid, stat in states.items() if stat.exists() and ") Z " not in stat.read_text()]
