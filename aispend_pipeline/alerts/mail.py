"""Mail as JSON: what a mail webhook gets, and what a mail of one's own is made from."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from aispend_pipeline.alerts import messages
from aispend_pipeline.caps.model import Event, level_word
from aispend_pipeline.clock import utc_text

# Characters of a subject.
LONGEST_SUBJECT = 200
_FROM = "[aispend] "


def body(
    message_id: str,
    events: Sequence[Event],
    carried: Sequence[Event],
    link: str | None,
    instance: str,
    created_at: datetime,
) -> bytes:
    """The JSON of one mail: its subject and text, and the events for machines.

    `carried` are older events that never got through, `link` the dashboard's address. `threads` names what the
    mail is about, for replies to be shown together.
    """
    ranked = messages.gravest_first(events)
    return orjson.dumps(
        {
            "id": message_id,
            "subject": f"{_FROM}{messages.title(ranked, LONGEST_SUBJECT - len(_FROM))}",
            "text": _text(message_id, ranked, carried, link, instance),
            "created_at": utc_text(created_at),
            "threads": sorted({f"{event.scope}/{event.period}" for event in events}),
            "instance": instance,
            "events": [_event(event) for event in events],
        }
    )


def _text(message_id: str, ranked: Sequence[Event], carried: Sequence[Event], link: str | None, instance: str) -> str:
    parts = [_listed(*messages.line(event)) for event in ranked]
    if carried:
        parts.append(_listed("not delivered earlier:", messages.carried_lines(carried)))
    if link:
        parts.append(f"dashboard: {link}")
    return "\n\n".join([*parts, f"from aispend {instance}\n{message_id}"])


def _listed(title: str, lines: Sequence[str]) -> str:
    return "\n".join([title, *(f"  - {line}" for line in lines)])


def _event(event: Event) -> dict[str, Any]:
    return {
        "id": event.event_id,
        "type": event.type,
        "scope": event.scope,
        "period": event.period,
        "level": level_word(event.level),
        "prev_level": level_word(event.prev_level),
        "reason": event.reason,
        "created_at": utc_text(event.created_at),
        "facts": event.facts,
    }
