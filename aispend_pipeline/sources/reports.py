"""Reads reports that page alike, as OpenAI's and Anthropic's do: every page of a window, held against a control.

Money is read twice: grouped, which gives the rows, and as the provider's own sums, the control, which proves that the
rows are all there.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from aispend_pipeline import money
from aispend_pipeline.errors import ErrorClass, FetchError
from aispend_pipeline.log import log
from aispend_pipeline.model import DayAnswer, Fetch, Finality, Page, Question, Reading, Request, Window, finality
from aispend_pipeline.normalise.columns import decode
from aispend_pipeline.normalise.records import Normaliser
from aispend_pipeline.normalise.tally import Tally
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources import paging
from aispend_pipeline.sources.engine import Asking, Read, attempt, tallied
from aispend_pipeline.sources.http import Endpoint

# Grouped and ungrouped sums of a day may differ by this much: the provider rounds each on its own.
TOLERANCE_USD = Decimal("0.000001")
LATE_DAYS = 7


class _Envelope(msgspec.Struct):
    data: list[msgspec.Raw]
    has_more: bool = False
    next_page: str | None = None


_envelope = msgspec.json.Decoder(_Envelope)


class ReportSource(ABC):
    """A source of reports; what it asks is its own, all else is here. See `engine.Source`."""

    name: str
    provider: str
    max_days: int
    normaliser: Normaliser

    @abstractmethod
    def endpoint(self, settings: Settings, account: str) -> Endpoint:
        """Where and as whom `account` asks."""

    @abstractmethod
    def questions(self, settings: Settings, account: str, window: Window, now: datetime) -> Sequence[Question]:
        """All that is asked about `window`, rows before control; a source without money has no control."""

    def accounts(self, settings: Settings) -> Sequence[str]:
        """The accounts to read: all that have a key, if the provider is on."""
        return [account.name for account in settings.accounts(self.provider)] if settings.enabled(self.provider) else []

    def calls(self, settings: Settings, account: str, window: Window, now: datetime) -> int:
        """About how many calls it takes to read `window`: a page for each question, which may hold all of it."""
        return len(self.questions(settings, account, window, now))

    def late_days(self, settings: Settings, account: str) -> int:
        """For how many days the provider may correct one."""
        return LATE_DAYS

    def cursor(self, body: bytes) -> str | None:
        """Where the next page is; none after the last.

        Raises `FetchError` (schema) for a page of another shape, or that announces more and does not say where.
        """
        page = decode(_envelope, body)
        if not page.has_more:
            return None
        if not page.next_page:
            raise FetchError(ErrorClass.SCHEMA, "has_more is true but next_page is missing: the answer is incomplete")
        return page.next_page

    def following(self, request: Request, cursor: str) -> Request:
        """The same question at `cursor`, all other parameters unchanged."""
        return request.with_param("page", cursor)

    async def read(self, asking: Asking, window: Window) -> list[Fetch]:
        """Read `window`; if rows and control disagree, read it once more.

        After that a settled day that disagrees refuses the window, and so does money of a day that
        the rows leave out; a younger day is accepted and both figures are noted, since a running day
        grows between two questions.
        """
        first = await attempt(self, asking, window, partial(self._read, asking, window, last_try=False))
        if first.error_class != ErrorClass.CONTROL_MISMATCH:
            return [first]
        return [first, await attempt(self, asking, window, partial(self._read, asking, window, last_try=True))]

    async def _read(self, asking: Asking, window: Window, pages: list[Page], now: datetime, *, last_try: bool) -> Read:
        """Answers and detail of the window; `pages` are filled as they come, whatever becomes of it."""
        questions = self.questions(asking.settings, asking.account, window, now)
        controls = [question for question in questions if question.reading is Reading.CONTROL]
        for question in questions:
            if question.reading is Reading.ROWS:
                await self._ask(asking, question, pages)
        rows = tallied(self.normaliser, pages, Reading.ROWS, window, now)
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
                await self._ask(asking, question, pages)
            control = tallied(self.normaliser, pages, Reading.CONTROL, window, now)
            answers = _agreed(window, rows, control, answered, now, last_try=last_try)
            unread = sorted(str(day) for day in control.faulty_days - rows.faulty_days)
            detail |= {"control_unreadable": unread} if unread else {}
        return Read(answers, detail)

    async def _ask(self, asking: Asking, question: Question, pages: list[Page]) -> None:
        """Add every page of one question's answer to `pages`."""
        number = 0
        async for request, body in paging.bodies(
            asking.caller, question.request, self.cursor, self.following, asking.limits
        ):
            asking.keep(pages, Page.received(question.reading, request, asking.clock.now(), body))
            number += 1
            told = {"reading": question.reading, "page": number, "bytes": len(body)}
            log.info("page.read", source=self.name, account=asking.account, **told)

    def _drift(self, pages: Sequence[Page]) -> dict[str, Any]:
        """Fields that nobody has described, as a note: ignored, and a sign that the shape changes."""
        found = [self.normaliser.unknown_fields(p.body) for p in pages if p.reading is Reading.ROWS]
        unknown = sorted({name[:100] for names in found for name in names})
        return {"unknown_fields": unknown[:20]} if unknown else {}


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
