"""A small world for caps: providers with totals that anybody may change, receivers with moods, one real ledger file."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from aispend_pipeline import points
from aispend_pipeline.alerts import by_hand
from aispend_pipeline.alerts.channels import Attempted, Outcome, Outgoing
from aispend_pipeline.alerts.dispatch import Dispatcher, Sent
from aispend_pipeline.alerts.drafts import Readership
from aispend_pipeline.alerts.evaluate import Inputs, evaluate, periods_to_measure
from aispend_pipeline.alerts.outbox import Status
from aispend_pipeline.alerts.tables import delivery
from aispend_pipeline.caps.incidents import Sign
from aispend_pipeline.caps.ledger import Kept, Ledger
from aispend_pipeline.caps.model import Caps, Event, Measurement, Period, Scope, Version
from aispend_pipeline.caps.policy import Timing
from aispend_pipeline.errors import UsageError
from aispend_pipeline.state.database import State
from aispend_pipeline_tests.caps.course import coming_to
from aispend_pipeline_tests.warehouse.building import SetClock

START = datetime(2026, 11, 10, 9, 5, tzinfo=UTC)
PROVIDERS = ("openai", "anthropic")
SCOPES = {"openai": ("openai",), "anthropic": ("anthropic",), "global": PROVIDERS}
CHANNELS = ("slack", "email", "hook")


class Killed(SystemExit):
    """The process is gone: of such an exit no event loop lets anything else go on."""


@contextmanager
def killed_at(point: str | None) -> Iterator[None]:
    """Die when `point` is reached, if that happens inside the block."""

    def die(reached: str) -> None:
        if reached == point:
            points.listener = None
            raise Killed(point)

    points.listener = die if point else None
    try:
        yield
    finally:
        points.listener = None


class Mood(Enum):
    """What a receiver makes of a request."""

    WELL = "takes it"
    REFUSES = "cannot be connected to"
    MUTE = "times out without having seen it"
    FORGETFUL = "takes it, and drops the connection before it answers"
    BROKEN = "answers 500"
    GONE = "answers 404"


_ANSWERS = {
    Mood.WELL: (Outcome.DELIVERED, False, None),
    Mood.REFUSES: (Outcome.RETRY, True, "connect"),
    Mood.MUTE: (Outcome.RETRY, False, "timeout"),
    Mood.FORGETFUL: (Outcome.RETRY, False, "broken_off"),
    Mood.BROKEN: (Outcome.RETRY, False, "server_error"),
    Mood.GONE: (Outcome.DEAD, False, "rejected"),
}


class Request(NamedTuple):
    """One attempt as it arrived, whatever became of it."""

    id: str
    attempt: int
    at: datetime


@dataclass
class Receiver:
    """A channel and what it has taken, in order: the ids and bodies, again if they came again.

    `retry_after` is what it asks for when it fails, seconds.
    """

    name: str
    mood: Mood = Mood.WELL
    retry_after: float | None = None
    requests: list[Request] = field(default_factory=list)
    taken: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    bodies: dict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))

    async def send(self, outgoing: Outgoing, now: datetime) -> Attempted:
        outcome, never_sent, error = _ANSWERS[self.mood]
        self.requests.append(Request(outgoing.delivery_id, outgoing.attempt, now))
        self.bodies[outgoing.delivery_id].add(outgoing.body)
        if self.mood in (Mood.WELL, Mood.FORGETFUL):
            self.taken.append((outgoing.delivery_id, json.loads(outgoing.body)))
        return Attempted(outcome, never_sent, None, error, f"{self.name} {self.mood.value}", "", self.retry_after)

    @property
    def ids(self) -> list[str]:
        """Every id that was taken, once, in the order of its first coming."""
        return list(dict.fromkeys(taken for taken, _ in self.taken))

    @property
    def heard(self) -> list[str]:
        """What was taken, as a reader would tell it: a line each, or for a machine the words that it acts on."""
        return [line for _, body in self.taken for line in _READ[self.name](body)]


def _slack(body: dict[str, Any]) -> list[str]:
    return [line.partition(" ")[2] for line in body["text"].splitlines()]  # without the emoji


def _mail(body: dict[str, Any]) -> list[str]:
    return [body["subject"].removeprefix("[aispend] ")]


def _machine(body: dict[str, Any]) -> list[str]:
    data = body["data"]
    return [" ".join(str(one) for one in (body["type"], *(data.get(w, "") for w in ("scope", "period", "arming"))))]


_READ: dict[str, Callable[[dict[str, Any]], list[str]]] = {"slack": _slack, "email": _mail, "hook": _machine}


class World:
    """Everything around the policy and the ledger; money is per provider and period, in cents here."""

    def __init__(
        self,
        home: Path,
        timing: Timing | None = None,
        caps: dict[str, tuple[str, str]] | None = None,
        *,
        forecasts: bool = False,
    ) -> None:
        self.forecasts = forecasts  # whether a running month is expected to come to twice its total
        self.home, self.clock = home, SetClock(START)
        self.timing = timing or Timing()
        self.caps = {
            name: Caps(*(Decimal(one) if one else None for one in pair)) for name, pair in (caps or {}).items()
        }
        self.usd: dict[tuple[str, Period], Decimal] = defaultdict(Decimal)
        self.doubtful: dict[str, str] = {}  # provider to what is wrong with it: stale, unconfirmed or hole
        self.ingest: dict[str, Sign] = {}
        self.configured = set(CHANNELS)
        self.receivers = {name: Receiver(name) for name in CHANNELS}
        self.seq = 1
        self.read_seq = 1
        self._told: dict[str, int] = defaultdict(int)
        self.restart()

    def restart(self) -> None:
        """A new process opens the ledger."""
        self.state = State(self.home)

    def beside(self) -> "World":
        """Another process on the same ledger, with the same figures, clock and receivers."""
        other = copy(self)
        other.restart()
        return other

    @property
    def now(self) -> datetime:
        return self.clock.instant

    @property
    def period(self) -> Period:
        return Period.of(self.now.date())

    def at(self, text: str) -> "World":
        """Set the clock: `11-10 09:05`."""
        self.clock.instant = datetime.strptime(f"2026-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
        return self

    def spent(self, provider: str, usd: str | Decimal, period: Period | None = None, *, read: bool = True) -> "World":
        """The provider's total of the period is this from now on."""
        self.usd[provider, period or self.period] = Decimal(usd)
        self.seq += 1
        self.read_seq += read
        return self

    def scopes(self) -> list[Scope]:
        return [Scope(name, SCOPES[name], caps) for name, caps in self.caps.items() if caps != Caps()]

    def measured(self, periods: list[Period]) -> list[Measurement]:
        return [self.measurement(scope.name, period) for scope in self.scopes() for period in periods]

    def measurement(self, scope: str, period: Period) -> Measurement:
        wrong = {provider: self.doubtful[provider] for provider in SCOPES[scope] if provider in self.doubtful}
        lines = {
            kind: tuple(f"{who}: {kind}" for who, what in wrong.items() if what == kind) for kind in wrong.values()
        }
        total = sum((self.usd[provider, period] for provider in SCOPES[scope]), Decimal(0))
        return Measurement(
            scope=scope,
            period=period,
            total=total,
            forecast=coming_to(2 * total, period) if self.forecasts and period == self.period else None,
            holes=lines.get("hole", ()),
            doubts=lines.get("stale", ()) + lines.get("unconfirmed", ()),
            stale="stale" in wrong.values(),
            unconfirmed="unconfirmed" in wrong.values(),
            data_through=dict.fromkeys(SCOPES[scope], self.now),
            billed_through={provider: self.now.date() for provider in SCOPES[scope]},
            read_seq=self.read_seq,
            version=Version("store", self.seq),
        )

    def inputs(self, kept: list[Kept] | None = None) -> Inputs:
        """What is measured now; `kept` is what stands, if that is known already."""
        kept = self.kept() if kept is None else kept
        return Inputs(
            scopes=self.scopes(),
            measured=self.measured(periods_to_measure(kept, self.timing, self.now)),
            timing=self.timing,
            readership=Readership(tuple(name for name in CHANNELS if name in self.configured)),
            ingest=self.ingest,
            well=[f"{provider} default" for provider in PROVIDERS if f"{provider} default" not in self.ingest],
            snapshot=Version("store", self.seq),
        )

    def evaluate(self, inputs: Inputs | None = None) -> list[Event]:
        return evaluate(self.state, inputs or self.inputs(), self.now)

    def dispatch(self, jitter: Callable[[], float] = lambda: 1.0) -> list[Sent]:
        channels = {name: one for name, one in self.receivers.items() if name in self.configured}
        try:
            return Dispatcher(self.state, channels, self.clock, jitter).dispatch()
        except Killed as killed:
            raise killed.with_traceback(None)  # noqa: B904 - nothing is to hold on to the dead process's tasks

    def notify(self) -> "World":
        """Evaluate and send until nothing is due, as a run does."""
        self.evaluate()
        while self.dispatch():
            self.evaluate()
        return self

    def news(self) -> dict[str, list[str]]:
        """What every receiver has heard since this was asked last; who heard nothing is not there."""
        heard = {name: receiver.heard for name, receiver in self.receivers.items()}
        new = {name: lines[self._told[name] :] for name, lines in heard.items()}
        self._told = defaultdict(int, {name: len(lines) for name, lines in heard.items()})
        return {name: lines for name, lines in new.items() if lines}

    def retry_the_dead(self) -> None:
        """A person has everything tried again that was given up, as far as that is allowed."""
        for row in self.rows(delivery):
            if row.status == Status.DEAD:
                with self.state.transaction() as connection, suppress(UsageError):
                    by_hand.retry(connection, row.message_id, self.now)

    def kept(self) -> list[Kept]:
        with self.state.reading() as connection:
            return Ledger(connection).standings()

    def standing(self, scope: str, period: Period | None = None):
        asked = (scope, period or self.period)
        return next(one.standing for one in self.kept() if (one.standing.scope, one.standing.period) == asked)

    def rows(self, table, after: int = 0) -> list[Any]:
        """All rows of the table, without the first `after` of one that only grows."""
        asked = table.select().where(table.c.seq > after) if after else table.select()
        with self.state.reading() as connection:
            return connection.execute(asked).all()


@pytest.fixture
def world(home: Path) -> Iterator[World]:
    """OpenAI with caps of 80 and 100 USD, all channels, all of them well."""
    made = World(home, caps={"openai": ("80", "100")})
    yield made
    made.state.close()
