"""Reads one window of one source and account: every page of it, checked, or nothing.

A source says what to ask and how pages follow each other; all else is here. Each window is read
twice: grouped, which gives the rows, and as the provider's own sums, the control, which proves that
the rows are all there.
"""

import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

import httpx

from aispend_pipeline import money
from aispend_pipeline.clock import Clock
from aispend_pipeline.errors import ErrorClass, FetchError
from aispend_pipeline.log import log
from aispend_pipeline.model import (
    DayAnswer,
    Fetch,
    FetchState,
    Finality,
    Page,
    Reading,
    Request,
    Window,
    finality,
)
from aispend_pipeline.normalise.records import Normaliser
from aispend_pipeline.normalise.tally import Tally, tally
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources.http import Caller, Endpoint, Limits

# Grouped and ungrouped sums of a day may differ by this much: the provider rounds each on its own.
TOLERANCE_USD = Decimal("0.000001")
LONGEST_CURSOR = 8192  # bytes


class Source(Protocol):
    """One feed of a provider: what to ask and how pages follow. No HTTP, no storage, no Dagster."""

    name: str
    provider: str
    max_days: int

    def accounts(self, settings: Settings) -> Sequence[str]:
        """The accounts that have credentials."""

    def endpoint(self, settings: Settings, account: str) -> Endpoint:
        """Where and as whom `account` asks."""

    def first(self, settings: Settings, account: str, window: Window, reading: Reading, now: datetime) -> Request:
        """The question whose answer is the first page."""

    def cursor(self, body: bytes) -> str | None:
        """Where the next page is, none after the last; `FetchError` (schema) if the page does not say."""

    def following(self, request: Request, cursor: str) -> Request:
        """The question for the page at `cursor`."""

    normaliser: Normaliser


