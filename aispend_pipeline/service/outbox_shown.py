"""Messages as JSON: what they tell, and what became of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from aispend_pipeline.alerts import messages
from aispend_pipeline.alerts.by_hand import Delivery, Told
from aispend_pipeline.alerts.headlines import headline
from aispend_pipeline.alerts.outbox import Status
from aispend_pipeline.caps.model import Level
from aispend_pipeline.clock import utc_text


def item(one: Delivery, told: Sequence[Told]) -> dict[str, Any]:
    """A delivery with the message that it is of."""
    return {**_message(one), **_delivery(one), "events": [_event(each) for each in told]}


def alert(found: Sequence[Delivery], told: Mapping[int, Sequence[Told]]) -> dict[str, Any]:
    """A message with its deliveries, of which there is at least one, and all that its events were decided from."""
    events = {each.event.event_id: each for one in found for each in told[one.seq]}
    return {
        **_message(found[0]),
        "deliveries": [_delivery(one) for one in found],
        "events": [_decided(each) for each in sorted(events.values(), key=lambda each: each.event.created_at)],
    }


def _message(one: Delivery) -> dict[str, Any]:
    return {"id": one.message_id, "subject": one.subject, "created_at": utc_text(one.created_at)}


def _delivery(one: Delivery) -> dict[str, Any]:
    return {
        "channel": one.channel,
        "status": one.status,
        "attempts": one.attempts,
        "next_at": utc_text(one.next_at) if one.status is Status.PENDING else None,
        "ended_at": utc_text(one.ended_at) if one.ended_at else None,
        "last_error": one.last_error,
    }


def _event(told: Told) -> dict[str, Any]:
    event = told.event
    return {
        "id": event.event_id,
        "type": event.type,
        "scope": event.scope,
        "period": None if event.period == "-" else event.period,
        "level": _word(event.level),
        "headline": headline(event),
        "created_at": utc_text(event.created_at),
        "carried": told.carried,
    }


def _decided(told: Told) -> dict[str, Any]:
    event = told.event
    return {
        **_event(told),
        "prev_level": _word(event.prev_level),
        "reason": event.reason,
        "details": list(messages.line(event).details),
        "facts": dict(event.facts),
    }


def _word(level: Level | None) -> str | None:
    return None if level is None else level.word
