"""A fake Google: the billing export in BigQuery, budgets, their notifications and the tokens for all that.

One address is all four services; the table, the subscription and the service account are each account's own.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount

from aispend_pipeline.clock import Clock
from aispend_pipeline.settings.accounts import suffix
from aispend_pipeline.simulator.bigquery import BigQuery
from aispend_pipeline.simulator.bigquery_tables import Partitioned, Table
from aispend_pipeline.simulator.google_answers import Desk
from aispend_pipeline.simulator.google_books import EXPORTS, exported, row
from aispend_pipeline.simulator.google_budgets import Budgets, Given, budgets_of
from aispend_pipeline.simulator.google_lines import Line
from aispend_pipeline.simulator.google_tokens import PROJECT, Tokens, service_account_json
from aispend_pipeline.simulator.pubsub import Message, PubSub, Subscription, notifications
from aispend_pipeline.simulator.scenario import CALM, Scenario
from aispend_pipeline.simulator.troubles import under

DATASET = "billing_export"
SAMPLE_TABLE = "billing-proj.billing_export.gcp_billing_export_resource_v1_01AAAA_BBBBBB_CCCCCC"


def google(
    accounts: Sequence[str],
    clock: Clock,
    *,
    rows_a_page: int | None = None,
    scenario: Scenario = CALM,
    denied: Collection[str] = (),
    partitioned: Partitioned = "ingestion",
    unfinished_calls: int = 0,
    closed: Sequence[str] = (),
    budgets: Given | None = None,
    messages: Sequence[Message] | None = None,
) -> Starlette:
    """The application. The service accounts of `accounts` may read everything; those `denied` have no role.

    Pages of rows hold as many as are asked for, or `rows_a_page` if that is less; tables are `partitioned` alike.
    For `unfinished_calls` and `closed` projects see `BigQuery`. `budgets` by billing account and `messages` are told
    instead of the organisation's own. What goes wrong is in `scenario`; tokens are never troubled by it. They are
    `app.state.tokens`, and can be made to expire or to be refused there.
    """
    tables = [
        Table(table_name(account), partial(_exported, account, clock, scenario), row, partitioned)
        for account in accounts
    ]
    bigquery = BigQuery(tables, clock, rows_a_page, closed, unfinished_calls)
    subscriptions = {
        subscription(account): Subscription(
            partial(_published, account, clock, scenario) if messages is None else lambda: messages,
            duplicates=messages is None,
            out_of_order=messages is None,
        )
        for account in accounts
    }
    tokens = Tokens(tuple(accounts), clock)
    desk = Desk(tokens, denied)
    routes = [
        *bigquery.routes(desk),
        *Budgets(clock.now, budgets).routes(desk),
        *PubSub(subscriptions).routes(desk),
    ]
    return _application(tokens, routes, scenario, clock)


def samples_bigquery(
    rows_file: Path,
    clock: Clock,
    *,
    table: str = SAMPLE_TABLE,
    rows_a_page: int | None = None,
    partitioned: Partitioned = "ingestion",
) -> Starlette:
    """A BigQuery that has one table, of the rows of a file: JSON, one a line, as the export has them."""
    rows = [_Given.of(line) for line in rows_file.read_bytes().splitlines()]
    bigquery = BigQuery([Table(table, lambda since: rows, _Given.written, partitioned)], clock, rows_a_page)
    tokens = Tokens(("default",), clock)
    return _application(tokens, bigquery.routes(Desk(tokens)), CALM, clock)


def environment(base_url: str, accounts: Sequence[str] = tuple(EXPORTS)) -> dict[str, str]:
    """The settings with which `accounts` are read from the application at `base_url`."""
    endpoints = dict.fromkeys(("GCP_BIGQUERY_ENDPOINT", "GCP_BUDGETS_ENDPOINT", "GCP_PUBSUB_ENDPOINT"), base_url)
    found = {**endpoints, "GCP_BQ_PROJECT": PROJECT, "GCP_BQ_DATASET": DATASET}
    for account in accounts:
        own = {
            "GCP_SA_JSON": service_account_json(base_url, account),
            "GCP_BQ_TABLE": table_name(account).rpartition(".")[2],
            "GCP_BUDGET_NAME": ",".join(one.full_name for billed in EXPORTS[account] for one in budgets_of(billed)),
            "GCP_PUBSUB_SUBSCRIPTION": subscription(account),
        }
        found |= {name + suffix(account): value for name, value in own.items()}
    return found


def table_name(account: str) -> str:
    """The table that has the rows of a configured account."""
    return f"{PROJECT}.{DATASET}.gcp_billing_export_resource_v1_{EXPORTS[account][0].account_id.replace('-', '_')}"


def subscription(account: str) -> str:
    """The subscription that has the notifications of a configured account's budgets."""
    return f"projects/{PROJECT}/subscriptions/aispend-{account}"


def _application(tokens: Tokens, routes: Sequence[BaseRoute], scenario: Scenario, clock: Clock) -> Starlette:
    """Tokens beside what they are for."""
    middleware = [Middleware(under, scenario, keys=tokens, clock=clock)]
    served = Starlette(routes=[*tokens.routes(), Mount("/", Starlette(routes=routes, middleware=middleware))])
    served.state.tokens = tokens
    return served


def _exported(account: str, clock: Clock, scenario: Scenario, since: datetime | None) -> list[Line]:
    return exported(account, since, clock.now(), scenario)


def _published(account: str, clock: Clock, scenario: Scenario) -> list[Message]:
    return notifications(account, clock.now(), scenario)


@dataclass(frozen=True)
class _Given:
    """A row of a file."""

    export_time: datetime
    row: Mapping[str, Any]

    @classmethod
    def of(cls, line: bytes) -> "_Given":
        row = msgspec.json.decode(line, type=dict[str, Any])
        return cls(datetime.fromisoformat(row["export_time"]), row)

    def written(self) -> Mapping[str, Any]:
        return self.row
