"""A small Google: tokens, budgets of billing accounts, and a subscription whose messages stay until acknowledged."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .samples import BILLING_ACCOUNT, sample

SUBSCRIPTION = "projects/ml-prod/subscriptions/aispend-budgets"
LISTED = f"/v1/billingAccounts/{BILLING_ACCOUNT}/budgets"


@cache
def _private_key() -> str:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def key_of(base: str) -> str:
    """A service account's key, whose tokens are given at `base`."""
    return json.dumps(
        {
            "type": "service_account",
            "client_email": "aispend@ml-prod.iam.gserviceaccount.com",
            "private_key": _private_key(),
            "private_key_id": "k1",
            "project_id": "ml-prod",
            "token_uri": f"{base}/token",
        }
    )


@dataclass
class FakeGoogle:
    """Budgets by path, messages in the order in which they are given; `refusals` by path, each is used up once.

    A refusal is a status with the name of a sample body, and headers. `pages` of a list have two budgets.
    """

    budgets: dict[str, dict[str, Any]] = field(default_factory=dict)
    waiting: list[dict[str, Any]] = field(default_factory=list)
    refusals: dict[str, list[tuple[int, str, dict[str, str]]]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    a_pull: int = 100
    tokens: Counter[str] = field(default_factory=Counter)
    expired: set[str] = field(default_factory=set)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/token", self._token, methods=["POST"]),
                Route(f"/v1/{SUBSCRIPTION}:pull", self._pull, methods=["POST"]),
                Route(f"/v1/{SUBSCRIPTION}:acknowledge", self._acknowledge, methods=["POST"]),
                Route("/v1/billingAccounts/{path:path}", self._budgets),
                Route("/v1/{path:path}", self._nothing, methods=["POST"]),
            ]
        )

    def begin_anew(self, budgets: Sequence[dict[str, Any]], waiting: Sequence[dict[str, Any]]) -> None:
        """As if nothing had ever been asked but tokens."""
        self.hold(*budgets)
        self.waiting, self.refusals, self.asked, self.acknowledged, self.a_pull = [*waiting], {}, [], [], 100

    def hold(self, *budgets: dict[str, Any]) -> None:
        """These are all the budgets there are."""
        self.budgets = {f"/v1/{budget['name']}": budget for budget in budgets}

    def refuse(self, path: str, status: int, body: str, times: int = 9, **headers: str) -> None:
        said = {name.replace("_", "-"): text for name, text in headers.items()}
        self.refusals[path] = [(status, body, said)] * times

    def paths(self, ending: str) -> list[str]:
        return [path for _, path in self.asked if path.endswith(ending)]

    async def _token(self, request: Request) -> Response:
        self.tokens["given"] += 1
        return JSONResponse({"access_token": f"ya29.token{self.tokens['given']}", "expires_in": 3599})

    def _refused(self, request: Request) -> Response | None:
        path = request.url.path
        self.asked.append((request.method, path))
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not token.startswith("ya29.") or token in self.expired:
            return JSONResponse(sample("error_401_unauthenticated.json"), 401)
        if self.refusals.get(path):
            status, body, headers = self.refusals[path].pop()
            return JSONResponse(sample(body), status, headers)
        return None

    async def _budgets(self, request: Request) -> Response:
        path = request.url.path
        refused = self._refused(request)
        if refused or path in self.budgets:
            return refused or JSONResponse(self.budgets[path])
        if re.fullmatch("/v1/billingAccounts/[^/]+/budgets", path):
            return JSONResponse(self._listed(path, int(request.query_params.get("pageToken", "0"))))
        return JSONResponse(sample("error_404_budget.json"), 404)

    def _listed(self, path: str, start: int) -> dict[str, Any]:
        own = [budget for at, budget in self.budgets.items() if at.startswith(f"{path}/")]
        more = {"nextPageToken": str(start + 2)} if start + 2 < len(own) else {}
        return {"budgets": own[start : start + 2], **more} if own else {}

    async def _pull(self, request: Request) -> Response:
        refused = self._refused(request)
        if refused:
            return refused
        most = min((await request.json())["maxMessages"], self.a_pull)
        given = self.waiting[:most]
        return JSONResponse({"receivedMessages": given} if given else {})

    async def _acknowledge(self, request: Request) -> Response:
        refused = self._refused(request)
        if refused:
            return refused
        ids = (await request.json())["ackIds"]
        self.acknowledged += ids
        self.waiting = [delivery for delivery in self.waiting if delivery["ackId"] not in ids]
        return JSONResponse({})

    async def _nothing(self, request: Request) -> Response:
        return self._refused(request) or JSONResponse(sample("pubsub_error_404_subscription.json"), 404)


def sample_budgets() -> list[dict[str, Any]]:
    """The four of the samples."""
    return [*sample("budgets_list_page_1.json")["budgets"], *sample("budgets_list_page_2.json")["budgets"]]


def sample_deliveries() -> list[dict[str, Any]]:
    """The twelve of the samples."""
    pulls: Sequence[str] = ("pubsub_pull_response.json", "pubsub_pull_response_2.json")
    return [delivery for name in pulls for delivery in sample(name)["receivedMessages"]]
