"""What a person does to deliveries: has dead ones tried again, drops them, lists them, and sends a test."""

import secrets
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from aispend_pipeline.alerts.channels import HOOK, Channel
from aispend_pipeline.alerts.dispatch import Dispatcher
from aispend_pipeline.alerts.drafts import drafted, hook_draft
from aispend_pipeline.alerts.outbox import Outbox, Status, unleased
from aispend_pipeline.alerts.tables import delivery, message, message_event
from aispend_pipeline.caps.ledger import Ledger, as_event
from aispend_pipeline.caps.model import Event, EventType
from aispend_pipeline.caps.tables import arming, event
from aispend_pipeline.clock import Clock
from aispend_pipeline.errors import UsageError
from aispend_pipeline.settings import CHANNEL_SETTINGS
from aispend_pipeline.state.database import State


class Delivery(NamedTuple):
    """A delivery as people see it; instants are UTC. `seq` is its place in the order of queuing."""

    seq: int
    message_id: str
    channel: str
    subject: str
    status: Status
    attempts: int
    created_at: datetime
    next_at: datetime
    ended_at: datetime | None
    last_error: str | None


class Told(NamedTuple):
    """An event that a message tells; `carried` if it is of an older message that never got through."""

    event: Event
    carried: bool


class UnknownMessage(UsageError):
    """No message has this id."""

    def __init__(self, message_id: str) -> None:
        super().__init__(f"{message_id}: is the id of no message; aispend alerts list shows what there is")


def deliveries(
    connection: sa.Connection, limit: int, only: Collection[Status] = (), before: int | None = None
) -> list[Delivery]:
    """The newest deliveries, newest first: `only` those of some statuses, if there are any, and of a lower `seq`."""
    asked = _deliveries().order_by(delivery.c.seq.desc()).limit(limit)
    if only:
        asked = asked.where(delivery.c.status.in_(list(only)))
    if before is not None:
        asked = asked.where(delivery.c.seq < before)
    return [_delivery(row) for row in connection.execute(asked)]


def of_message(connection: sa.Connection, message_id: str) -> list[Delivery]:
    """The deliveries of one message, by channel."""
    asked = _deliveries().where(delivery.c.message_id == message_id).order_by(delivery.c.channel)
    return [_delivery(row) for row in connection.execute(asked)]


def events_of(connection: sa.Connection, identity: str) -> list[Event]:
    """The event with this id, or the events that the message with this id is about, oldest first; none if neither."""
    told_by = sa.select(message_event.c.event_id).where(message_event.c.message_id == identity)
    return Ledger(connection).events({identity, *connection.execute(told_by).scalars()})


def told_to_nobody(connection: sa.Connection, limit: int) -> list[Event]:
    """The newest events of which no message was made, since there was no channel; newest first."""
    told = sa.select(message_event.c.event_id)
    asked = sa.select(event).where(event.c.id.not_in(told)).order_by(event.c.seq.desc()).limit(limit)
    return [as_event(row) for row in connection.execute(asked)]


def told_by(connection: sa.Connection, found: Collection[Delivery]) -> Mapping[int, Sequence[Told]]:
    """What each of these deliveries tells, by its `seq`, oldest event first."""
    same = sa.and_(message_event.c.message_id == delivery.c.message_id, message_event.c.channel == delivery.c.channel)
    asked = (
        sa.select(event, message_event.c.carried, delivery.c.seq.label("delivery_seq"))
        .join(message_event, message_event.c.event_id == event.c.id)
        .join(delivery, same)
        .where(delivery.c.seq.in_([one.seq for one in found]))
        .order_by(event.c.seq)
    )
    told: dict[int, list[Told]] = defaultdict(list)
    for row in connection.execute(asked):
        told[row.delivery_seq].append(Told(as_event(row), row.carried))
    return told


def retry(connection: sa.Connection, message_id: str, now: datetime) -> list[str]:
    """Have the dead deliveries of a message tried again, at once and under the same id; the channels.

    Raises `UnknownMessage`, or `UsageError` if none is dead or a machine would be asked to act on what is over.
    """
    dead = [one for one in _known(connection, message_id) if one.status is Status.DEAD]
    if not dead:
        raise UsageError(f"{message_id}: has no dead delivery, and only what was given up is tried again")
    if _over(connection, message_id):
        raise UsageError(f"{message_id}: what it asks a machine to do is over by now; drop it")
    revived = {"status": Status.PENDING, "next_at": now, "ended_at": None, "first_attempt_at": None}
    _change(connection, message_id, delivery.c.status == Status.DEAD, revived)
    return [one.channel for one in dead]


