"""`aispend alerts`: what was said, to whom, what became of it, and what a person does about it."""

import sys
from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from aispend_pipeline.alerts import by_hand, messages
from aispend_pipeline.alerts.by_hand import Delivery, Tested
from aispend_pipeline.alerts.channels import HOOK, Outcome, channels
from aispend_pipeline.alerts.dispatch import Sent
from aispend_pipeline.alerts.health import Backlog, backlog
from aispend_pipeline.alerts.notify import notify
from aispend_pipeline.alerts.outbox import Status, next_due
from aispend_pipeline.alerts.plain import minute, plain
from aispend_pipeline.caps.model import FOR_MACHINES, Event, EventType
from aispend_pipeline.cli import screen
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.errors import UsageError
from aispend_pipeline.settings import CHANNEL_SETTINGS
from aispend_pipeline.state.database import state_of

# What `list` shows without `--all`.
SHOWN = 20
_STYLES = {Status.DELIVERED: "green", Status.PENDING: "yellow", Status.DEAD: "bold red"}
NOBODY = f"no channel is configured, so nobody was told; set {CHANNEL_SETTINGS}"


def list_(status: str | None, everything: bool) -> int:
    """Show the newest deliveries, and the newest events where nobody is told of them."""
    if status is not None and status not in list(Status):
        raise UsageError(f"--status {status!r} is none of {', '.join(Status)}")
    settings = screen.load_settings()
    limit = sys.maxsize if everything else SHOWN
    with state_of(settings.home).reading() as connection:
        found = by_hand.deliveries(connection, limit, [Status(status)] if status else [])
        unheard = by_hand.told_to_nobody(connection, limit) if status is None else []
    # Where people were told of a cap, no machine was only because there is none.
    events = [event for event in unheard if not (found and event.type in FOR_MACHINES)]
    out = screen.console()
    for one in found:
        _show_delivery(out, one)
    if not found:
        screen.say(f"no delivery is {status}" if status else "nothing was sent yet")
    if events:
        screen.say("events that nobody was told of, since there was no channel:")
    for event in events:
        _show_event(out, event)
    return 0


def _show_delivery(out: Console, one: Delivery) -> None:
    status = Text(one.status, style=_STYLES.get(one.status, "dim"))
    head = (f"{minute(one.created_at)}  ", (one.message_id, "bold"), f"  {one.channel}  ", status, f"  {_tries(one)}")
    out.print(Text.assemble(*head))
    _under(out, plain(one.subject))
    if one.last_error:
        _under(out, f"last error: {plain(one.last_error)}")


def _tries(one: Delivery) -> str:
    tried = f"after {one.attempts} attempt{'s' * (one.attempts != 1)}" if one.attempts else "not tried yet"
    return f"{tried}, next at {_second(one.next_at)}" if one.status is Status.PENDING else tried


def _show_event(out: Console, event: Event) -> None:
    out.print(Text.assemble(f"{minute(event.created_at)}  ", (event.event_id, "bold"), f"  {event.type}"))
    _under(out, messages.line(event).headline)


def _under(out: Console, line: str) -> None:
    out.print(Padding(Text(line), (0, 0, 0, 2), expand=False))


def test(hook: bool) -> int:
    """Send a test through every channel; 1 unless all have it."""
    settings = screen.load_settings()
    screen.refuse_demo(settings)
    there = channels(settings)
    if hook and HOOK not in there:
        raise UsageError("--hook: no hard-cap webhook is set; set ON_HARDCAP_WEBHOOK, or leave --hook out")
    tested = by_hand.send_test(state_of(settings.home), there, SystemClock(), "command", hook=hook)
    for one in tested:
        screen.say(f"{one.channel}: {_came_of_it(one)}")
    return 0 if all(one.status is Status.DELIVERED for one in tested) else 1


def _came_of_it(one: Tested) -> str:
    if one.next_at is None:
        return f"{one.status}: {one.error}" if one.error else one.status
    return f"not delivered: {one.error}; aispend up tries it again at {_second(one.next_at)}"


def retry(message_id: str) -> int:
    """Have what was given up of a message tried again."""
    with state_of(screen.load_settings().home).transaction() as connection:
        revived = by_hand.retry(connection, message_id, SystemClock().now())
    for channel in revived:
        screen.say(f"{message_id} {channel}: is sent again by aispend up, or now with: aispend alerts dispatch")
    return 0


def drop(message_id: str) -> int:
    """Give up what waits of a message, or stop counting what was given up."""
    with state_of(screen.load_settings().home).transaction() as connection:
        dropped = by_hand.drop(connection, message_id, SystemClock().now())
        events = by_hand.events_of(connection, message_id)
    for channel in dropped:
        screen.say(f"{message_id} {channel}: dropped")
    if HOOK in dropped and any(event.type is EventType.RELEASED for event in events):
        screen.say("whoever had hardcap.triggered was not told that it is over; undo by hand what it did")
    return 0


def dispatch() -> int:
    """Evaluate and send what is due, once; 1 if something failed or still waits."""
    settings = screen.load_settings()
    screen.refuse_demo(settings)
    clock = SystemClock()
    done = notify(settings, clock)
    with state_of(settings.home).reading() as connection:
        waits, due = backlog(connection), next_due(connection, channels(settings), clock.now())
    tell_events(done.events)
    for one in done.sent:
        screen.say(_sent(one))
    if done.events and not channels(settings):
        screen.say(NOBODY)
    if not (done.events or done.sent):
        screen.say("nothing new to say, and nothing was due")
    if waits.pending and due:
        screen.say(_waiting(waits, due))
    failed = any(one.attempted.outcome is not Outcome.DELIVERED for one in done.sent)
    return 1 if failed or waits.pending else 0


def tell_events(events: Sequence[Event]) -> None:
    """A line for each event: its words, its type, and the id that says why."""
    for event in events:
        screen.say(f"{messages.line(event).headline} ({event.type}, {event.event_id})")


def _sent(one: Sent) -> str:
    name = f"{one.channel} {one.message_id}: attempt {one.attempt}"
    match one.attempted.outcome:
        case Outcome.DELIVERED:
            return f"{name}: delivered"
        case Outcome.RETRY:
            return f"{name} failed, and is made again: {one.attempted.told}"
        case _:
            return f"{name} failed, and no other is made: {one.attempted.told}"


def _waiting(waits: Backlog, due: datetime) -> str:
    return f"{waits.pending} {'wait' if waits.pending > 1 else 'waits'} to be sent, the next at {_second(due)}"


def _second(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"
