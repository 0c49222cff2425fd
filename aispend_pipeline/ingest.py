"""Reads a window of a source: its accounts side by side, each stored as it ends."""

import asyncio
from collections.abc import Callable, Collection, Sequence

import httpx

from aispend_pipeline import points
from aispend_pipeline.clock import Clock
from aispend_pipeline.errors import ErrorClass
from aispend_pipeline.interrupts import like_ctrl_c
from aispend_pipeline.log import fault, log
from aispend_pipeline.model import Feed, Fetch, Window
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources.engine import Source, read_account, windows_to_ask
from aispend_pipeline.sources.http import Limits, client
from aispend_pipeline.state.call_budget import CallBudget, budget_of
from aispend_pipeline.state.database import state_of
from aispend_pipeline.state.waiting import WaitingDays
from aispend_pipeline.warehouse import Warehouse, fetches

_TOGETHER_SECONDS = 0.05


def read_source(
    source: Source,
    settings: Settings,
    warehouse: Warehouse,
    window: Window,
    *,
    clock: Clock,
    limits: Limits,
    accounts: Collection[str] | None = None,
    run_id: str | None = None,
    on_fetch: Callable[[Fetch], None] = lambda fetch: None,
) -> list[Fetch]:
    """Read `window` of `accounts` (none given: all) of `source`, and store each one's fetches as it ends.

    `on_fetch` is told of each fetch once it is stored.
    A failed fetch is returned like any other: nothing of its window becomes visible, and the other
    accounts are not touched by it. One that ran out of its account's call budget is returned, and not
    stored: its days are noted to be asked for again.
    """
    windows = windows_to_ask(window, clock.now().date(), source.max_days)
    asked = [name for name in source.accounts(settings) if accounts is None or name in accounts]
    budgets = {name: call_budget(source, settings, name) for name in asked}
    watermarks = fetches.watermarks(warehouse.home, source.name)

    def store(read: Sequence[Fetch]) -> None:
        _store(warehouse, read, run_id, counted=any(budgets.get(fetch.account) for fetch in read))

    async def read_one(account: str, http: httpx.AsyncClient) -> list[Fetch]:
        return await read_account(
            source,
            settings,
            account,
            windows,
            http=http,
            clock=clock,
            limits=limits,
            budget=budgets[account],
            watermark=watermarks.get(account),
        )

    async def read_all() -> list[Fetch]:
        async with client(limits) as http:
            tasks = {asyncio.create_task(read_one(name, http)) for name in budgets}
            try:
                return await _keep_as_they_end(tasks, store, on_fetch)
            finally:
                for task in tasks:
                    task.cancel()

    with like_ctrl_c():
        return asyncio.run(read_all())


def call_budget(source: Source, settings: Settings, account: str) -> CallBudget | None:
    """The calls that `account` may make; none for as many as it likes."""
    calls = source.endpoint(settings, account).calls_per_hour
    return budget_of(settings.home, source.provider, account, calls)


Tasks = set[asyncio.Task[list[Fetch]]]


async def _keep_as_they_end(
    unread: Tasks, store: Callable[[Sequence[Fetch]], None], on_fetch: Callable[[Fetch], None]
) -> list[Fetch]:
    """Store what each account read; one that broke is raised once the others are stored."""
    kept: list[Fetch] = []
    broken: list[BaseException] = []
    while unread:
        ended, unread = await _next_ended(unread)
        for error in filter(None, (task.exception() for task in ended)):
            log.error("fault", what="an account", **fault(error))
            broken.append(error)
        read = [fetch for task in ended if not task.exception() for fetch in task.result()]
        points.reached("fetched")
        for stored in await asyncio.to_thread(_stored_together, read, store):
            if isinstance(stored, Exception):
                broken.append(stored)
            else:
                kept.append(stored)
                on_fetch(stored)
    if broken:
        raise broken[0]
    return kept


def _stored_together(read: Sequence[Fetch], store: Callable[[Sequence[Fetch]], None]) -> list[Fetch | Exception]:
    """What was stored, and why something was not: where one account's cannot be stored, the others' are, apart."""
    try:
        store(read)
    except Exception as error:
        accounts = {fetch.account for fetch in read}
        if len(accounts) == 1:
            log.error("fetch.not_stored", accounts=sorted(accounts), **fault(error))
            return [error]
        apart = ([fetch for fetch in read if fetch.account == account] for account in sorted(accounts))
        return [stored for of_account in apart for stored in _stored_together(of_account, store)]
    return list(read)


async def _next_ended(unread: Tasks) -> tuple[Tasks, Tasks]:
    """The accounts that end next, and those that do not yet.

    Those that end together are stored together: a commit costs as much for one as for many.
    """
    ended, unread = await asyncio.wait(unread, return_when=asyncio.FIRST_COMPLETED)
    if unread:
        others, unread = await asyncio.wait(unread, timeout=_TOGETHER_SECONDS)
        ended |= others
    return ended, unread


def _store(warehouse: Warehouse, read: Sequence[Fetch], run_id: str | None, *, counted: bool) -> None:
    """Store what came; where calls are `counted`, note what waits for them, and what waits no longer.

    Days wait until they are stored, or a process that dies in between would have forgotten them.
    """
    came = [fetch for fetch in read if fetch.error_class != ErrorClass.OUT_OF_BUDGET]
    waits = [fetch for fetch in read if fetch.error_class == ErrorClass.OUT_OF_BUDGET]
    if waits:
        WaitingDays(state_of(warehouse.home)).add(_days(waits))
    if came:
        with warehouse.write() as transaction:
            for fetch in came:
                fetches.store(transaction, fetch, run_id)
    if counted and came:
        WaitingDays(state_of(warehouse.home)).remove(_days(came))


def _days(read: Sequence[Fetch]) -> list[tuple[Feed, Window]]:
    return [((fetch.source, fetch.account), fetch.window) for fetch in read]
