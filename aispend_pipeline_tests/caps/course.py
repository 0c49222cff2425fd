"""A scope over time, for the pure rules of what is said of it."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from aispend_pipeline.caps.model import Caps, EventType, Measurement, Period, Version
from aispend_pipeline.caps.policy import Decision, Said, Standing, Timing, close, decide
from aispend_pipeline.forecast.month_end import Forecast

START = datetime(2026, 11, 10, 9, 5, tzinfo=UTC)
NOVEMBER = Period.of(date(2026, 11, 1))
BREACHED, STEPPED_DOWN, RECOVERED, REMINDER, RESET, MILESTONE, FORECAST, TRIGGERED, RELEASED = (
    EventType.BREACHED,
    EventType.STEPPED_DOWN,
    EventType.RECOVERED,
    EventType.REMINDER,
    EventType.PERIOD_RESET,
    EventType.MILESTONE,
    EventType.FORECAST,
    EventType.TRIGGERED,
    EventType.RELEASED,
)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DOWN = (STEPPED_DOWN, RECOVERED, RELEASED)


def caps(soft: str = "80", hard: str = "100") -> Caps:
    return Caps(Decimal(soft) if soft else None, Decimal(hard) if hard else None)


def coming_to(usd: str | Decimal, period: Period = NOVEMBER) -> Forecast:
    """So much by the end of the period, all of it on its last day."""
    end = Decimal(usd)
    path = [(period.window.last, end)]
    return Forecast(period.window, Decimal(0), end, end / 2, end * 2, filled=0, rests_on=3, tried=0, path=path)


def found(
    usd: str | Decimal, *, expected: str | Decimal | None = None, doubt: str = "", hole: str = "", read_seq: int = 1
) -> Measurement:
    return Measurement(
        scope="openai",
        period=NOVEMBER,
        total=Decimal(usd),
        holes=(hole,) if hole else (),
        doubts=(doubt,) if doubt else (),
        stale=bool(doubt),
        unconfirmed=False,
        data_through={},
        billed_through={},
        read_seq=read_seq,
        version=Version("store", read_seq),
        forecast=None if expected is None else coming_to(expected),
    )


@dataclass
class Course:
    """A scope over time; every figure is of a new fetch unless it is `recomputed`."""

    caps: Caps = field(default_factory=caps)
    timing: Timing = field(default_factory=Timing)
    now: datetime = START
    read_seq: int = 0
    standing: Standing = field(default_factory=lambda: Standing("openai", NOVEMBER, None, START, caps()))
    usd: str | Decimal = "0"
    expected: str | Decimal | None = None  # by the end of the period

    def after(self, wait: timedelta) -> "Course":
        self.now += wait
        return self

    def said(self, usd: str | Decimal | None = None, *, recomputed: bool = False, **wrong: str) -> list[Said]:
        """All that is said of the total `usd`, else of the one before, read anew."""
        self.usd = self.usd if usd is None else usd
        self.read_seq += not recomputed
        return self._take(decide(self._found(**wrong), self.caps, self.standing, self.timing, self.now))

    def closed(self, usd: str | None = None) -> list[Said]:
        """All that is said when the period is over."""
        self.usd = self.usd if usd is None else usd
        return self._take(close(self._found(), self.standing, self.timing, self.now))

    def types(self, usd: str | None = None, **more: str) -> list[EventType]:
        return [one.type for one in self.said(usd, **more)]

    def _found(self, **wrong: str) -> Measurement:
        return found(self.usd, expected=self.expected, read_seq=self.read_seq, **wrong)

    def _take(self, decision: Decision) -> list[Said]:
        self.standing = decision.standing
        return list(decision.said)


@pytest.fixture
def course() -> Course:
    return Course()


@pytest.fixture
def at_hard(course) -> Course:
    course.said("101")
    return course


@pytest.fixture
def at_soft(course) -> Course:
    course.said("90")
    return course
