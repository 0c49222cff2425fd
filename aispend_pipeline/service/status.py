"""The body of `GET /status`: it is answered even when there is no snapshot, or none can be opened."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aispend_pipeline import __version__
from aispend_pipeline.caps.known import newest
from aispend_pipeline.clock import utc_text
from aispend_pipeline.due import Backlog
from aispend_pipeline.errors import StoreError
from aispend_pipeline.model import PROVIDERS, Window
from aispend_pipeline.names.kept import Attempt, Named, names_read, newest_names
from aispend_pipeline.service import budgets
from aispend_pipeline.service.alerting import watch
from aispend_pipeline.service.answers import drifts, instant
from aispend_pipeline.settings import KEY_SETTINGS, Settings
from aispend_pipeline.sources import feeds
from aispend_pipeline.tick import backlogs_now
from aispend_pipeline.warehouse import Published
from aispend_pipeline.warehouse.drift import RECENT_DAYS, Drift, drift
from aispend_pipeline.warehouse.status import (
    FeedStatus,
    Health,
    feed_statuses,
    overall,
    same_billing_accounts,
    same_bills,
)


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
