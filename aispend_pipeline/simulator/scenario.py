"""What goes wrong and when: a small script for the demo and the tests.

Outages, slowness and rate limits happen to calls: `troubles.under` makes them. What is restated, late or trailing
happens to the books, which ask the scenario how far they know a day and what has become of its amounts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from aispend_pipeline.model import midnight


@dataclass(frozen=True)
class Where:
    """Which provider and account; none is every one."""

    provider: str | None = None
    account: str | None = None

    def holds(self, provider: str | None, account: str | None) -> bool:
        """Whether it is about this account of this provider."""
        return self.provider in (None, provider) and self.account in (None, account)


EVERYWHERE = Where()
ALWAYS = range(10**9)


@dataclass(frozen=True)
class Trouble:
    """Calls that it is about: at `where`, to paths that start with `route`, before `until`.

    `calls` are the ones that it hits, counted from 0 among those that it is about. What began before `until` lasts on
    until it was about `at_least` so many, however slowly they come.
    """

    where: Where = EVERYWHERE
    route: str = "/"
    calls: range = ALWAYS
    until: datetime | None = None
    at_least: int = 0

    def over(self, now: datetime, seen: int) -> bool:
        """Whether it has ended by `now`, when it was about so many calls."""
        return self.until is not None and now >= self.until and not 0 < seen < self.at_least


@dataclass(frozen=True)
class Outage(Trouble):
    """The calls are answered with `status`, 500 or above, and nothing of use."""

    status: int = 500


@dataclass(frozen=True)
class Slow(Trouble):
    """The calls wait `seconds` for their answer."""

    seconds: float = 2.0


@dataclass(frozen=True)
class RateLimited(Trouble):
    """The calls are answered with 429; `retry_after`, seconds, is said if not none."""

    retry_after: int | None = 1


@dataclass(frozen=True)
class Restated:
    """From `since` on the amounts billed for `day` are what they were times `factor`; tokens stay."""

    day: date
    since: datetime
    factor: Decimal
    where: Where = EVERYWHERE


@dataclass(frozen=True)
class Late:
    """Until `until` the books, of costs and of usage, know only the first `shown` of `day`; 0 is nothing at all."""

    day: date
    until: datetime
    shown: timedelta = timedelta(0)
    where: Where = EVERYWHERE


@dataclass(frozen=True)
class Trailing:
    """The bill knows at any time only what was used until `lag` ago; the usage is never late.

    Anthropic's report, which has no running day, gets each day `lag` after its end.
    """

    lag: timedelta
    where: Where = EVERYWHERE


@dataclass(frozen=True)
class Runaway:
    """From `since` to `until` a key of an OpenAI account uses, besides, `times` its own day in 24 hours, evenly."""

    account: str
    key_id: str
    since: datetime
    until: datetime
    times: int


@dataclass(frozen=True)
class Granted:
    """OpenAI gives an account `usd` back, with the bill of `day`."""

    account: str
    day: date
    usd: Decimal


@dataclass(frozen=True)
class Scenario:
    """All that is out of the ordinary; as it is, nothing is."""

    troubles: tuple[Trouble, ...] = ()
    restated: tuple[Restated, ...] = ()
    late: tuple[Late, ...] = ()
    trailing: tuple[Trailing, ...] = ()
    runaways: tuple[Runaway, ...] = ()
    granted: tuple[Granted, ...] = ()

    def known(self, provider: str, account: str, day: date, now: datetime) -> datetime:
        """The instant up to which the books that are looked at at `now` know `day`."""
        late = [one for one in self.late if one.day == day and now < one.until and one.where.holds(provider, account)]
        return min([now, *(midnight(day) + one.shown for one in late)])

    def bill_lag(self, provider: str, account: str) -> timedelta:
        """How far the bill trails what was used."""
        lags = (one.lag for one in self.trailing if one.where.holds(provider, account))
        return max(lags, default=timedelta(0))

    def factor(self, provider: str, account: str, day: date, now: datetime) -> Decimal:
        """What the amounts of `day` have been multiplied with by `now`."""
        factor = Decimal(1)
        for one in self.restated:
            if one.day == day and now >= one.since and one.where.holds(provider, account):
                factor *= one.factor
        return factor


CALM = Scenario()


def _day_before(start: datetime) -> date:
    return start.date() - timedelta(days=1)


# By name, from the instant at which it all starts.
SCENARIOS: dict[str, Callable[[datetime], Scenario]] = {
    "outage": lambda start: Scenario((Outage(Where("anthropic", "eu"), until=start + timedelta(minutes=30)),)),
    "slow": lambda start: Scenario((Slow(Where("openai"), seconds=1.5),)),
    "rate-limited": lambda start: Scenario((RateLimited(calls=range(0, 10**9, 4)),)),
    "restated": lambda start: Scenario(
        restated=(
            Restated(_day_before(start), start + timedelta(minutes=30), Decimal("1.04"), Where("openai", "default")),
        )
    ),
    "late": lambda start: Scenario(
        late=(Late(_day_before(start), start + timedelta(minutes=30), timedelta(hours=9), Where("anthropic")),)
    ),
    "trailing": lambda start: Scenario(
        trailing=(Trailing(timedelta(hours=3), Where("openai")), Trailing(timedelta(hours=5), Where("anthropic")))
    ),
}
