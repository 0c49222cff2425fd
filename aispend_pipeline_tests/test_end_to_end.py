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
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from itertools import groupby
from pathlib import Path

import httpx
import pytest

from aispend_pipeline.simulator.server import served

from .conftest import KEY
from .service.bounded import PATIENCE
from .service.process import service_process
from .sources.samples import Sample, all_of
from .sources.samples import serving as app_of

pytestmark = pytest.mark.long
SAMPLES = all_of("costs", "cost_report")
NAMES = {"openai": ("OPENAI", "/v1", "openai_costs"), "anthropic": ("ANTHROPIC", "", "anthropic_costs")}


def account(sample: Sample) -> str:
    return f"s{SAMPLES.index(sample)}"


def by(place: int, lines: list[tuple]) -> dict:
    sums: dict = {}
    for line in lines:
        sums[line[place]] = sums.get(line[place], Decimal(0)) + line[-1]
    return sums


@contextmanager
def serving(home: Path) -> Iterator[httpx.Client]:
    """The real `aispend serve` on a port of its choice."""
    with service_process(home) as (base, _), httpx.Client(base_url=base, timeout=PATIENCE) as client:
        yield client


def days_read(sample: Sample) -> tuple[str, str, str]:
    window = sample.window()
    return sample.provider, str(window.first), str(window.last)


# The real command, as often as it is asked for, in one process: starting it takes longer than what it does here.
INGESTS = """
import json, os, sys
from aispend_pipeline.cli.main import run

for settings, arguments in json.loads(sys.argv[1]):
    os.environ.update(settings)
    sys.argv[1:] = ["ingest", *arguments]
    try:
        run()
    except SystemExit as ended:
        if ended.code:
            raise
    for name in settings:
        del os.environ[name]
"""


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Path:
    """A home into which every sample was read by the real command, an account each."""
    home = tmp_path_factory.mktemp("end_to_end") / "home"
    asked = []
    with ExitStack() as stack:
        for (provider, first, last), together in groupby(sorted(SAMPLES, key=days_read), days_read):
            name, path, source = NAMES[provider]
            settings = {}
            for sample in together:
                suffix = account(sample).upper()
                settings[f"{name}_API_KEY__{suffix}"] = f"{KEY}-{suffix}"
                settings[f"{name}_BASE_URL__{suffix}"] = stack.enter_context(served(app_of(sample))) + path
            asked.append((settings, ["--from", first, "--to", last, "--source", source]))
        done = subprocess.run(
            [sys.executable, "-c", INGESTS, json.dumps(asked)],
            env={"PATH": os.environ["PATH"], "AISPEND_HOME": str(home)},
            cwd=home.parent,
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return home


@pytest.fixture(scope="module")
def client(filled) -> Iterator[httpx.Client]:
    with serving(filled) as opened:
        yield opened


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
@pytest.mark.long
def test_every_documented_answer_comes_out_to_the_last_digit(sample, client):
    lines = sample.bill()
    query = {"from": sample.window().first, "to": sample.window().last, "account": account(sample)}

    answer = client.get("/spend", params={**query, "groupBy": "day"}).json()
    by_line = client.get("/spend", params={**query, "groupBy": "line_item"}).json()

    billed = {str(day): usd for day, usd in by(0, lines).items()}
    assert {row["day"]: Decimal(row["cost_usd"]) for row in answer["rows"]} == billed
    assert {row["line_item"]: Decimal(row["cost_usd"]) for row in by_line["rows"]} == by(1, lines)
    assert Decimal(answer["total_usd"]) == sum(line[-1] for line in lines)
    read = [day for day in answer["coverage"]["days"] if day["source"] == NAMES[sample.provider][2]]
    assert {day["state"] for day in read} == {"complete"}
    assert len(read) == len(list(sample.window().days()))


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_every_answer_is_kept_as_received(sample, client):
    pages = client.get(f"/providers/{sample.provider}/raw", params={"limit": 500}).json()["items"]
    kept = [page["payload"] for page in pages if page["account"] == account(sample)]

    assert [page for page in kept if page["data"]] == [json.loads(sample.file.read_text())] * 2


def test_the_exact_text_of_the_observed_samples(client):
    """The samples of this product's first days, spelt out."""
    texts = {
        "costs_observed_string_amount": {None: "12.50"},
        "costs_observed_enriched_rows": {"gpt-5.6-terra": "2.75", "whisper": "0.06", None: "0.01"},
        "cost_report_documented": {"claude-opus-5": "1.2378912"},
        "cost_report_observed_grouped_2025-10-16": {
            "claude-3-5-haiku-20241022": "5.9006304",
            "claude-sonnet-4-5-20250929": "15.14167545",
            None: "0.01",
        },
    }
    for sample in SAMPLES:
        if sample.file.stem in texts:
            query = {"from": sample.window().first, "to": sample.window().last, "account": account(sample)}
            rows = client.get("/spend", params={**query, "groupBy": "provider,model,day"}).json()["rows"]
            assert {row["model"]: row["cost_usd"] for row in rows} == texts[sample.file.stem]


def test_a_reader_is_answered_while_nothing_was_read_yet(tmp_path):
    with serving(tmp_path / "home") as client:
        answer = client.get("/spend").json()
        health = client.get("/status").json()

    assert (answer["rows"], answer["total_usd"], answer["coverage"]["complete"]) == ([], "0.00", False)
    assert health["status"] == "degraded"
    assert time.gmtime().tm_year >= int(answer["from"][:4])
