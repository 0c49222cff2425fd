"""Asks the simulated Google as its own client does: BigQuery through google-cloud-bigquery, the rest over HTTP."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import httpx
from google.api_core.client_options import ClientOptions
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY
from google.oauth2 import service_account

from aispend_pipeline.model import Window, midnight
from aispend_pipeline.simulator.google import table_name
from aispend_pipeline.simulator.google_books import BILLED
from aispend_pipeline.simulator.google_tokens import PROJECT, service_account_json
from aispend_pipeline.sources.vertex_queries import sql_of

from ..conftest import ROOT

SAMPLES = ROOT / "data" / "samples" / "google"
QUICKLY = DEFAULT_RETRY.with_delay(initial=0.01, maximum=0.01).with_timeout(5)
_TEXTS = {
    "report_tz": "UTC",
    "service_pattern": r"^(claude|anthropic)\b",
    "mixed_sku_pattern": "^ai dev tools:",
}
_LISTS = {
    "cost_types": ["regular", "adjustment", "rounding_error"],
    "service_ids": ["C7E2-9256-1C43", "AEFD-7695-64FA"],
    "mixed_service_ids": ["74B1-77CF-C302"],
}


def sample(name: str) -> dict:
    return json.loads((SAMPLES / name).read_text())


@contextmanager
def client(base_url: str, key: str | None = None) -> Iterator[bigquery.Client]:
    """The client of a service account whose tokens come from the stand-in."""
    info = json.loads(key or service_account_json(base_url))
    credentials = service_account.Credentials.from_service_account_info(info)
    options = ClientOptions(api_endpoint=base_url)
    with bigquery.Client(project=PROJECT, credentials=credentials, client_options=options) as made:
        yield made


def lines_query(table: str, mode: str = "ingestion") -> str:
    """The query of a bill's lines over `table`."""
    return sql_of("lines", table, mode)


def configuration(billing_account: str, days: Window, **how: object) -> bigquery.QueryJobConfig:
    """How that query is run for the `days` of a billing account; `how` is more of it."""
    first = midnight(days.first)
    instants = {
        "usage_from": first,
        "usage_to": midnight(days.last) + timedelta(days=1),
        "partition_from": first - timedelta(days=1),
    }
    texts = {**_TEXTS, "billing_account_id": billing_account}
    parameters = [
        *(bigquery.ScalarQueryParameter(name, "STRING", value) for name, value in texts.items()),
        *(bigquery.ScalarQueryParameter(name, "TIMESTAMP", value) for name, value in instants.items()),
        *(bigquery.ArrayQueryParameter(name, "STRING", value) for name, value in _LISTS.items()),
    ]
    return bigquery.QueryJobConfig(query_parameters=parameters, **how)


def rows_of(made: bigquery.Client, query: str, how: bigquery.QueryJobConfig, page_size: int | None = None) -> list:
    """All rows of a query."""
    job = made.query(query, job_config=how, retry=QUICKLY, timeout=5)
    return list(job.result(page_size=page_size, timeout=5, retry=QUICKLY))


def nanos(rows: list) -> int:
    """What rows come to, billionths of a USD, net."""
    return sum(row.gross_usd_nanos + row.credit_usd_nanos for row in rows)


class Http:
    """Calls with a token, over HTTP."""

    def __init__(self, base_url: str, token: str) -> None:
        self.base_url, self.headers = base_url, {"authorization": f"Bearer {token}"}

    def get(self, path: str, **params: object) -> httpx.Response:
        return httpx.get(self.base_url + path, params=params, headers=self.headers)

    def post(self, path: str, content: dict) -> httpx.Response:
        return httpx.post(self.base_url + path, json=content, headers=self.headers)


ROWS = SAMPLES / "billing_export_detailed.jsonl"
ACCOUNTS = ("default", "eu")
WEEK = Window(date(2026, 6, 2), date(2026, 6, 8))
TURN = Window(date(2026, 5, 30), date(2026, 6, 5))
EU = BILLED["eu"].account_id
TABLE = table_name("eu")
SAMPLE_DAYS = Window(date(2026, 11, 14), date(2026, 11, 18))


def asked(made: bigquery.Client, mode: str = "ingestion", **how: object) -> list:
    """The lines of a week of account `eu`."""
    return rows_of(made, lines_query(TABLE, mode), configuration(EU, WEEK, **how))
