"""The memory of caps: what stands, what was armed, what is broken, and every event, inside one transaction."""

import base64
import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from aispend_pipeline.caps import tables
from aispend_pipeline.caps.incidents import Incident
from aispend_pipeline.caps.model import Caps, Event, EventType, Level, Measurement, Period, Reason, Version, level_word
from aispend_pipeline.caps.policy import Armed, Standing
from aispend_pipeline.clock import utc_text
from aispend_pipeline.model import Window

# A month that has been over for longer takes no late data, whatever is set.
_LONGEST_SETTLING = timedelta(days=31)
INSTANCE, LAST_EVALUATION, EVALUATED = "instance_id", "last_evaluation", "evaluated"


@dataclass(frozen=True)
class Kept:
    """A standing as it is stored: with the rollup it was decided from, and what was wrong with that."""

    standing: Standing
    version: Version
    stale: bool = False
    unconfirmed: bool = False


class Ledger:
    """Reads and writes the tables of `caps.tables` on one connection; whoever opened it commits."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def noted(self, key: str) -> str | None:
        """The value kept under `key`."""
        found: str | None = self._connection.execute(
            sa.select(tables.meta.c.value).where(tables.meta.c.key == key)
        ).scalar()
        return found

    def note(self, key: str, value: str) -> None:
        """Keep `value` under `key`."""
        self._connection.execute(sa.delete(tables.meta).where(tables.meta.c.key == key))
        self._connection.execute(sa.insert(tables.meta).values(key=key, value=value))

    def evaluated(self) -> Version | None:
        """The newest snapshot that was decided from."""
        store_id, _, seq = (self.noted(EVALUATED) or "").rpartition("/")
        return Version(store_id, int(seq)) if seq else None

    def last_evaluation(self) -> datetime | None:
        """When the caps were last looked at, UTC."""
        noted = self.noted(LAST_EVALUATION)
        return datetime.fromisoformat(noted) if noted else None

    def evaluated_now(self, snapshot: Version, now: datetime) -> None:
        """Everything was decided from `snapshot`."""
        self.note(EVALUATED, f"{snapshot.store_id}/{snapshot.seq}")
        self.note(LAST_EVALUATION, utc_text(now))

    def instance(self) -> str:
        """The installation's own random name, made on first use."""
        known = self.noted(INSTANCE)
        if known is None:
            known = secrets.token_hex(8)
            self.note(INSTANCE, known)
        return known

    def standings(self, now: datetime | None = None) -> list[Kept]:
        """Everything that stands, oldest period first; with `now` only what can still change then.

        It is told by the days and not by what was called final: a clock that was ahead may have done that.
        """
        asked = sa.select(tables.cap_state).order_by(tables.cap_state.c.first_day, tables.cap_state.c.scope)
        if now is not None:
            recent = tables.cap_state.c.last_day >= now.date() - _LONGEST_SETTLING
            asked = asked.where(sa.or_(tables.cap_state.c.closed.is_(False), recent))
        armed = {(row.scope, row.period): Armed(row.n, row.armed_at, row.cap) for row in self._armed()}
        return [_kept(row, armed.get((row.scope, row.period))) for row in self._connection.execute(asked)]

    def _armed(self) -> Sequence[sa.Row[Any]]:
        return self._connection.execute(sa.select(tables.arming).where(tables.arming.c.state == "armed")).all()

    def keep(self, standing: Standing, found: Measurement) -> None:
        """`standing` is what stands from now on, decided from `found`."""
        key = {"scope": standing.scope, "period": standing.period.name}
        self._connection.execute(sa.delete(tables.cap_state).filter_by(**key))
        self._connection.execute(sa.insert(tables.cap_state).values(**key, **_columns(standing, found)))

    def arm(self, standing: Standing, armed: Armed, event_id: str) -> None:
        """The hook is asked to act, by `event_id`."""
        self._connection.execute(
            sa.insert(tables.arming).values(
                scope=standing.scope,
                period=standing.period.name,
                n=armed.n,
                state="armed",
                cap=armed.cap,
                armed_at=armed.armed_at,
                event_id=event_id,
            )
        )

    def still_armed(self, standing: Standing, armed: Armed) -> None:
        """The scope is at hard under this cap."""
        self._connection.execute(self._arming(standing, armed.n).values(cap=armed.cap))

    def disarm(self, standing: Standing, n: int, state: str, now: datetime) -> None:
        """Arming `n` is over: `released`, or `cancelled` because nobody had heard of it."""
        self._connection.execute(self._arming(standing, n).values(state=state, ended_at=now))

    def triggered_by(self, standing: Standing, n: int) -> str | None:
        """The event by which arming `n` asked for action."""
        found: str | None = self._connection.execute(
            sa.select(tables.arming.c.event_id).filter_by(scope=standing.scope, period=standing.period.name, n=n)
        ).scalar()
        return found

    def _arming(self, standing: Standing, n: int) -> sa.Update:
        return sa.update(tables.arming).filter_by(scope=standing.scope, period=standing.period.name, n=n)

    def add(
        self,
        kind: EventType,
        scope: str,
        period: str,
        facts: Mapping[str, Any],
        now: datetime,
        evaluation_id: str,
        *,
        level: Level | None = None,
        prev_level: Level | None = None,
        reason: Reason | None = None,
    ) -> Event:
        """Store an event. Its id follows from how many of its kind there were, so that a replay makes the same."""
        row = {
            "type": kind.value,
            "scope": scope,
            "period": period,
            "level": None if level is None else level.word,
        }
        earlier = self._connection.execute(
            sa.select(sa.func.count()).select_from(tables.event).filter_by(**row)
        ).scalar_one()
        dedupe_key = f"{scope}/{period}/{kind}/{row['level'] or '-'}/{earlier}"
        event_id = f"evt_{digest(self.instance(), dedupe_key)}"
        self._connection.execute(
            sa.insert(tables.event).values(
                **row,
                id=event_id,
                dedupe_key=dedupe_key,
                prev_level=None if prev_level is None else prev_level.word,
                reason=reason,
                facts=dict(facts),
                created_at=now,
                evaluation_id=evaluation_id,
            )
        )
        return Event(event_id, kind, scope, period, level, prev_level, reason, facts, now)

    def events(self, ids: Iterable[str]) -> list[Event]:
        """The events with these ids, in the order in which they were stored."""
        asked = sa.select(tables.event).where(tables.event.c.id.in_(list(ids))).order_by(tables.event.c.seq)
        return [as_event(row) for row in self._connection.execute(asked)]

    def newest_events(self, limit: int) -> list[Event]:
        """The newest events, newest first."""
        asked = sa.select(tables.event).order_by(tables.event.c.seq.desc()).limit(limit)
        return [as_event(row) for row in self._connection.execute(asked)]

    def newest_incidents(self, kind: str) -> list[Incident]:
        """Of every subject that ever had one, the newest incident."""
        table = tables.incident
        newest = sa.select(table.c.subject, sa.func.max(table.c.n).label("n")).where(table.c.kind == kind)
        last = newest.group_by(table.c.subject).subquery()
        asked = sa.select(table).join(last, sa.and_(table.c.subject == last.c.subject, table.c.n == last.c.n))
        rows = self._connection.execute(asked.where(table.c.kind == kind).order_by(table.c.subject))
        return [
            Incident(row.kind, row.subject, row.n, row.opened_at, row.detail, row.told_at, row.closed_at, row.heard_at)
            for row in rows
        ]

    def keep_incident(self, incident: Incident) -> None:
        """`incident` as it is from now on."""
        key = {"kind": incident.kind, "subject": incident.subject, "n": incident.n}
        self._connection.execute(sa.delete(tables.incident).filter_by(**key))
        self._connection.execute(
            sa.insert(tables.incident).values(
                **key,
                opened_at=incident.opened_at,
                told_at=incident.told_at,
                closed_at=incident.closed_at,
                heard_at=incident.heard_at,
                detail=incident.detail,
            )
        )


