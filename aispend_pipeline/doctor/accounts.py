"""Asks the provider of each account that has a key: may it read the bill, what was last month's total, and whose is it?

That is one call to OpenAI and two to Anthropic for each account, taken from its call budget; the first is made
again where that makes sense, so that it is never more than three.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

import httpx
import msgspec

from aispend_pipeline import money
from aispend_pipeline.clock import Clock
from aispend_pipeline.doctor import keys, last_month, remedies
from aispend_pipeline.doctor.findings import Finding, Level
from aispend_pipeline.doctor.heard import Heard
from aispend_pipeline.doctor.last_month import Total
from aispend_pipeline.errors import ErrorClass, FetchError, StoreError
from aispend_pipeline.ingest import call_budget
from aispend_pipeline.model import Reading, Request, Window
from aispend_pipeline.normalise.columns import decode
from aispend_pipeline.normalise.tally import Tally, tally
from aispend_pipeline.settings import KeyAccount, Settings
from aispend_pipeline.sources import SOURCES, paging
from aispend_pipeline.sources.http import Budget, Caller, Limits, client
from aispend_pipeline.sources.reports import ReportSource
from aispend_pipeline.state.database import state_of

# A person waits for the answer.
LIMITS = Limits(
    connect_seconds=5, attempt_seconds=10, attempts=2, longest_retry_after_seconds=5, account_seconds=20, pages=100
)
# Where a provider says whose key it is asked with.
_WHOSE = {"anthropic": Request("/v1/organizations/me")}


class _Organisation(msgspec.Struct):
    id: str
    name: str | None = None


_organisation = msgspec.json.Decoder(_Organisation)


@dataclass(frozen=True)
class Examined:
    """What came of asking for one account; `ahead` is how far our clock is ahead of the provider's, if it said."""

    findings: list[Finding]
    ahead: timedelta | None
    totals: Sequence[Total]


async def examine(settings: Settings, clock: Clock, month: Window, limits: Limits = LIMITS) -> list[Examined]:
    """Ask for every account whose key reads a bill, side by side; never raises for what a provider does."""
    asked = [
        _Asking(source, settings, account, month, clock, limits).examined()
        for source in SOURCES.values()
        if isinstance(source, ReportSource) and source.normaliser.table == "spend"
        for account in settings.accounts(source.provider)
        if isinstance(account, KeyAccount) and account.name in source.accounts(settings)
    ]
    return await asyncio.gather(*asked)


@dataclass(frozen=True)
class _Asking:
    """All that asking for one account needs."""

    source: ReportSource
    settings: Settings
    account: KeyAccount
    month: Window
    clock: Clock
    limits: Limits

    async def examined(self) -> Examined:
        """Ask, and say what came of it; one line for one problem."""
        heard = Heard(self.clock)
        said: list[Finding] = []
        control: Tally | None = None
        refused = False
        async with client(self.limits) as http:
            http.event_hooks = {"response": [heard.answer]}
            try:
                control = await self._control(self._caller(http, self.limits))
                said += self._readable(control)
                said += await self._whose(self._caller(http, replace(self.limits, attempts=1)))
            except FetchError as error:
                said.append(remedies.explained(error, self.account, heard.status, heard.again_at))
                refused = error.error_class is ErrorClass.UNAUTHORIZED
            except StoreError as error:
                said.append(self._found(Level.FAIL, str(error)))
        key = keys.finding(self.account, reads=control is not None)
        if refused and key.level is Level.FAIL:  # that a key of the wrong kind is refused is no second problem
            said = []
        return Examined([key, *said], heard.ahead, [self._total(control)])

    def _caller(self, http: httpx.AsyncClient, limits: Limits) -> Caller:
        # The remedy is for `remedies` to say.
        endpoint = replace(self.source.endpoint(self.settings, self.account.name), remedy="")
        deadline = self.clock.monotonic() + limits.account_seconds
        return Caller(http, endpoint, self.clock, limits, deadline, self._budget())

    def _budget(self) -> Budget | None:
        """The account's call budget; none where the state database cannot be used or is missing: none is made here."""
        home = self.settings.home
        try:
            if not (home / "state.sqlite").exists():
                return None
            with state_of(home).transaction():
                return call_budget(self.source, self.settings, self.account.name)
        except (StoreError, OSError):  # what is wrong is said of the home
            return None

    async def _whose(self, caller: Caller) -> list[Finding]:
        """Whose key it is, where the provider says so, held against the organisation that is set."""
        request = _WHOSE.get(self.source.provider)
        if request is None:
            return []
        wanted, setting = self.account.org_id, f"{self.source.provider.upper()}_ORG_ID{self.account.suffix}"
        try:
            found = decode(_organisation, await caller.page(request))
        except FetchError:  # the bill was read, and that is what counts
            text = f"the provider does not say whose key it is, so that {setting} is not checked"
            return [self._found(Level.NOTE, text)] if wanted else []
        whose = f"the key is of the organisation {found.id[:80]}" + (f", {found.name[:80]}" if found.name else "")
        if wanted in (None, found.id):
            return [self._found(Level.OK, whose)]
        remedy = f"set {keys.setting_of(self.account)} to a key of that organisation, or mend {setting}"
        return [self._found(Level.FAIL, f"{whose}, and not of {setting}; {remedy}")]

    async def _control(self, caller: Caller) -> Tally:
        """The provider's own sums of the month, every page of them, added up."""
        now, source = self.clock.now(), self.source
        bodies = [
            body
            for window in self.month.pieces(source.max_days)
            for question in source.questions(self.settings, self.account.name, window, now)
            if question.reading is Reading.CONTROL
            async for _, body in paging.bodies(caller, question.request, source.cursor, source.following, self.limits)
        ]
        tables = source.normaliser.records(lambda: bodies, now)
        return tally(((source.name, table) for table in tables), self.month)

    def _readable(self, control: Tally) -> Iterator[Finding]:
        yield self._found(Level.OK, f"the bill can be read at {remedies.host(self.account)}")
        if control.quarantined:
            count, left = control.quarantined, "is" if control.quarantined == 1 else "are"
            text = f"{count} of the provider's sums of last month cannot be understood, and {left} left out"
            yield self._found(Level.NOTE, text)

    def _total(self, control: Tally | None) -> Total:
        """Last month; an answer without any day is not known, and no zero."""
        theirs: dict[str, Decimal] | None = None
        if control is not None and control.days:
            theirs = {}
            for (_, currency), amount in control.amounts.items():
                theirs[currency] = money.add((theirs.get(currency, Decimal(0)), amount))
        ours = last_month.stored(self.settings.home, self.source.name, self.account.name, self.month)
        return Total(self.source.provider, self.account.name, self.month, theirs, ours)

    def _found(self, level: Level, text: str) -> Finding:
        return Finding(level, f"{self.source.provider} {self.account.name}", text)
