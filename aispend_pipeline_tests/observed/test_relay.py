"""Lines of processes under a command reach it, wherever those processes' own standard error leads."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from aispend_pipeline import log
from aispend_pipeline.relay import ADDRESS, received, relayed

from .test_lines import on_a_terminal

# As Dagster does with what a step writes, at the level of the system.
CAPTURED = """
import os, sys, tempfile
from dagster._core.execution.compute_logs import mirror_stream_to_file
from aispend_pipeline import log

log.conceal(["a-secret-word"])
print("noise", file=sys.stderr)
with tempfile.TemporaryDirectory() as folder, mirror_stream_to_file(sys.stderr, f"{folder}/step.err"):
    log.log.debug("published", file="quiet", seq=0)
    log.log.info("published", file="a-secret-word", seq=1)
    log.log.warning("state.unusable", error="a\\nb")
"""


def run(code: str, address: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, ADDRESS: address}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.long
def test_what_a_step_logs_arrives_once_without_secrets_whatever_captures_its_standard_error():
    taken: list[str] = []
    with received(taken.append) as address:
        done = run(CAPTURED, address)

    assert done.returncode == 0
    first, second = map(json.loads, taken)
    assert (first["event"], first["file"], first["level"]) == ("published", "[key]", "info")
    assert (second["event"], second["error"], second["level"]) == ("state.unusable", "a\nb", "warning")
    assert not Path(address).exists()


def test_it_is_said_as_it_came(capsys):
    line = '{"file": "a", "seq": 1, "event": "published", "level": "info", "timestamp": "2026-11-26T14:00:00Z"}'
    log.tell(line)

    assert capsys.readouterr().err == f"{line}\n"


def test_who_watches_at_a_terminal_gets_it_for_people_but_not_every_page():
    line = '{"file": "a.duckdb", "event": "published", "level": "info", "timestamp": "2026-11-26T14:00:00Z"}'
    page = line.replace("published", "page.read").replace("a.duckdb", "of a page")
    text = on_a_terminal(f"from aispend_pipeline import log; log.tell('{line}'); log.tell('{page}')")

    assert b"a.duckdb" in text
    assert b"\x1b[" in text
    assert not text.startswith(b"{")
    assert b"of a page" not in text


def test_long_lines_of_many_arrive_whole_and_before_the_end(monkeypatch):
    taken: list[str] = []
    sent = {f"{n} {'x' * 20_000}" for n in range(60)}

    def take(line: str) -> None:
        time.sleep(0.005)  # so that some still wait when all were sent
        taken.append(line)

    with received(take) as address:
        monkeypatch.setenv(ADDRESS, address)
        threads = [threading.Thread(target=relayed, args=(line,)) for line in sent]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(taken) == len(sent)
    assert set(taken) == sent


@pytest.mark.parametrize("address", ["", "/nowhere/log", "{left}"])
def test_work_goes_on_where_nobody_takes_them(tmp_path, address):
    """The last is what a killed command leaves: its socket, at which nobody listens."""
    left = tmp_path / "log"
    leaves = "import socket, sys; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).bind(sys.argv[1])"
    subprocess.run([sys.executable, "-W", "ignore", "-c", leaves, left], check=True)
    code = "from aispend_pipeline.log import log; log.info('published', seq=1); print('went on')"

    done = run(code, address.format(left=left))

    assert (done.returncode, done.stdout) == (0, "went on\n")
    assert json.loads(done.stderr)["event"] == "published"
