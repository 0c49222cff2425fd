"""Reads the budgets of all accounts side by side: what they are set to, and the notifications that wait.

Notifications are stored before they are acknowledged: one that is lost in between comes again, and changes nothing.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

import httpx

from aispend_pipeline.budgets import stored
from aispend_pipeline.budgets.asking import Asked, Question, acknowledge, ask, pull, questions
from aispend_pipeline.budgets.model import SOURCE, Budget
from aispend_pipeline.budgets.notifications import Received, received
from aispend_pipeline.clock import Clock
from aispend_pipeline.errors import ENDS_THE_ACCOUNT, AispendError, ErrorClass, FetchError
from aispend_pipeline.interrupts import like_ctrl_c
from aispend_pipeline.log import fault, log
from aispend_pipeline.model import Fetch
from aispend_pipeline.settings import GoogleAccount, Settings
from aispend_pipeline.sources import google
from aispend_pipeline.sources.google_refusals import Asker, Interface, interfaces, remedy_of
from aispend_pipeline.sources.http import Caller, Limits, client
from aispend_pipeline.warehouse import Transaction, Warehouse, fetches

# Pulls of one reading, each of up to a hundred messages.
MOST_PULLS = 20
# An account may be refused one budget and be given another.
_ENDS_THE_ACCOUNT = ENDS_THE_ACCOUNT - {ErrorClass.UNAUTHORIZED}


@dataclass
class BudgetsRead:
    """What the reading of one account's budgets brought; `errors` has a line for each question that failed."""

    account: str
    started_at: datetime
    budgets: int = 0
    messages: dict[str, int] = field(default_factory=dict)  # by what became of them
    errors: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{SOURCE} {self.account}"

    @property
    def error(self) -> str | None:
        """The first error, and how many there are besides."""
        if not self.errors:
            return None
        more = f" (and {len(self.errors) - 1} more)" if len(self.errors) > 1 else ""
        return self.errors[0] + more


def read_budgets(
    settings: Settings,
    warehouse: Warehouse,
    *,
    clock: Clock,
    limits: Limits,
    run_id: str | None = None,
    most_pulls: int = MOST_PULLS,
) -> list[BudgetsRead]:
    """Read the budgets of every account that has any, store what comes as it comes, and publish it once.

    An account that cannot be read is returned with its errors, and does not touch the others. After `most_pulls` what
    still waits is left for another reading.
    """

    async def read_all() -> list[BudgetsRead]:
        async with client(_patient(limits)) as http:
            tasks = [
                asyncio.create_task(_Reader(account, http, warehouse, clock, limits, run_id, most_pulls).read())
                for account in settings.budgets()
            ]
            try:
                return list(await asyncio.gather(*tasks))
            finally:
                for task in tasks:
                    task.cancel()

    with like_ctrl_c():
        read = asyncio.run(read_all())
    if read:
        warehouse.publish()
    return read


def _held_open(error: FetchError) -> bool:
    """Whether a pull was only held open for as long as nothing was there; that it hangs for ever shows by its age."""
    return error.error_class is ErrorClass.TIMEOUT or error.status == 504


def _patient(limits: Limits) -> Limits:
    """A pull may be held open while nothing is there."""
    return replace(limits, attempt_seconds=2 * limits.attempt_seconds)