def digest(instance: str, text: str) -> str:
    """The part of an id that follows from what it names: 26 characters."""
    hashed = hashlib.sha256(f"{instance}|{text}".encode()).digest()
    return base64.b32encode(hashed).decode().lower()[:26]


def as_event(row: sa.Row[Any]) -> Event:
    """An event from its row."""
    return Event(
        row.id,
        EventType(row.type),
        row.scope,
        row.period,
        Level.of(row.level) if row.level else None,
        Level.of(row.prev_level) if row.prev_level else None,
        Reason(row.reason) if row.reason else None,
        row.facts,
        row.created_at,
    )


def _kept(row: sa.Row[Any], armed: Armed | None) -> Kept:
    standing = Standing(
        scope=row.scope,
        period=Period(Window(row.first_day, row.last_day), row.period),
        level=None if row.level == level_word(None) else Level.of(row.level),
        since=row.since,
        caps=Caps(row.soft, row.hard),
        certain=Caps(row.reached_soft, row.reached_hard),
        reason=Reason(row.reason) if row.reason else None,
        announced=Level.of(row.announced),
        announced_at=row.announced_at,
        peak=Level.of(row.peak),
        total=row.total,
        estimated=row.estimated or Decimal(0),
        hard_on_estimates=row.hard_on_estimates is not False,
        read_seq=row.read_seq,
        milestone=row.milestone,
        forecast=Level.of(row.forecast) if row.forecast else Level.OK,
        armings=row.armings,
        armed=armed,
        closed=row.closed,
        final=row.final,
    )
    return Kept(standing, Version(row.store_id, row.seq), row.stale, row.unconfirmed)


def _columns(standing: Standing, found: Measurement) -> dict[str, Any]:
    return {
        "first_day": standing.period.window.first,
        "last_day": standing.period.window.last,
        "level": level_word(standing.level),
        "since": standing.since,
        "reason": standing.reason,
        "announced": standing.announced.word,
        "announced_at": standing.announced_at,
        "peak": standing.peak.word,
        "total": standing.total,
        "estimated": standing.estimated,
        "hard_on_estimates": standing.hard_on_estimates,
        "soft": standing.caps.soft,
        "hard": standing.caps.hard,
        "reached_soft": standing.certain.soft,
        "reached_hard": standing.certain.hard,
        "milestone": standing.milestone,
        "forecast": standing.forecast.word,
        "stale": found.stale,
        "unconfirmed": found.unconfirmed,
        "store_id": found.version.store_id,
        "seq": found.version.seq,
        "read_seq": standing.read_seq,
        "armings": standing.armings,
        "closed": standing.closed,
        "final": standing.final,
    }
