"""Asks Google for each account: whose credentials, can the billing export, budgets and their messages be read?

Facts: Google's guides to Application Default Credentials and to access control. To look at a subscription takes a right
that the one to pull from it does not include, and a pull would take messages away.
"""

import asyncio
import stat
from dataclasses import replace
from pathlib import Path

import httpx
import msgspec

from aispend_pipeline.budgets.asking import Question, questions
from aispend_pipeline.clock import Clock
from aispend_pipeline.doctor.accounts import Examined
from aispend_pipeline.doctor.findings import Finding, Level
from aispend_pipeline.doctor.google_export import Export
from aispend_pipeline.doctor.google_remedies import explained
from aispend_pipeline.doctor.heard import Heard
from aispend_pipeline.doctor.last_month import Total
from aispend_pipeline.errors import ENDS_THE_ACCOUNT, FetchError
from aispend_pipeline.model import Request, Window
from aispend_pipeline.normalise.columns import decode
from aispend_pipeline.settings import GoogleAccount, Settings
from aispend_pipeline.sources import google, paging
from aispend_pipeline.sources.engine import Asking
from aispend_pipeline.sources.google_credentials import Found
from aispend_pipeline.sources.google_refusals import Asker, Interface, interfaces
from aispend_pipeline.sources.http import Caller, Limits, client
from aispend_pipeline.threads import apart

# A person waits for the answer, and BigQuery for a free place.
LIMITS = Limits(
    connect_seconds=5, attempt_seconds=20, attempts=2, longest_retry_after_seconds=5, account_seconds=60, pages=100
)


class _Push(msgspec.Struct, rename="camel"):
    push_endpoint: str = ""


class _Subscription(msgspec.Struct, rename="camel"):
    topic: str
    push_config: _Push = msgspec.field(default_factory=_Push)


_subscription = msgspec.json.Decoder(_Subscription)


async def examine(settings: Settings, clock: Clock, month: Window, limits: Limits = LIMITS) -> list[Examined]:
    """Ask for every account of Google's that is read, side by side; never raises for what Google does."""
    accounts = [one for one in settings.vertex if one in (*settings.exports(), *settings.budgets())]
    return await asyncio.gather(*(_Examination(settings, one, clock, month, limits).examined() for one in accounts))


