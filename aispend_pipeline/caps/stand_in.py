"""What stands in for a provider's bill where only budgets of it are read: pure functions of what these say.

Budgets are told of several times a day, each time with all that is spent since their Pacific month began. USD, UTC.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from aispend_pipeline import money
from aispend_pipeline.budgets.kept import Kept, MonthToDate, month_to_date
from aispend_pipeline.budgets.model import LABEL
from aispend_pipeline.caps.doubts import ago
from aispend_pipeline.caps.model import Period
from aispend_pipeline.model import midnight

# After this long without a notification the newest figure is stale.
STALE_AFTER = timedelta(seconds=93_600)
# Pacific days begin this much later, or an hour less in summer.
_PACIFIC_LATE = timedelta(hours=8)


@dataclass(frozen=True)
class StandIn:
    """What budgets make of a provider's month; `basis` says by provider what its figure is. Empty for no provider."""

    basis: Mapping[str, str] = field(default_factory=dict)
    total: Decimal = Decimal(0)
    holes: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    data_through: Mapping[str, datetime] = field(default_factory=dict)
    read_seq: int = 0


def stand_in(provider: str, known: Sequence[Kept], period: Period, now: datetime) -> StandIn:
    """The figures of the month, one for each billing account, in USD; another currency leaves a hole."""
    found = month_to_date(known, period.name)
    counted = [of.spent for of in found if of.spent.currency == "USD"]
    running = now < period.end
    return StandIn(
        basis={provider: LABEL},
        total=money.add(spent.amount for spent in counted),
        holes=(*_missing(provider, known, found, period, now), *_in_other_currencies(provider, found)),
        stale=tuple(_stale(provider, found, now)) if running else (),
        data_through={provider: min(spent.published_at for spent in counted)} if counted else {},
        read_seq=max((spent.seq for spent in counted), default=0),
    )


def _missing(
    provider: str, known: Sequence[Kept], found: Sequence[MonthToDate], period: Period, now: datetime
) -> Iterator[str]:
    """A line for each billing account whose budget says nothing of the month, once it should."""
    told = {of.budget.billing_account for of in found}
    asked = {one.billing_account: one for one in known if one.of_a_month_of_ai}
    if not asked:
        yield f"{provider}: no monthly budget of AI services alone is known; set GCP_BUDGET_NAME to one"
    young = now < midnight(period.window.first) + _PACIFIC_LATE + STALE_AFTER
    for billing_account in sorted(asked.keys() - told):
        heard = any(one.figures for one in known if one.billing_account == billing_account)
        if not (young and heard):
            yield f"{_subject(provider, billing_account)}: no budget notification yet"


def _in_other_currencies(provider: str, found: Sequence[MonthToDate]) -> Iterator[str]:
    for budget, spent in found:
        if spent.currency != "USD":
            amount = f"{money.text(spent.amount)} {spent.currency}"
            yield f"{_subject(provider, budget.billing_account)}: {amount} cannot be held against a cap in USD"


def _stale(provider: str, found: Sequence[MonthToDate], now: datetime) -> Iterator[str]:
    for budget, spent in found:
        if now - spent.published_at > STALE_AFTER:
            yield f"{_subject(provider, budget.billing_account)}: last notified {ago(spent.published_at, now)}"


def _subject(provider: str, billing_account: str) -> str:
    return f"{provider} {billing_account}: {LABEL}"
