"""How fast a long piece of work goes, and about how long it will take yet."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from aispend_pipeline.clock import Clock
from aispend_pipeline.due import Due, calls
from aispend_pipeline.errors import StoreError
from aispend_pipeline.ingest import call_budget
from aispend_pipeline.model import Account
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources import SOURCES

_MINUTE = 60


class Pace:
    """So many of `total` things are done since it was made; the total is known, or only about."""

    def __init__(self, clock: Clock, total: int, things: str, *, about: bool = False) -> None:
        self._clock, self._total, self._things, self._of = clock, total, things, "about " if about else ""
        self._began, self._done = clock.monotonic(), 0

    def did(self, count: int = 1) -> None:
        """So many more are done; there are more than was thought, if need be."""
        self._done += count
        self._total = max(self._total, self._done)

    def __str__(self) -> str:
        """`40 of about 120 pages, 118 a minute, about 41 s left`; without a rate before anything is done, or after."""
        done = f"{self._done} of {self._of}{self._total} {self._things}"
        seconds = self._clock.monotonic() - self._began
        if not 0 < self._done < self._total or not seconds:
            return done
        left = (self._total - self._done) * seconds / self._done
        rate = self._done * _MINUTE / seconds
        return f"{done}, {rate:.{0 if rate >= 1 else 1}f} a minute, {_about(left)}"


def _about(seconds: float) -> str:
    if seconds < 90:
        return f"about {seconds:.0f} s left"
    minutes = seconds / _MINUTE
    return f"about {minutes:.0f} min left" if minutes < 90 else f"about {minutes / _MINUTE:.0f} h left"


class Reading:
    """How far reading is: about how many pages will come, and how many calls accounts have left that count them."""

    def __init__(self, settings: Settings, clock: Clock, asked: Sequence[Due]) -> None:
        self._left = _calls_left(settings, clock.now(), asked)
        self._pace = Pace(clock, _pages_expected(settings, clock.now(), asked, self._left), "pages", about=True)
        self._trouble = ""

    def page(self, source: str, account: str) -> None:
        """A page came."""
        self._pace.did()
        self._trouble = ""
        of = SOURCES[source].provider, account
        if of in self._left:
            self._left[of] = max(self._left[of] - 1, 0)

    def failed(self, error_class: str) -> None:
        """A call failed, and may be made again."""
        self._trouble = f"the last call failed: {error_class.replace('_', ' ')}"

    def __str__(self) -> str:
        """The pace, the calls that are left, and what holds it up."""
        calls = ", ".join(f"{provider} {account} {count}" for (provider, account), count in sorted(self._left.items()))
        said = [str(self._pace), calls and f"calls left: {calls}", self._trouble]
        return "; ".join(filter(None, said))


def _calls_left(settings: Settings, now: datetime, asked: Sequence[Due]) -> dict[Account, int]:
    """Of the accounts that are asked and whose calls are counted: how many each may make at once."""
    found: dict[Account, int] = {}
    for source, account in {feed for one in asked for feed in one.feeds}:
        budget = call_budget(SOURCES[source], settings, account)
        with suppress(StoreError):  # whoever needs it says so
            if budget is not None:
                found[SOURCES[source].provider, account] = budget.available(now)
    return found


def _pages_expected(settings: Settings, now: datetime, asked: Sequence[Due], left: Mapping[Account, int]) -> int:
    """About how many will come: of an account whose calls are counted no more than it has `left`."""
    of_account: dict[Account, int] = defaultdict(int)
    for window, feeds in asked:
        for feed in feeds:
            of_account[SOURCES[feed[0]].provider, feed[1]] += calls(settings, now, window, feed)
    return sum(min(count, left.get(account, count)) for account, count in of_account.items())
