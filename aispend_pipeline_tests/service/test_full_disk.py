"""A disk that is full, under a running service and the commands beside it: said, survived, and over when there is room.

On a file system of its own in memory, which only root may mount.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from ..cli.conftest import ago, one_line, world
from .installation import status_of
from .process import service_process

SPEND = {"from": str(ago(1)), "to": str(ago(1))}
ALL_OF_IT = ("ingest", "--from", str(ago(1)))
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system"),
]


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", disk], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """There is no room left on `disk`."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as opened:
        block = b"x" * 4096
        try:
            while opened.write(block):
                pass
        except OSError:
            pass
    try:
        yield
    finally:
        filler.unlink()


def test_it_is_said_reads_go_on_and_all_is_well_when_there_is_room_again(small_disk):
    with world(small_disk / "shell", GLOBAL_HARD_CAP="1000", SLACK_WEBHOOK_URL="http://127.0.0.1:9/x") as (shell, _):
        shell.settings["AISPEND_START_DATE"] = str(ago(1).replace(day=1))
        assert shell.run_apart("ingest").code == 0
        assert shell.run_apart("alerts", "dispatch").code == 0
        with (
            service_process(shell.home, **shell.settings) as (base, _),
            httpx.Client(base_url=base, timeout=30) as client,
        ):
            before = status_of(client)
            figures = client.get("/spend", params=SPEND).json()
            with full(small_disk):
                filled = status_of(client)
                done = [shell.run_apart(*command) for command in (ALL_OF_IT, ("recompute",), ("status",))]
                still = status_of(client)
                read = client.get("/spend", params=SPEND).json()
            after = status_of(client)
            again = [shell.run_apart(*command).code for command in (ALL_OF_IT, ("alerts", "dispatch"))]
            mended = status_of(client)
            refreshed = client.get("/spend", params=SPEND).json()

    line = f"{shell.home}: the disk is full (0 MiB free)"
    for body in (filled, still):
        assert (body["status"], body["reasons"][0].partition("; ")[0]) == ("failing", line)
        assert body["stores"][0]["state"] == "full"
    for refused in done[:2]:
        assert (refused.code, refused.out) == (1, "")
        assert one_line(refused.err).startswith(str(shell.home))
        assert "free some space" in refused.err
    assert (done[2].code, line in done[2].out) == (1, True)
    assert read == figures
    assert again == [0, 0]
    for body in (after, mended):
        assert (body["status"], body["reasons"]) == (before["status"], before["reasons"])
    assert {one["state"] for one in mended["stores"]} == {"ok"}
    assert refreshed["rows"] == figures["rows"]
    assert mended["as_of"] > before["as_of"]


def test_a_disk_without_room_for_a_copy_is_said_before_it_is_full(small_disk):
    with world(small_disk / "shell") as (shell, _):
        shell.fill(ago(1), ago(0))
        filler = small_disk / "filler"
        filler.write_bytes(b"x" * (os.statvfs(small_disk).f_bavail * 4096 - 20 * 1024**2))
        with service_process(shell.home, **shell.settings) as (base, _), httpx.Client(base_url=base) as client:
            nearly = status_of(client)
            filler.unlink()
            roomy = status_of(client)

    assert (nearly["status"], roomy["status"]) == ("degraded", "ok")
    (reason,) = nearly["reasons"]
    assert reason.startswith(f"{shell.home}: ")
    assert reason.endswith("; free some space")
