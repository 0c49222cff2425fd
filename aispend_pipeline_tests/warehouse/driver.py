"""What tests run in processes of their own, so that they can be killed: `started(part, home, ...)`."""

import json
import logging
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from aispend_pipeline import log
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.errors import StoreError
from aispend_pipeline.warehouse import Snapshots, Warehouse
from aispend_pipeline_tests.warehouse import proof

ROOT = Path(__file__).parents[2]
# The parts that need more than the store are in a module of their own, so that the others start quickly.
MODULES = {"read-and-add-up": "ingesting", "write-on": "ingesting", "expire": "retaining", "compact": "retaining"}


@contextmanager
def started(part: str, home: Path, *arguments: str) -> Iterator[subprocess.Popen]:
    """A process that runs `part`; it is dead when the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"{__package__}.{MODULES.get(part, 'driver')}", part, str(home), *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def say(*words: object) -> None:
    print(*words, flush=True)


def hold(home: Path) -> None:
    """Hold a transaction open until standard input ends."""
    with Warehouse(home, SystemClock()).write() as transaction:
        transaction.execute("CREATE TABLE half AS SELECT 1 AS n")
        say("held")
        sys.stdin.read()


def hold_with_child(home: Path) -> None:
    """The same, with a child that outlives this process and was given every descriptor that can be inherited."""
    with Warehouse(home, SystemClock()).write():
        child = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"], close_fds=False, stdout=subprocess.DEVNULL
        )
        say("held", child.pid)
        sys.stdin.read()


def count(home: Path, times: str) -> None:
    """Read, add one, write, `times` over."""
    warehouse = Warehouse(home, SystemClock())
    for _ in range(int(times)):
        with warehouse.write() as transaction:
            (n,) = transaction.execute("SELECT n FROM counter").fetchone()
            time.sleep(0.002)
            transaction.execute("UPDATE counter SET n = ?", [n + 1])


def read_on(home: Path, until: str) -> None:
    """Check every snapshot that comes by until the file `until` is there; then tell what was seen."""
    snapshots = Snapshots(home)
    newest, looks, wrong, longest = 0, 0, [], 0.0
    while not Path(until).exists() and not wrong:
        started_at = time.monotonic()
        published, cursor = snapshots.current()
        with cursor:
            if published.seq < newest:
                wrong.append(f"went back from {newest} to {published.seq}")
            if cursor.execute("SELECT max(seq) FROM store_meta").fetchone() != (published.seq,):
                wrong.append(f"{published} shows another commit")
            if proof.rollup(cursor) != proof.detail(cursor) or proof.torn(cursor):
                wrong.append(f"{published} is torn")
        newest, looks = published.seq, looks + 1
        longest = max(longest, time.monotonic() - started_at)
    say(json.dumps({"looks": looks, "wrong": wrong, "longest": longest}))


def fill_up(home: Path, limit: str, rows: str, publish_only: str) -> None:
    """Write and publish while no file may grow beyond `limit` bytes, read meanwhile, then lift the limit and go on."""
    warehouse, snapshots = Warehouse(home, SystemClock()), Snapshots(home)
    if publish_only:
        _write_much(warehouse, rows)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
    told = None
    try:
        if not publish_only:
            _write_much(warehouse, rows)
        warehouse.publish()
    except StoreError as error:
        told = str(error)
    before = _rows(snapshots)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    if not publish_only:
        _write_much(warehouse, rows)
    warehouse.publish()
    say(json.dumps({"told": told, "before": before, "after": _rows(snapshots)}))


def _write_much(warehouse: Warehouse, rows: str) -> None:
    with warehouse.write() as transaction:
        transaction.execute("DELETE FROM much")
        transaction.execute("INSERT INTO much SELECT uuid()::VARCHAR || random()::VARCHAR FROM range(?::INT)", [rows])


def _rows(snapshots: Snapshots) -> int:
    with snapshots.current()[1] as cursor:
        return len(cursor.execute("FROM much").fetchall())


def run(parts: Mapping[str, Callable[..., None]]) -> None:
    """Run the part that the command line names."""
    log.configure(logging.ERROR)
    parts[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])


if __name__ == "__main__":
    run(
        {
            "hold": hold,
            "hold-with-child": hold_with_child,
            "count": count,
            "read-on": read_on,
            "fill-up": fill_up,
        }
    )
