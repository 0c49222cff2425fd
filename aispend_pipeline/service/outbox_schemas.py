"""The bodies of `/alerts`, for the OpenAPI document. A test holds real answers to them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from aispend_pipeline.alerts.outbox import Status
from aispend_pipeline.caps.model import EventType, Reason
from aispend_pipeline.service.beside_schemas import Exact

ID = "msg_xo5fq2m6d3c7j4w2n5k6a7e2ti"
_EVENT: dict[str, Any] = {
    "id": "evt_c4yq6u7h2zr5k3m2n7f4d6a5wi",
    "type": "cap.breached",
    "scope": "openai",
    "period": "2026-06",
    "level": "soft",
    "headline": "openai reached its soft cap: 84.00 of 80.00 USD in 2026-06",
    "created_at": "2026-06-12T13:20:00Z",
    "carried": False,
}
_MESSAGE: dict[str, Any] = {
    "id": ID,
    "subject": "openai reached its soft cap: 84.00 of 80.00 USD in 2026-06",
    "created_at": "2026-06-12T13:20:00Z",
}
_DELIVERY: dict[str, Any] = {
    "channel": "slack",
    "status": "dead",
    "attempts": 1,
    "next_at": None,
    "ended_at": "2026-06-12T13:20:01Z",
    "last_error": "slack answers 404: no_service",
}
_ITEM = {**_MESSAGE, **_DELIVERY, "events": [_EVENT]}
_FACTS: dict[str, Any] = {
    "total_usd": "84.00",
    "estimated_usd": "0.00",
    "soft_usd": "80.00",
    "hard_usd": "100.00",
    "cap_usd": "80.00",
    "since": "2026-06-12T13:20:00Z",
    "complete": True,
    "doubts": [],
    "billed_through": {"openai": "2026-06-12"},
}
_DECIDED = {
    **_EVENT,
    "prev_level": "ok",
    "reason": "spend",
    "details": ["since 2026-06-12 13:20 UTC, because more was spent", "its hard cap: 84.00 of 100.00 USD"],
    "facts": _FACTS,
}


class AlertEvent(Exact):
    """One thing that a message tells."""

    id: str = Field(description="as `aispend alerts why` takes it")
    type: EventType = Field(description="what happened, in a word that does not change")
    scope: str = Field(description="what it is about: a provider, `global`, an account, a channel, or `test`")
    period: str | None = Field(description="a UTC month, YYYY-MM; null if it is about none")
    level: Literal["ok", "soft", "hard"] | None = Field(
        description="the level that was reached, or the cap that it is about; null if it is about no cap"
    )
    headline: str = Field(description="what happened, on one line, for people")
    created_at: datetime = Field(description="when it was decided")
    carried: bool = Field(description="whether it is of an older message of the channel, which never got through")


class DecidedEvent(AlertEvent):
    """An event, and all that it was decided from."""

    prev_level: Literal["ok", "soft", "hard"] | None = Field(description="the level that people knew of before")
    reason: Reason | None = Field(description="why the level became that; null if it is about no level")
    details: list[str] = Field(description="what stands under the headline, a line each, for people")
    facts: dict[str, Any] = Field(
        description="what it was decided from: which facts there are goes by `type`; `..._usd` is decimal text"
    )


class AlertDelivery(Exact):
    """A message on its way to one channel."""

    channel: str = Field(description="slack, email, email_webhook or hook; never its address")
    status: Status = Field(
        description="`pending`: waits, or is being sent; `dead`: given up, until somebody retries or drops it;"
        " `superseded`: a later message says it too; `cancelled`: no longer true, and received by nobody"
    )
    attempts: int = Field(ge=0, description="how often it was tried")
    next_at: datetime | None = Field(description="when it is tried next; null unless it is `pending`")
    ended_at: datetime | None = Field(description="when it was delivered, or ended otherwise; null while `pending`")
    last_error: str | None = Field(description="why the last attempt failed; null if none has, or it was delivered")


class AlertItem(AlertDelivery):
    """A message on its way to one channel, and what it tells."""

    id: str = Field(description="of the message, which may go to several channels")
    subject: str = Field(description="the message in one line")
    created_at: datetime = Field(description="when the message was made")
    events: list[AlertEvent] = Field(description="what it tells, oldest first")


class AlertsBody(Exact):
    """Messages by channel, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_ITEM], "cursor": "OQ.0f3a9"}]})

    items: list[AlertItem] = Field(description="one for each channel that a message goes to")
    cursor: str | None = Field(
        description="where to go on, null at the end; it stays good, and leads past each once, while more come"
    )


class AlertBody(Exact):
    """One message: what became of it in each channel, and what each of its events was decided from."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**_MESSAGE, "deliveries": [_DELIVERY], "events": [_DECIDED]}]}
    )

    id: str = Field(description="of the message")
    subject: str = Field(description="the message in one line")
    created_at: datetime = Field(description="when it was made")
    deliveries: list[AlertDelivery] = Field(description="one for each channel that it goes to, by name")
    events: list[DecidedEvent] = Field(description="what it tells in any of them, oldest first")
