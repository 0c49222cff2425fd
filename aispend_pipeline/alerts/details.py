"""What stands under a headline, a line each: since when and why, doubts, what was spent on, and how far bills go."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date
from decimal import Decimal
from typing import Any

from aispend_pipeline.alerts.headlines import own_soft, used, where
from aispend_pipeline.alerts.plain import minute, minute_of, more, plain, usd
from aispend_pipeline.caps.model import Event, EventType, Level, Reason

# Doubts of which more are only counted.
MOST_DOUBTS = 5
# The same of what has no price.
MOST_UNPRICED = 3

_BECAUSE = {
    Reason.SPEND: "more was spent",
    Reason.CORRECTION: "the provider corrected its bill",
    Reason.CAP_RAISED: "the cap was raised",
    Reason.CAP_LOWERED: "the cap was lowered",
    Reason.CAP_REMOVED: "the cap was removed",
    Reason.RECOMPUTE: "the totals were worked out anew from stored answers",
    Reason.PERIOD_ROLL: "the month is over",
    Reason.LATE_DATA: "late figures for a month that is over came in",
}
# Of a month that is over, what moved it lately means nothing.
_OVER = frozenset({Reason.PERIOD_ROLL, Reason.LATE_DATA})
_ASKED = {"command": "on the command line", "api": "over the API"}


def details(event: Event) -> list[str]:
    """The lines under an event's headline."""
    match event.type:
        case EventType.TEST:
            by = event.facts["by"]
            return [f"asked for {_ASKED.get(by) or plain(by)} at {minute(event.created_at)}"]
        case EventType.INGEST_FAILING:
            return [_trouble(event), "what is spent there meanwhile is in no total, so no cap can see it"]
        case EventType.CHANNEL_FAILING:
            return [_trouble(event)]
        case EventType.INGEST_RECOVERED | EventType.CHANNEL_RECOVERED:
            return [f"what was wrong {_trouble(event)}"]
        case _:
            return _of_a_cap(event)


def _trouble(event: Event) -> str:
    return f"since {minute_of(event.facts['since'])}: {plain(event.facts['detail'])}"


def _of_a_cap(event: Event) -> list[str]:
    return [
        *_why(event),
        *_forecast(event),
        *_other_cap(event),
        *_doubts(event.facts),
        *_unpriced(event.facts),
        *_spent_on(event),
        *_billed(event),
    ]


def _why(event: Event) -> list[str]:
    """Since when and why; a milestone or a forecast is no level, so that its level's age says nothing of it."""
    if event.type in (EventType.MILESTONE, EventType.FORECAST) or event.reason is None:
        return []
    if event.reason is Reason.LATE_DATA:
        return [f"because {_BECAUSE[event.reason]}: no hook is called, and the running month is not touched"]
    if event.reason is Reason.PERIOD_ROLL:
        return [f"because {_BECAUSE[event.reason]}; the new one begins at 0.00 USD"]
    return [f"since {minute_of(event.facts['since'])}, because {_because(event.reason, event.facts)}"]


def _because(reason: Reason, facts: Mapping[str, Any]) -> str:
    """A figure that fell may have been an estimate, which the bill has replaced."""
    was, now = (Decimal(of.get("estimated_usd", 0)) for of in (facts.get("before", {}), facts))
    if reason is Reason.CORRECTION and was > now:
        return "the bill came, and is lower than what was estimated"
    return _BECAUSE[reason]


def _forecast(event: Event) -> list[str]:
    """How much is spent by now, how far off the forecast may be, and what it rests on."""
    if event.type is not EventType.FORECAST:
        return []
    facts, forecast = event.facts, event.facts["forecast"]
    return [
        f"so far: {used(facts, facts['cap_usd'], event.level)}",
        f"expected: {usd(forecast['low_usd'])} to {usd(forecast['high_usd'])} USD, if days to come cost what their"
        " weekday usually does, at the level of the last seven",
        "; ".join(_rests_on(forecast)),
    ]


