"""Reads one window of one source and account: every page of it, checked, or nothing.

A source says what to ask and how pages follow each other; all else is here. Money is read twice:
grouped, which gives the rows, and as the provider's own sums, the control, which proves that the
rows are all there.
"""

import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

import httpx

from aispend_pipeline import money
from aispend_pipeline.clock import Clock
from aispend_pipeline.errors import ENDS_THE_ACCOUNT, AispendError, ErrorClass, FetchError
from aispend_pipeline.log import log
from aispend_pipeline.model import (
    DayAnswer,
    Fetch,
    FetchState,
    Finality,
    Page,
    Question,
    Reading,
    Request,
    Window,
    finality,
)
from aispend_pipeline.normalise.records import Normaliser
from aispend_pipeline.normalise.tally import Tally, tally
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources import paging
from aispend_pipeline.sources.http import Budget, Caller, Endpoint, Limits

# Grouped and ungrouped sums of a day may differ by this much: the provider rounds each on its own.
TOLERANCE_USD = Decimal("0.000001")


class Source(Protocol):
    """One feed of a provider: what to ask and how pages follow. No HTTP, no storage, no Dagster."""

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

    def questions(self, settings: Settings, account: str, window: Window, now: datetime) -> Sequence[Question]:
        """All that is asked about `window`, rows before control; a source without money has no control."""

    def cursor(self, body: bytes) -> str | None:
        """Where the next page is, none after the last; `FetchError` (schema) if the page does not say."""

    def following(self, request: Request, cursor: str) -> Request:
        """The question for the page at `cursor`."""


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
            outcome = await self._outcome(window, pages, started_at, last_try=last_try)
        except FetchError as error:
            outcome = _failed(error.error_class, str(error))
        except AispendError as error:
            outcome = _failed(ErrorClass.INTERNAL, str(error))
        except Exception as error:  # whatever it is, it is this window's alone
            outcome = _failed(ErrorClass.INTERNAL, self.caller.redacted(f"a fault of aispend's own: {error!r}"))
        fetch = self._made(window, started_at, pages, outcome)
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

    def not_asked(self, window: Window, because: Fetch) -> Fetch:
        """The failed fetch of a window that was not asked for, since another one failed of what would befall it too."""
        outcome = _failed(because.error_class, because.error)
        return self._made(window, self.clock.now(), [], outcome)

    def _made(self, window: Window, started_at: datetime, pages: list[Page], outcome: dict[str, Any]) -> Fetch:
        return Fetch(
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

    async def _outcome(self, window: Window, pages: list[Page], now: datetime, *, last_try: bool) -> dict[str, Any]:
        """State, answers and detail of the window; `pages` are filled as they come, whatever becomes of it."""
        questions = self.source.questions(self.settings, self.account, window, now)
        controls = [question for question in questions if question.reading is Reading.CONTROL]
        for question in questions:
            if question.reading is Reading.ROWS:
                await self._read(question, pages)
        rows = self._tally(window, pages, Reading.ROWS, now)
        if rows.unplaced and not rows.days:
            raise FetchError(ErrorClass.SCHEMA, f"{rows.unplaced} records, and none of a day that was asked for")
        detail = {**rows.notes(), **self._drift(pages)}
        answered = rows.answered({q.request.path for q in questions if q.reading is Reading.ROWS}, now.date())
        if not controls:
            answers = [DayAnswer(day, rows.rows[day], rows.pages[day]) for day in sorted(answered)]
        elif not rows.days and window.first >= now.date():
            answers = []  # the running day is not known yet, and there is nothing to compare
        else:
            for question in controls:
                await self._read(question, pages)
            control = self._tally(window, pages, Reading.CONTROL, now)
            answers = _agreed(window, rows, control, answered, now, last_try=last_try)
            unread = sorted(str(day) for day in control.faulty_days - rows.faulty_days)
            detail |= {"control_unreadable": unread} if unread else {}
        return {"state": FetchState.COMPLETE, "answers": answers, "detail": detail}

    async def _read(self, question: Question, pages: list[Page]) -> None:
        """Add every page of one question's answer to `pages`."""
        packed = sum(len(page.packed) for page in pages)
        number = 0
        source = self.source
        async for request, body in paging.bodies(
            self.caller, question.request, source.cursor, source.following, self.limits
        ):
            page = Page.received(question.reading, request, self.clock.now(), body)
            pages.append(page)
            packed += len(page.packed)
            number += 1
            log.info("page.read", source=source.name, account=self.account, reading=question.reading, page=number)
            if packed > self.limits.window_packed_bytes:
                raise FetchError(ErrorClass.TOO_LARGE, f"{request.path}: the window's pages are too large together")

    def _drift(self, pages: Sequence[Page]) -> dict[str, Any]:
        """Fields that nobody has described, as a note: ignored, and a sign that the shape changes."""
        found = [self.source.normaliser.unknown_fields(p.body) for p in pages if p.reading is Reading.ROWS]
        unknown = sorted({name[:100] for names in found for name in names})
        return {"unknown_fields": unknown[:20]} if unknown else {}

    def _tally(self, window: Window, pages: Sequence[Page], reading: Reading, now: datetime) -> Tally:
        of_reading = [page for page in pages if page.reading is reading]

        def bodies() -> Iterator[bytes]:
            return (page.body for page in of_reading)

        tables = self.source.normaliser.records(bodies, now)
        return tally(zip((page.request.path for page in of_reading), tables, strict=True), window)


def _failed(error_class: str | None, error: str | None) -> dict[str, Any]:
    return {"state": FetchState.FAILED, "error_class": error_class, "error": error}


def _agreed(
    window: Window, rows: Tally, control: Tally, answered: Collection[date], now: datetime, *, last_try: bool
) -> list[DayAnswer]:
    """The days that the rows answer, each held against the control; `FetchError` when they contradict it."""
    compared = [_compare(day, rows, control) for day in window.days()]
    apart = [answer for answer in compared if answer.agrees is False]
    refused = [
        answer for answer in apart if answer.day not in answered or finality(answer.day, now) is Finality.SETTLED
    ]
    if refused or (apart and not last_try):
        worst = (refused or apart)[0]
        raise FetchError(
            ErrorClass.CONTROL_MISMATCH,
            f"{worst.day}: the rows add up to {money.text(worst.rows_usd or Decimal(0))} USD, the provider's own sum is"
            f" {money.text(worst.control_usd or Decimal(0))} USD",
        )
    return [answer for answer in compared if answer.day in answered]


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
    budget: Budget | None = None,
) -> list[Fetch]:
    """Read `windows` of one account, one after the other; failed fetches are among what comes back."""
    endpoint = source.endpoint(settings, account)
    caller = Caller(http, endpoint, clock, limits, clock.monotonic() + limits.account_seconds, budget)
    reader = Reader(source, settings, account, caller, clock, limits)
    read: list[Fetch] = []
    for window in windows:
        if read and read[-1].error_class in ENDS_THE_ACCOUNT:
            read.append(reader.not_asked(window, read[-1]))
        else:
            read += await reader.window(window)
    return read


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
