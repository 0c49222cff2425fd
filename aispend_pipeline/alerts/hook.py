"""What the hard-cap hook is told: one event a message, for a machine. Amounts are text, instants UTC."""

from decimal import Decimal
from typing import Any

import orjson

from aispend_pipeline import money
from aispend_pipeline.caps.model import Event, EventType
from aispend_pipeline.clock import utc_text

_NOTHING = money.text(Decimal(0))


def body(event: Event, instance: str) -> bytes:
    """The JSON for one `hardcap.*` event or a test; names are ids, exact, so that a machine can look them up."""
    data = {} if event.type is EventType.TEST else _cap(event)
    return orjson.dumps(
        {"type": event.type, "timestamp": utc_text(event.created_at), "data": {**data, "instance": instance}}
    )


def _cap(event: Event) -> dict[str, Any]:
    """What is said of a cap; how much is estimated only where some of it is."""
    facts = event.facts
    estimated = facts.get("estimated_usd", _NOTHING)
    return {
        "scope": event.scope,
        "period": event.period,
        "arming": facts["arming"],
        "reason": event.reason,
        "total_usd": facts["total_usd"],
        **({} if estimated == _NOTHING else {"estimated_usd": estimated}),
        "cap_usd": facts["cap_usd"],
        "complete": facts["complete"],
        "data_through": facts["data_through"],
        "top": [{name: one[name] for name in ("project", "api_key", "model", "usd")} for one in facts["top"]],
    }
