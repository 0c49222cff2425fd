"""Makes messages of events: who is told what. All events of one evaluation make one message a channel for people.

A machine gets each event that is for machines by itself, in the lane of its scope.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from aispend_pipeline.alerts import hook, mail, messages, slack
from aispend_pipeline.alerts.channels import HOOK
from aispend_pipeline.alerts.outbox import Draft, Outbox, Status
from aispend_pipeline.caps.ledger import Ledger, digest
from aispend_pipeline.caps.model import FOR_MACHINES, Event, EventType

_OF_CHANNELS = (EventType.CHANNEL_FAILING, EventType.CHANNEL_RECOVERED)


@dataclass(frozen=True)
class Readership:
    """Who is there to be told: the channels that are configured, and where messages link to."""

    channels: Collection[str]
    link: str | None = None

    @property
    def people(self) -> list[str]:
        """The channels that people read."""
        return [channel for channel in self.channels if channel != HOOK]


def concerns(event: Event, channel: str) -> bool:
    """Whether `channel`, one that people read, is told of `event`: of its own troubles the others are."""
    if event.type in FOR_MACHINES:
        return False
    return not (event.type in _OF_CHANNELS and event.facts["channel"] == channel)


def queue_for_people(
    ledger: Ledger, outbox: Outbox, readership: Readership, events: Sequence[Event], now: datetime
) -> None:
    """Queue one message of `events` for every channel that people read; it also tells what still waits there."""
    for channel in readership.people:
        own = [event for event in events if concerns(event, channel)]
        if own:
            older = outbox.supersede(channel, now)
            draft = drafted(ledger, channel, channel, own, ledger.events(older.events), readership.link, now)
            outbox.queue(replace(draft, not_before=older.not_before), now)


def drafted(
    ledger: Ledger,
    channel: str,
    lane: str,
    own: Sequence[Event],
    carried: Sequence[Event],
    link: str | None,
    now: datetime,
) -> Draft:
    """A message for a channel that people read."""
    instance = ledger.instance()
    message_id = f"msg_{digest(instance, ','.join(sorted(event.event_id for event in own)))}"
    if channel == "slack":
        body = slack.body(message_id, own, carried, link)
    else:
        body = mail.body(message_id, own, carried, link, instance, now)
    return Draft(
        message_id,
        channel,
        lane,
        messages.title(own, 200),
        body,
        tuple(event.event_id for event in own),
        tuple(event.event_id for event in carried),
    )


def queue_for_machines(ledger: Ledger, outbox: Outbox, asked: Iterable[tuple[Event, Status]], now: datetime) -> None:
    """Queue each event for the hook, by itself, with the status that it starts from."""
    for event, status in asked:
        outbox.queue(hook_draft(ledger, event, f"{HOOK} {event.scope}", status), now)


def hook_draft(ledger: Ledger, event: Event, lane: str, status: Status = Status.PENDING) -> Draft:
    """The message by which a machine is told of `event`; it has the event's id."""
    body = hook.body(event, ledger.instance())
    return Draft(event.event_id, HOOK, lane, messages.line(event).headline, body, (event.event_id,), (), status)
