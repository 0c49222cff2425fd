"""One evaluation: what was measured goes in; state, events and deliveries are committed together. Nothing is sent."""

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from aispend_pipeline import points
from aispend_pipeline.alerts import health
from aispend_pipeline.alerts.channels import HOOK
from aispend_pipeline.alerts.drafts import Readership, queue_for_machines, queue_for_people
from aispend_pipeline.alerts.outbox import Outbox, Status
from aispend_pipeline.caps import policy
from aispend_pipeline.caps.facts import facts_of, incident_facts
from aispend_pipeline.caps.incidents import Change, Rhythm, Sign, changes
from aispend_pipeline.caps.ledger import Kept, Ledger
from aispend_pipeline.caps.model import NO_VERSION, Caps, Event, EventType, Measurement, Period, Scope, Version
from aispend_pipeline.caps.policy import Said, Standing, Timing
from aispend_pipeline.log import log
from aispend_pipeline.state.database import State

REMIND_INGEST = timedelta(hours=24)
INGEST, CHANNEL = "ingest", "channel"
_WORDS = {
    INGEST: (EventType.INGEST_FAILING, EventType.INGEST_RECOVERED),
    CHANNEL: (EventType.CHANNEL_FAILING, EventType.CHANNEL_RECOVERED),
}

# By scope and period, the groups that moved it most; see `measure.movers`.
Movers = Callable[[str, Period], list[dict[str, str | None]]]


@dataclass(frozen=True)
class Inputs:
    """All that one evaluation is made from.

    `measured` has every scope that has a cap, in the current period and in older ones that are not final; `ingest`
    has the accounts that are in trouble and `well` those that are not, both none if that cannot be told. `movers` is
    asked what moved a scope most, only if something is said of it. `snapshot` was the newest when measuring began.
    """

    scopes: Sequence[Scope]
    measured: Sequence[Measurement]
    timing: Timing = field(default_factory=Timing)
    readership: Readership = field(default_factory=lambda: Readership(()))
    ingest: Mapping[str, Sign] | None = None
    well: Collection[str] = ()
    movers: Movers = lambda scope, period: []
    snapshot: Version = NO_VERSION

    @property
    def fresh(self) -> bool:
        """Whether everything was read lately and whole, so far as there is anything to read."""
        signs = None if self.ingest is None else [sign for sign in self.ingest.values() if sign.opens]
        return signs == [] and all(one.fresh for one in self.measured)


def periods_to_measure(kept: Collection[Kept], timing: Timing, now: datetime) -> list[Period]:
    """The current period, and older ones that are not closed or still take late data."""
    older = {one.standing.period for one in kept if policy.changes_still(one.standing, timing, now)}
    return sorted({Period.of(now.date()), *older})


def evaluate(state: State, inputs: Inputs, now: datetime) -> list[Event]:
    """Decide, remember and queue, in one transaction; the events that are new.

    Doing it again, from the same or from older figures, adds nothing. Raises `StoreError`.
    """
    with state.transaction() as connection:
        events = _Evaluation(connection, inputs, now).run()
        points.reached("before_evaluated")
    points.reached("evaluated")
    for event in events:
        reached = None if event.level is None else event.level.word
        of = {"type": event.type, "scope": event.scope, "period": event.period}
        log.info("event.new", id=event.event_id, **of, reached=reached)
    return events


