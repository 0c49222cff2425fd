"""From a provider's answer over HTTP, through a Dagster run, to a number over HTTP."""

import json
import socket
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from aispend_pipeline.simulator.samples import openai_samples

from .conftest import KEY, SAMPLES


def days_of(answer: dict) -> list[date]:
    return [datetime.fromtimestamp(bucket["start_time"], UTC).date() for bucket in answer["data"]]


def expected(path: Path) -> dict[tuple[str, str | None], Decimal]:
    """Totals by day and line item, worked out from the sample's own text and nothing of ours."""
    answer = json.loads(path.read_text(), parse_float=Decimal)
    sums: dict[tuple[str, str | None], Decimal] = {}
    for day, bucket in zip(days_of(answer), answer["data"], strict=True):
        for result in bucket["results"]:
            key = day.isoformat(), result.get("line_item")
            sums[key] = sums.get(key, Decimal(0)) + Decimal(result["amount"]["value"])
    return sums


@pytest.fixture
def service(home, tmp_path):
    """The real `aispend serve` on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "aispend"), "serve", "--port", str(port)],
        env={"AISPEND_HOME": str(home), "PATH": "/usr/bin:/bin"},
        cwd=tmp_path / "cwd",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}")
    for _ in range(200):
        try:
            client.get("/healthz")
            break
        except httpx.ConnectError:
            time.sleep(0.05)
    yield client
    client.close()
    process.terminate()
    process.wait(10)


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.glob("costs_*.json")))
def test_every_documented_answer_comes_out_to_the_last_digit(name, aispend, serve_app, service, sample):
    days = days_of(sample(name))
    first, last = str(min(days)), str(max(days))
    base = serve_app(openai_samples(SAMPLES / name)) + "/v1"

    done = aispend("ingest", "--from", first, "--to", last, OPENAI_API_KEY=KEY, OPENAI_BASE_URL=base)

    assert (done.returncode, done.stderr) == (0, "")
    answer = service.get("/spend", params={"from": first, "to": last, "groupBy": "day"}).json()
    by_day: dict[str, Decimal] = {}
    for (day, _), usd in expected(SAMPLES / name).items():
        by_day[day] = by_day.get(day, Decimal(0)) + usd
    in_store = {day: usd.quantize(Decimal("1e-18")) for day, usd in by_day.items()}
    assert {row["day"]: Decimal(row["cost_usd"]) for row in answer["rows"]} == in_store
    assert Decimal(answer["total_usd"]) == sum(in_store.values())
    assert answer["coverage"]["complete"] is True
    assert {day["state"] for day in answer["coverage"]["days"]} == {"complete"}
