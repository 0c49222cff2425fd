"""From a provider's answer over HTTP, through Dagster runs, to a number over HTTP: every part is the real one.

Each documented answer that holds costs is read into an account of its own, and its totals are worked out
here from the sample's text.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from aispend_pipeline.simulator.samples import openai_samples
from aispend_pipeline.simulator.server import served

from .conftest import KEY, SAMPLES

AISPEND = Path(sys.executable).parent / "aispend"
NAMES = sorted(path.name for path in SAMPLES.glob("costs_*.json"))


def days_of(answer: dict) -> list[date]:
    return [datetime.fromtimestamp(bucket["start_time"], UTC).date() for bucket in answer["data"]]


def lines_of(name: str) -> list[tuple[str, str | None, Decimal]]:
    """Day, line item and amount of each line of a sample, amounts from its own digits."""
    answer = json.loads((SAMPLES / name).read_text(), parse_float=Decimal)
    return [
        (day.isoformat(), result.get("line_item"), Decimal(result["amount"]["value"]).quantize(Decimal("1e-18")))
        for day, bucket in zip(days_of(answer), answer["data"], strict=True)
        for result in bucket["results"]
    ]


def by(place: int, lines: list[tuple]) -> dict:
    sums: dict = {}
    for line in lines:
        sums[line[place]] = sums.get(line[place], Decimal(0)) + line[-1]
    return sums


@contextmanager
def serving(home: Path) -> Iterator[httpx.Client]:
    """The real `aispend serve` on a port of its choice."""
    environment = {"AISPEND_HOME": str(home), "PATH": os.environ["PATH"]}
    with subprocess.Popen(
        [AISPEND, "serve", "--port", "0"], env=environment, cwd=home.parent, stdout=subprocess.PIPE, text=True
    ) as process:
        address = process.stdout.readline().split()[2].removesuffix("/spend,")
        with httpx.Client(base_url=address) as client:
            yield client
        process.terminate()


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Path:
    """A home into which every sample was read by the real command, an account each."""
    home = tmp_path_factory.mktemp("end_to_end") / "home"
    for number, name in enumerate(NAMES):
        days = days_of(json.loads((SAMPLES / name).read_text()))
        with served(openai_samples(SAMPLES / name)) as base:
            environment = {
                "PATH": os.environ["PATH"],
                "AISPEND_HOME": str(home),
                f"OPENAI_API_KEY__S{number}": KEY,
                f"OPENAI_BASE_URL__S{number}": f"{base}/v1",
            }
            done = subprocess.run(
                [AISPEND, "ingest", "--from", str(min(days)), "--to", str(max(days))],
                env=environment,
                cwd=home.parent,
                capture_output=True,
                text=True,
                timeout=60,
            )
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return home


@pytest.fixture(scope="module")
def client(filled) -> Iterator[httpx.Client]:
    with serving(filled) as opened:
        yield opened


@pytest.mark.parametrize("name", NAMES)
def test_every_documented_answer_comes_out_to_the_last_digit(name, client):
    lines = lines_of(name)
    days = sorted(by(0, lines))
    query = {"from": days[0], "to": days[-1], "account": f"s{NAMES.index(name)}"}

    answer = client.get("/spend", params={**query, "groupBy": "day"}).json()

    assert {row["day"]: Decimal(row["cost_usd"]) for row in answer["rows"]} == by(0, lines)
    assert Decimal(answer["total_usd"]) == sum(line[-1] for line in lines)
    assert answer["coverage"]["complete"] is True
    assert {day["state"] for day in answer["coverage"]["days"]} == {"complete"}


@pytest.mark.parametrize("name", NAMES)
def test_every_answer_is_kept_as_received(name, client):
    pages = client.get("/providers/openai/raw", params={"limit": 500}).json()["items"]
    kept = [page["payload"] for page in pages if page["account"] == f"s{NAMES.index(name)}"]

    assert kept == [json.loads((SAMPLES / name).read_text())] * 2


def test_the_exact_text_of_the_observed_samples(client):
    """The two samples of the first day of this product, spelt out."""
    texts = {
        "costs_observed_string_amount.json": {None: "12.50"},
        "costs_observed_enriched_rows.json": {"gpt-5.6-terra": "2.75", "whisper": "0.06", None: "0.01"},
    }
    for name, expected in texts.items():
        day = lines_of(name)[0][0]
        query = {"from": day, "to": day, "groupBy": "provider,model,day", "account": f"s{NAMES.index(name)}"}
        rows = client.get("/spend", params=query).json()["rows"]
        assert {row["model"]: row["cost_usd"] for row in rows} == expected


def test_a_reader_is_answered_while_nothing_was_read_yet(tmp_path):
    with serving(tmp_path / "home") as client:
        answer = client.get("/spend").json()
        health = client.get("/status").json()

    assert (answer["rows"], answer["total_usd"], answer["coverage"]["complete"]) == ([], "0.00", False)
    assert health["status"] == "degraded"
    assert time.gmtime().tm_year >= int(answer["from"][:4])
