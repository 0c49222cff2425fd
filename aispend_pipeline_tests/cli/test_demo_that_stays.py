"""`aispend demo` as it stays: the service, Dagster's UI and daemon, and a backfill asked for as the UI does."""

import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

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


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture
def staying(home, tmp_path):
    """A running demo: its process, its service and its Dagster."""
    service, ui = free_port(), free_port()
    environment = {**os.environ, "AISPEND_PORT": str(service), "AISPEND_DAGSTER_PORT": str(ui)}
    with subprocess.Popen(
        [Path(sys.executable).parent / "aispend", "demo", "--home", str(home)],
        env=environment,
        cwd=tmp_path / "cwd",
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stdout:
            if line.startswith("answering on"):
                break
        with httpx.Client(base_url=f"http://127.0.0.1:{ui}", timeout=60) as dagster:
            yield process, f"http://127.0.0.1:{service}", dagster
        process.send_signal(signal.SIGINT)
        process.wait(30)


def asked(dagster: httpx.Client, query: str, **variables: object) -> dict:
    answer = dagster.post("/graphql", json={"query": query, "variables": variables}).json()
    assert "errors" not in answer, answer
    return next(iter(answer["data"].values()))


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
