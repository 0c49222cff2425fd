"""Caps and outbox as a machine that hypothesis drives: what holds of the real ledger, whatever happens around it."""

import asyncio
import shutil
import tempfile
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from aispend_pipeline.alerts.dispatch import Dispatcher
from aispend_pipeline.alerts.evaluate import Inputs
from aispend_pipeline.alerts.outbox import Claimed, Outbox, Status
from aispend_pipeline.alerts.tables import delivery
from aispend_pipeline.caps import tables
from aispend_pipeline.caps.incidents import Sign
from aispend_pipeline.caps.ledger import Kept, as_event
from aispend_pipeline.caps.model import Caps, Event, EventType, Level, Measurement, Period
from aispend_pipeline.caps.policy import Standing, Timing
from aispend_pipeline_tests.caps import promises
from aispend_pipeline_tests.caps.courses import Courses, amounts, moods, providers, spans
from aispend_pipeline_tests.caps.world import CHANNELS, SCOPES, Killed, Mood, World, killed_at

TIMING = Timing(milestones=(50, 90))
POINTS = ("before_evaluated", "evaluated", "claimed", "sent", "recorded")


class CapsMachine(Courses):
    """Rules are what happens to an installation; invariants are section 12 of what alerts mean."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="aispend-machine-"))
        self.world = World(self.home, TIMING, forecasts=True)
        self.older: Inputs | None = None  # what another evaluator measured a while ago
        self.kill: str | None = None
        self.killed = False  # whether the last evaluation was
        self.epoch = 0  # counts the times that the clock went back
        self.epoch_of: dict[str, int] = {}
        self.stalled: Claimed | None = None  # what a sender has leased and not come back with
        self.events: list[Event] = []

    def teardown(self) -> None:
        self.world.state.close()
        shutil.rmtree(self.home)

    @initialize(
        pairs=st.lists(
            st.sampled_from([("80", "100"), ("80", ""), ("", "100"), ("100", "100")]), min_size=3, max_size=3
        )
    )
    def begin(self, pairs):
        for scope, (soft, hard) in zip(SCOPES, pairs, strict=True):
            self._cap(scope, soft, hard)

    def _cap(self, scope: str, soft: str, hard: str) -> None:
        self.world.caps[scope] = Caps(Decimal(soft) if soft else None, Decimal(hard) if hard else None)

    # What happens to the figures.

    @rule(provider=providers, usd=amounts, read=st.booleans())
    def spend(self, provider, usd, read):
        self.world.spent(provider, usd, read=read)

    @rule(provider=providers, usd=amounts)
    def late(self, provider, usd):
        last_month = Period.of(self.world.period.window.first - timedelta(days=1))
        self.world.spent(provider, usd, last_month)

    @rule(provider=providers, wrong=st.sampled_from(["stale", "unconfirmed", "hole", ""]))
    def doubt(self, provider, wrong):
        self.world.doubtful.pop(provider, None)
        if wrong:
            self.world.doubtful[provider] = wrong

    @rule(provider=providers, opens=st.booleans(), well=st.booleans())
    def ingest(self, provider, opens, well):
        self.world.ingest = {} if well else {f"{provider} default": Sign("cannot be read", opens)}

    @rule(
        scope=st.sampled_from(list(SCOPES)),
        soft=st.sampled_from(["", "40", "80"]),
        hard=st.sampled_from(["", "80", "100", "150"]),
    )
    def edit_cap(self, scope, soft, hard):
        self._cap(scope, soft, hard)

    # What happens to time.

    @rule(span=spans)
    def tick(self, span):
        self.world.clock.instant += span

    @rule()
    def month_roll(self):
        """Whoever was told of a month is told that it is over, once."""
        last = self.world.period
        self._evaluate(None)
        told = {one.scope for one in self._current() if one.announced and not one.closed}
        self.world.clock.instant = last.end + timedelta(minutes=5)
        new = self._evaluate(None)
        over = {event.scope for event in new if event.type is EventType.PERIOD_RESET and event.period == last.name}
        assert self.killed or over == told

    @rule(back=st.sampled_from([timedelta(hours=2), timedelta(days=40)]))
    def clock_back(self, back):
        self.world.clock.instant -= back
        self.epoch += 1

    @rule()
    def clock_far_ahead(self):
        self.world.clock.instant += timedelta(days=40)

    # What happens to processes and receivers.

    @rule(point=st.sampled_from(POINTS))
    def will_be_killed(self, point):
        self.kill = point

    @rule(channel=st.sampled_from(CHANNELS), mood=moods)
    def mood(self, channel, mood):
        self.world.receivers[channel].mood = mood

    @rule(channel=st.sampled_from(CHANNELS), there=st.booleans())
    def configure(self, channel, there):
        (self.world.configured.add if there else self.world.configured.discard)(channel)

    @rule(keep=st.booleans())
    def measure(self, keep):
        """Somebody measures now, and evaluates only later."""
        self.older = self.world.inputs() if keep else None

    @rule()
    def evaluate(self):
        self._evaluate(None)
        if not self.killed:
            assert self.world.evaluate() == [], "the same input again makes nothing"
            beside = self.world.beside()
            assert beside.evaluate() == [], "nor does it in another process"
            beside.state.close()

    @rule()
    @precondition(lambda self: self.older is not None)
    def evaluate_older(self):
        """From the figures and under the caps of then."""
        newer = {one.scope: one for one in self.world.inputs().measured}
        if all(scope.name in newer for scope in self.older.scopes):
            self._evaluate(self.older)
        self.older = None

    def _evaluate(self, inputs: Inputs | None) -> list[Event]:
        world, kept = self.world, self.world.kept()
        inputs = inputs or world.inputs(kept)
        found = {one.scope: one for one in inputs.measured if one.period == world.period}
        caps = {scope.name: scope.caps for scope in inputs.scopes}
        newer = {one.standing.scope for one in kept if self._overtaken(one, found)}
        self.killed = False
        try:
            with killed_at(self.kill if self.kill in ("before_evaluated", "evaluated") else None):
                world.evaluate(inputs)
        except Killed:
            self.kill, self.killed = None, True
            world.restart()
        new = [as_event(row) for row in world.rows(tables.event, after=len(self.events))]
        self.events += new
        self.epoch_of |= {event.event_id: self.epoch for event in new}
        if new:
            promises.of_new_events(world, new, inputs.readership.people, found, caps)
            promises.of_holds(world, new, self.epoch_of)
        assert not [event for event in new if event.scope in newer and event.period == world.period.name]
        if not self.killed:
            self._check_levels(found, newer)
        return new

    def _overtaken(self, kept: Kept, found: dict[str, Measurement]) -> bool:
        """Whether something newer than `found` was decided from already."""
        standing = kept.standing
        older = standing.scope in found and found[standing.scope].version.seq < kept.version.seq
        return standing.period == self.world.period and older

    def _check_levels(self, found: dict[str, Measurement], newer: set[str]) -> None:
        unmeasured = {scope for scope, measurement in found.items() if not measurement.measured} - newer
        levels = {one.scope: one.level for one in self._current()} if unmeasured else {}
        for scope in unmeasured:
            assert levels[scope] is not Level.OK, "what cannot be measured is not ok"

    @rule(ahead=st.sampled_from([timedelta(0), timedelta(days=40)]))
    @precondition(lambda self: self.stalled is None)
    def a_sender_stalls(self, ahead):
        """It leases a delivery, perhaps by a clock that is ahead, and then nothing is heard of it for a while."""
        with self.world.state.transaction() as connection:
            self.stalled = Outbox(connection).claim(self.world.now + ahead, CHANNELS)

    @rule()
    @precondition(lambda self: self.stalled is not None)
    def the_stalled_sender_comes_back(self):
        claimed, self.stalled = self.stalled, None
        dispatcher = Dispatcher(self.world.state, self.world.receivers, self.world.clock, lambda: 1.0)
        asyncio.run(dispatcher.deliver(claimed))

    @rule(rounds=st.integers(1, 3))
    def dispatch(self, rounds):
        for _ in range(rounds):
            try:
                with killed_at(self.kill if self.kill in ("claimed", "sent", "recorded") else None):
                    self.world.dispatch()
            except Killed:
                self.kill = None
                self.world.restart()
            self.world.clock.instant += timedelta(seconds=6)

    # What must become true if only the world stands still.

    @rule()
    def stand_still(self):
        """Fresh and unchanged for a debounce and an evaluation: what people were told last is true."""
        self.world.doubtful.clear()
        self.world.seq += 1
        self._evaluate(None)
        self.world.clock.instant += TIMING.debounce + timedelta(minutes=10)
        self._evaluate(None)
        for standing in self._current():
            assert standing.level is not None
            assert standing.announced is standing.level
            if standing.caps.hard and standing.total * 100 >= standing.caps.hard * 90:
                assert standing.milestone == 90

    def _current(self) -> list[Standing]:
        return [one.standing for one in self.world.kept() if one.standing.period == self.world.period]

    @rule()
    def a_day_later(self):
        """Nothing is armed that is not at hard, and people are reminded of what is."""
        self.stand_still()
        told = {one.scope for one in self._current() if one.level is Level.HARD}
        period = self.world.period
        self.world.clock.instant += timedelta(hours=24)
        new = self._evaluate(None)
        if self.world.period == period:
            assert {event.scope for event in new if event.type is EventType.REMINDER} == told
            assert {one.scope for one in self._current() if one.armed} == told

    @rule()
    def heal(self):
        """Every receiver is well again: nothing stays pending, and everybody knows everything."""
        for receiver in self.world.receivers.values():
            receiver.mood = Mood.WELL
        self.world.configured = set(CHANNELS)
        self._evaluate(None)
        self.world.retry_the_dead()
        for _ in range(4):
            self.world.dispatch()
            if not any(row.status == Status.PENDING for row in self.world.rows(delivery)):
                break
            self.world.clock.instant += timedelta(hours=25)
        else:
            raise AssertionError("something is still pending")
        promises.everybody_knows_everything(self.world)

    @invariant()
    def what_is_promised_holds(self):
        promises.always(self.world, self.events, self.epoch_of)
