"""Reads one account of a source, window by window: every page of a window, checked, or nothing.

A source says how a window is read; what becomes of an attempt, whatever befell it, is here.
"""

import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any, Protocol, TypeVar

import httpx

from aispend_pipeline.clock import Clock
from aispend_pipeline.errors import ENDS_THE_ACCOUNT, AispendError, ErrorClass, FetchError
from aispend_pipeline.log import bound, fault, log
from aispend_pipeline.model import DayAnswer, Fetch, FetchState, Page, Reading, Window
from aispend_pipeline.normalise.records import Normaliser
from aispend_pipeline.normalise.tally import Tally, tally
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources.http import Budget, Caller, Endpoint, Limits

T = TypeVar("T")


@dataclass(frozen=True)
class Asking:
    """What reading one account needs besides the question.

    `watermark` is when the newest line was exported that is read already; none for sources that have no such thing.
    """

    settings: Settings
    account: str
    caller: Caller
    clock: Clock
    limits: Limits
    watermark: datetime | None = None

    def keep(self, pages: list[Page], page: Page) -> None:
        """Add `page` to `pages`; `FetchError` when they are too large together."""
        pages.append(page)
        if sum(len(one.packed) for one in pages) > self.limits.window_packed_bytes:
            raise FetchError(ErrorClass.TOO_LARGE, f"{page.request.path}: the window's pages are too large together")


class Source(Protocol):
    """One feed of a provider: what to ask and how pages follow. No storage, no Dagster."""

    @property
    def name(self) -> str:
        """As in the table `fetch`."""

    @property
    def provider(self) -> str:
        """Whose feed it is."""

    @property
    def max_days(self) -> int:
        """The most days that are asked for together."""

    @property
    def normaliser(self) -> Normaliser:
        """How its pages become rows."""

    def accounts(self, settings: Settings) -> Sequence[str]:
        """The accounts that have credentials."""

    def endpoint(self, settings: Settings, account: str) -> Endpoint:
        """Where and as whom `account` asks."""

    def calls(self, settings: Settings, account: str, window: Window, now: datetime) -> int:
        """About how many calls it takes to read `window`."""

    def late_days(self, settings: Settings, account: str) -> int:
        """For how many days the provider may correct one; so long it is read again once a day."""

    async def read(self, asking: Asking, window: Window) -> list[Fetch]:
        """Read `window`; failed fetches are among what comes back, the one that counts last."""


@dataclass(frozen=True)
class Read:
    """What a complete reading of a window said: of each day that it answers, and what else should be known."""

    answers: Sequence[DayAnswer]
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Begun:
    """A fetch that is under way: of what, since when, and the pages that came so far."""

    source: Source
    asking: Asking
    window: Window
    account: str
    noted: Mapping[str, Any]
    started_at: datetime
    fetch_id: str
    monotonic: float
    pages: list[Page] = field(default_factory=list)

    def complete(self, said: Read) -> Fetch:
        """The fetch that was read to its end."""
        return self._ended(said.detail, state=FetchState.COMPLETE, answers=said.answers)

    def failed(self, error_class: str | None, error: str | None, plain: str) -> Fetch:
        """The fetch that failed of `error`; `plain` is what the log may have of that."""
        return self._ended({}, plain, state=FetchState.FAILED, error_class=error_class, error=error)

    def _ended(self, detail: Mapping[str, Any], plain: str | None = None, **outcome: Any) -> Fetch:
        fetch = Fetch(
            fetch_id=self.fetch_id,
            source=self.source.name,
            provider=self.source.provider,
            account=self.account,
            window=self.window,
            started_at=self.started_at,
            finished_at=self.asking.clock.now(),
            pages=self.pages,
            detail={**self.noted, **detail},
            **outcome,
        )
        tell(fetch, self.asking.clock.monotonic() - self.monotonic, plain)
        return fetch


def begun_at(now: datetime) -> str:
    """An id for a fetch that begins at `now`."""
    return f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(6)}"


def tell(fetch: Fetch, seconds: float, plain: str | None) -> None:
    """Log what became of `fetch`, which took `seconds`; `plain` is what may be told of its error."""
    told = log.info if fetch.state is FetchState.COMPLETE else log.warning
    told(
        "fetch.done",
        source=fetch.source,
        account=fetch.account,
        window=str(fetch.window),
        state=fetch.state,
        pages=len(fetch.pages),
        bytes=sum(page.size for page in fetch.pages),
        seconds=round(seconds, 3),
        error_class=fetch.error_class,
        error=plain,
    )


