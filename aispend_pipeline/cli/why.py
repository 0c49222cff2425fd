"""`aispend alerts why`: all that an event was decided from."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from aispend_pipeline.alerts import by_hand, messages
from aispend_pipeline.alerts.by_hand import Delivery
from aispend_pipeline.alerts.plain import minute, plain
from aispend_pipeline.caps.model import Event, EventType
from aispend_pipeline.cli import screen
from aispend_pipeline.errors import UsageError
from aispend_pipeline.state.database import state_of


def why(identity: str) -> int:
    """Print what was said and the inputs it was decided from, of an event or of every event of a message."""
    with state_of(screen.load_settings().home).reading() as connection:
        found = by_hand.events_of(connection, identity)
        deliveries = by_hand.of_message(connection, identity)
    if not found:
        raise UsageError(f"{identity}: is the id of no event and no message; aispend alerts list shows what there is")
    for event in found:
        _show(event)
    for one in deliveries:
        screen.say(f"{one.channel}: {_became(one)}")
    return 0


def _show(event: Event) -> None:
    out = screen.console()
    line = messages.line(event)
    out.print(Text(line.headline, style="bold"))
    for detail in line.details:
        out.print(Padding(Text(detail), (0, 0, 0, 2), expand=False))
    out.print(Text("decided from"))
    _show_facts(out, [*_of_itself(event), *_flat(event.facts)])
    out.print()


def _show_facts(out: Console, facts: Sequence[tuple[str, str]]) -> None:
    """In two columns; what is piped has its values whole, and no blanks behind them."""
    if not out.is_terminal:
        longest = max(len(name) for name, _ in facts)
        for name, value in facts:
            screen.say(f"  {name:<{longest}}  {value}".rstrip())
        return
    table = Table.grid(padding=(0, 2))
    for name, value in facts:
        table.add_row(Text(name, style="dim"), Text(value, overflow="fold"))
    out.print(Padding(table, (0, 0, 0, 2), expand=False))


def _of_itself(event: Event) -> Iterator[tuple[str, str]]:
    yield "event", event.event_id
    yield "at", minute(event.created_at)
    yield "type", event.type
    yield "of", plain(event.scope if event.period == "-" else f"{event.scope} in {event.period}")
    if event.type is EventType.FORECAST and event.level is not None:
        yield "cap", event.level.word
    elif event.level is not None and event.prev_level is not None:
        yield "level", f"{event.level.word}, where people knew of {event.prev_level.word}"
    if event.reason is not None:
        yield "reason", event.reason


def _flat(facts: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every fact by the path that leads to it; things of a list have the list's name, and a list that is empty none."""
    match facts:
        case dict() if name and not any(isinstance(value, dict | list) for value in facts.values()):
            yield name, ", ".join(f"{_words(key)} {_value(value)}" for key, value in facts.items() if value is not None)
        case dict():
            for key, value in facts.items():
                yield from _flat(value, f"{name} {_words(key)}".strip())
        case list():
            yield from ((name, "none"),) if not facts else (line for one in facts for line in _flat(one, name))
        case _:
            yield name, _value(facts)


def _words(key: str) -> str:
    return plain(key).replace("_", " ")


def _value(value: Any) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case _:
            return plain(str(value))


def _became(one: Delivery) -> str:
    tried = f"{one.attempts} attempt{'s' * (one.attempts != 1)}"
    return f"{one.status}, {tried}" + (f": {plain(one.last_error)}" if one.last_error else "")
