"""Answers as the JSON that HTTP and `aispend spend --format json` give: money as text, unknown as null."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson

from aispend_pipeline import __version__, money
from aispend_pipeline.caps.known import newest
from aispend_pipeline.clock import utc_text
from aispend_pipeline.due import Backlog
from aispend_pipeline.errors import StoreError
from aispend_pipeline.model import PROVIDERS, Window
from aispend_pipeline.names.kept import Attempt, Named, names_read, newest_names
from aispend_pipeline.service import budgets
from aispend_pipeline.service.alerting import watch
from aispend_pipeline.settings import KEY_SETTINGS, Settings
from aispend_pipeline.sources import feeds
from aispend_pipeline.tick import backlogs_now
from aispend_pipeline.warehouse import Published
from aispend_pipeline.warehouse.coverage import Day
from aispend_pipeline.warehouse.drift import RECENT_DAYS, Drift, drift
from aispend_pipeline.warehouse.pages import StoredPage
from aispend_pipeline.warehouse.reads import Answer, NotEstimated, Question, Restatement, Row, Unpriced
from aispend_pipeline.warehouse.status import (
    FeedStatus,
    Health,
    feed_statuses,
    overall,
    same_billing_accounts,
    same_bills,
)


def spend(question: Question, answer: Answer, published: Published) -> dict[str, Any]:
    """The body of `GET /spend`."""
    return {
        "from": question.window.first.isoformat(),
        "to": question.window.last.isoformat(),
        "groupBy": list(question.group_by),
        "currency": "USD",
        "rows": [_row(row) for row in answer.rows],
        "truncated": answer.truncated,
        "total_usd": money.text(answer.total_usd),
        "total_estimated_usd": money.text(answer.total_estimated_usd),
        "unconverted": [
            {"currency": currency, "amount": money.text(amount)} for currency, amount in answer.unconverted
        ],
        "unpriced": [_unpriced(used) for used in answer.unpriced],
        "not_estimated": [_not_estimated(silent) for silent in answer.not_estimated],
        "tokens_from": answer.tokens_from,
        "budget_month_to_date": [budgets.month_to_date(of) for of in answer.budgets],
        "restatements": [restatement(change) for change in answer.restatements],
        "coverage": {"complete": answer.complete, "days": [_day(day) for day in answer.coverage]},
        "as_of": published.at,
    }


def _row(row: Row) -> dict[str, Any]:
    keys = {name: _key(value) for name, value in row.keys.items()}
    names = {f"{dimension}_name": name for dimension, name in row.names.items()}
    usd = {"cost_usd": money.text_if_known(row.usd), "estimated_usd": money.text_if_known(row.estimated_usd)}
    if "api_key" in row.keys:
        usd["allocated_usd"] = money.text_if_known(row.allocated_usd)
    return {**keys, **names, **usd, **row.counts}


def _key(value: date | datetime | str | None) -> str | None:
    if isinstance(value, datetime):
        return instant(value)
    return value if value is None or isinstance(value, str) else value.isoformat()


def _not_estimated(silent: NotEstimated) -> dict[str, Any]:
    return {"provider": silent.provider, "account": silent.account, "days": [day.isoformat() for day in silent.days]}


def _unpriced(used: Unpriced) -> dict[str, Any]:
    return {
        name: value if value is None or isinstance(value, str | bool) else int(value)
        for name, value in used._asdict().items()
    }


def restatement(change: Restatement) -> dict[str, Any]:
    """A day that became another sum."""
    return {
        "day": change.day.isoformat(),
        "source": change.source,
        "account": change.account,
        "provider": change.provider,
        "model": change.model,
        "was_usd": money.text(change.was_usd),
        "is_usd": money.text(change.is_usd),
        "at": instant(change.at),
    }


def _day(day: Day) -> dict[str, Any]:
    return {
        "source": day.source,
        "account": day.account,
        "day": day.day.isoformat(),
        "state": day.state,
        "finality": day.finality,
        "last_read_at": instant(day.last_read_at),
        "detail": {**day.detail, "half_read": True} if day.half_read else day.detail,
    }


def pages(found: Sequence[StoredPage], cursor: str | None) -> dict[str, Any]:
    """The body of `GET /providers/{name}/raw`; payloads are the bytes that came, where those are JSON."""
    return {"items": [_page(page) for page in found], "cursor": cursor}


def _page(page: StoredPage) -> dict[str, Any]:
    return {
        "id": page.page_id,
        "provider": page.provider,
        "source": page.source,
        "account": page.account,
        "fetched_at": instant(page.fetched_at),
        "window": {"from": page.window.first.isoformat(), "to": page.window.last.isoformat()},
        "request": orjson.Fragment(page.request),
        "payload": _payload(page.body),
    }


def _payload(body: str) -> orjson.Fragment | str:
    """The page itself; one that holds a bare NaN is no JSON and is given as text."""
    text = body.removeprefix("\ufeff")
    if "NaN" in text or "Infinity" in text:
        try:
            orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
    return orjson.Fragment(text)


def drifts(held: Sequence[Drift]) -> list[dict[str, Any]]:
    """How good estimates were, for JSON."""
    return [
        {
            "provider": one.provider,
            "account": one.account,
            "model": one.model,
            "day": one.day.isoformat(),
            "settled": one.settled,
            "billed_usd": money.text(one.billed_usd),
            "list_usd": money.text(one.list_usd),
            "estimated_usd": money.text(one.estimated_usd),
            "billed_over_estimated": str(one.ratio),
            "calibration": str(one.calibration),
        }
        for one in held
    ]


def status(settings: Settings, now: datetime, complaints: Sequence[str] = ()) -> dict[str, Any]:
    """The body of `GET /status`: it is answered even when there is no snapshot, or none can be opened.

    `complaints` are further things that are not as they should be, a line each.
    """
    figures, watched = _figures(settings, now), watch(settings, now)
    providers = {name: _provider_state(settings, name) for name in PROVIDERS}
    said = [*complaints, *figures.complaints, *_unread(settings, providers)]
    for feed in figures.known:
        said += feed.complaints(now, settings.stale_after_seconds)
    reasons = list(dict.fromkeys([*said, *map(str, figures.waits), *watched.complaints]))
    nothing = figures.published is None or watched.failing
    return {
        "status": Health.FAILING if nothing else overall(figures.known, reasons),
        "reasons": reasons,
        "as_of": figures.published.at if figures.published else None,
        "version": __version__,
        "providers": [{"provider": name, "state": state} for name, state in providers.items()],
        "sources": [_feed(feed, settings, now) for feed in figures.known],
        "accounts": [_account(*one, figures) for one in sorted({(f.provider, f.account) for f in figures.known})],
        "budgets": figures.budgets,
        "drift": drifts(figures.drift),
        **watched.body,
    }


@dataclass
class _Figures:
    """What is known of the figures from the newest snapshot, if it can be read."""

    published: Published | None = None
    known: Sequence[FeedStatus] = ()
    called: Mapping[Named, str] = field(default_factory=dict)
    attempts: Sequence[Attempt] = ()
    waits: Sequence[Backlog] = ()
    budgets: Sequence[dict[str, Any]] = ()
    drift: Sequence[Drift] = ()
    complaints: list[str] = field(default_factory=list)


def _figures(settings: Settings, now: datetime) -> _Figures:
    found = _Figures()
    try:
        with newest(settings.home) as (published, cursor):
            found.known = feed_statuses(cursor, feeds(settings))
            found.called, found.attempts = newest_names(cursor), names_read(cursor)
            found.budgets = budgets.shown(cursor, settings)
            found.drift = drift(cursor, _recently(now), newest_only=True)
            found.complaints += [*same_bills(cursor), *same_billing_accounts(found.known)]
            found.complaints += budgets.complaints(cursor, settings)
            found.published = published
        found.waits = backlogs_now(settings, now)
    except StoreError as error:
        found.complaints.append(str(error))
    return found


def _recently(now: datetime) -> Window:
    return Window(now.date() - timedelta(days=RECENT_DAYS), now.date())


def _unread(settings: Settings, providers: Mapping[str, str]) -> Iterator[str]:
    if not feeds(settings) and not settings.budgets():
        yield f"no provider to read; set {KEY_SETTINGS}"
    for name, state in providers.items():
        if state == "unconfigured":
            yield f"{name}: switched on but unconfigured; nothing of it is read"


def _account(provider: str, account: str, figures: _Figures) -> dict[str, Any]:
    """An account as its provider calls it, how its names were read, and what waits for its call budget."""
    own = next((named for named in figures.called if named[:3] == (provider, account, "organization")), None)
    billing = next((f.billing_account for f in figures.known if (f.provider, f.account) == (provider, account)), None)
    attempt = next((a for a in figures.attempts if (a.provider, a.account) == (provider, account)), None)
    backlog = next((w for w in figures.waits if (w.provider, w.account) == (provider, account)), None)
    return {
        "provider": provider,
        "account": account,
        "organization_id": own.id if own else billing,
        "organization_name": figures.called[own] if own else None,
        "names_last_read_at": instant(attempt.last_read_at) if attempt else None,
        "names_error": attempt.error if attempt else None,
        "waiting_days": backlog.days if backlog else 0,
        "waiting_done_at": utc_text(backlog.done_at) if backlog and backlog.done_at else None,
    }


def _provider_state(settings: Settings, provider: str) -> str:
    if not settings.enabled(provider):
        return "off"
    of_budgets = {account.provider for account in settings.budgets()}
    read = {of for _, _, of in feeds(settings)} | of_budgets
    return "on" if provider in read else "unconfigured"


def _feed(feed: FeedStatus, settings: Settings, now: datetime) -> dict[str, Any]:
    asked = feed.state is not None
    return {
        "source": feed.source,
        "account": feed.account,
        "provider": feed.provider,
        "last_ingest": {
            "fetch_id": feed.fetch_id,
            "state": feed.state,
            "at": instant(feed.finished_at),
            "error_class": feed.error_class,
            "error": feed.error,
        }
        if asked
        else None,
        "last_complete_at": instant(feed.last_complete_at),
        "stale": feed.stale(now, settings.stale_after_seconds),
        "consecutive_failures": feed.failed_since,
        "coverage": {
            "first_day": feed.first_day.isoformat() if feed.first_day else None,
            "last_day": feed.last_day.isoformat() if feed.last_day else None,
            "complete": feed.complete,
            "partial": feed.partial,
            "failed": feed.failed,
            "not_due": feed.not_due,
            "open": feed.open,
            "provisional": feed.provisional,
            "settled": feed.settled,
        },
        "quarantined": feed.quarantined,
        "restatements": feed.restatements,
    }


def instant(at: datetime | None) -> str | None:
    """A stored instant (UTC, without zone) as text."""
    return None if at is None else utc_text(at.replace(tzinfo=UTC))
