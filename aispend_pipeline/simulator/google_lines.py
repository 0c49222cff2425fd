"""The rows that one day of usage makes in a billing export, whenever they are exported, in exact amounts.

Amounts have at most nine places, and one in another currency is a whole number of thousandths of a cent USD: however it
is divided, in decimals or in floats, it rounds to the same billionths.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from aispend_pipeline import money
from aispend_pipeline.model import midnight
from aispend_pipeline.simulator.google_meters import Meter, Project
from aispend_pipeline.simulator.rhythm import so_far, whole_day

PACIFIC = ZoneInfo("America/Los_Angeles")
_NANO = Decimal(1).scaleb(-9)
_HOUR = timedelta(hours=1)
# Rows are exported every four hours, with what was used at least so long before; a partner's take longer.
_BATCH, _FIRST_BATCH = timedelta(hours=4), timedelta(minutes=40)
_WAIT, _PARTNERS_WAIT = timedelta(hours=5), timedelta(hours=18)
_CORRECTED_AFTER, _GRANTED_AFTER = timedelta(days=6, hours=12), timedelta(days=1, hours=4)


@dataclass(frozen=True, eq=False)
class BillingAccount:
    """A billing account and its projects; `account` is what it is called here."""

    account: str
    account_id: str
    currency: str
    projects: tuple[Project, ...]
    fees: tuple[tuple[Meter, str], ...] = ()  # of the first of each month, with their cost types


class Credit(NamedTuple):
    """A credit of a row: a negative amount in the row's currency."""

    name: str
    credit_id: str
    kind: str
    amount: Decimal


class Line(NamedTuple):
    """One row of an export; amounts in `currency`, of which `rate` is one USD."""

    billing_account: str
    meter: Meter
    project: Project | None
    start: datetime
    end: datetime
    export_time: datetime
    quantity: Decimal
    cost: Decimal
    currency: str
    rate: Decimal
    credits: tuple[Credit, ...] = ()
    cost_type: str = "regular"
    correction: tuple[str, str, str, str] | None = None  # id, description, mode, type

    @property
    def given(self) -> Decimal:
        """What the credits come to: nothing, or less."""
        return sum((credit.amount for credit in self.credits), Decimal(0))

    @property
    def usd(self) -> Decimal:
        """Net, as it is booked: gross and credits each a whole number of billionths."""
        return _usd(self.cost, self.rate) + _usd(self.given, self.rate)


@lru_cache(maxsize=2_000)
def lines_of(billed: BillingAccount, day: date) -> tuple[Line, ...]:
    """All rows of usage of `day`, whenever they are exported."""
    made = [
        line for project in billed.projects for meter in project.meters for line in _hours(billed, project, meter, day)
    ]
    if day.day == 1:
        made += [_fee(billed, meter, cost_type, day) for meter, cost_type in billed.fees]
    return (*made, *_corrected(made, day), *_granted(made, day))


def _hours(billed: BillingAccount, project: Project, meter: Meter, day: date) -> Iterator[Line]:
    """A meter's rows of a day, one for each hour at which it runs."""
    what = f"{billed.account_id}/{project.project_id}/{meter.sku_id}"
    whole = whole_day(what, meter.amount, 1.0, project.weekend, project.growth, day)
    rate = _rate(billed.currency, day)
    start, before = midnight(day), 0
    for share in meter.hours:
        end = start + _HOUR
        if share:
            after = so_far(whole, meter.hours, day, end)
            cost = native(meter.usd * (after - before), rate)
            given = _credits(meter, cost, rate, day)
            quantity, exported_at = Decimal(after - before), _batch(start + _wait(meter))
            yield Line(
                billed.account_id, meter, project, start, end, exported_at, quantity, cost, billed.currency, rate, given
            )
            before = after
        start = end


def _credits(meter: Meter, cost: Decimal, rate: Decimal, day: date) -> tuple[Credit, ...]:
    return tuple(
        Credit(one.name, one.credit_id, one.kind, -native(one.share * cost / rate, rate))
        for one in meter.discounts
        if day.day <= one.last
    )


def _fee(billed: BillingAccount, meter: Meter, cost_type: str, day: date) -> Line:
    """A row of a whole month, Pacific, of no project."""
    start, end = (
        datetime.combine(first, time.min, PACIFIC).astimezone(UTC)
        for first in (day, (day + timedelta(days=31)).replace(day=1))
    )
    rate = _rate(billed.currency, day)
    exported_at, cost = _batch(start + _WAIT), native(meter.usd, rate)
    return Line(
        billed.account_id, meter, None, start, end, exported_at, Decimal(1), cost, billed.currency, rate, (), cost_type
    )


def _corrected(made: list[Line], day: date) -> list[Line]:
    """Every ninth day a row turns out to be priced wrong, days later: it is taken back, and billed anew for less."""
    if day.toordinal() % 9 != 4:
        return []
    wrong = made[0]._replace(
        export_time=_batch(midnight(day) + _CORRECTED_AFTER),
        correction=(f"adj-{day:%m%d}", "Price correction", "COMPLETE_NEGATION_WITH_REMONETIZATION", "PRICE_CORRECTION"),
    )
    back = tuple(given._replace(amount=-given.amount) for given in wrong.credits)
    cost = native(wrong.cost / wrong.rate * Decimal("0.8"), wrong.rate)
    return [wrong._replace(quantity=-wrong.quantity, cost=-wrong.cost, credits=back), wrong._replace(cost=cost)]


def _granted(made: list[Line], day: date) -> list[Line]:
    """Now and then Google gives something back out of goodwill: a row without usage."""
    if day.toordinal() % 20 != 7:
        return []
    return [
        made[0]._replace(
            export_time=_batch(midnight(day) + _GRANTED_AFTER),
            quantity=Decimal(0),
            cost=native(Decimal("-0.05"), made[0].rate),
            credits=(),
            cost_type="adjustment",
            correction=(f"adj-9{day:%m%d}", "Goodwill credit", "MANUAL_ADJUSTMENT", "GOODWILL"),
        )
    ]


def _wait(meter: Meter) -> timedelta:
    return _PARTNERS_WAIT if meter.service.seller else _WAIT


def _batch(earliest: datetime) -> datetime:
    """The first batch that is not before `earliest`."""
    first = midnight(earliest.date()) + _FIRST_BATCH
    return first - (first - earliest) // _BATCH * _BATCH


def _rate(currency: str, day: date) -> Decimal:
    """How much of a currency is one USD on `day`."""
    return Decimal("1.0") if currency == "USD" else Decimal(8_600 + day.toordinal() * 7 % 60).scaleb(-4)


def native(usd: Decimal, rate: Decimal) -> Decimal:
    """An amount of USD in a currency, in at most nine places, so that it is the same amount of USD on the way back."""
    if rate == 1:
        return usd.quantize(_NANO)
    decimals_of_rate = -int(rate.as_tuple().exponent)
    return money.EXACT.multiply(usd.quantize(_NANO.scaleb(decimals_of_rate)), rate)


def _usd(amount: Decimal, rate: Decimal) -> Decimal:
    """USD in whole billionths, half away from zero, as the query rounds it."""
    return money.EXACT.divide(amount, rate).quantize(_NANO, rounding=ROUND_HALF_UP)