def _rests_on(forecast: Mapping[str, Any]) -> Iterator[str]:
    yield f"it rests on {forecast['rests_on_days']} full days"
    if forecast["filled_days"]:
        yield filled(forecast["filled_days"])
    if not forecast["tried_on_days"]:
        yield "too few to try it on, so that the range is half to twice what is to come"


def filled(days: int) -> str:
    """What a forecast makes of that many days that are over."""
    one = "1 day that was not read counts as expected"
    return one if days == 1 else f"{days} days that were not read count as expected"


def _other_cap(event: Event) -> list[str]:
    """How the scope stands to the cap that the headline does not name."""
    facts = event.facts
    soft, hard = own_soft(facts), facts["hard_usd"]
    if event.type is EventType.STEPPED_DOWN:
        still = soft and f"still {where(facts, soft, Level.SOFT)} its soft cap: {used(facts, soft, Level.SOFT)}"
        return [still] if still else []
    if event.type not in (EventType.BREACHED, EventType.REMINDER, EventType.RECOVERED) or hard is None:
        return []
    named = event.level is Level.HARD or (event.prev_level is Level.HARD and soft is None)
    return [] if named else [f"its hard cap: {used(facts, hard, Level.HARD)}"]


def _doubts(facts: Mapping[str, Any]) -> list[str]:
    if facts["complete"]:
        return []
    doubts = facts["doubts"]
    lines = [f"figures may be too low: {plain(doubt)}" for doubt in doubts[:MOST_DOUBTS]]
    return [*lines, *more(len(doubts) - MOST_DOUBTS)] or ["figures may be too low"]


def _unpriced(facts: Mapping[str, Any]) -> list[str]:
    """What was used and has no money: events of before there were estimates know of none."""
    unpriced = facts.get("unpriced", [])
    lines = [f"not priced: {plain(line)}" for line in unpriced[:MOST_UNPRICED]]
    return [*lines, *more(len(unpriced) - MOST_UNPRICED)]


def _spent_on(event: Event) -> list[str]:
    """What most of the total was spent on, and how much of that lately."""
    lines = []
    for rank, one in zip(("most", "then", "then"), event.facts["top"], strict=False):
        recent = None if event.reason in _OVER else one["recent_usd"]
        lines.append(f"{rank}: {moved(one, recent)}")
    return lines


def moved(one: Mapping[str, Any], recent: str | None) -> str:
    """How much of a total was spent on what; `recent` is how much of that lately, USD, none to leave it out."""
    return f"{usd(one['usd'])} USD {_named(one)}{_lately(recent)}"


def _lately(recent: str | None) -> str:
    if recent is None:
        return ""
    return f"; {usd(recent) if Decimal(recent) else 'nothing'} since yesterday"


def _named(one: Mapping[str, Any]) -> str:
    """Model, project and key; ids behind the names, to look them up by."""
    project = _with_id(one["project_name"], one["project"])
    key = _with_id(one["api_key_name"], one["api_key"])
    parts = [plain(one["model"]), project and f"project {project}", key and f"key {key}"]
    named = ", ".join(part for part in parts if part)
    return f"on {named}" if named else "for which no model, project or key is named"


def _with_id(name: str | None, identity: str | None) -> str:
    shown, known = plain(name), plain(identity)
    return f"{shown} ({known})" if shown and known and shown != known else shown or known


def _billed(event: Event) -> list[str]:
    facts, today = event.facts, event.created_at.astimezone(UTC).date()
    return billed_through(facts["billed_through"], facts.get("basis", {}), today)


def billed_through(through: Mapping[str, str | None], basis: Mapping[str, str], today: date) -> list[str]:
    """How far the bills go, by provider, and what stands in for one (`basis`); none where there is no provider."""
    instead = [f"not billed: {plain(provider)}: {plain(label)}" for provider, label in sorted(basis.items())]
    days = [
        f"{plain(provider)} {day or 'nothing yet'}{' (so far)' if day == today.isoformat() else ''}"
        for provider, day in sorted(through.items())
        if provider not in basis
    ]
    return [*([f"billed through: {', '.join(days)}"] if days else []), *instead]
