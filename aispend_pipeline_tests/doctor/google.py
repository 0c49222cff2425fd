"""Google with the samples' export on loopback, and an installation that asks it, to be examined."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from aispend_pipeline.cli import doctor
from aispend_pipeline.model import Window
from aispend_pipeline.simulator.google import samples_bigquery
from aispend_pipeline.simulator.google_tokens import service_account_json

from ..sources.google_world import ROWS, Interposed
from ..warehouse.building import SetClock
from .world import World, about

A, B, C = "01AAAA-BBBBBB-CCCCCC", "01DDDD-EEEEEE-000002", "01EEEE-FFFFFF-000001"
NAME = "gcp_billing_export_resource_v1_01AAAA_BBBBBB_CCCCCC"
TABLE = f"billing-proj.billing_export.{NAME}"
BUDGET = f"billingAccounts/{A}/budgets/3f1c2d4e-0000-4000-8000-000000000001"
SUBSCRIPTION = "projects/billing-proj/subscriptions/aispend-budgets"
AISPEND = "default@aispend-sim.iam.gserviceaccount.com"
# The newest line of the samples was exported on 2026-11-22 at 16:02:40, those of B and C three days before.
FRESH, DEAD = datetime(2026, 11, 22, 18, 0, tzinfo=UTC), datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
NOVEMBER = Window(date(2026, 11, 1), date(2026, 11, 30))
TABLES, JOBS, LINES, BUDGETS, MESSAGES, TOKEN = (
    "/tables/",
    "/jobs",
    "/queries/",
    "/budgets",
    "/subscriptions/",
    "/token",
)


@dataclass
class Served:
    """Where the newest of some applications is; and what time it is there."""

    clock: SetClock
    samples: ASGIApp
    base: str = ""
    app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


def key_of(base: str, client_id: str = "0") -> str:
    return json.dumps({**json.loads(service_account_json(base)), "client_id": client_id})


def environment(base: str, **more: str) -> dict[str, str]:
    endpoints = ("GCP_BIGQUERY_ENDPOINT", "GCP_BUDGETS_ENDPOINT", "GCP_PUBSUB_ENDPOINT")
    table = {"GCP_BQ_PROJECT": "billing-proj", "GCP_BQ_DATASET": "billing_export", "GCP_BQ_TABLE": NAME}
    return {
        **dict.fromkeys(endpoints, base),
        **table,
        "GCP_SA_JSON": key_of(base),
        "GCP_BILLING_ACCOUNT_ID": A,
        **more,
    }


NO_TABLE = dict.fromkeys(("GCP_BQ_TABLE", "GCP_BQ_PROJECT", "GCP_BQ_DATASET"), "")


class Google:
    """Google with the samples' export, answers of which may be replaced; and the installation that asks it."""

    def __init__(self, world: World, served: Served, capsys: Any) -> None:
        self.world, self._capsys, self.base = world, capsys, served.base
        world.clock = served.clock
        world.clock.instant = FRESH
        self.app = served.app = Interposed(served.samples)
        self.says = self.app.says
        # A key of its own, so that no test has another one's token.
        world.environment |= environment(self.base, GCP_SA_JSON=key_of(self.base, world.folder.name))

    def serves(self, **how: Any) -> None:
        self.app.app = samples_bigquery(how.pop("rows", ROWS), self.world.clock, **how)

    def examined(self, **more: str) -> tuple[int, list[str]]:
        """The exit code and all that is printed; an empty text takes a setting away."""
        self._capsys.readouterr()
        code = doctor.examine(self.world.settings(**more), self.world.clock)
        out, err = self._capsys.readouterr()
        assert err == ""
        assert "PRIVATE KEY" not in out
        assert "ya29." not in out
        return code, [line.rstrip() for line in out.splitlines()]

    def said(self, name: str = "default", **more: str) -> list[str]:
        """What is said of an account, without whose it is."""
        _, lines = self.examined(**more)
        return [line.replace(f" vertex {name}:", "") for line in about(lines, f"vertex {name}")]

    def beside(self, **more: str) -> list[str]:
        """What is said where there is no export to be read."""
        return self.said(**{**NO_TABLE, **more})

    def trouble(self, **more: str) -> str:
        """The one line that says that something is wrong."""
        (line,) = [line for line in self.said(**more) if line.startswith("FAIL")]
        return line.removeprefix("FAIL ")


def budgets(*names: str) -> Response:
    return JSONResponse({"budgets": [budget(name) for name in names]} if names else {})


def budget(name: str) -> dict[str, Any]:
    whole = {"budgetFilter": {}, "amount": {"lastPeriodAmount": {}}, "thresholdRules": []}
    return {"name": f"billingAccounts/{A}/budgets/{name}", "displayName": name, **whole}
