"""What is said of a scope, and when: pure functions of what was measured, the caps, what stood before, and the time.

Up is said at once, down only once it has held for a while and rests on fresh figures, the same thing never twice
within that while. Nothing here reads a clock, a file or a setting.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from aispend_pipeline import money
from aispend_pipeline.caps.model import Caps, EventType, Level, Measurement, Period, Reason, Scope, Spent

# A stored instant that lies further ahead than this was written by a clock that was wrong.
CLOCK_SLACK = timedelta(minutes=5)


@dataclass(frozen=True)
class Timing:
    """How long things are held back; a reminder of none is never sent. `milestones` are percentages of the hard cap."""

    debounce: timedelta = timedelta(hours=1)
    remind_soft: timedelta | None = None
    remind_hard: timedelta | None = timedelta(days=1)
    hook_hold: timedelta = timedelta(hours=6)
    settle: timedelta = timedelta(days=4)
    milestones: tuple[int, ...] = ()

    def remind(self, level: Level) -> timedelta | None:
        """How long after it was last said `level` is said again."""
        return {Level.OK: None, Level.SOFT: self.remind_soft, Level.HARD: self.remind_hard}[level]


@dataclass(frozen=True)
class Armed:
    """An arming that is open: a machine was asked to act. `cap` is the hard cap when the scope was last at hard."""

    n: int
    armed_at: datetime
    cap: Decimal | None


@dataclass(frozen=True)
class Standing:
    """What is remembered of a scope in a period.

    `level` is what the figures said last, since when and why, and `certain` the caps that were set when they last
    said so beyond doubt; `estimated` is the part of the total that no bill has yet; `announced` is what people were
    told last, `peak` the most that they were ever told, `forecast` the most that they were ever told to expect.
    `armings` counts the times that the hook was armed.
    """

    scope: str
    period: Period
    level: Level | None
    since: datetime
    caps: Caps
    certain: Caps = field(default_factory=Caps)
    reason: Reason | None = None
    announced: Level = Level.OK
    announced_at: datetime | None = None
    peak: Level = Level.OK
    total: Decimal = Decimal(0)
    estimated: Decimal = Decimal(0)
    hard_on_estimates: bool = True
    read_seq: int = 0
    milestone: int = 0
    forecast: Level = Level.OK
    armings: int = 0
    armed: Armed | None = None
    closed: bool = False
    final: bool = False

    @property
    def spent(self) -> Spent:
        """What caps were held against."""
        return Spent(self.total, self.estimated, self.hard_on_estimates)

    @property
    def figure(self) -> Decimal | None:
        """The total, none if nothing of it was read: what is missing is not zero."""
        return None if self.level is None and not self.read_seq else self.total

    @property
    def alarmed(self) -> bool:
        """Whether people or a machine were told that a cap is reached, and not yet that this is over."""
        return self.announced > Level.OK or self.armed is not None

    @classmethod
    def new(cls, scope: Scope, period: Period, now: datetime) -> "Standing":
        """Of a scope that was not looked at in this period yet."""
        return cls(scope.name, period, None, now, scope.caps, certain=scope.caps)


class Said(NamedTuple):
    """What is to be told; with an id and its facts it becomes an `Event`. `cap` is the cap that it is about."""

    type: EventType
    level: Level
    prev_level: Level
    reason: Reason | None
    cap: Decimal | None = None
    percent: int | None = None
    arming: int | None = None


class Decision(NamedTuple):
    """What stands from now on, and what is said of it."""

    standing: Standing
    said: tuple[Said, ...] = ()


def passed(since: datetime | None, wait: timedelta, now: datetime) -> bool:
    """Whether `wait` is over; an instant in the future counts as long ago, or a wrong clock would silence us."""
    return since is None or since > now + CLOCK_SLACK or now - since >= wait


def changes_still(standing: Standing, timing: Timing, now: datetime) -> bool:
    """Whether a period is over and has yet to be closed, to be told of late, or to be called final."""
    over = standing.period.end <= now
    return over and not (standing.closed and standing.final and now >= standing.period.end + timing.settle)


def decide(found: Measurement, caps: Caps, before: Standing, timing: Timing, now: datetime) -> Decision:
    """What becomes of an open period; one that a clock ahead of its time had closed is opened again."""
    if before.closed:
        before = replace(before, closed=False, final=False, reason=Reason.SPEND)
    standing = _measured(found, caps, before, now)
    standing, told = _tell_people(found, standing, timing, now)
    standing, ahead = _look_ahead(found, standing)
    standing, marks = _milestone(standing, timing, told)
    standing, asked = _ask_machines(found, standing, before.level or Level.OK, timing, now)
    return Decision(standing, (*told, *ahead, *marks, *asked))


def close(found: Measurement, before: Standing, timing: Timing, now: datetime) -> Decision:
    """What becomes of a period that is over: it is closed once, and takes late data until it is final."""
    said: list[Said] = []
    if not before.closed:
        if before.announced > Level.OK:
            reset = Said(EventType.PERIOD_RESET, before.announced, before.announced, Reason.PERIOD_ROLL)
            said.append(reset._replace(cap=before.caps.at(before.announced)))
        if before.armed:
            said.append(_released(before, before.armed, Reason.PERIOD_ROLL))
    closed = replace(_with_figures(before, found), closed=True, armed=None)
    late = closed.caps.level(found.spent)
    if late > before.peak and now < before.period.end + timing.settle:
        said.append(Said(EventType.BREACHED, late, before.peak, Reason.LATE_DATA, closed.caps.at(late)))
        closed = replace(
            closed, level=late, since=now, reason=Reason.LATE_DATA, announced=late, announced_at=now, peak=late
        )
    return Decision(replace(closed, final=now >= before.period.end + timing.settle), tuple(said))


def _measured(found: Measurement, caps: Caps, before: Standing, now: datetime) -> Standing:
    level = _level(found, caps, before.level)
    changed = level != before.level
    return replace(
        _with_figures(before, found),
        level=level,
        since=now if changed else before.since,
        reason=_reason(level or Level.OK, found, caps, before) if changed else before.reason,
        caps=caps,
        certain=caps if caps.level(found.spent) == level else before.certain,
    )


def _with_figures(before: Standing, found: Measurement) -> Standing:
    return replace(
        before,
        total=found.total,
        estimated=found.estimated,
        hard_on_estimates=found.hard_on_estimates,
        read_seq=found.read_seq,
    )


def _level(found: Measurement, caps: Caps, before: Level | None) -> Level | None:
    """What the figures say. Doubtful ones can only raise it: they are too low, if anything."""
    reached = caps.level(found.spent)
    if _proven(found, caps):
        return reached
    held = max(reached, caps.standing(before or Level.OK))
    return None if held is Level.OK and not found.measured else held


def _proven(found: Measurement, caps: Caps) -> bool:
    """Whether a level that is not reached is certainly not reached; without a cap there is nothing to reach."""
    return found.fresh or caps == Caps()


def _reason(level: Level, found: Measurement, caps: Caps, before: Standing) -> Reason:
    """Why the level is another one: by its caps if the old total would do under them, else by its total."""
    was = before.level or Level.OK
    if caps != before.certain and caps.level(before.spent) == level:
        if level > was:
            return Reason.CAP_LOWERED
        return Reason.CAP_REMOVED if caps.at(was) is None else Reason.CAP_RAISED
    if found.total != before.total and found.read_seq == before.read_seq:
        return Reason.RECOMPUTE
    return Reason.SPEND if level > was else Reason.CORRECTION


def _tell_people(
    found: Measurement, standing: Standing, timing: Timing, now: datetime
) -> tuple[Standing, tuple[Said, ...]]:
    level, announced, caps = standing.level, standing.announced, standing.caps
    if level is None:
        return standing, ()
    if level > announced:
        said = Said(EventType.BREACHED, level, announced, standing.reason, caps.at(level))
    elif level < announced:
        # That a cap is gone is certain, however old the figures are.
        certain = _proven(found, caps) or caps.at(announced) is None
        if not (certain and passed(standing.announced_at, timing.debounce, now)):
            return standing, ()
        kind = EventType.RECOVERED if level is Level.OK else EventType.STEPPED_DOWN
        said = Said(kind, level, announced, standing.reason, caps.at(announced))
    else:
        wait = timing.remind(level)
        if wait is None or not passed(standing.announced_at, wait, now):
            return standing, ()
        said = Said(EventType.REMINDER, level, level, standing.reason, caps.at(level))
    told = replace(standing, announced=level, announced_at=now, peak=max(level, standing.peak))
    return told, (said,)


def _look_ahead(found: Measurement, standing: Standing) -> tuple[Standing, tuple[Said, ...]]:
    """The highest cap that the period is expected to reach: said once, and not of one that is reached, or below it."""
    if found.forecast is None or not found.measured:
        return standing, ()
    level = standing.level or Level.OK
    expected = standing.caps.level(Spent(found.forecast.expected))
    if expected <= max(level, standing.announced, standing.forecast):
        return standing, ()
    said = Said(EventType.FORECAST, expected, level, Reason.SPEND, standing.caps.at(expected))
    return replace(standing, forecast=expected), (said,)


def _milestone(standing: Standing, timing: Timing, told: tuple[Said, ...]) -> tuple[Standing, tuple[Said, ...]]:
    """The highest percentage that was not passed before; not said beside a hard breach, which says more."""
    hard, level = standing.caps.hard, standing.level or Level.OK
    if hard is None:
        return standing, ()
    hundredfold = money.EXACT.multiply(standing.spent.towards(Level.HARD), Decimal(100))
    reached = [one for one in timing.milestones if hundredfold >= money.EXACT.multiply(hard, Decimal(one))]
    highest = max(reached, default=0)
    if highest <= standing.milestone:
        return standing, ()
    said = Said(EventType.MILESTONE, level, level, Reason.SPEND, hard, percent=highest)
    beside_hard = any(one.type is EventType.BREACHED and one.level is Level.HARD for one in told)
    return replace(standing, milestone=highest), () if beside_hard else (said,)


def _ask_machines(
    found: Measurement, standing: Standing, before: Level, timing: Timing, now: datetime
) -> tuple[Standing, tuple[Said, ...]]:
    """Arm at hard, release once the scope has left it."""
    armed, hard = standing.armed, standing.caps.hard
    if standing.level is Level.HARD:
        n = armed.n if armed else standing.armings + 1
        reached = hard if standing.certain.hard == hard or armed is None else armed.cap
        at_hard = replace(standing, armings=n, armed=Armed(n, armed.armed_at if armed else now, reached))
        triggered = Said(EventType.TRIGGERED, Level.HARD, before, standing.reason, hard, arming=n)
        return at_hard, () if armed else (triggered,)
    if armed is None or not (_proven(found, standing.caps) or hard is None):
        return standing, ()
    lifted = hard is None or (armed.cap is not None and hard > armed.cap)
    if not (lifted or passed(armed.armed_at, timing.hook_hold, now)):
        return standing, ()
    reason = standing.reason
    if lifted:
        reason = Reason.CAP_REMOVED if hard is None else Reason.CAP_RAISED
    return replace(standing, armed=None), (_released(standing, armed, reason),)


def _released(standing: Standing, armed: Armed, reason: Reason | None) -> Said:
    level = standing.level or Level.OK
    return Said(EventType.RELEASED, level, Level.HARD, reason, standing.caps.hard or armed.cap, arming=armed.n)
