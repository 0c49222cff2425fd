"""Daily spend to forecast from, written short."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from aispend_pipeline.caps.model import Period
from aispend_pipeline.forecast.month_end import Forecast, month_end

# The first day that is not over: a Thursday, with ten days of June before it.
TODAY = date(2026, 6, 11)
# Long enough for everything: 30 days to go, 56 days to try, 56 days before each.
LONG = 150


def before(today: date, usd: Sequence[int | str | Decimal | None]) -> dict[date, Decimal]:
    """The spend of the days before `today`, the last of them last; of none nothing was read."""
    first = today - timedelta(days=len(usd))
    return {first + timedelta(days=n): Decimal(one) for n, one in enumerate(usd) if one is not None}


def forecast(spent: dict[date, Decimal], today: date = TODAY) -> Forecast | None:
    """Of the month that `today` is in."""
    return month_end(spent, Period.of(today).window, today)


def each_day(found: Forecast, start: str) -> list[Decimal]:
    """What each day to come is expected to cost, from what is reached before them."""
    reached = [Decimal(start), *(usd for _, usd in found.path)]
    return [after - earlier for earlier, after in pairwise(reached)]