def drop(connection: sa.Connection, message_id: str, now: datetime) -> list[str]:
    """Give up what is dead or waits of a message; the channels.

    Raises `UnknownMessage`, or `UsageError` if there is nothing of the kind.
    """
    known = _known(connection, message_id)
    ended = sa.or_(delivery.c.status == Status.DEAD, sa.and_(delivery.c.status == Status.PENDING, unleased(now)))
    found = connection.execute(sa.select(delivery).where(delivery.c.message_id == message_id, ended)).all()
    if not found:
        if any(one.status is Status.PENDING for one in known):
            raise UsageError(f"{message_id}: is being sent just now; ask again")
        raise UsageError(f"{message_id}: has no delivery that is dead or waits, so nothing to drop")
    for row in found:
        Outbox(connection).write_off_lost(row, now)
    _change(connection, message_id, ended, {"status": Status.DROPPED, "ended_at": now})
    return [row.channel for row in found]


class Tested(NamedTuple):
    """What became of a test in one channel."""

    channel: str
    status: Status
    error: str | None
    next_at: datetime | None


def send_test(state: State, channels: dict[str, Channel], clock: Clock, by: str, *, hook: bool = False) -> list[Tested]:
    """Send a test message the way that every message goes; what became of it, by channel. It touches no cap.

    A machine that acts on whatever it hears would act on it, so that the hook is only told if `hook` says so. A test
    that fails is tried again like any message. Raises `UsageError` if there is no channel to test.
    """
    tested = [name for name in channels if hook or name != HOOK]
    if not tested:
        raise UsageError(
            f"no channel is configured; set {CHANNEL_SETTINGS}" + (", or test the hook too: --hook" if channels else "")
        )
    now = clock.now()
    lanes = {name: f"test {name}" for name in tested}
    with state.transaction() as connection:
        ids = _queue_test(connection, lanes, by, now)
    Dispatcher(state, channels, clock).dispatch(lanes=lanes.values())
    with state.reading() as connection:
        found = {one.channel: one for message_id in ids for one in of_message(connection, message_id)}
    return [_tested(found[name]) for name in tested]


def _queue_test(connection: sa.Connection, lanes: dict[str, str], by: str, now: datetime) -> set[str]:
    ledger, outbox = Ledger(connection), Outbox(connection)
    test = ledger.add(EventType.TEST, "test", "-", {"by": by}, now, secrets.token_hex(8))
    drafts = [
        drafted(ledger, name, lane, [test], [], None, now) if name != HOOK else hook_draft(ledger, test, lane)
        for name, lane in lanes.items()
    ]
    for draft in drafts:
        if draft.channel != HOOK:
            outbox.supersede(draft.lane, now)
        outbox.queue(draft, now)
    return {draft.message_id for draft in drafts}


def _tested(one: Delivery) -> Tested:
    return Tested(one.channel, one.status, one.last_error, one.next_at if one.status is Status.PENDING else None)


def _known(connection: sa.Connection, message_id: str) -> list[Delivery]:
    found = of_message(connection, message_id)
    if not found:
        raise UnknownMessage(message_id)
    return found


def _over(connection: sa.Connection, message_id: str) -> bool:
    """Whether a message asks a machine to act on an arming that is over, or it was told of what came after."""
    ended = sa.select(arming.c.n).where(arming.c.event_id == message_id, arming.c.state != "armed")
    later = delivery.alias("later")
    overtaken = (
        sa.select(later.c.seq)
        .join(delivery, sa.and_(later.c.lane == delivery.c.lane, later.c.seq > delivery.c.seq))
        .where(delivery.c.message_id == message_id, delivery.c.channel == HOOK, later.c.attempts > 0)
    )
    return any(connection.execute(asked.limit(1)).first() for asked in (ended, overtaken))


def _change(connection: sa.Connection, message_id: str, which: sa.ColumnElement[bool], values: dict[str, Any]) -> None:
    connection.execute(sa.update(delivery).where(delivery.c.message_id == message_id, which).values(**values))


def _deliveries() -> sa.Select[Any]:
    same = sa.and_(message.c.id == delivery.c.message_id, message.c.channel == delivery.c.channel)
    return sa.select(delivery, message.c.subject, message.c.created_at).join(message, same)


def _delivery(row: sa.Row[Any]) -> Delivery:
    return Delivery(
        row.seq,
        row.message_id,
        row.channel,
        row.subject,
        Status(row.status),
        row.attempts,
        row.created_at,
        row.next_at,
        row.ended_at,
        row.last_error,
    )
