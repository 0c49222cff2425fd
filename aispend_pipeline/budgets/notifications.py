"""From pulls of budget notifications to figures, exactly; what cannot be understood is counted. Nothing here asks.

Facts: Google's guide to budget notifications, and its reference of Pub/Sub's REST interface. Messages come at least
once and in any order, and others may share their topic.
"""

import base64
import binascii
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from aispend_pipeline import money
from aispend_pipeline.budgets.model import Figure
from aispend_pipeline.normalise.columns import decode

_INSTANT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?Z", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_SCHEMA_VERSION = "1.0"


class Rejected(StrEnum):
    """Why a message gives no figure."""

    NOT_A_BUDGET = "not_a_budget_notification"  # anomalies share the topic
    OTHER_VERSION = "other_schema_version"
    MALFORMED = "malformed"


class _Message(msgspec.Struct, rename="camel"):
    message_id: str = ""
    publish_time: str = ""
    data: str = ""
    attributes: dict[str, str] = {}


class Delivery(msgspec.Struct, rename="camel"):
    """One message as it came; it may come again, and be acknowledged by another name then."""

    ack_id: str = ""
    message: _Message = msgspec.field(default_factory=_Message)


class _Pull(msgspec.Struct, rename="camel"):
    received_messages: list[msgspec.Raw] = []


_pull, _one = msgspec.json.Decoder(_Pull), msgspec.json.Decoder(Delivery)


def deliveries(body: bytes) -> list[Delivery]:
    """The messages of one pull, none when there are no more; `FetchError` (schema) if it has another shape."""
    return [_delivery(raw) for raw in decode(_pull, body).received_messages]


def _delivery(raw: msgspec.Raw) -> Delivery:
    """One message; of one that is odd at least what it takes to let it go."""
    try:
        return _one.decode(raw)
    except msgspec.ValidationError:
        said = json.loads(bytes(raw))
        ack_id = said.get("ackId") if isinstance(said, dict) else None
        return Delivery(ack_id if isinstance(ack_id, str) else "", _Message(message_id=f"odd {ack_id}"))


@dataclass
class Received:
    """What pulls brought: the newest figure of each budget and interval, and what became of the other messages.

    `rejected` has the ids of messages that give no figure, and why; `ack_ids` is everything that came.
    """

    figures: dict[tuple[str, str, datetime], Figure] = field(default_factory=dict)
    ack_ids: list[str] = field(default_factory=list)
    rejected: dict[str, Rejected] = field(default_factory=dict)
    times: Counter[str] = field(default_factory=Counter)  # by message, how often it came

    @property
    def duplicates(self) -> int:
        """Deliveries of a message that had come before."""
        return self.times.total() - len(self.times)

    def counts(self) -> dict[str, int]:
        """Messages by what became of them."""
        found = Counter(self.rejected.values())
        told = {"messages": len(self.times), "deliveries": self.times.total(), "duplicates": self.duplicates}
        return {**told, **{why.value: found[why] for why in Rejected}}

    def take(self, delivery: Delivery) -> None:
        """Add one delivery; the order of several does not matter."""
        message = delivery.message
        self.times[message.message_id] += 1
        if delivery.ack_id:
            self.ack_ids.append(delivery.ack_id)
        figure = _figure(message)
        if isinstance(figure, Rejected):
            self.rejected[message.message_id] = figure
            return
        known = self.figures.get(figure.key)
        if known is None or known.age < figure.age:
            self.figures[figure.key] = figure


def received(bodies: Iterable[bytes]) -> Received:
    """What some pulls brought together; `FetchError` (schema) for a pull of another shape."""
    found = Received()
    for body in bodies:
        for delivery in deliveries(body):
            found.take(delivery)
    return found


def _figure(message: _Message) -> Figure | Rejected:
    named = message.attributes
    if not named.get("budgetId") or not named.get("billingAccountId"):
        return Rejected.NOT_A_BUDGET
    if named.get("schemaVersion") != _SCHEMA_VERSION:
        return Rejected.OTHER_VERSION
    try:
        said = _json(message.data)
        seconds, nanoseconds = _instant(message.publish_time)
        return Figure(
            billing_account=named["billingAccountId"],
            budget_id=named["budgetId"],
            interval_start=_instant(said["costIntervalStart"])[0],
            name=_text(said.get("budgetDisplayName")) or "",
            amount=_amount(said["costAmount"]),
            currency=_currency(said["currencyCode"]),
            budget_amount=_perhaps(said.get("budgetAmount")),
            budget_amount_type=_text(said.get("budgetAmountType")),
            alert_threshold=_perhaps(said.get("alertThresholdExceeded")),
            forecast_threshold=_perhaps(said.get("forecastThresholdExceeded")),
            published=int(seconds.timestamp()) * 10**9 + nanoseconds,
            message_id=message.message_id,
        )
    except (KeyError, ValueError):
        return Rejected.MALFORMED


def _json(data: str) -> Mapping[str, Any]:
    """The object that a message carries, its numbers as they are written."""
    try:
        text = base64.b64decode(data, validate=True).decode()
        said = json.loads(text, parse_float=Decimal, parse_int=Decimal, parse_constant=str)
    except (binascii.Error, RecursionError, ArithmeticError):
        raise ValueError("no JSON") from None
    if not isinstance(said, dict):
        raise ValueError("no object")
    return said


def _instant(text: Any) -> tuple[datetime, int]:
    """Whole seconds, UTC, and the nanoseconds after them: as texts, `.5Z` and `Z` do not compare as times do."""
    spelt = _INSTANT.fullmatch(text) if isinstance(text, str) else None
    if spelt is None:
        raise ValueError("no instant")
    seconds = datetime.fromisoformat(spelt[1]).replace(tzinfo=UTC)
    if not 2000 <= seconds.year < 2200:
        raise ValueError("an instant of no time that anybody means")
    return seconds, int((spelt[2] or "").ljust(9, "0"))


def _amount(value: Any) -> Decimal:
    found = _perhaps(value)
    if found is None:
        raise ValueError("no number")
    return found


def _perhaps(value: Any) -> Decimal | None:
    """A number as it is kept; none if there is none."""
    if value is None:
        return None
    found = _exact(value) if isinstance(value, Decimal) else None
    if found is None:
        raise ValueError("no number, or too large")
    return found


def _exact(number: Decimal) -> Decimal | None:
    """`number` at the warehouse's scale; none where it is too large for it."""
    if not number.is_finite() or (number and number.adjusted() >= money.DIGITS):
        return None
    return money.quantize(number)


def _currency(value: Any) -> str:
    code = value.upper() if isinstance(value, str) else ""
    if not _CURRENCY.fullmatch(code):
        raise ValueError("no currency")
    return code


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError("no text")
    return value
