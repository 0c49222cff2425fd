"""How wrong a month's forecast is on the simulated organisation's year, against its days so far at their mean.

The error is of the expected total, in percent of what the month came to; each line is over the twelve months of 2026.
A forecast is made at the beginning of a day, from the days of the year before it: January's are of little history.
The organisation grows steadily, which is kind to whatever reckons with growth.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from aispend_pipeline import money
from aispend_pipeline.caps.model import Period
from aispend_pipeline.forecast.month_end import month_end
from aispend_pipeline.model import Window
from aispend_pipeline.simulator import organisation
from aispend_pipeline_tests.bench.measure import median

YEAR = Window(date(2026, 1, 1), date(2026, 12, 31))
NOW = datetime(2027, 2, 1, tzinfo=UTC)
MONTHS = [Period.of(date(2026, month, 1)).window for month in range(1, 13)]
DAYS = (5, 10, 15, 20, 25)


def main() -> None:
    of_provider = {provider: _daily(provider) for provider in organisation.PROVIDERS}
    together = {day: money.add(daily[day] for daily in of_provider.values()) for day in YEAR.days()}
    for name, daily in {"all": together, **of_provider}.items():
        for day_of_month in DAYS:
            _report(name, daily, day_of_month)


def _daily(provider: str) -> dict[date, Decimal]:
    accounts = organisation.accounts(provider)
    return {
        day: money.add(organisation.total(provider, account, [day], NOW) for account in accounts) for day in YEAR.days()
    }


def _report(name: str, daily: Mapping[date, Decimal], day_of_month: int) -> None:
    ours, naive, within = [], [], 0
    for month in MONTHS:
        today = month.first.replace(day=day_of_month)
        came_to = money.add(daily[day] for day in month.days())
        made = month_end({day: usd for day, usd in daily.items() if day < today}, month, today)
        days_so_far, days = day_of_month - 1, month.last.day
        ours.append(_percent_off(made.expected, came_to))
        naive.append(_percent_off(made.so_far / days_so_far * days, came_to))
        within += made.low <= came_to <= made.high
    row = f"forecast of {name}, day {day_of_month} : daily mean"
    print(
        f"{row:<42} {median(ours):>9.2f} % {median(naive):>9.2f} % {median(ours) / median(naive):>8.2f}   under 1.00"
        f"  worst {max(ours):.1f} % : {max(naive):.1f} %; within the range {within} of {len(MONTHS)}"
    )


def _percent_off(expected: Decimal, came_to: Decimal) -> float:
    return float(abs(expected - came_to) / came_to * 100)
