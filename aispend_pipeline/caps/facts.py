"""The facts of an event: what it was decided from, as JSON. All texts and bodies are made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from aispend_pipeline import money
from aispend_pipeline.caps.incidents import Incident
from aispend_pipeline.caps.model import EventType, Measurement, level_word
from aispend_pipeline.caps.policy import Said, Standing, Timing
from aispend_pipeline.clock import utc_text
from aispend_pipeline.forecast.month_end import Forecast

Top = Sequence[Mapping[str, str | None]]


def facts_of(
    said: Said, standing: Standing, before: Standing, found: Measurement, timing: Timing, top: Top
) -> dict[str, Any]:
    """Of an event of a scope: the figures, the caps, how far they can be trusted, and what stood before."""
    facts = {
        "total_usd": money.text(standing.total),
        "estimated_usd": money.text(standing.estimated),
        "hard_on_estimates": standing.hard_on_estimates,
        "soft_usd": money.text_if_known(standing.caps.soft),
        "hard_usd": money.text_if_known(standing.caps.hard),
        "cap_usd": money.text_if_known(said.cap),
        "since": utc_text(standing.since),
        "complete": found.fresh,
        "doubts": [*found.holes, *found.doubts],
        "unpriced": list(found.unpriced),
        "data_through": {provider: utc_text(at) for provider, at in found.data_through.items()},
        "billed_through": {
            provider: None if day is None else day.isoformat() for provider, day in found.billed_through.items()
        },
        "top": [dict(one) for one in top],
        "rollup": asdict(found.version),
        "read_seq": found.read_seq,
        "before": _before(before),
        "timing": _timing(timing),
    }
    own = {
        "percent": said.percent,
        "arming": said.arming,
        "basis": dict(found.basis) or None,
        "forecast": _forecast(said, found.forecast),
    }
    return facts | {name: value for name, value in own.items() if value is not None}


def incident_facts(incident: Incident) -> dict[str, Any]:
    """Of an event of an account or a channel that is in trouble."""
    named = "channel" if incident.kind == "channel" else "subject"
    return {
        named: incident.subject,
        "detail": incident.detail,
        "since": utc_text(incident.opened_at),
        "incident": incident.n,
    }


def _forecast(said: Said, expected: Forecast | None) -> dict[str, Any] | None:
    """What was expected, of an event that says so."""
    if said.type is not EventType.FORECAST or expected is None:
        return None
    reached = None if said.cap is None else expected.hit(said.cap)
    return {
        "expected_usd": money.text(expected.expected),
        "low_usd": money.text(expected.low),
        "high_usd": money.text(expected.high),
        "hit_on": None if reached is None else reached.isoformat(),
        "filled_days": expected.filled,
        "rests_on_days": expected.rests_on,
        "tried_on_days": expected.tried,
    }


def _before(before: Standing) -> dict[str, Any]:
    return {
        "level": level_word(before.level),
        "announced": before.announced.word,
        "announced_at": utc_text(before.announced_at) if before.announced_at else None,
        "total_usd": money.text(before.total),
        "estimated_usd": money.text(before.estimated),
        "soft_usd": money.text_if_known(before.caps.soft),
        "hard_usd": money.text_if_known(before.caps.hard),
        "read_seq": before.read_seq,
    }


def _timing(timing: Timing) -> dict[str, Any]:
    return {
        "debounce_seconds": timing.debounce.total_seconds(),
        "remind_soft_seconds": timing.remind_soft.total_seconds() if timing.remind_soft else None,
        "remind_hard_seconds": timing.remind_hard.total_seconds() if timing.remind_hard else None,
        "hook_hold_seconds": timing.hook_hold.total_seconds(),
    }
