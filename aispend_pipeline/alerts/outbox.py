"""The outbox: deliveries wait in lanes, are leased to one sender at a time, and end in exactly one way.

Everything here happens inside the caller's transaction; nothing is sent from it.
"""

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

import sqlalchemy as sa

from aispend_pipeline.alerts.channels import Attempted, Outcome
from aispend_pipeline.alerts.tables import attempt, delivery, message, message_event

# A sender that does not come back within this is taken for dead.
LEASE = timedelta(seconds=120)
# How long after each failed attempt the next one is made, give or take a tenth.
WAITS = tuple(
    timedelta(seconds=seconds) for seconds in (5, 60, 300, 1800, 7200, 5 * 3600, 10 * 3600, 14 * 3600, 24 * 3600)
)
LONGEST_WAIT = timedelta(hours=24)
GIVEN_UP_AFTER = timedelta(hours=72)


class Status(StrEnum):
    """What has become of a delivery."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"  # given up; a person may have it tried again
    SUPERSEDED = "superseded"  # a later message of its lane says it too
    CANCELLED = "cancelled"  # certainly never received, and no longer true
    DROPPED = "dropped"  # a person does not want it any more


# Outcomes of attempts that nobody could record in time.
LOST, LATE, STARTED = "lost", "late", "started"


@dataclass(frozen=True)
class Draft:
    """A message to queue: its id, what it says, the events it is about, and those of older messages it also tells."""

    message_id: str
    channel: str
    lane: str
    subject: str
    body: bytes
    events: tuple[str, ...]
    carried: tuple[str, ...] = ()
    status: Status = Status.PENDING
    not_before: datetime | None = None


class Superseded(NamedTuple):
    """What a new message takes over: events to tell, and until when the receiver asked to be left alone."""

    events: tuple[str, ...]
    not_before: datetime | None


@dataclass(frozen=True)
class Claimed:
    """A delivery that is ours until the lease ends. `attempt` counts from 1; `events` are those that it tells."""

    message_id: str
    channel: str
    lane: str
    body: bytes
    created_at: datetime
    attempt: int
    lease_token: str
    events: Sequence[str] = ()


class Outbox:
    """Reads and writes the tables of `alerts.tables` on one connection; whoever opened it commits."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def queue(self, draft: Draft, now: datetime) -> None:
        """Keep a message and its delivery."""
        key = {"message_id": draft.message_id, "channel": draft.channel}
        self._connection.execute(
            sa.insert(message).values(
                id=draft.message_id, channel=draft.channel, subject=draft.subject, body=draft.body, created_at=now
            )
        )
        told = [(event_id, False) for event_id in draft.events] + [(event_id, True) for event_id in draft.carried]
        self._connection.execute(
            sa.insert(message_event), [{**key, "event_id": event_id, "carried": carried} for event_id, carried in told]
        )
        self._connection.execute(
            sa.insert(delivery).values(
                **key,
                lane=draft.lane,
                status=draft.status,
                attempts=0,
                maybe_received=False,
                next_at=max(now, min(draft.not_before or now, now + LONGEST_WAIT)),
                not_before=draft.not_before,
                ended_at=None if draft.status is Status.PENDING else now,
            )
        )

    def supersede(self, lane: str, now: datetime) -> "Superseded":
        """Take what waits in `lane` out of it, for a new message to tell it."""
        waiting = sa.and_(delivery.c.lane == lane, delivery.c.status == Status.PENDING, unleased(now))
        rows = self._connection.execute(sa.select(delivery).where(waiting).order_by(delivery.c.seq)).all()
        self._connection.execute(sa.update(delivery).where(waiting).values(status=Status.SUPERSEDED, ended_at=now))
        told: dict[str, None] = {}
        for row in rows:
            self.write_off_lost(row, now)
            told |= dict.fromkeys(self._told_by(row.message_id, row.channel))
        return Superseded(tuple(told), max((row.not_before for row in rows if row.not_before), default=None))

    def _told_by(self, message_id: str, channel: str) -> Sequence[str]:
        asked = sa.select(message_event.c.event_id).filter_by(message_id=message_id, channel=channel)
        return self._connection.execute(asked.order_by(message_event.c.carried.desc())).scalars().all()

    def withdraw(self, message_id: str, channel: str, now: datetime) -> bool:
        """Cancel a delivery if nobody can have received it; false if somebody may have, or it is not waiting."""
        waits = sa.and_(
            delivery.c.message_id == message_id,
            delivery.c.channel == channel,
            delivery.c.status == Status.PENDING,
            delivery.c.maybe_received.is_(False),
        )
        cancelled = sa.update(delivery).where(waits).values(status=Status.CANCELLED, ended_at=now)
        return self._connection.execute(cancelled).rowcount == 1

    def has(self, message_id: str, channel: str) -> bool:
        """Whether there is a delivery of this message to this channel, whatever became of it."""
        asked = sa.select(delivery.c.seq).filter_by(message_id=message_id, channel=channel)
        return self._connection.execute(asked).first() is not None

    def claim(self, now: datetime, channels: Collection[str], lanes: Collection[str] | None = None) -> Claimed | None:
        """Lease the oldest due delivery to one of `channels` that heads its lane; of `lanes` only, if given."""
        self._pull_back(now)
        asked = (
            sa.select(delivery, message.c.body, message.c.created_at)
            .join(message, sa.and_(message.c.id == delivery.c.message_id, message.c.channel == delivery.c.channel))
            .where(
                delivery.c.status == Status.PENDING,
                delivery.c.channel.in_(list(channels)),
                delivery.c.next_at <= now,
                unleased(now),
                _heads_its_lane(),
            )
            .order_by(delivery.c.seq)
            .limit(1)
        )
        if lanes is not None:
            asked = asked.where(delivery.c.lane.in_(list(lanes)))
        row = self._connection.execute(asked).first()
        return None if row is None else self._lease(row, now)

    def _pull_back(self, now: datetime) -> None:
        """No wait is longer than the longest, whatever a clock that was ahead has written."""
        far = sa.and_(delivery.c.status == Status.PENDING, delivery.c.next_at > now + LONGEST_WAIT)
        self._connection.execute(sa.update(delivery).where(far).values(next_at=now + LONGEST_WAIT))

    def _lease(self, row: sa.Row[Any], now: datetime) -> Claimed:
        self.write_off_lost(row, now)
        claimed = Claimed(
            row.message_id,
            row.channel,
            row.lane,
            row.body,
            row.created_at,
            row.attempts + 1,
            secrets.token_hex(8),
            tuple(self._told_by(row.message_id, row.channel)),
        )
        self._update(
            claimed,
            attempts=claimed.attempt,
            maybe_received=True,
            lease_until=now + LEASE,
            lease_token=claimed.lease_token,
            first_attempt_at=row.first_attempt_at or now,
        )
        self._connection.execute(
            sa.insert(attempt).values(
                message_id=row.message_id,
                channel=row.channel,
                number=claimed.attempt,
                started_at=now,
                outcome=STARTED,
            )
        )
        return claimed

    def write_off_lost(self, row: sa.Row[Any], now: datetime) -> None:
        """Write down that the sender of a delivery whose lease is over never came back, if that is so."""
        if row.lease_token is not None:
            self._attempt(row.message_id, row.channel, row.attempts, outcome=LOST, ended_at=now)

    def is_held(self, claimed: Claimed, now: datetime) -> bool:
        """Whether a delivery is still ours at `now`: its sender may have been suspended since it was claimed."""
        same = sa.and_(delivery.c.status == Status.PENDING, delivery.c.lease_token == claimed.lease_token)
        of_it = sa.and_(delivery.c.message_id == claimed.message_id, delivery.c.channel == claimed.channel)
        held = sa.select(delivery.c.seq).where(of_it, same, ~unleased(now))
        return self._connection.execute(held).first() is not None

    def record(self, claimed: Claimed, attempted: Attempted, now: datetime, jitter: Callable[[], float]) -> None:
        """Keep what came of an attempt. One whose lease is over by now decides nothing any more.

        `jitter` gives a factor near 1 for the next wait.
        """
        row = self._connection.execute(
            sa.select(delivery).filter_by(message_id=claimed.message_id, channel=claimed.channel)
        ).one()
        late = row.status != Status.PENDING or row.lease_token != claimed.lease_token
        self._attempt(
            claimed.message_id,
            claimed.channel,
            claimed.attempt,
            outcome=LATE if late else attempted.outcome.value,
            ended_at=now,
            http_status=attempted.http_status,
            error_class=attempted.error_class,
            response_excerpt=attempted.excerpt,
        )
        if not late:
            tried = self._tried(row)
            self._update(claimed, lease_until=None, lease_token=None, **_becomes(row, attempted, tried, now, jitter))

    def _tried(self, row: sa.Row[Any]) -> int:
        """How often a delivery was tried since it was queued, or a person had it tried again."""
        same = sa.select(sa.func.count()).select_from(attempt).filter_by(message_id=row.message_id, channel=row.channel)
        tried: int = self._connection.execute(same.where(attempt.c.started_at >= row.first_attempt_at)).scalar_one()
        return tried

    def _attempt(self, message_id: str, channel: str, number: int, **values: Any) -> None:
        one = sa.update(attempt).filter_by(message_id=message_id, channel=channel, number=number)
        self._connection.execute(one.values(**values))

    def _update(self, claimed: Claimed, **values: Any) -> None:
        one = sa.update(delivery).filter_by(message_id=claimed.message_id, channel=claimed.channel)
        self._connection.execute(one.values(**values))


