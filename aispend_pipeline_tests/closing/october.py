"""An October in a real warehouse: bills of all three providers, made of plain figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

from aispend_pipeline.caps.model import Period
from aispend_pipeline.model import DayAnswer, Fetch, FetchState, Page, Reading, Request, Window
from aispend_pipeline.normalise.tally import tally
from aispend_pipeline.normalise.vertex_billing import VertexBilling
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.warehouse import Warehouse

from ..normalise import billing_pages
from ..service.world import StandingClock
from ..warehouse.building import line, store

OCTOBER = Period.of(date(2026, 10, 1))
# When all of October, and Google's end of it, is settled.
SETTLED = datetime(2026, 11, 6, 9, 30, tzinfo=UTC)
Lines = Sequence[list[Any]]
_numbers = count(1)


def october(day: int) -> date:
    return date(2026, 10, day)


def dollars(first: int = 1, last: int = 31, usd: str = "1.00") -> dict[date, list[dict[str, Any]]]:
    """Every day with one line of that amount at OpenAI."""
    return {day: [line(usd)] for day in Window(october(first), october(last)).days()}


def charge(day: date, usd: str, invoice_month: str = "202610", credit: str = "0", **more: Any) -> list[Any]:
    """A line of Google's of so many dollars before a credit."""
    nanos = [str(int(Decimal(amount) * 10**9)) for amount in (usd, credit)]
    of_day = {"usage_day": str(day), "invoice_month": invoice_month}
    amounts = dict(zip(("gross_nanos", "credit_nanos"), nanos, strict=True))
    usd_amounts = dict(zip(("gross_usd_nanos", "credit_usd_nanos"), nanos, strict=True))
    return billing_pages.line(**{**of_day, **amounts, **usd_amounts, **more})


def without_rate(day: date, amount: str, currency: str) -> list[Any]:
    """A line of Google's in a currency for which it states no rate."""
    none = {"gross_usd_nanos": None, "credit_usd_nanos": None, "fx_missing_rows": "1"}
    return charge(day, amount, currency=currency, **none)


def exported(
    window: Window,
    *lines: list[Any],
    account: str = "default",
    known: Window | None = None,
    at: datetime = SETTLED,
    beside: Sequence[str] = (),
) -> Fetch:
    """A complete fetch of a billing account's lines in the table of `default`; the days of `known` were exported."""
    found = tally((("", records) for records in VertexBilling().records(lambda: [body_of(lines)], at)), window)
    days = (known or window).days()
    usd = found.converted
    detail = {"read_as": "default", "billing_account": account, **({"beside": list(beside)} if beside else {})}
    return Fetch(
        fetch_id=f"vertex-{next(_numbers)}",
        source="vertex_billing",
        provider="vertex",
        account=account,
        window=window,
        state=FetchState.COMPLETE,
        started_at=at,
        finished_at=at + timedelta(seconds=2),
        pages=[Page.received(Reading.ROWS, Request("/queries"), at, body_of(lines))],
        answers=[DayAnswer(day, found.rows[day], 1, usd.get(day, Decimal(0))) for day in days],
        detail=detail,
    )


def body_of(lines: Lines) -> bytes:
    return billing_pages.page(*sorted(lines, key=lambda one: one[0]))


@dataclass
class Books:
    """A home and its time."""

    home: Path
    clock: StandingClock

    def book(self, *made: Fetch) -> None:
        """Store fetches, add their days up, and publish."""
        warehouse = Warehouse(self.home, self.clock)
        store(warehouse, *made)
        span = Window(min(fetch.window.first for fetch in made), max(fetch.window.last for fetch in made))
        add_up(warehouse, span, self.clock)


def days(first: int, last: int) -> Mapping[str, str]:
    """A range of October's days as JSON has it."""
    return {"from": str(october(first)), "to": str(october(last))}