class _Examination:
    """Asks for one account, and notes what came of it; one line for one problem."""

    def __init__(self, settings: Settings, account: GoogleAccount, clock: Clock, month: Window, limits: Limits) -> None:
        self._settings, self._account, self._clock = settings, account, clock
        self._month, self._limits = month, limits
        self._heard = Heard(clock)
        self._said: list[Finding] = []
        self._bigquery, self._budgets, self._pubsub = interfaces(account)
        self._whose, self._project = "the account of the credentials", ""

    async def examined(self) -> Examined:
        """Ask, and say what came of it."""
        exports, budgets = (self._account in some for some in (self._settings.exports(), self._settings.budgets()))
        totals: list[Total] = []
        async with client(self._limits) as http:
            http.event_hooks = {"response": [self._heard.answer]}
            usable = await self._credentials(self._bigquery if exports else self._budgets)
            if exports:
                totals = await self._export(self._caller(http, self._bigquery), ask=usable)
            if budgets and usable:
                await self._budgets_of(self._caller(http, self._budgets))
                await self._subscribed(self._caller(http, self._pubsub))
        return Examined(self._said, self._heard.ahead, totals)

    async def _credentials(self, interface: Interface) -> bool:
        """Whether there are credentials, and a token is given for them; whose they are is noted."""
        endpoint = google.endpoint(self._account, interface.base_url, interface.scope)
        keychain = google.keychain(self._account, interface.scope)
        try:
            async with asyncio.timeout(self._limits.account_seconds):
                found = await apart(keychain.found)
                self._know(found)
                await apart(keychain.headers)
        except FetchError as error:
            self._failed(FetchError(error.error_class, endpoint.redacted(str(error))), interface)
            return False
        except TimeoutError:
            text = f"no token came in {self._limits.account_seconds:.3g} s; let this machine out to where it is given"
            self._say(Level.FAIL, f"{text} (oauth2.googleapis.com, or the metadata server)")
            return False
        return True

    def _know(self, found: Found) -> None:
        """Note what is told of the credentials, and of their file if anybody may read what is secret in it."""
        self._whose = found.whose or self._whose
        self._project = self._account.query_project or found.project or self._account.bq_project or ""
        where = f" ({found.file})" if found.file else ""
        of = f", of {found.whose}" if found.whose else ""
        self._say(Level.OK, f"credentials are {found.kind}{where}{of}")
        if found.file and found.secret and _open_to_all(found.file):
            text = f"{found.file}: every user of this machine may read the credentials in it"
            self._say(Level.NOTE, f"{text}; run: chmod 600 {found.file}")

    async def _export(self, caller: Caller, *, ask: bool) -> list[Total]:
        """What is to be said of the table; last month's totals, as far as they can be learned."""
        asking = Asking(self._settings, self._account.name, caller, self._clock, self._limits)
        export = Export(asking, self._account, self._month, self._project)
        totals: list[Total] = []
        try:
            if ask and await self._table_fits(export):
                exported = await export.exported()
                self._said += export.alive(exported)
                totals += [total async for total in export.totals(exported)]
        except FetchError as error:
            self._failed(error, self._bigquery)
        return totals or [export.total(self._account.name, None)]

    async def _table_fits(self, export: Export) -> bool:
        """Whether the table can be read as it is set, and for no more than it may cost."""
        hidden = False
        try:
            self._said.append(await export.table())
        except FetchError as error:
            hidden = error.status == 403 and "Access Denied" in str(error)
            if not hidden:
                raise
        if self._wrong:
            return False
        self._said += export.standard()
        self._said.append(await export.cost())
        if hidden:  # and can be read all the same, which counts
            text = "how the table is partitioned is not checked: the right bigquery.tables.get is missing"
            self._say(Level.NOTE, f"{text}, which is in {self._bigquery.role}")
        self._say(Level.OK, f"the project {self._project} runs the queries, and pays for them")
        return not self._wrong

    async def _budgets_of(self, caller: Caller) -> None:
        for question in questions(self._account):
            try:
                self._say(*await self._seen(caller, question))
            except FetchError as error:
                self._failed(error, self._budgets)
                if error.error_class in ENDS_THE_ACCOUNT:
                    return

    async def _seen(self, caller: Caller, question: Question) -> tuple[Level, str]:
        """The budgets that a question finds, by name."""
        asked = paging.bodies(caller, question.request, question.cursor, _page_at, self._limits)
        bodies = [body async for _, body in asked]
        names = [budget.name for budget in question.parsed(bodies, self._account.service_ids)]
        if not names:
            return Level.NOTE, f"the billing account {question.billing_account} has no budget that can be seen"
        known = "budget" if len(names) == 1 else f"{len(names)} budgets"
        return Level.OK, f"{known} of the billing account {question.billing_account} can be read: {', '.join(names)}"

    async def _subscribed(self, caller: Caller) -> None:
        """Look at the subscription, and pull nothing: what is pulled is kept from who waits for it."""
        name = self._account.subscription
        if name is None:
            return
        try:
            found = decode(_subscription, await caller.page(Request(f"/v1/{name}")))
        except FetchError as error:
            if error.status == 403 and not any(words in str(error) for words in ("disabled", "quota project")):
                text = f"the subscription {name} is not looked at, which takes the right pubsub.subscriptions.get"
                self._say(Level.NOTE, f"{text}; to pull from it, {self._pubsub.role} is enough")
            else:
                self._failed(error, self._pubsub)
            return
        self._say(*_pullable(name, found, self._pubsub.setting))

    def _caller(self, http: httpx.AsyncClient, interface: Interface) -> Caller:
        # The remedy is for `google_remedies` to say.
        endpoint = replace(google.endpoint(self._account, interface.base_url, interface.scope), remedy="")
        return Caller(http, endpoint, self._clock, self._limits, self._clock.monotonic() + self._limits.account_seconds)

    def _failed(self, error: FetchError, interface: Interface) -> None:
        asker = Asker(self._whose, self._project, self._account.suffix)
        self._say(Level.FAIL, explained(error, interface, asker, self._heard.again_at))

    def _say(self, level: Level, text: str) -> None:
        self._said.append(Finding(level, f"{google.PROVIDER} {self._account.name}", text))

    @property
    def _wrong(self) -> bool:
        return any(finding.level is Level.FAIL for finding in self._said)


def _pullable(name: str, found: _Subscription, setting: str) -> tuple[Level, str]:
    """Whether messages can be pulled from a subscription."""
    if found.topic == "_deleted-topic_":
        return Level.FAIL, f"the topic of the subscription {name} was deleted; set {setting} to one of the budget's"
    if found.push_config.push_endpoint:
        text = f"the subscription {name} pushes, and cannot be pulled from"
        return Level.FAIL, f"{text}; set {setting} to a pull subscription of {found.topic}"
    return Level.OK, f"the subscription {name} is there, of {found.topic}"


def _open_to_all(file: Path) -> bool:
    try:
        return bool(stat.S_IMODE(file.stat().st_mode) & stat.S_IROTH)
    except OSError:
        return False


def _page_at(request: Request, token: str) -> Request:
    return request.with_param("pageToken", token)
