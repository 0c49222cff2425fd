"""Google's sample answers, and notifications as Pub/Sub gives them."""

import base64
import json
import re
from calendar import timegm
from collections.abc import Sequence
from decimal import Decimal
from time import strptime
from typing import Any

from aispend_pipeline_tests.conftest import ROOT

SAMPLES = ROOT / "data" / "samples" / "google"
AI_SERVICES = ("C7E2-9256-1C43", "AEFD-7695-64FA")
BUDGETS = ("budgets_list_page_1.json", "budgets_list_page_2.json")
PULLS = ("pubsub_pull_response.json", "pubsub_pull_response_2.json", "pubsub_pull_response_empty.json")
BILLING_ACCOUNT = "01AAAA-BBBBBB-CCCCCC"


def sample_bytes(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def sample(name: str) -> dict[str, Any]:
    return json.loads(sample_bytes(name))


def nanoseconds(text: str) -> int:
    """An instant of Google's as nanoseconds since 1970."""
    second, _, fraction = text.removesuffix("Z").partition(".")
    return timegm(strptime(second, "%Y-%m-%dT%H:%M:%S")) * 10**9 + int((fraction + "0" * 9)[:9])


def notification(message: str = "m1", **changes: Any) -> dict[str, Any]:
    """One delivery of a notification; `changes` are of what it says, or of `attributes`, `publishTime` or `data`."""
    said = {
        "budgetDisplayName": "AI monthly cap",
        "costAmount": Decimal("12.34"),
        "costIntervalStart": "2026-11-01T07:00:00Z",
        "budgetAmount": Decimal("1000.5"),
        "budgetAmountType": "SPECIFIED_AMOUNT",
        "currencyCode": "USD",
    }
    attributes = {
        "billingAccountId": BILLING_ACCOUNT,
        "budgetId": "3f1c2d4e-0000-4000-8000-000000000001",
        "schemaVersion": "1.0",
    }
    own = {name: changes.pop(name) for name in ("attributes", "publishTime", "data", "budgetId") if name in changes}
    if "budgetId" in own:
        attributes["budgetId"] = own.pop("budgetId")
    data = base64.b64encode(_json({**said, **changes})).decode()
    published = {"messageId": message, "publishTime": "2026-11-18T12:00:00Z", "attributes": attributes, "data": data}
    return {"ackId": f"ack-{message}", "message": {**published, **own}}


def pulled(deliveries: Sequence[dict[str, Any]]) -> bytes:
    """The answer to a pull."""
    return json.dumps({"receivedMessages": list(deliveries)}).encode()


def _json(value: dict[str, Any]) -> bytes:
    """Decimals stand in it digit by digit."""
    text = json.dumps(value, default=lambda number: f"<{number}>")
    return re.sub(r'"<(.+?)>"', r"\1", text).encode()
