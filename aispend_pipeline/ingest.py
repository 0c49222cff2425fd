"""What one tick of the hourly schedule is about: which days are due, and reading a source for them."""

import asyncio
import signal
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta

from aispend_pipeline import points
from aispend_pipeline.clock import Clock
from aispend_pipeline.model import GRID_START, Fetch, Window
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources.engine import Source, read_account, windows_to_ask
from aispend_pipeline.sources.http import Limits, client
from aispend_pipeline.warehouse import Warehouse, fetches

# A run asks for a month at most, whoever starts it.
DAYS_A_RUN = 31

_TOGETHER_SECONDS = 0.05

# One account of one source: what coverage is kept for.
Feed = tuple[str, str]


def start_date(settings: Settings, today: date) -> date:
    """The first day that is read without being asked for: as set, or the first of last month."""
    last_month = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    return max(settings.start_date or last_month, GRID_START)


def due_windows(
    settings: Settings,
    now: datetime,
    feeds: Collection[Feed],
    complete: Mapping[Feed, Collection[date]],
) -> list[Window]:
    """The look-back first; then, newest first, every run of days since the start that some feed lacks.

    `complete` are the days that are whole and settled: a day is read once more when it must agree with
    the provider's own sum, however short the look-back is.
    """
    today = now.date()
    look_back = max((now - timedelta(hours=settings.lookback_hours)).date(), GRID_START)
    windows = list(Window(look_back, today).pieces(DAYS_A_RUN))
    first = start_date(settings, today)
    if first >= look_back:
        return windows
    older = Window(first, look_back - timedelta(days=1)).days()
    missing = [day for day in older if any(day not in complete.get(feed, ()) for feed in feeds)]
    return windows + [piece for run in reversed(_runs(missing)) for piece in run.pieces(DAYS_A_RUN)]


def _runs(days: Sequence[date]) -> list[Window]:
    """Ascending days as windows without gaps."""
    runs: list[Window] = []
    for day in days:
        if runs and runs[-1].last == day - timedelta(days=1):
            runs[-1] = Window(runs[-1].first, day)
        else:
            runs.append(Window(day, day))
    return runs


def read_source(
    source: Source,
    settings: Settings,
    warehouse: Warehouse,
    window: Window,
    *,
    clock: Clock,
    limits: Limits,
    run_id: str | None = None,
    on_fetch: Callable[[Fetch], None] = lambda fetch: None,
) -> list[Fetch]:
    """Read `window` of every account of `source`, side by side, and store each account's fetches as it ends.

    `on_fetch` is told of each fetch once it is stored.
    A failed fetch is returned like any other: nothing of its window becomes visible, and the other
    accounts are not touched by it.
    """
    windows = windows_to_ask(window, clock.now().date(), source.max_days)

    async def read_all() -> list[Fetch]:
        async with client(limits) as http:
            tasks = {
                asyncio.create_task(
                    read_account(source, settings, name, windows, http=http, clock=clock, limits=limits)
                )
                for name in source.accounts(settings)
            }
            try:
                return await _keep_as_they_end(tasks, warehouse, run_id, on_fetch)
            finally:
                for task in tasks:
                    task.cancel()

    with _python_handles_interrupts():
        return asyncio.run(read_all())


Tasks = set[asyncio.Task[list[Fetch]]]


async def _keep_as_they_end(
    unread: Tasks, warehouse: Warehouse, run_id: str | None, on_fetch: Callable[[Fetch], None]
) -> list[Fetch]:
    """Store what each account read; one that broke is raised once the others are stored."""
    kept: list[Fetch] = []
    broken: list[BaseException] = []
    while unread:
        ended, unread = await _next_ended(unread)
        broken += [error for task in ended if (error := task.exception())]
        read = [fetch for task in ended if not task.exception() for fetch in task.result()]
        points.reached("fetched")
        await asyncio.to_thread(_store, warehouse, read, run_id)
        for fetch in read:
            on_fetch(fetch)
        kept += read
    if broken:
        raise broken[0]
    return kept


async def _next_ended(unread: Tasks) -> tuple[Tasks, Tasks]:
    """The accounts that end next, and those that do not yet.

    Those that end together are stored together: a commit costs as much for one as for many.
    """
    ended, unread = await asyncio.wait(unread, return_when=asyncio.FIRST_COMPLETED)
    if unread:
        others, unread = await asyncio.wait(unread, timeout=_TOGETHER_SECONDS)
        ended |= others
    return ended, unread


@contextmanager
def _python_handles_interrupts() -> Iterator[None]:
    """Let asyncio see Ctrl-C itself: what Dagster's handler raises inside one of its callbacks is lost."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _store(warehouse: Warehouse, read: Sequence[Fetch], run_id: str | None) -> None:
    with warehouse.write() as transaction:
        for fetch in read:
            fetches.store(transaction, fetch, run_id)
