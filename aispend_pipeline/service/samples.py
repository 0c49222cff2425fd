"""What `/status` says and what the newest snapshot has, as samples of the declared metrics: pure. USD, seconds, UTC."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from aispend_pipeline.alerts.evaluate import CHANNEL, INGEST
from aispend_pipeline.caps.model import UNKNOWN, Level
from aispend_pipeline.health.reasons import Health, Kind
from aispend_pipeline.health.stores import Looked, Store
from aispend_pipeline.model import CoverageState, FetchState
from aispend_pipeline.warehouse import Published
from aispend_pipeline.warehouse.fetched import AccountSpend, Fetched, One
from aispend_pipeline.warehouse.status import FeedStatus

LEVELS = (UNKNOWN, *(level.word for level in Level))
BILLED, ESTIMATED = "billed", "estimated"


class Sample(NamedTuple):
    """A value of a metric, by the metric's short name; its labels in the order in which they are declared."""

    name: str
    labels: tuple[str, ...]
    value: float | Decimal


@dataclass(frozen=True)
class Figures:
    """What the newest snapshot has beyond what `/status` says; `asked` is what that was the answer to."""

    asked: Any
    published: Published
    feeds: Sequence[FeedStatus]  # those that ought to be read
    last: Mapping[str, One]  # their newest fetches, by id
    fetched: Sequence[Fetched]
    spend: Sequence[AccountSpend]
    stored_pages: int


def of_status(body: Mapping[str, Any], period: str) -> Iterator[Sample]:
    """What the body of `/status` has of the installation, its caps in `period` (`2026-06`) and its messages."""
    yield Sample("build_info", (body["version"],), 1)
    yield from _one_of("status", (), [word.value for word in Health], body["status"])
    for store in body["stores"]:
        looked = Looked(Store(store["store"]), None if store["state"] == "ok" else store["state"], store["detail"])
        reason = looked.reason()
        yield Sample("store_usable", (store["store"],), reason is None or reason.kind is Kind.WAITS)
    for cap in body["caps"]:
        if cap["period"] == period:
            yield from _of_cap(cap)
    yield from _at("last_evaluation_timestamp_seconds", body["last_evaluation_at"])
    if body["outbox"] is not None:
        yield from _of_state(body)


def _of_cap(cap: Mapping[str, Any]) -> Iterator[Sample]:
    scope = cap["scope"]
    yield from _usd("spend_month_to_date_usd", (scope, BILLED), cap["billed_usd"])
    yield from _usd("spend_month_to_date_usd", (scope, ESTIMATED), cap["estimated_usd"])
    yield from _usd("cap_usd", (scope, "soft"), cap["soft_usd"])
    yield from _usd("cap_usd", (scope, "hard"), cap["hard_usd"])
    yield from _one_of("cap_level", (scope,), LEVELS, cap["level"])
    for bound in ("expected", "low", "high"):
        yield from _usd("forecast_month_end_usd", (scope, bound), (cap["forecast"] or {}).get(f"{bound}_usd"))


def _of_state(body: Mapping[str, Any]) -> Iterator[Sample]:
    """What only the state database knows."""
    outbox = body["outbox"]
    for status in ("pending", "dead"):
        yield Sample("outbox_deliveries", (status,), outbox[status])
    if outbox["oldest_pending_seconds"] is not None:
        yield Sample("outbox_oldest_pending_seconds", (), outbox["oldest_pending_seconds"])
    for channel, word in body["channels"].items():
        if word in ("ok", "failing"):
            yield Sample("channel_failing", (channel,), word == "failing")
    for kind in (INGEST, CHANNEL):
        yield Sample("incidents_open", (kind,), sum(one["kind"] == kind for one in body["incidents"]))


def of_figures(found: Figures, now: datetime, stale_after_seconds: int) -> Iterator[Sample]:
    """What a snapshot has of its feeds, and what was spent."""
    yield from _at("snapshot_timestamp_seconds", found.published.at)
    yield Sample("warehouse_commits_total", (), found.published.seq)
    yield Sample("stored_pages", (), found.stored_pages)
    for account in found.spend:
        of = (account.provider, account.account)
        yield from _usd("account_spend_month_to_date_usd", (*of, BILLED), account.billed)
        yield from _usd("account_spend_month_to_date_usd", (*of, ESTIMATED), account.estimated)
    for feed in found.feeds:
        yield from _of_feed(feed, now, stale_after_seconds)
        last = found.last.get(feed.fetch_id or "")
        if last is not None:
            yield from _of_last(feed, last)
    for one in found.fetched:
        yield from _of_fetched(one)


def _of_feed(feed: FeedStatus, now: datetime, stale_after_seconds: int) -> Iterator[Sample]:
    of = (feed.source, feed.account, feed.provider)
    yield Sample("source_ever_read", of, feed.newest_at is not None)
    yield Sample("source_stale", of, feed.stale(now, stale_after_seconds))
    if feed.newest_at is not None:
        yield Sample("source_freshness_seconds", of, (now - feed.newest_at).total_seconds())
    yield Sample("source_consecutive_failures", of, feed.failed_since)
    yield Sample("quarantined_records", of, feed.quarantined)
    yield Sample("restatements_total", of, feed.restatements)
    days = {
        CoverageState.COMPLETE: feed.complete,
        CoverageState.PARTIAL: feed.partial,
        CoverageState.FAILED: feed.failed,
        CoverageState.NOT_DUE: feed.not_due,
    }
    for state, count in days.items():
        yield Sample("source_coverage", (*of, state.value), count)


def _of_last(feed: FeedStatus, last: One) -> Iterator[Sample]:
    of = (feed.source, feed.account, feed.provider)
    yield from _at("last_fetch_timestamp_seconds", f"{feed.finished_at}Z", of)
    yield Sample("last_fetch_success", of, feed.state == FetchState.COMPLETE)
    yield Sample("last_fetch_duration_seconds", of, last.seconds)
    yield Sample("last_fetch_pages", of, last.pages)


def _of_fetched(one: Fetched) -> Iterator[Sample]:
    of = (one.source, one.account, one.provider)
    if one.state is None:
        yield Sample("ingest_runs_total", of, one.runs)
        return
    yield Sample("fetches_total", (*of, one.state), one.fetches)
    yield Sample("fetch_seconds_total", (*of, one.state), one.seconds)
    yield Sample("fetched_pages_total", (*of, one.state), one.pages)


def _one_of(name: str, labels: tuple[str, ...], words: Sequence[str], word: str) -> Iterator[Sample]:
    """A sample for each word, 1 at the one that holds."""
    return (Sample(name, (*labels, one), one == word) for one in words)


def _usd(name: str, labels: tuple[str, ...], usd: str | Decimal | None) -> Iterator[Sample]:
    if usd is not None:
        yield Sample(name, labels, Decimal(usd))


def _at(name: str, instant: str | None, labels: tuple[str, ...] = ()) -> Iterator[Sample]:
    if instant is not None:
        yield Sample(name, labels, datetime.fromisoformat(instant).timestamp())