class _Evaluation:
    def __init__(self, connection: sa.Connection, inputs: Inputs, now: datetime) -> None:
        self._inputs, self._now = inputs, now
        self._ledger, self._outbox = Ledger(connection), Outbox(connection)
        self._connection = connection
        self._id = secrets.token_hex(8)
        self._kept = {(one.standing.scope, one.standing.period): one for one in self._ledger.standings(now)}
        decided = self._ledger.evaluated()
        self._overtaken = decided is not None and inputs.snapshot.older_than(decided)
        self._measured = {(one.scope, one.period): one for one in inputs.measured}
        self._capped = {scope.name for scope in inputs.scopes}
        self._events: list[Event] = []
        self._hooked: list[tuple[Event, Status]] = []

    def run(self) -> list[Event]:
        for kept in list(self._kept.values()):
            if policy.changes_still(kept.standing, self._inputs.timing, self._now):
                self._close(kept)
        for scope in self._current_scopes():
            self._decide(scope)
        self._accounts()
        self._channels()
        queue_for_people(self._ledger, self._outbox, self._inputs.readership, self._events, self._now)
        queue_for_machines(self._ledger, self._outbox, self._hooked, self._now)
        if not self._overtaken:
            self._ledger.evaluated_now(self._inputs.snapshot, self._now)
        return self._events

    def _current_scopes(self) -> list[Scope]:
        """Those that have a cap, and those that had one when they were last looked at.

        A process that knows of no cap and of no channel was started without the settings, and takes nothing away.
        """
        if not self._inputs.scopes and not self._inputs.readership.channels:
            return []
        current = Period.of(self._now.date())
        bare = [Scope(name, (), Caps()) for name, at in self._kept if at == current and name not in self._capped]
        return [*self._inputs.scopes, *bare]

    def _close(self, kept: Kept) -> None:
        found = self._found(kept.standing.scope, kept.standing.period, kept)
        if found is not None:
            decided = policy.close(found, kept.standing, self._inputs.timing, self._now)
            self._keep(decided, kept.standing, found)

    def _decide(self, scope: Scope) -> None:
        period = Period.of(self._now.date())
        kept = self._kept.get((scope.name, period))
        found = self._found(scope.name, period, kept)
        if found is not None:
            before = kept.standing if kept else Standing.new(scope, period, self._now)
            self._keep(policy.decide(found, scope.caps, before, self._inputs.timing, self._now), before, found)

    def _found(self, scope: str, period: Period, kept: Kept | None) -> Measurement | None:
        """What was measured; none if nothing was, or it is older than what was decided from.

        Without a cap there is nothing to measure, and the total stays what it was.
        """
        found = self._measured.get((scope, period))
        if found is None:
            return _as_it_was(kept) if kept and scope not in self._capped else None
        return None if kept and found.version.older_than(kept.version) else found

    def _keep(self, decided: policy.Decision, before: Standing, found: Measurement) -> None:
        standing = decided.standing
        if standing.armed and before.armed:
            self._ledger.still_armed(standing, standing.armed)
            self._ask_late(standing, standing.armed.n)
        for said in decided.said:
            event = self._say(said, standing, before, found)
            if said.type is EventType.TRIGGERED and standing.armed:
                self._ledger.arm(standing, standing.armed, event.event_id)
                if HOOK in self._inputs.readership.channels:
                    self._hooked.append((event, Status.PENDING))
            elif said.type is EventType.RELEASED:
                self._release(standing, event, said.arming or 0)
        made = Kept(standing, found.version, found.stale, found.unconfirmed)
        if made != self._kept.get((standing.scope, standing.period)):
            self._ledger.keep(standing, found)

    def _say(self, said: Said, standing: Standing, before: Standing, found: Measurement) -> Event:
        top = self._inputs.movers(standing.scope, standing.period)
        event = self._ledger.add(
            said.type,
            standing.scope,
            standing.period.name,
            facts_of(said, standing, before, found, self._inputs.timing, top),
            self._now,
            self._id,
            level=said.level,
            prev_level=said.prev_level,
            reason=said.reason,
        )
        self._events.append(event)
        return event

    def _release(self, standing: Standing, event: Event, n: int) -> None:
        """Withdraw what nobody has heard of; else the release follows its trigger, where there was one."""
        trigger = self._ledger.triggered_by(standing, n)
        withdrawn = trigger is not None and self._outbox.withdraw(trigger, HOOK, self._now)
        self._ledger.disarm(standing, n, "cancelled" if withdrawn else "released", self._now)
        if trigger is not None and self._outbox.has(trigger, HOOK):
            self._hooked.append((event, Status.CANCELLED if withdrawn else Status.PENDING))

    def _ask_late(self, standing: Standing, n: int) -> None:
        """A hook that was configured only after a scope was armed is asked now: the cap is still reached."""
        trigger = self._ledger.triggered_by(standing, n)
        if trigger and HOOK in self._inputs.readership.channels and not self._outbox.has(trigger, HOOK):
            self._hooked += [(event, Status.PENDING) for event in self._ledger.events([trigger])]

    def _accounts(self) -> None:
        """What becomes of incidents of accounts; older figures know nothing of them that newer ones do not."""
        if self._inputs.ingest is not None and not self._overtaken:
            rhythm = Rhythm(self._inputs.timing.debounce, REMIND_INGEST)
            newest = self._ledger.newest_incidents(INGEST)
            readers = bool(self._inputs.readership.people)
            found, well = self._inputs.ingest, self._inputs.well
            self._told(INGEST, changes(INGEST, found, well, newest, rhythm, self._now, readers=readers))

    def _channels(self) -> None:
        """What becomes of incidents of channels; one that has no address any more has no trouble either."""
        there = self._inputs.readership.channels
        newest = self._ledger.newest_incidents(CHANNEL)
        signs = health.signs(self._connection, there, newest, self._now)
        self._told(CHANNEL, changes(CHANNEL, signs, there, newest, Rhythm(timedelta(0)), self._now))

    def _told(self, kind: str, made: Sequence[Change]) -> None:
        began, over = _WORDS[kind]
        for incident, told in made:
            self._ledger.keep_incident(incident)
            if told:
                said = over if incident.closed_at else began
                self._events.append(
                    self._ledger.add(said, incident.subject, "-", incident_facts(incident), self._now, self._id)
                )


def _as_it_was(kept: Kept) -> Measurement:
    """The figures that were decided from last."""
    standing = kept.standing
    return Measurement(
        scope=standing.scope,
        period=standing.period,
        total=standing.total,
        estimated=standing.estimated,
        hard_on_estimates=standing.hard_on_estimates,
        holes=(),
        doubts=(),
        stale=False,
        unconfirmed=False,
        data_through={},
        billed_through={},
        read_seq=standing.read_seq,
        version=kept.version,
    )
