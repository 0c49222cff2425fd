"""What people read of an event: a headline and details, plain text in UTC and USD.

Nothing here is escaped for a target; whoever carries a text does that. Names come from providers and are not
trusted: they are cut, and freed of what could do something to a screen.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from aispend_pipeline.alerts.details import details
from aispend_pipeline.alerts.headlines import headline
from aispend_pipeline.alerts.plain import cut, minute, more
from aispend_pipeline.caps.model import Event, EventType, Level, Reason

# Older events that never got through, of which more are only counted.
MOST_CARRIED = 30


class Line(NamedTuple):
    """An event for people: what happened and how much, and under it a line each for why, since when and on what."""

    headline: str
    details: tuple[str, ...]


class Gravity(IntEnum):
    """How much an event matters to whoever is woken by it, least first."""

    GOOD = 0
    NOTE = 1
    WARNING = 2
    ALARM = 3


def line(event: Event) -> Line:
    """The words for an event."""
    return Line(headline(event), tuple(details(event)))


def gravity(event: Event) -> Gravity:
    """How much an event matters: a hard cap that is reached now matters most."""
    match event.type:
        case EventType.BREACHED | EventType.REMINDER | EventType.TRIGGERED:
            now = event.level is Level.HARD and event.reason is not Reason.LATE_DATA
            return Gravity.ALARM if now else Gravity.WARNING
        case EventType.STEPPED_DOWN | EventType.MILESTONE | EventType.FORECAST:
            return Gravity.WARNING
        case EventType.INGEST_FAILING | EventType.CHANNEL_FAILING:
            return Gravity.WARNING
        case EventType.PERIOD_RESET | EventType.TEST:
            return Gravity.NOTE
        case _:
            return Gravity.GOOD


def gravest_first(events: Iterable[Event]) -> list[Event]:
    """The order to read them in; of equals, the one they came in."""
    return sorted(events, key=gravity, reverse=True)


def title(events: Iterable[Event], most: int) -> str:
    """Events in one line of at most `most` characters: the gravest headline, and how many there are besides."""
    first, *others = gravest_first(events)
    besides = f"; {len(others)} more below" if others else ""
    return cut(headline(first), most - len(besides)) + besides


def carried_lines(carried: Iterable[Event]) -> list[str]:
    """Older events that never got through, a line each with its time, oldest first; beyond the most a count."""
    oldest = sorted(carried, key=lambda event: event.created_at)
    lines = [f"{minute(event.created_at)} {headline(event)}" for event in oldest[:MOST_CARRIED]]
    return lines + more(len(oldest) - MOST_CARRIED)
