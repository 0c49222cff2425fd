"""How much is used on a day, and how the use of a day is spread over its hours.

Everything follows from what is asked about and the day, so the same question always has the same answer.
All counts are whole numbers, so the parts of a day add up to the day exactly.
"""

import random
from datetime import date, datetime, timedelta
from functools import cache, lru_cache

from aispend_pipeline.model import midnight

# The running day's figures move this often.
STEP = timedelta(minutes=1)
# The weight of each hour of a day, UTC.
OFFICE = (2, 1, 1, 1, 2, 4, 8, 14, 20, 24, 25, 23, 20, 22, 25, 26, 25, 22, 17, 12, 9, 7, 5, 3)
NIGHT = (20, 26, 28, 26, 20, 12, 6, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 4, 6, 8, 12, 16)
EVEN = (1,) * 24
_FIRST_WEEK = date(2026, 1, 5)


@lru_cache(maxsize=100_000)
def whole_day(what: str, amount: int, busy: float, weekend: float, growth: float, day: date) -> int:
    """Units of `what` used on a whole `day`: growth week by week, the rhythm of the week, and chance.

    `amount` is a weekday's use of the busiest; `busy` and `weekend` are shares of it.
    """
    chance = random.Random(f"{what}/{day}")  # noqa: S311 - reproducible on purpose
    rhythm = weekend if day.weekday() >= 5 else 1.0
    grown = growth ** ((day - _FIRST_WEEK).days / 7)
    return int(amount * busy * rhythm * grown * chance.uniform(0.75, 1.25))


def so_far(whole: int, hours: tuple[int, ...], day: date, instant: datetime) -> int:
    """How much of `whole`, the use of `day`, happened before `instant`; never shrinks as time goes on."""
    seconds = int(min(max(instant - midnight(day), timedelta(0)), timedelta(days=1)).total_seconds())
    hour, rest = divmod(seconds, 3600)
    before = _before(hours)
    return whole * (before[hour] * 3600 + (hours[hour] * rest if rest else 0)) // (before[-1] * 3600)


def step(instant: datetime) -> datetime:
    """The last moment, at `instant`, at which the running day's figures moved."""
    return instant - (instant - midnight(instant.date())) % STEP


@cache
def _before(hours: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sum(hours[:n]) for n in range(len(hours) + 1))