def _begin(
    source: Source, asking: Asking, window: Window, account: str | None = None, noted: Mapping[str, Any] | None = None
) -> _Begun:
    now = asking.clock.now()
    of, began = account or asking.account, asking.clock.monotonic()
    return _Begun(source, asking, window, of, noted or {}, now, begun_at(now), began)


async def attempt(
    source: Source,
    asking: Asking,
    window: Window,
    read: Callable[[list[Page], datetime], Awaitable[Read]],
    *,
    account: str | None = None,
    noted: Mapping[str, Any] | None = None,
) -> Fetch:
    """The fetch that `read` makes: complete, or failed with what it raised, and with the pages that came.

    `account` is whose lines are read, if not those of the account that asks; `noted` is detail of either outcome.
    """
    begun = _begin(source, asking, window, account, noted)
    with bound(fetch_id=begun.fetch_id):
        said = await _tried(begun, partial(read, begun.pages, begun.started_at))
        return said if isinstance(said, Fetch) else begun.complete(said)


async def tried(
    source: Source,
    asking: Asking,
    window: Window,
    ask: Callable[[], Awaitable[T]],
    *,
    noted: Mapping[str, Any] | None = None,
) -> T | Fetch:
    """What `ask` brings, or the failed fetch of what it raised; see `attempt`."""
    begun = _begin(source, asking, window, noted=noted)
    with bound(fetch_id=begun.fetch_id):
        return await _tried(begun, ask)


async def _tried(begun: _Begun, ask: Callable[[], Awaitable[T]]) -> T | Fetch:
    try:
        return await ask()
    except FetchError as error:
        return begun.failed(error.error_class, str(error), error.plain)
    except AispendError as error:
        return begun.failed(ErrorClass.INTERNAL, str(error), str(error))
    except Exception as error:  # whatever it is, it is this window's alone
        told, found = "a fault of aispend's own", fault(error)
        log.error("fault", what="fetch", **found)
        return begun.failed(ErrorClass.INTERNAL, begun.asking.caller.redacted(f"{told}: {error!r}"), told)


def tallied(normaliser: Normaliser, pages: Sequence[Page], reading: Reading, window: Window, now: datetime) -> Tally:
    """The sums of the pages of one reading."""
    of_reading = [page for page in pages if page.reading is reading]

    def bodies() -> Iterator[bytes]:
        return (page.body for page in of_reading)

    tables = normaliser.records(bodies, now)
    return tally(zip((page.request.path for page in of_reading), tables, strict=True), window)


async def read_account(
    source: Source,
    settings: Settings,
    account: str,
    windows: Sequence[Window],
    *,
    http: httpx.AsyncClient,
    clock: Clock,
    limits: Limits,
    budget: Budget | None = None,
    watermark: datetime | None = None,
) -> list[Fetch]:
    """Read `windows` of one account, one after the other; failed fetches are among what comes back."""
    endpoint = source.endpoint(settings, account)
    caller = Caller(http, endpoint, clock, limits, clock.monotonic() + limits.account_seconds, budget)
    asking = Asking(settings, account, caller, clock, limits, watermark)
    read: list[Fetch] = []
    for window in windows:
        if read and read[-1].error_class in ENDS_THE_ACCOUNT:
            read.append(_not_asked(source, asking, window, read[-1]))
        else:
            read += await source.read(asking, window)
    return read


def _not_asked(source: Source, asking: Asking, window: Window, because: Fetch) -> Fetch:
    """The failed fetch of a window that was not asked for, since another one failed of what would befall it too."""
    begun = _begin(source, asking, window)
    with bound(fetch_id=begun.fetch_id):
        return begun.failed(because.error_class, because.error, f"not asked for, since {because.window} failed")


def windows_to_ask(days: Window, today: date, max_days: int) -> list[Window]:
    """How to ask for `days`: those that are over, in pieces, and the running day by itself.

    Apart, the bodies of closed days repeat from hour to hour and are stored once.
    """
    yesterday = date.fromordinal(today.toordinal() - 1)
    asked: list[Window] = []
    if days.first <= yesterday:
        asked += Window(days.first, min(days.last, yesterday)).pieces(max_days)
    if today in days:
        asked.append(Window(today, today))
    return asked
