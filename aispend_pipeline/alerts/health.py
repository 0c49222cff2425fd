"""How the channels do: what speaks of trouble, and what still waits or was given up."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from aispend_pipeline.alerts.channels import Outcome
from aispend_pipeline.alerts.outbox import LOST, Status
from aispend_pipeline.alerts.tables import attempt, delivery, message
from aispend_pipeline.caps.incidents import Incident, Sign
from aispend_pipeline.caps.policy import CLOCK_SLACK

# A channel is in trouble once it has failed so often for so long.
TROUBLE_ATTEMPTS = 3
TROUBLE_AFTER = timedelta(minutes=10)
_FAILED = (Outcome.RETRY.value, Outcome.DEAD.value, LOST)


class Backlog(NamedTuple):
    """What waits, since when the oldest does (UTC), and what was given up."""

    pending: int
    oldest_since: datetime | None
    dead: int


def backlog(connection: sa.Connection) -> Backlog:
    """The outbox in three numbers."""
    waits = (
        sa.select(sa.func.count(), sa.func.min(message.c.created_at))
        .select_from(delivery)
        .join(message, sa.and_(message.c.id == delivery.c.message_id, message.c.channel == delivery.c.channel))
        .where(delivery.c.status == Status.PENDING)
    )
    pending, oldest = connection.execute(waits).one()
    dead = sa.select(sa.func.count()).select_from(delivery).where(delivery.c.status == Status.DEAD)
    return Backlog(pending, oldest, connection.execute(dead).scalar_one())


def failing(connection: sa.Connection) -> dict[str, str]:
    """By channel, what its newest failure was; channels whose last news is good are not there."""
    found: dict[str, str] = {}
    for channel in connection.execute(sa.select(delivery.c.channel).distinct()).scalars():
        newest = sa.select(attempt.c.outcome).where(attempt.c.channel == channel, attempt.c.ended_at.is_not(None))
        last = connection.execute(newest.order_by(attempt.c.ended_at.desc()).limit(1)).scalar()
        error = _last_error(connection, channel, None) if last in _FAILED else None
        if error is not None:
            found[channel] = error
    return found


def not_carrying(connection: sa.Connection, newest: Collection[Incident]) -> dict[str, str]:
    """By channel, why it does not carry; `newest` has the newest incident of every channel that had one.

    What was given up may have been dropped since: the channel fails until it carries something.
    """
    return {one.subject: one.detail for one in newest if one.closed_at is None} | failing(connection)


def signs(
    connection: sa.Connection, channels: Collection[str], newest: Collection[Incident], now: datetime
) -> dict[str, Sign]:
    """Of `channels`, what speaks of trouble; an incident is over only with a success after it began.

    `newest` has the newest incident of every channel that had one.
    """
    known: Mapping[str, Incident] = {one.subject: one for one in newest}
    successes, failures = _last_successes(connection, now), _failures(connection, now)
    dead = connection.execute(
        sa.select(delivery.c.channel, delivery.c.ended_at, delivery.c.last_error)
        .where(delivery.c.status == Status.DEAD)
        .order_by(delivery.c.seq)
    ).all()
    found: dict[str, Sign] = {}
    for channel in channels:
        before, success = known.get(channel), successes.get(channel)
        died = [
            one.last_error for one in dead if one.channel == channel and (not before or one.ended_at > before.opened_at)
        ]
        detail = died[-1] if died else None
        if detail is None and _too_many(failures.get(channel), now):
            detail = _last_error(connection, channel, success)
        if detail is not None:
            found[channel] = Sign(detail)
        elif before and before.closed_at is None and not _came_after(success, before.opened_at, now):
            found[channel] = Sign(before.detail, opens=False)
    return found


def _came_after(success: datetime | None, opened_at: datetime, now: datetime) -> bool:
    """Whether there was a success after an incident began; any will do if a clock that was ahead wrote when."""
    return success is not None and (success > opened_at or opened_at > now + CLOCK_SLACK)


def _successes(now: datetime) -> sa.Subquery:
    """By channel, when something was last delivered; what a clock that was ahead has written does not count."""
    asked = sa.select(delivery.c.channel, sa.func.max(delivery.c.ended_at).label("at"))
    delivered = asked.where(delivery.c.status == Status.DELIVERED, delivery.c.ended_at <= now + CLOCK_SLACK)
    return delivered.group_by(delivery.c.channel).subquery()


def _last_successes(connection: sa.Connection, now: datetime) -> dict[str, datetime]:
    return dict(connection.execute(sa.select(_successes(now))).all())


def _last_error(connection: sa.Connection, channel: str, success: datetime | None) -> str | None:
    """Why the channel's newest delivery failed that has failed since `success`; none if none has."""
    asked = (
        sa.select(delivery.c.last_error)
        .where(
            delivery.c.channel == channel,
            delivery.c.last_error.is_not(None),
            delivery.c.status.in_([Status.PENDING, Status.DEAD]),
            sa.true() if success is None else sa.or_(delivery.c.ended_at.is_(None), delivery.c.ended_at > success),
        )
        .order_by(delivery.c.seq.desc())
        .limit(1)
    )
    return connection.execute(asked).scalar()


def _failures(connection: sa.Connection, now: datetime) -> dict[str, tuple[int, datetime]]:
    """By channel, how many attempts failed since something was last delivered, and when the first was begun."""
    success = _successes(now)
    asked = (
        sa.select(attempt.c.channel, sa.func.count(), sa.func.min(attempt.c.started_at))
        .outerjoin(success, attempt.c.channel == success.c.channel)
        .where(attempt.c.outcome.in_(_FAILED), sa.or_(success.c.at.is_(None), attempt.c.ended_at > success.c.at))
        .group_by(attempt.c.channel)
    )
    return {channel: (count, first) for channel, count, first in connection.execute(asked)}


def _too_many(failed: tuple[int, datetime] | None, now: datetime) -> bool:
    """Whether a channel has failed often enough and for long enough."""
    return failed is not None and failed[0] >= TROUBLE_ATTEMPTS and now - failed[1] >= TROUBLE_AFTER


def died_since(connection: sa.Connection, since: datetime) -> bool:
    """Whether any delivery was given up after `since`."""
    asked = sa.select(delivery.c.seq).where(delivery.c.status == Status.DEAD, delivery.c.ended_at > since)
    return connection.execute(asked.limit(1)).first() is not None
