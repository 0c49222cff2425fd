"""A large organisation: three providers, ninety days, a million billed lines, read by `aispend ingest` from nothing.

The providers are a process of their own, whose answers cost it next to nothing. What it takes is the whole command:
Dagster's runs, every page checked, stored and added up; and every total must be what the servers sent.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from aispend_pipeline import money
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.model import Window, midnight
from aispend_pipeline.normalise.vertex_billing import COLUMNS
from aispend_pipeline.simulator.google_tokens import Tokens, service_account_json
from aispend_pipeline.simulator.server import served
from aispend_pipeline.warehouse import Snapshots

DAYS = 90
LINES = {"openai": 4_000, "anthropic": 3_200, "vertex": 3_950}  # a day
ROOT = Path(__file__).parents[2]


def amount(line: int) -> Decimal:
    """What a line is billed, USD: the same on every day."""
    return Decimal(line % 997 + 1).scaleb(-2)


def billed(provider: str) -> Decimal:
    """What a provider bills for a day, USD."""
    return money.add(map(amount, range(LINES[provider])))


def _days(first: date, end: date) -> list[date]:
    return [*Window(first, end - timedelta(days=1)).days()] if first < end else []


@cache
def _openai_lines() -> str:
    line = (
        '{{"object":"organization.costs.result","amount":{{"value":{usd},"currency":"usd"}},'
        '"line_item":"gpt-5.{m}, input","project_id":"proj_{p}","api_key_id":"key_{k}","quantity":{q}}}'
    )
    return ",".join(line.format(usd=amount(n), m=n % 40, p=n % 50, k=n % 400, q=n * 7) for n in range(LINES["openai"]))


async def _openai(request: Request) -> Response:
    """A page a day; grouped by lines, or not at all."""
    asked = request.query_params
    first = datetime.fromtimestamp(int(asked["start_time"]), UTC).date()
    end = datetime.fromtimestamp(int(asked["end_time"]), UTC).date() if "end_time" in asked else first
    days = _days(first, end)[int(asked.get("page", 0)) :]
    total = f'{{"object":"x","amount":{{"value":{billed("openai")},"currency":"usd"}}}}'
    results = _openai_lines() if "group_by[]" in asked else total
    edges = [int(midnight(day).timestamp()) for day in days[:1]]
    buckets = ",".join(f'{{"start_time":{at},"end_time":{at + 86400},"results":[{results}]}}' for at in edges)
    more = json.dumps(str(int(asked.get("page", 0)) + 1) if len(days) > 1 else None)
    page = f'{{"object":"page","data":[{buckets}],"has_more":{json.dumps(len(days) > 1)},"next_page":{more}}}'
    return Response(page, media_type="application/json")


@cache
def _anthropic_lines() -> str:
    line = (
        '{{"currency":"USD","amount":"{cents}","workspace_id":"wrkspc_{p}","description":"Tokens of model {m}",'
        '"cost_type":"tokens","model":"claude-{m}"}}'
    )
    return ",".join(line.format(cents=amount(n) * 100, p=n % 80, m=n % 40) for n in range(LINES["anthropic"]))


async def _anthropic(request: Request) -> Response:
    """As OpenAI's, in cents."""
    asked = request.query_params
    first = datetime.fromisoformat(asked["starting_at"]).date()
    end = datetime.fromisoformat(asked["ending_at"]).date() if "ending_at" in asked else first
    days = _days(first, end)[int(asked.get("page", 0)) :]
    total = f'{{"currency":"USD","amount":"{billed("anthropic") * 100}"}}'
    results = _anthropic_lines() if "group_by[]" in asked else total
    buckets = ",".join(
        f'{{"starting_at":"{day}T00:00:00Z","ending_at":"{day + timedelta(days=1)}T00:00:00Z","results":[{results}]}}'
        for day in days[:1]
    )
    more = json.dumps(str(int(asked.get("page", 0)) + 1) if len(days) > 1 else None)
    page = f'{{"data":[{buckets}],"has_more":{json.dumps(len(days) > 1)},"next_page":{more}}}'
    return Response(page, media_type="application/json")


def _vertex_row(day: date, n: int) -> dict[str, Any]:
    nanos = str(int(amount(n).scaleb(9)))
    said = {
        "usage_day": str(day),
        "service_id": "C7E2-9256-1C43",
        "service_description": "Vertex AI",
        "sku_id": f"0000-0000-{n % 40:04}",
        "sku_description": f"Gemini 2.{n % 6} Flash Text Input - Predictions",
        "project_id": f"project-{n}",
        "location": "us-central1",
        "cost_type": "regular",
        "transaction_type": "GOOGLE",
        "invoice_month": f"{day:%Y%m}",
        "currency": "USD",
        "usage_unit": "requests",
        "usage_amount": f"{n * 7}.0",
        "gross_nanos": nanos,
        "credit_nanos": "0",
        "gross_usd_nanos": nanos,
        "credit_usd_nanos": "0",
        "fx_missing_rows": "0",
        "source_rows": "24",
        "last_export_time": "1794728256000000",
    }
    return {"f": [{"v": said.get(column)} for column in COLUMNS]}


