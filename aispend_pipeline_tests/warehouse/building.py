"""Fetches as the engine would hand them over, made from plain figures, and ways to look at what became of them."""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

from aispend_pipeline import money
from aispend_pipeline.model import DayAnswer, Fetch, FetchState, Page, Reading, Request, Window, midnight
from aispend_pipeline.warehouse import Snapshots, Warehouse, fetches

SOURCE, PROVIDER = "openai_costs", "openai"
DAY = date(2026, 5, 4)
# Long after `DAY`: whatever is read then is settled.
LATER = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)
_numbers = count(1)


class SetClock:
    """A clock that shows what it was set to."""

    def __init__(self, instant: datetime = LATER) -> None:
        self.instant = instant

    def now(self) -> datetime:
        return self.instant

    def monotonic(self) -> float:
        return self.instant.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.instant += timedelta(seconds=seconds)


def line(value: object, model: str | None = "gpt-4o", *, currency: str | None = "usd", **fields: Any) -> dict[str, Any]:
    """One result of a bucket; `value` goes into the JSON as it is."""
    return {
        "object": "organization.costs.result",
        "amount": {"value": value, "currency": currency},
        "line_item": None if model is None else f"{model}, input",
        "project_id": "proj_1",
        **fields,
    }


def body(days: Mapping[date, Sequence[dict[str, Any]]]) -> bytes:
    """A page with a bucket for each day."""
    buckets = [
        {
            "object": "bucket",
            "start_time": int(midnight(day).timestamp()),
            "end_time": int(midnight(day + timedelta(days=1)).timestamp()),
            "results": list(lines),
        }
        for day, lines in days.items()
    ]
    return json.dumps({"object": "page", "data": buckets, "has_more": False, "next_page": None}).encode()


def page(content: bytes, reading: Reading = Reading.ROWS, at: datetime = LATER) -> Page:
    return Page.received(reading, Request("/organization/costs", (("limit", "180"),)), at, content)


def usd_of(lines: Iterable[dict[str, Any]]) -> Decimal:
    """What the sound dollars among `lines` add up to, rounded line by line as the store does."""
    amounts = [one["amount"] for one in lines]
    return money.add(
        money.quantize(Decimal(str(amount["value"])))
        for amount in amounts
        if amount["currency"] == "usd" and amount["value"] is not None
    )


def complete(
    days: Mapping[date, Sequence[dict[str, Any]]],
    *,
    window: Window | None = None,
    account: str = "default",
    at: datetime = LATER,
    control: Mapping[date, Decimal] | None = None,
    faulty: Iterable[date] = (),
    detail: dict[str, Any] | None = None,
    takes: timedelta = timedelta(seconds=2),
) -> Fetch:
    """A complete fetch: each day's lines spread over two pages, and a page with the control."""
    sums = {day: Decimal(0) if day in faulty else usd_of(lines) for day, lines in days.items()}
    theirs = {**sums, **(control or {})}
    odd = {day: [one for one in lines if not _second(one)] for day, lines in days.items()}
    even = {day: [one for one in lines if _second(one)] for day, lines in days.items()}
    contents = [(odd, Reading.ROWS), (even, Reading.ROWS)]
    contents += [({day: [line(str(usd), None)] for day, usd in theirs.items()}, Reading.CONTROL)]
    answers = [
        DayAnswer(
            day,
            len(days[day]),
            1,
            usd,
            theirs[day],
            None if day in faulty else abs(usd - theirs[day]) <= Decimal("1e-6"),
        )
        for day, usd in sums.items()
    ]
    return _fetch(
        FetchState.COMPLETE,
        window or Window(min(days), max(days)),
        account,
        at,
        pages=[page(body(content), reading, at) for content, reading in contents],
        answers=answers,
        detail=detail or {},
        takes=takes,
    )


def _second(one: dict[str, Any]) -> bool:
    """Whether a line is on the second page: no line may be on both."""
    return sum(str(one["line_item"]).encode()) % 2 == 0


def failed(window: Window, *, account: str = "default", at: datetime = LATER, pages: Sequence[Page] = ()) -> Fetch:
    """A fetch that read `pages` and then failed."""
    return _fetch(
        FetchState.FAILED, window, account, at, pages=list(pages), error_class="server_error", error="answered 500"
    )


def _fetch(
    state: FetchState,
    window: Window,
    account: str,
    at: datetime,
    takes: timedelta = timedelta(seconds=2),
    **fields: Any,
) -> Fetch:
    return Fetch(
        fetch_id=f"fetch-{next(_numbers)}",
        source=SOURCE,
        provider=PROVIDER,
        account=account,
        window=window,
        state=state,
        started_at=at,
        finished_at=at + takes,
        **fields,
    )


def store(warehouse: Warehouse, *made: Fetch) -> None:
    """Store fetches in one commit, as the engine does with those that end together."""
    with warehouse.write() as transaction:
        for fetch in made:
            fetches.store(transaction, fetch)


def look(warehouse: Warehouse, sql: str) -> list[tuple[Any, ...]]:
    """The rows of `sql` in the newest snapshot."""
    with _reader(warehouse.home).current()[1] as cursor:
        return cursor.execute(sql).fetchall()


@lru_cache(maxsize=1)
def _reader(home: Path) -> Snapshots:
    """The reader of the home that was last looked at, since opening a snapshot takes longest."""
    return Snapshots(home)


def packed(text: str) -> str:
    """A body as it is stored, written in SQL."""
    return f"from_hex('{zlib.compress(text.encode()).hex()}')"


def corrupt(warehouse: Warehouse, *statements: str) -> None:
    """Change the store behind the product's back."""
    with warehouse.write() as transaction:
        for sql in statements:
            transaction.execute(sql)


def replace_in_bodies(warehouse: Warehouse, old: str, new: str) -> None:
    """Change text in every stored page behind the product's back."""
    for sha256, body in look(warehouse, "SELECT sha256, body FROM body"):
        text = zlib.decompress(body).decode().replace(old, new)
        corrupt(warehouse, f"UPDATE body SET body = {packed(text)} WHERE sha256 = '{sha256}'")