def _becomes(
    row: sa.Row[Any], attempted: Attempted, tried: int, now: datetime, jitter: Callable[[], float]
) -> dict[str, Any]:
    """What becomes of a delivery after an attempt that came back in time."""
    if attempted.outcome is Outcome.DELIVERED:
        return {"status": Status.DELIVERED, "ended_at": now, "last_error": None}
    # What failed only once, before anything was sent, is known to have reached nobody.
    told = {"last_error": attempted.told, "maybe_received": not (row.attempts == 1 and attempted.never_sent)}
    if attempted.outcome is Outcome.DEAD or now - row.first_attempt_at >= GIVEN_UP_AFTER:
        return {**told, "status": Status.DEAD, "ended_at": now}
    asked = min(timedelta(seconds=attempted.retry_after or 0), LONGEST_WAIT)
    wait = min(max(WAITS[min(max(tried, 1), len(WAITS)) - 1] * jitter(), asked), LONGEST_WAIT)
    next_at = min(now + wait, max(row.first_attempt_at + GIVEN_UP_AFTER, now))
    return {**told, "next_at": next_at, "not_before": now + asked if asked else None}


def unleased(now: datetime) -> sa.ColumnElement[bool]:
    """Nobody is sending it; a lease that lasts longer than any is of a clock that was ahead."""
    return sa.or_(delivery.c.lease_until.is_(None), delivery.c.lease_until <= now, delivery.c.lease_until > now + LEASE)


def _heads_its_lane() -> sa.ColumnElement[bool]:
    older = delivery.alias("older")
    before = sa.select(older.c.seq).where(
        older.c.lane == delivery.c.lane, older.c.status == Status.PENDING, older.c.seq < delivery.c.seq
    )
    return ~before.exists()


def next_due(connection: sa.Connection, channels: Collection[str], now: datetime) -> datetime | None:
    """When the next delivery to one of `channels` that waits and is not being sent is due; none if there is none."""
    to_them = delivery.c.channel.in_(list(channels))
    waits = sa.and_(delivery.c.status == Status.PENDING, to_them, unleased(now), _heads_its_lane())
    return connection.execute(sa.select(sa.func.min(delivery.c.next_at)).where(waits)).scalar()
