"""A forecast of what a calendar month comes to, as a range, and of the day on which that reaches a cap.

Money is USD: exact as it comes in, in cents where it is a forecast. Days are UTC.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, localcontext

from aispend_pipeline import money
from aispend_pipeline.forecast.pace import DAYS_BACK, pace_of
from aispend_pipeline.model import Window

METHOD = (
    "Each weekday is expected to cost what it usually does (the median of its last four), at the level of the last"
    " seven full days (without the highest and the lowest for their weekday), growing or shrinking as it did since the"
    " four weeks before, by a fifth in four weeks at most; where there is no weekly rhythm, it is the mean of the last"
    " four weeks. Days to come and days that were not read count as expected; the running day counts as expected or as"
    " known so far, whichever is more. The range is what the rest of the month would be if this method were as wrong as"
    " it ever was on the days of the last eight weeks with as many days to go; with too little history for that, it is"
    " half to twice the rest."
)

# The method is tried on as many days.
DAYS_TRIED = 56
# With fewer that could be tried the range is the widest.
FEWEST_TRIED = 14
# As far back as a day can matter.
DAYS_OF_USE = 31 + DAYS_TRIED + DAYS_BACK
# Half to twice what is still to come.
WIDEST = (Decimal("0.5"), Decimal(2))
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Forecast:
    """What `month` comes to: `expected`, and between `low` and `high`, USD in cents.

    `so_far` is what is known of it, exact. `filled` days that are over were not read and count as expected. It rests
    on `rests_on` full days, and its range on `tried` days on which the method was tried; 0 is the widest range, for
    want of history. `path` has, for each day that is not over, the first one first, what is expected by its end.
    """

    month: Window
    so_far: Decimal
    expected: Decimal
    low: Decimal
    high: Decimal
    filled: int
    rests_on: int
    tried: int
    path: Sequence[tuple[date, Decimal]]

    def hit(self, cap: Decimal) -> date | None:
        """The day on which `cap`, USD, is expected to be reached; none if it already is, or is not in the month."""
        if self.so_far >= cap:
            return None
        return next((day for day, usd in self.path if usd >= cap), None)


def month_end(spent: Mapping[date, Decimal], month: Window, today: date) -> Forecast | None:
    """The forecast of `month`, a calendar month, at `today`; none outside it, or from fewer than three full days.

    `spent` is the USD of every day that was read, the months before included; a day that is not in it is unknown, and
    not zero. None that is `DAYS_OF_USE` or more before `today` matters. `today` is the first day that is not known
    whole: the running day, or one before it that still grows.
    """
    if today not in month:
        return None
    with localcontext(money.EXACT):
        history = _history(spent, today)
        pace = pace_of(history, today)
        if pace is None:
            return None
        over = [day for day in month.days() if day < today]
        to_come = [day for day in month.days() if day >= today]
        filled = [day for day in over if day not in spent]
        so_far = money.add(spent[day] for day in month.days() if day in spent)
        reached = money.add([*(spent[day] for day in over if day in spent), *(pace.on(day) for day in filled)])
        path = []
        for day in to_come:
            reached += max(spent.get(day, Decimal(0)), pace.on(day))
            path.append((day, reached.quantize(_CENT)))
        rest = reached - so_far
        tried = _tried(history, today, len(to_come))
        shares = [Decimal(1), *(tried or WIDEST)]
        return Forecast(
            month,
            so_far,
            expected=reached.quantize(_CENT),
            low=(so_far + rest * min(shares)).quantize(_CENT),
            high=(so_far + rest * max(shares)).quantize(_CENT),
            filled=len(filled),
            rests_on=pace.rests_on,
            tried=len(tried),
            path=path,
        )


def _history(spent: Mapping[date, Decimal], today: date) -> Mapping[date, Decimal]:
    """The days of use, from the first that cost anything on: zeros before it say nothing of what came then."""
    earliest = today - timedelta(days=DAYS_OF_USE)
    first = min((day for day, usd in spent.items() if usd and day > earliest), default=earliest)
    return {day: usd for day, usd in spent.items() if day >= first}


def _tried(history: Mapping[date, Decimal], today: date, days: int) -> list[Decimal]:
    """What `days` days came to, as a share of what would have been expected of them at the first of them.

    The latest of them end with yesterday. Empty where too few can be tried.
    """
    shares = []
    for back in range(days, days + DAYS_TRIED):
        window = Window(today - timedelta(days=back), today - timedelta(days=back - days + 1))
        pace = pace_of(history, window.first)
        known = [day for day in window.days() if day in history]
        expected = money.add(pace.on(day) for day in known) if pace else Decimal(0)
        if expected > 0:
            shares.append(money.add(history[day] for day in known) / expected)
    return shares if len(shares) >= FEWEST_TRIED else []