@dataclass(frozen=True)
class Reader:
    """What a fetch needs besides the question."""

    source: Source
    settings: Settings
    account: str
    caller: Caller
    clock: Clock
    limits: Limits

    async def window(self, window: Window) -> list[Fetch]:
        """Read `window`; if rows and control disagree, read it once more.

        After that a settled day that disagrees refuses the window, and so does money of a day that
        the rows leave out; a younger day is accepted and both figures are noted, since a running day
        grows between two questions.
        """
        first = await self._fetch(window, last_try=False)
        if first.error_class != ErrorClass.CONTROL_MISMATCH:
            return [first]
        return [first, await self._fetch(window, last_try=True)]

    async def _fetch(self, window: Window, *, last_try: bool) -> Fetch:
        started_at = self.clock.now()
        pages: list[Page] = []
        outcome: dict[str, Any]
        try:
            for reading in Reading:
                async for page in self._pages(window, reading, started_at):
                    pages.append(page)
            outcome = self._checked(window, pages, started_at, last_try=last_try)
        except FetchError as error:
            outcome = {
                "state": FetchState.FAILED,
                "error_class": error.error_class,
                "error": str(error),
            }
        fetch = Fetch(
            fetch_id=f"{started_at:%Y%m%dT%H%M%S}-{secrets.token_hex(6)}",
            source=self.source.name,
            provider=self.source.provider,
            account=self.account,
            window=window,
            started_at=started_at,
            finished_at=self.clock.now(),
            pages=pages,
            **outcome,
        )
        log.info(
            "fetch.done",
            source=fetch.source,
            account=fetch.account,
            window=str(window),
            state=fetch.state,
            pages=len(pages),
            error=fetch.error,
        )
        return fetch

    async def _pages(self, window: Window, reading: Reading, now: datetime) -> AsyncIterator[Page]:
        request = self.source.first(self.settings, self.account, window, reading, now)
        seen: set[str] = set()
        packed = 0
        for number in range(1, self.limits.pages + 1):
            body = await self.caller.page(request)
            page = Page.received(reading, request, self.clock.now(), body)
            packed += len(page.packed)
            log.info(
                "page.read",
                source=self.source.name,
                account=self.account,
                reading=reading,
                page=number,
            )
            yield page
            cursor = self.source.cursor(body)
            if cursor is None:
                return
            if cursor in seen:
                raise FetchError(ErrorClass.CURSOR_LOOP, f"{request.path}: cursor loop at page {number}")
            if len(cursor.encode()) > LONGEST_CURSOR:
                raise FetchError(ErrorClass.SCHEMA, f"{request.path}: a cursor of {len(cursor)} characters")
            if packed > self.limits.window_packed_bytes:
                raise FetchError(
                    ErrorClass.TOO_LARGE,
                    f"{request.path}: the window's pages are too large together",
                )
            seen.add(cursor)
            request = self.source.following(request, cursor)
        raise FetchError(ErrorClass.TOO_MANY_PAGES, f"{request.path}: no end after {self.limits.pages} pages")

    def _checked(self, window: Window, pages: Sequence[Page], now: datetime, *, last_try: bool) -> dict[str, Any]:
        """State, answers and detail of a fetch whose pages are all there."""
        rows, control = (self._tally(window, pages, reading, now) for reading in Reading)
        if rows.unplaced and not rows.days:
            raise FetchError(ErrorClass.SCHEMA, f"{rows.unplaced} records, and none of a day that was asked for")
        compared = [_compare(day, rows, control) for day in window.days()]
        apart = [answer for answer in compared if answer.agrees is False]
        refused = [
            answer for answer in apart if answer.day not in rows.days or finality(answer.day, now) is Finality.SETTLED
        ]
        if refused or (apart and not last_try):
            worst = (refused or apart)[0]
            raise FetchError(
                ErrorClass.CONTROL_MISMATCH,
                f"{worst.day}: the rows add up to {money.text(worst.rows_usd)} USD, the provider's own sum is"
                f" {money.text(worst.control_usd)} USD",
            )
        answers = [answer for answer in compared if answer.day in rows.days]
        detail = {**rows.notes(), **self._drift(pages)}
        return {"state": FetchState.COMPLETE, "answers": answers, "detail": detail}

    def _drift(self, pages: Sequence[Page]) -> dict[str, Any]:
        """Fields that nobody has described, as a note: ignored, and a sign that the shape changes."""
        found = [self.source.normaliser.unknown_fields(p.body) for p in pages if p.reading is Reading.ROWS]
        unknown = sorted({name[:100] for names in found for name in names})
        return {"unknown_fields": unknown[:20]} if unknown else {}

    def _tally(self, window: Window, pages: Sequence[Page], reading: Reading, now: datetime) -> Tally:
        def bodies() -> Iterator[bytes]:
            return (page.body for page in pages if page.reading is reading)

        return tally(self.source.normaliser.records(bodies, now), window)


def _compare(day: date, rows: Tally, control: Tally) -> DayAnswer:
    ours, theirs = rows.sums(day), control.sums(day)
    comparable = day not in rows.faulty_days | control.faulty_days
    agrees = all(
        abs(ours.get(currency, Decimal(0)) - theirs.get(currency, Decimal(0))) <= TOLERANCE_USD
        for currency in ours.keys() | theirs.keys()
    )
    zero = Decimal(0)
    return DayAnswer(
        day,
        rows.rows[day],
        rows.pages[day],
        ours.get("USD", zero),
        theirs.get("USD", zero),
        agrees if comparable else None,
    )


async def read_account(
    source: Source,
    settings: Settings,
    account: str,
    windows: Sequence[Window],
    *,
    http: httpx.AsyncClient,
    clock: Clock,
    limits: Limits,
) -> list[Fetch]:
    """Read `windows` of one account, one after the other; failed fetches are among what comes back."""
    endpoint = source.endpoint(settings, account)
    caller = Caller(http, endpoint, clock, limits, clock.monotonic() + limits.account_seconds)
    reader = Reader(source, settings, account, caller, clock, limits)
    return [fetch for window in windows for fetch in await reader.window(window)]


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
