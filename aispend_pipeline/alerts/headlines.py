"""The first line of each event: what happened, and how much of which cap is used. Plain text, USD."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from aispend_pipeline import money
from aispend_pipeline.alerts.plain import plain, usd
from aispend_pipeline.caps.model import Event, EventType, Level, Reason, Spent

_CHANNELS = {"slack": "Slack", "email_webhook": "the email webhook", "hook": "the hard-cap hook"}


def headline(event: Event) -> str:
    """What happened, on one line."""
    return _HEADLINES[event.type](event)


def used(facts: Mapping[str, Any], cap: str | None, level: Level | None) -> str:
    """`100.40 of 100.00 USD`, or the total alone if there is no such cap; and how much is estimated, if any is."""
    spent = _spent(facts)
    estimated = money.on_screen(spent.estimated)
    beside = f", {estimated} of it estimated" if spent.estimated else ""
    if cap is None:
        return f"{usd(facts['total_usd'])} USD{beside}"
    counted = spent.towards(level or Level.OK)
    if counted != spent.total:
        beside = f", not counting {estimated} estimated"
    return "{} of {} USD".format(*money.against(counted, Decimal(cap))) + beside


def where(facts: Mapping[str, Any], cap: str, level: Level | None) -> str:
    """On which side of the cap of `level` that is which counts towards it."""
    counted, limit = _spent(facts).towards(level or Level.OK), Decimal(cap)
    return "above" if counted > limit else "at" if counted == limit else "below"


def _spent(facts: Mapping[str, Any]) -> Spent:
    """Events of before there were estimates know of none."""
    estimated = Decimal(facts.get("estimated_usd", 0))
    return Spent(Decimal(facts["total_usd"]), estimated, facts.get("hard_on_estimates", True))


def own_soft(facts: Mapping[str, Any]) -> str | None:
    """The soft cap, if there is one that is not the hard one as well."""
    soft: str | None = facts["soft_usd"]
    return None if soft is None or soft == facts["hard_usd"] else soft


def _breached(event: Event) -> str:
    reached = f"{plain(event.scope)} reached its {_cap(event.level)}"
    if event.reason is Reason.LATE_DATA:
        return f"{event.period} is over, and late figures say that {reached}: {_used(event)}"
    return f"{reached}: {_used(event)} in {event.period}"


def _reminder(event: Event) -> str:
    side, cap = where(event.facts, event.facts["cap_usd"], event.level), _cap(event.level)
    still = f"is still {side} its {cap}"
    if side == "below":
        still = f"still counts as above its {cap}, until lower figures are sure"
    return f"{plain(event.scope)} {still}: {_used(event)} in {event.period}"


def _lower(event: Event) -> str:
    """Below a cap again, or rid of it; once no cap is reached, the lowest one is named."""
    left, facts, scope = event.prev_level or Level.HARD, event.facts, plain(event.scope)
    if facts[f"{left.word}_usd"] is None:
        return f"{scope} has no {_cap(left)} any more: {used(facts, None, left)} in {event.period}"
    if event.level is Level.OK and own_soft(facts):
        left = Level.SOFT
    figures = used(facts, facts[f"{left.word}_usd"], left)
    return f"{scope} is below its {_cap(left)} again: {figures} in {event.period}"


def _reset(event: Event) -> str:
    cap = event.facts["cap_usd"]
    side = f"{where(event.facts, cap, event.level)} its {_cap(event.level)}: " if cap else "at "
    return f"{event.period} is over, and {plain(event.scope)} ended it {side}{_used(event)}"


def _milestone(event: Event) -> str:
    share = f"{event.facts['percent']} % of its {_cap(Level.HARD)}"
    return f"{plain(event.scope)} has used {share}: {_used(event, Level.HARD)} in {event.period}"


def _forecast(event: Event) -> str:
    """The figure is of a day to come, and never said without the word."""
    forecast, cap = event.facts["forecast"], event.facts["cap_usd"]
    figures = "{} expected of {} USD".format(*money.against(Decimal(forecast["expected_usd"]), Decimal(cap)))
    about = f", about {forecast['hit_on']}" if forecast["hit_on"] else ""
    return f"{plain(event.scope)} is heading for its {_cap(event.level)}: {figures} in {event.period}{about}"


def _triggered(event: Event) -> str:
    return f"{plain(event.scope)}: the hook is to act on the hard cap ({_arming(event)}"


def _released(event: Event) -> str:
    return f"{plain(event.scope)}: the hook is to undo what it did at the hard cap ({_arming(event)}"


def _arming(event: Event) -> str:
    return f"arming {event.facts['arming']}): {_used(event, Level.HARD)} in {event.period}"


def _used(event: Event, level: Level | None = None) -> str:
    """Of the cap that the event is about: that of its level, if not of another."""
    return used(event.facts, event.facts["cap_usd"], level or event.level)


def _cap(level: Level | None) -> str:
    return f"{(level or Level.OK).word} cap"


def _channel(event: Event) -> str:
    channel = event.facts["channel"]
    return _CHANNELS.get(channel) or plain(channel)


_HEADLINES: dict[EventType, Callable[[Event], str]] = {
    EventType.BREACHED: _breached,
    EventType.STEPPED_DOWN: _lower,
    EventType.RECOVERED: _lower,
    EventType.REMINDER: _reminder,
    EventType.PERIOD_RESET: _reset,
    EventType.MILESTONE: _milestone,
    EventType.FORECAST: _forecast,
    EventType.TRIGGERED: _triggered,
    EventType.RELEASED: _released,
    EventType.INGEST_FAILING: lambda event: f"the spend of {plain(event.facts['subject'])} cannot be read",
    EventType.INGEST_RECOVERED: lambda event: f"the spend of {plain(event.facts['subject'])} is read again",
    EventType.CHANNEL_FAILING: lambda event: f"alerts to {_channel(event)} do not get through",
    EventType.CHANNEL_RECOVERED: lambda event: f"alerts to {_channel(event)} get through again",
    EventType.TEST: lambda event: "this is a test of the alerts, and nothing is wrong",
}
