"""What a day is expected to cost: what its weekday usually does, at the level of the last days, grown on.

Medians, and a level without the day furthest above and the one furthest below it: a fee, a credit or a day that was
only half read must not be expected again every day. Amounts are USD, in the caller's context of arithmetic.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from statistics import median

from aispend_pipeline import money

A_WEEK = 7
# From fewer full days nothing is expected.
FEWEST_DAYS = 3
# What is usual is that of so many days, and growth is from the same number of days before.
RECENT_DAYS = 28
# No day before these matters.
DAYS_BACK = 2 * RECENT_DAYS
# The days of the level.
LAST_DAYS = 7
# There is a weekly rhythm if so many weekdays usually cost something.
FEWEST_WEEKDAYS = 4
# A step looks like growth for a while: more than this in `RECENT_DAYS` is not taken to go on.
MOST_GROWTH = Decimal("0.2")


@dataclass(frozen=True)
class Pace:
    """What days are expected to cost, as it looked on one day.

    `usual` is the USD of each weekday, Monday first; `level` how many times that the last days cost, the middle one
    of which is `middle`; `growth` the share by which it grows in `RECENT_DAYS`. `rests_on` full days were known.
    """

    usual: Sequence[Decimal]
    level: Decimal
    growth: Decimal
    middle: date
    rests_on: int

    def on(self, day: date) -> Decimal:
        """What `day` is expected to cost, USD: never less than nothing, for a credit is not expected again."""
        grown = 1 + self.growth * (day - self.middle).days / RECENT_DAYS
        return max(self.usual[day.weekday()] * self.level * grown, Decimal(0))


def pace_of(spent: Mapping[date, Decimal], today: date) -> Pace | None:
    """The pace at the beginning of `today`, from the days of the eight weeks before; none from too few."""
    known = {day: spent[day] for back in range(DAYS_BACK, 0, -1) if (day := today - timedelta(days=back)) in spent}
    if len(known) < FEWEST_DAYS:
        return None
    last = [*known][-LAST_DAYS:]
    first_recent = last[-1] - timedelta(days=RECENT_DAYS - 1)
    recent = {day: usd for day, usd in known.items() if day >= first_recent}
    usual = _usual(recent)
    middle = last[len(last) // 2]
    if usual is None:
        mean = money.add(recent.values()) / len(recent)
        return Pace([mean] * A_WEEK, Decimal(1), Decimal(0), middle, len(known))
    return Pace(usual, _level({day: known[day] for day in last}, usual), _growth(known, recent), middle, len(known))


def _usual(recent: Mapping[date, Decimal]) -> list[Decimal] | None:
    """What each weekday usually costs; none where there is no rhythm to see."""
    weekdays = [[usd for day, usd in recent.items() if day.weekday() == weekday] for weekday in range(A_WEEK)]
    if not all(weekdays):
        return None
    usual = [max(median(weekday), Decimal(0)) for weekday in weekdays]
    return usual if sum(usd > 0 for usd in usual) >= FEWEST_WEEKDAYS else None


def _level(last: Mapping[date, Decimal], usual: Sequence[Decimal]) -> Decimal:
    """How many times the usual the last days cost, without the one furthest above that and the one furthest below."""
    spent, usually = money.add(last.values()), money.add(usual[day.weekday()] for day in last)

    def above(day: date) -> Decimal:
        return last[day] * usually - usual[day.weekday()] * spent

    kept = sorted(last, key=above)[1:-1]
    usually = money.add(usual[day.weekday()] for day in kept)
    return money.add(last[day] for day in kept) / usually if usually else Decimal(1)


def _growth(known: Mapping[date, Decimal], recent: Mapping[date, Decimal]) -> Decimal:
    """By what share a recent day is above the same weekday four weeks before, at the median; none from too few."""
    pairs = [(usd, known.get(day - timedelta(days=RECENT_DAYS), Decimal(0))) for day, usd in recent.items()]
    times = [usd / before for usd, before in pairs if before > 0]
    return min(max(median(times) - 1, -MOST_GROWTH), MOST_GROWTH) if len(times) >= A_WEEK else Decimal(0)
