"""A fake Budgets API: what the billing accounts of the simulated organisation have set for themselves.

Facts: https://docs.cloud.google.com/billing/docs/reference/budget/rest/v1/billingAccounts.budgets , and for the account
itself https://docs.cloud.google.com/billing/docs/reference/rest/v1/billingAccounts . No field says what is spent.
"""

import base64
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Context, Decimal
from typing import Any

from starlette.routing import Route

from aispend_pipeline import money
from aispend_pipeline.model import Window
from aispend_pipeline.simulator import google_meters as run
from aispend_pipeline.simulator.google_answers import NOT_PERMITTED, Asked, Desk, Refused
from aispend_pipeline.simulator.google_books import BILLED, LATEST, lines
from aispend_pipeline.simulator.google_lines import PACIFIC, BillingAccount
from aispend_pipeline.simulator.scenario import CALM, Scenario

TOPIC = "projects/aispend-sim/topics/billing-budgets"
_MOST = 100  # budgets of a page
_IDS = uuid.UUID("3f1c2d4e-0000-4000-8000-000000000000")


@dataclass(frozen=True)
class Budget:
    """A budget of a billing account and a calendar month, Pacific; without `services` it is of all.

    What is specified is a fifth above last month's cost, two digits of it; else it is last month's cost itself.
    """

    billed: BillingAccount
    name: str
    services: tuple[str, ...]
    with_credits: bool
    specified: bool

    @property
    def budget_id(self) -> str:
        """Its id, as notifications have it too."""
        return str(uuid.uuid5(_IDS, f"{self.billed.account_id}/{self.name}"))

    @property
    def full_name(self) -> str:
        """As the API calls it."""
        return f"billingAccounts/{self.billed.account_id}/budgets/{self.budget_id}"

    def cost(self, since: datetime, until: datetime, known: datetime, scenario: Scenario = CALM) -> Decimal:
        """What the use between two instants costs, as far as it is exported at `known`; native, before tax."""
        return money.add(
            line.cost + (line.given if self.with_credits else 0)
            for day in Window(since.date(), until.date()).days()
            for line in lines(self.billed.account, day, known, scenario)
            if since <= line.start < until
            and line.cost_type != "tax"
            and (not self.services or line.meter.service.service_id in self.services)
        )

    def amount(self, at: datetime) -> Decimal:
        """The cap of the month that `at` is in, native currency."""
        start = month_of(at)
        last = self.cost(month_of(start - timedelta(days=1)), start, start + LATEST)
        if not self.specified:
            return last.quantize(Decimal("0.01"))
        return Decimal(f"{Context(prec=2).multiply(max(last, Decimal(1)), Decimal('1.2')):f}")

    def told(self, at: datetime) -> dict[str, Any]:
        """The budget as the API has it."""
        amount = self.amount(at)
        units, nanos = int(amount), int(amount % 1 * 10**9)
        specified = {"currencyCode": self.billed.currency, "units": str(units), **({"nanos": nanos} if nanos else {})}
        rules = [{"thresholdPercent": percent, "spendBasis": "CURRENT_SPEND"} for percent in (0.5, 0.9)]
        return {
            "name": self.full_name,
            "displayName": self.name,
            "budgetFilter": {
                **({"services": [f"services/{service}" for service in self.services]} if self.services else {}),
                "creditTypesTreatment": "INCLUDE_ALL_CREDITS" if self.with_credits else "EXCLUDE_ALL_CREDITS",
                "calendarPeriod": "MONTH",
            },
            "amount": {"specifiedAmount": specified} if self.specified else {"lastPeriodAmount": {}},
            "thresholdRules": [*rules, {"thresholdPercent": 1.0, "spendBasis": "FORECASTED_SPEND"}],
            "notificationsRule": {"pubsubTopic": TOPIC, "schemaVersion": "1.0"},
            "etag": self.budget_id[:8],
            "ownershipScope": "ALL_USERS",
        }


def budgets_of(billed: BillingAccount) -> tuple[Budget, Budget]:
    """A cap for what is AI as a whole, by service; and a watch on everything, credits aside."""
    services = (run.VERTEX.service_id, run.GEMINI_API.service_id)
    return Budget(billed, "AI monthly cap", services, True, True), Budget(billed, "Everything", (), False, False)


def month_of(instant: datetime) -> datetime:
    """When the month began that `instant` is in: at midnight in California."""
    first = instant.astimezone(PACIFIC).date().replace(day=1)
    return datetime.combine(first, time.min, PACIFIC).astimezone(UTC)


Given = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class Budgets:
    """The service. `given` are budgets by billing account to be told instead of the organisation's own."""

    now: Callable[[], datetime]
    given: Given | None = None

    def routes(self, desk: Desk) -> list[Route]:
        """A billing account, its budgets in pages, and each by itself."""
        account = "/v1/billingAccounts/{account}"
        return [
            desk.route(account, self._account),
            desk.route(f"{account}/budgets", self._list),
            desk.route(f"{account}/budgets/{{budget}}", self._get),
        ]

    def _account(self, asked: Asked) -> dict[str, Any]:
        self._of(asked)
        account = asked.path["account"]
        currencies = {one.account_id: one.currency for one in BILLED.values()}
        return {
            "name": f"billingAccounts/{account}",
            "open": True,
            "displayName": "Simulated billing",
            "masterBillingAccount": "",
            "parent": "organizations/900000000001",
            "currencyCode": currencies.get(account, "USD"),
        }

    def _list(self, asked: Asked) -> dict[str, Any]:
        found = self._of(asked)
        size = min(asked.number("pageSize") or _MOST, _MOST)
        first = _offset(asked.params.get("pageToken"))
        after = first + size
        page: dict[str, Any] = {"budgets": found[first:after]} if found[first:after] else {}
        return {**page, "nextPageToken": _token(after)} if after < len(found) else page

    def _get(self, asked: Asked) -> dict[str, Any]:
        named = f"billingAccounts/{asked.path['account']}/budgets/{asked.path['budget']}"
        for budget in self._of(asked):
            if budget["name"] == named:
                return dict(budget)
        raise Refused(404, "Requested entity was not found.")

    def _of(self, asked: Asked) -> list[Mapping[str, Any]]:
        """All budgets of the billing account that is asked about; 403 if it is none of ours."""
        account = asked.path["account"]
        if asked.denied:
            raise Refused(403, NOT_PERMITTED)
        if self.given is not None and account in self.given:
            return list(self.given[account])
        ours = [one for one in BILLED.values() if one.account_id == account]
        if not ours or self.given is not None:
            raise Refused(403, NOT_PERMITTED)
        return [budget.told(self.now()) for budget in budgets_of(ours[0])]


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(f"budgets/{offset}".encode()).decode()


def _offset(token: str | None) -> int:
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token).decode().removeprefix("budgets/"))
    except ValueError:
        raise Refused(400, "Request contains an invalid argument.") from None