class _BigQuery:
    """Queries are told apart by what they select; nothing is run."""

    def __init__(self) -> None:
        self._jobs: dict[str, tuple[tuple[str, ...], list[dict[str, Any]]]] = {}

    def routes(self) -> list[Route]:
        """What Google's client calls."""
        path = "/bigquery/v2/projects/{project}"
        return [
            Route(f"{path}/jobs", self._begin, methods=["POST"]),
            Route(f"{path}/queries/{{job}}", self._rows),
        ]

    async def _begin(self, request: Request) -> Response:
        asked = await request.json()
        query = asked["configuration"]["query"]
        given = {one["name"]: one["parameterValue"].get("value") for one in query["queryParameters"]}
        self._jobs[asked["jobReference"]["jobId"]] = self._answer(query["query"], given)
        return JSONResponse({**asked, "status": {"state": "DONE"}})

    def _answer(self, sql: str, given: dict[str, str]) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
        if "rows_seen" in sql:
            now = str(int(SystemClock().now().timestamp() * 1e6))
            return ("account_id", "last_export_time", "rows_seen"), [
                {"f": [{"v": "01AAAA-BBBBBB-CCCCCC"}, {"v": now}, {"v": "1"}]}
            ]
        if "DISTINCT" in sql:
            return ("account_id",), [{"f": [{"v": "01AAAA-BBBBBB-CCCCCC"}]}]
        if "new_rows" in sql:
            return ("usage_day", "new_rows", "last_export_time"), []
        first, end = (datetime.fromisoformat(given[name]).date() for name in ("usage_from", "usage_to"))
        return COLUMNS, [_vertex_row(day, n) for day in _days(first, end) for n in range(LINES["vertex"])]

    async def _rows(self, request: Request) -> Response:
        columns, rows = self._jobs[request.path_params["job"]]
        first = int(request.query_params.get("pageToken", 0))
        after = first + int(request.query_params.get("maxResults", 10_000))
        answer = {
            "jobComplete": True,
            "totalRows": str(len(rows)),
            "schema": {"fields": [{"name": name, "type": "STRING", "mode": "NULLABLE"} for name in columns]},
            "jobReference": {"projectId": "finops", "jobId": request.path_params["job"]},
            "rows": rows[first:after],
        }
        return JSONResponse(answer | ({"pageToken": str(after)} if after < len(rows) else {}))


def providers() -> Starlette:
    """All three on one address."""
    tokens = Tokens(("default",), SystemClock())
    return Starlette(
        routes=[
            Route("/v1/organization/costs", _openai),
            Route("/v1/organizations/cost_report", _anthropic),
            *_BigQuery().routes(),
            *tokens.routes(),
        ]
    )


def serve() -> None:
    """Serve them until the standard input ends; the address and the credentials are said first."""
    with served(providers()) as base:
        print(json.dumps(environment(base)), flush=True)
        sys.stdin.read()


def environment(base: str) -> dict[str, str]:
    """The settings with which they are read."""
    return {
        "OPENAI_API_KEY": "k-1",
        "OPENAI_BASE_URL": f"{base}/v1",
        "ANTHROPIC_API_KEY": "k-2",
        "ANTHROPIC_BASE_URL": base,
        "AISPEND_ANTHROPIC_CALLS_PER_HOUR": "100000",
        "GCP_SA_JSON": service_account_json(base),
        "GCP_BQ_PROJECT": "finops",
        "GCP_BQ_DATASET": "billing",
        "GCP_BQ_TABLE": "gcp_billing_export_v1_01AAAA_BBBBBB_CCCCCC",
        "GCP_BIGQUERY_ENDPOINT": base,
    }


@contextmanager
def _provided() -> Iterator[dict[str, str]]:
    command = [
        sys.executable,
        "-c",
        f"from {__name__ if __name__ != '__main__' else __spec__.name} import serve; serve()",
    ]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield json.loads(process.stdout.readline())
        process.stdin.close()


def _ingest(window: Window, sources: Iterable[str], settings: dict[str, str]) -> float:
    """Seconds of the command."""
    aispend = Path(sys.executable).with_name("aispend")
    asked = [part for source in sources for part in ("--source", source)]
    started = time.perf_counter()
    subprocess.run(
        [aispend, "ingest", "--from", str(window.first), "--to", str(window.last), *asked],
        env={**os.environ, **settings},
        cwd=settings["AISPEND_HOME"],
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - started


def main() -> None:
    today = SystemClock().now().date()
    window = Window(today - timedelta(days=DAYS), today - timedelta(days=1))
    with tempfile.TemporaryDirectory() as folder, _provided() as settings:
        home = Path(folder) / "data"
        home.mkdir(mode=0o700)
        settings["AISPEND_HOME"] = str(home)
        took = _ingest(window, ("openai_costs", "anthropic_costs", "vertex_billing"), settings)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        size = (home / "warehouse.duckdb").stat().st_size / 2**20
        _, cursor = Snapshots(home).current()
        sums = dict(cursor.execute("SELECT provider, sum(billed_usd) FROM spend_daily GROUP BY provider").fetchall())
        rows = cursor.execute("SELECT count(*) FROM spend").fetchall()[0][0]
    assert sums == {provider: billed(provider) * DAYS for provider in LINES}, sums
    print(
        f"a large organisation, 3 providers, {DAYS} days, {rows:,} billed lines: {took:.0f} s,"
        f" {rows / took:,.0f} rows/s, peak {peak:.0f} MB, store {size:.0f} MB; every total is what the servers sent"
    )


if __name__ == "__main__":
    main()