class _Reader:
    """Reads one account. Every question is a fetch of its own, and fails alone."""

    def __init__(
        self,
        account: GoogleAccount,
        http: httpx.AsyncClient,
        warehouse: Warehouse,
        clock: Clock,
        limits: Limits,
        run_id: str | None,
        most_pulls: int,
    ) -> None:
        self._account, self._http, self._warehouse = account, http, warehouse
        self._clock, self._limits, self._run_id, self._most_pulls = clock, limits, run_id, most_pulls
        self._read = BudgetsRead(account.name, clock.now())
        self._unwritten: list[Callable[[Transaction], None]] = []
        _, self._budgets, self._pubsub = interfaces(account)

    async def read(self) -> BudgetsRead:
        """Read what the budgets are set to, then the notifications, and note what became of it."""
        read, began = self._read, self._clock.monotonic()
        budgets = self._caller(self._budgets, self._limits)
        pubsub = self._caller(self._pubsub, replace(_patient(self._limits), attempts=1))
        for part in (partial(self._configured, budgets), partial(self._notified, pubsub)):
            try:
                await part()
            except Exception as error:  # whatever it is, it is this account's alone
                log.error("fault", what=str(read), **fault(error))
                read.errors.append(budgets.redacted(str(error) if isinstance(error, AispendError) else repr(error)))
        self._unwritten.append(lambda of: stored.store_attempt(of, read.account, read.started_at, read.error))
        await self._write()
        log.info(
            "budgets.read",
            account=read.account,
            budgets=read.budgets,
            messages=read.messages,
            errors=len(read.errors),
            seconds=round(self._clock.monotonic() - began, 3),
        )
        return read

    def _caller(self, of: Interface, limits: Limits) -> Caller:
        endpoint = replace(google.endpoint(self._account, of.base_url, of.scope), remedy="")
        return Caller(self._http, endpoint, self._clock, limits, self._clock.monotonic() + limits.account_seconds)

    async def _configured(self, caller: Caller) -> None:
        """What budgets are set to; after what would befall the others too, those are not asked for."""
        for question in questions(self._account):
            parsed = partial(question.parsed, ai_services=self._account.service_ids)
            asked = await ask(
                caller, question.request, question.cursor, parsed, self._account.name, self._clock, self._limits
            )
            if asked.error is None:
                self._keep(question, asked.fetch, asked.found or [])
            elif asked.error.status == 404 and question.budget_id:
                self._gone(question, question.budget_id, asked.fetch, asked.error)
            else:
                self._failed(asked.fetch, asked.error, self._budgets)
                if asked.error.error_class in _ENDS_THE_ACCOUNT:
                    return

    def _keep(self, question: Question, fetch: Fetch, found: Sequence[Budget]) -> None:
        def write(transaction: Transaction) -> None:
            stored.store_budgets(transaction, fetch, found)
            if question.budget_id is None:
                there = [budget.budget_id for budget in found]
                stored.mark_gone(transaction, question.billing_account, there, fetch.started_at)

        self._store(fetch, write)
        self._read.budgets += len(found)

    def _gone(self, question: Question, budget_id: str, fetch: Fetch, error: FetchError) -> None:
        """A budget that was known is kept as one that is gone; one that never was is a mistake in the settings."""

        def write(transaction: Transaction) -> None:
            if not stored.mark_one_gone(transaction, question.billing_account, budget_id, fetch.started_at):
                self._read.errors.append(self._explained(error, self._budgets))

        self._store(fetch, write)

    async def _notified(self, caller: Caller) -> None:
        """Pull, store and acknowledge until nothing waits, or there were as many as allowed."""
        if self._account.subscription is None:
            return
        pulled: list[bytes] = []
        for _ in range(self._most_pulls):
            asked = await self._pull(caller, self._account.subscription)
            if asked.error is not None and _held_open(asked.error):
                break
            if asked.error is not None:
                self._failed(asked.fetch, asked.error, self._pubsub)
            if asked.found is None:
                break
            self._take(asked.fetch, asked.found)
            pulled += [page.body for page in asked.fetch.pages]
            if not await self._acknowledged(caller, self._account.subscription, asked.found):
                break
        self._read.messages = received(pulled).counts() if pulled else {}

    async def _pull(self, caller: Caller, subscription: str) -> Asked[Received]:
        return await ask(
            caller, pull(subscription), lambda body: None, received, self._account.name, self._clock, self._limits
        )

    def _take(self, fetch: Fetch, came: Received) -> None:
        """Store one pull, and tell of messages that say nothing."""
        fetch = replace(fetch, detail=came.counts())
        self._store(fetch, partial(stored.store_figures, fetch=fetch, figures=came.figures.values()))
        for message_id, why in came.rejected.items():
            log.warning("budgets.rejected", account=self._account.name, message=message_id, why=why)

    async def _acknowledged(self, caller: Caller, subscription: str, came: Received) -> bool:
        """Whether another pull makes sense: messages came, are stored, and Pub/Sub takes our word for it.

        What it does not take comes again, and costs nothing.
        """
        if not came.ack_ids:
            return False
        await self._write()
        try:
            await caller.page(acknowledge(subscription, came.ack_ids))
        except FetchError as error:
            told = self._explained(error, self._pubsub, error.plain)
            name = self._account.name
            log.warning("budgets.not_acknowledged", account=name, error_class=error.error_class, error=told)
            return False
        return True

    def _explained(self, error: FetchError, of: Interface, said: str = "") -> str:
        """What happened, or what is `said` of it, and what to do about it where an answer of Google's tells."""
        told = (said or str(error)).strip().rstrip(".")
        asker = Asker("the account of the credentials", self._account.query_project or "PROJECT", self._account.suffix)
        remedy = remedy_of(error, of, asker)
        return f"{told}; {remedy}" if remedy else told

    def _failed(self, fetch: Fetch, error: FetchError, of: Interface) -> None:
        told = self._explained(error, of)
        self._read.errors.append(told)
        self._store(replace(fetch, error=told))

    def _store(self, fetch: Fetch, *writes: Callable[[Transaction], None]) -> None:
        self._unwritten += [partial(fetches.store, fetch=fetch, run_id=self._run_id), *writes]

    async def _write(self) -> None:
        """Store what is not stored yet, in one transaction: each costs a commit."""
        writes, self._unwritten = self._unwritten, []
        await asyncio.to_thread(_commit, self._warehouse, writes)


def _commit(warehouse: Warehouse, writes: Iterable[Callable[[Transaction], None]]) -> None:
    with warehouse.write() as transaction:
        for write in writes:
            write(transaction)
