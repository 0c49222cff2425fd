"""A fake Pub/Sub: subscriptions of budget notifications, pulled and acknowledged.

Facts: https://docs.cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions/pull , and for what is told
https://docs.cloud.google.com/billing/docs/how-to/notify : several a day, delivered at least once and in no order.
"""

import base64
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from starlette.routing import Route

from aispend_pipeline.clock import utc_text
from aispend_pipeline.model import midnight
from aispend_pipeline.simulator.google_answers import Asked, Desk, Refused
from aispend_pipeline.simulator.google_books import EXPORTS
from aispend_pipeline.simulator.google_budgets import Budget, budgets_of, month_of
from aispend_pipeline.simulator.scenario import CALM, Scenario

# Each budget tells its cost three times a day; a month that is over is told of for another day and a half.
_FIRST, _EVERY = timedelta(hours=2, minutes=15), timedelta(hours=8)
_KEPT, _AFTERWARDS = timedelta(days=2), timedelta(hours=36)
_encoder = msgspec.json.Encoder(decimal_format="number")


class Message(NamedTuple):
    """A message that was published."""

    message_id: str
    publish_time: str
    attributes: Mapping[str, str]
    data: bytes

    @property
    def told(self) -> dict[str, Any]:
        """As a pull has it."""
        return {
            "data": base64.b64encode(self.data).decode(),
            "attributes": self.attributes,
            "messageId": self.message_id,
            "publishTime": self.publish_time,
        }


def given(answer: Mapping[str, Any]) -> list[Message]:
    """The messages of the answer of a pull."""
    received = [one["message"] for one in answer.get("receivedMessages", ())]
    return [
        Message(one["messageId"], one["publishTime"], one["attributes"], base64.b64decode(one["data"]))
        for one in received
    ]


def notifications(account: str, now: datetime, scenario: Scenario = CALM) -> list[Message]:
    """What the budgets of all billing accounts of `account`, a configured one, have told lately, the oldest first."""
    first = midnight((now - _KEPT).date()) + _FIRST
    instants = (first + n * _EVERY for n in range(_KEPT // _EVERY + 4))
    return [
        _notification(budget, start, at, scenario)
        for at in instants
        if now - _KEPT <= at <= now
        for billed in EXPORTS[account]
        for budget in budgets_of(billed)
        for start in _months(at)
    ]


def _months(at: datetime) -> Iterator[datetime]:
    """The beginnings of the months that are told of at an instant."""
    current = month_of(at)
    if at - current < _AFTERWARDS:
        yield month_of(current - timedelta(days=1))
    yield current


@lru_cache(maxsize=1_000)
def _notification(budget: Budget, start: datetime, at: datetime, scenario: Scenario) -> Message:
    until = min(at, month_of(start + timedelta(days=32)))
    cost = budget.cost(start, until, at, scenario).quantize(Decimal("0.01"))
    amount = budget.amount(start)
    passed = [share for share in (Decimal("0.5"), Decimal("0.9")) if cost >= amount * share]
    body = {
        "budgetDisplayName": budget.name,
        **({"alertThresholdExceeded": passed[-1]} if passed else {}),
        "costAmount": cost,
        "costIntervalStart": utc_text(start),
        "budgetAmount": amount,
        "budgetAmountType": "SPECIFIED_AMOUNT" if budget.specified else "LAST_PERIODS_COST",
        "currencyCode": budget.billed.currency,
    }
    attributes = {
        "billingAccountId": budget.billed.account_id,
        "budgetId": budget.budget_id,
        "schemaVersion": "1.0",
    }
    number = f"{int(at.timestamp())}{start:%m}{budget.budget_id[:4]}"
    return Message(number, utc_text(at), attributes, _encoder.encode(body))


@dataclass
class Subscription:
    """A subscription; what is pulled and not acknowledged comes again, under another ackId.

    With `duplicates` every third message comes twice in a pull; `out_of_order`, the newest is first.
    """

    messages: Callable[[], Sequence[Message]]
    duplicates: bool = False
    out_of_order: bool = False
    _acknowledged: set[str] = field(default_factory=set)
    _delivered: dict[str, str] = field(default_factory=dict)  # the messageId by ackId
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def pull(self, most: int) -> list[dict[str, Any]]:
        """At most so many messages that wait."""
        waiting = [one for one in self.messages() if one.message_id not in self._acknowledged]
        if self.out_of_order:
            waiting.reverse()
        if self.duplicates:
            waiting = [one for n, each in enumerate(waiting) for one in [each] * (1 if n % 3 else 2)]
        return [{"ackId": self._delivery(one), "message": one.told} for one in waiting[:most]]

    def acknowledge(self, ack_ids: Sequence[str]) -> None:
        """Those need not come again."""
        self._acknowledged.update(self._delivered[ack_id] for ack_id in ack_ids if ack_id in self._delivered)

    def _delivery(self, message: Message) -> str:
        ack_id = f"ack-{next(self._numbers):06d}"
        self._delivered[ack_id] = message.message_id
        return ack_id


@dataclass(frozen=True)
class PubSub:
    """The service, of subscriptions by name: `projects/P/subscriptions/S`."""

    subscriptions: Mapping[str, Subscription]

    def routes(self, desk: Desk) -> list[Route]:
        """What a subscription is like, pull and acknowledge."""
        path = "/v1/projects/{project}/subscriptions/{call}"
        return [desk.route(path, self._described), desk.route(path, self._answer, "POST")]

    def _described(self, asked: Asked) -> dict[str, Any]:
        name = f"projects/{asked.path['project']}/subscriptions/{asked.path['call']}"
        if asked.denied:
            raise Refused(403, "User not authorized to perform this action.")
        if name not in self.subscriptions:
            raise Refused(404, f"Resource not found (resource={asked.path['call']}).")
        topic = f"projects/{asked.path['project']}/topics/billing-budgets"
        return {"name": name, "topic": topic, "ackDeadlineSeconds": 60, "state": "ACTIVE"}

    def _answer(self, asked: Asked) -> dict[str, Any]:
        name, _, verb = asked.path["call"].rpartition(":")
        subscription = self.subscriptions.get(f"projects/{asked.path['project']}/subscriptions/{name}")
        if asked.denied:
            raise Refused(403, "User not authorized to perform this action.")
        if subscription is None or verb not in ("pull", "acknowledge"):
            raise Refused(404, f"Resource not found (resource={name}).")
        if verb == "acknowledge":
            subscription.acknowledge(asked.content.get("ackIds", ()))
            return {}
        most = asked.content.get("maxMessages", 0)
        if not isinstance(most, int) or most < 1:
            raise Refused(400, "You have passed a maxMessages that is not a positive number.")
        pulled = subscription.pull(most)
        return {"receivedMessages": pulled} if pulled else {}
