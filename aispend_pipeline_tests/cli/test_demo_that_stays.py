"""`aispend demo` as it stays: the service, an inbox, Dagster's UI, and a backfill asked for as the UI does."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from aispend_pipeline.cli import listening

from ..waiting import first_line, until
from .conftest import Shell, one_line
from .life import descendants, free_port, running

BACKFILL = """
mutation Backfill($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
PROGRESS = """
query Progress($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    ... on PartitionBackfill { status runs(limit: 10) { status tags { key value } } }
  }
}
"""
ENDED = {"COMPLETED_SUCCESS", "COMPLETED_FAILED", "COMPLETED", "FAILED", "CANCELED"}


@pytest.fixture
def staying(home, tmp_path):
    """A running demo: its process, its service and its Dagster."""
    service, ui = free_port(), free_port()
    environment = {**os.environ, "AISPEND_PORT": str(service), "AISPEND_DAGSTER_PORT": str(ui)}
    with subprocess.Popen(
        [Path(sys.executable).parent / "aispend", "demo", "--home", str(home), "--scenario", "restated"],
        env=environment,
        cwd=tmp_path / "cwd",
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stdout:
            if line.startswith("Dagster's UI: "):
                break
        with httpx.Client(base_url=f"http://127.0.0.1:{ui}", timeout=60) as dagster:
            yield process, f"http://127.0.0.1:{service}", dagster
        process.send_signal(signal.SIGINT)
        process.wait(30)


def asked(dagster: httpx.Client, query: str, **variables: object) -> dict:
    answer = dagster.post("/graphql", json={"query": query, "variables": variables}).json()
    assert "errors" not in answer, answer
    return next(iter(answer["data"].values()))


@pytest.mark.parametrize("setting", ["AISPEND_PORT", "AISPEND_DAGSTER_PORT"])
def test_a_port_that_somebody_asked_for_and_is_taken_is_one_line(shell, setting):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ports = {"AISPEND_PORT": str(free_port()), "AISPEND_DAGSTER_PORT": str(free_port()), setting: str(port)}
        done = shell.run("demo", "--home", "tried", **ports)

    assert (done.code, done.out) == (2, "")
    assert one_line(done.err) == (
        f"127.0.0.1:{port} cannot be listened on (Address already in use); choose another with {setting}"
    )


def test_a_port_that_nobody_asked_for_is_the_next_one_that_is_free(shell):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        free = listening.next_free(port)

        assert port < free < port + 50
        assert listening.next_free(free) == free


def test_an_older_demo_that_does_not_say_since_when_it_is_is_refused(shell):
    (shell.folder / "tried").mkdir()
    (shell.folder / "tried" / "this-is-a-demo").touch()

    done = shell.run("demo", "--once", "--home", "tried")

    assert (done.code, done.out) == (2, "")
    assert "holds an older demo; remove it" in one_line(done.err)


@contextmanager
def told(shell: Shell, home: Path) -> Iterator[tuple[list[str], subprocess.Popen]]:
    """A running demo that tells the story, and what it has said until the first figures; it must end well."""
    ports = {"AISPEND_PORT": str(free_port()), "AISPEND_DAGSTER_PORT": str(free_port())}
    with (shell.folder / "demo.err").open("w") as said_wrong:
        process = shell.start("demo", "--home", str(home), stderr=said_wrong, **ports)
    try:
        lines = []
        while not lines or not lines[-1].startswith("read openai"):
            lines.append(first_line(process, seconds=120))
        yield lines, process
        under = descendants(process.pid)
        assert shell.finish(process, send=signal.SIGINT).code == 0
        until(lambda: running(under) == [])
        assert (shell.folder / "demo.err").read_text() == ""
    finally:
        process.kill()
        process.communicate()


def address(lines: list[str], of: str) -> str:
    return next(line.split()[1] for line in lines if line.startswith(f"{of}: "))


@pytest.mark.long
def test_the_story_is_told_to_an_inbox_and_a_second_start_goes_on_with_it(shell, tmp_path):
    home = tmp_path / "tried"
    with told(shell, home) as (first, _):
        dashboard, inbox = address(first, "dashboard"), address(first, "inbox")
        assert "<article" not in httpx.get(inbox).text
        assert httpx.get(f"{dashboard}spend?groupBy=provider").json()["rows"]
        token = re.search(r"ADMIN_TOKEN: ([0-9a-f]{32})\)", "".join(first))[1]
        tested = httpx.post(
            f"{dashboard}test/alert?hook=true", headers={"authorization": f"Bearer {token}"}, timeout=30
        )
        assert tested.status_code == 200, tested.text
        until(lambda: httpx.get(inbox).text.count("<article") == 3)
        assert "signature valid" in httpx.get(inbox).text
    with told(shell, home) as (second, _):
        pass

    story = [[line for line in lines if line.startswith("  ")] for lines in (first, second)]
    assert len(story[0]) == 4
    assert story[0] == story[1]


@pytest.mark.long
def test_a_backfill_of_forty_days_from_the_ui_is_two_runs_and_every_day_of_it_is_answered(staying):
    process, service, dagster = staying
    before = datetime.now(UTC).date().replace(day=1) - timedelta(days=90)
    days = [str(before + timedelta(days=n)) for n in range(40)]
    raw = ("openai_costs", "openai_usage", "anthropic_costs", "anthropic_usage", "vertex_billing")
    keys = [
        *({"path": ["raw", name]} for name in raw),
        *({"path": [name]} for name in ("spend", "usage", "estimate", "spend_daily")),
    ]

    launched = asked(dagster, BACKFILL, params={"assetSelection": keys, "partitionNames": days})
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    for _ in range(150):
        progress = asked(dagster, PROGRESS, id=launched["backfillId"])
        if progress["status"] in ENDED:
            break
        time.sleep(1)

    assert progress["status"] == "COMPLETED_SUCCESS", progress
    assert [run["status"] for run in progress["runs"]] == ["SUCCESS"] * 2
    answer = httpx.get(f"{service}/spend", params={"from": days[0], "to": days[-1], "groupBy": "day"}).json()
    assert [row["day"] for row in answer["rows"]] == days
    assert answer["coverage"]["complete"] is True

    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    with pytest.raises(httpx.ConnectError):
        dagster.get("/server_info")
