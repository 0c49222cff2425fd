"""The body of `GET /status`: it is answered even when there is no snapshot, or none can be opened."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from aispend_pipeline import __version__
from aispend_pipeline.caps.known import newest
from aispend_pipeline.clock import utc_text
from aispend_pipeline.due import Backlog
from aispend_pipeline.errors import StoreError
from aispend_pipeline.health.given_up import given_up
from aispend_pipeline.health.reasons import Kind, Reason, in_order, overall
from aispend_pipeline.health.stores import Looked, Store, look
from aispend_pipeline.health.stores import reasons as store_reasons
from aispend_pipeline.health.totals import totals_of
from aispend_pipeline.log import fault, log
from aispend_pipeline.model import PROVIDERS, FetchState, Window
from aispend_pipeline.names.kept import Attempt, Named, names_read, newest_names
from aispend_pipeline.service import budgets
from aispend_pipeline.service.alerting import NOBODY_KNOWS, watch
from aispend_pipeline.service.answers import drifts, instant
from aispend_pipeline.settings import KEY_SETTINGS, Settings
from aispend_pipeline.sources import feeds
from aispend_pipeline.tick import backlogs_now
from aispend_pipeline.warehouse import Published
from aispend_pipeline.warehouse.drift import RECENT_DAYS, Drift, drift
from aispend_pipeline.warehouse.status import FeedStatus, feed_statuses, same_billing_accounts, same_bills

T = TypeVar("T")


def status(settings: Settings, now: datetime, complaints: Sequence[str] = ()) -> dict[str, Any]:
    """The body of `GET /status`: it is answered whatever is missing, locked, damaged or full, and says so.

    `complaints` are what is wrong with the settings of now, a line each. `health.reasons` has the rule for the word.
    """
    faults: list[Reason] = []
    nothing: list[Looked] = []
    stores = _unless_at_fault(lambda: look(settings, now), nothing, faults)
    state_is_well = all(one.trouble is None for one in stores if one.store is Store.STATE)
    figures = _unless_at_fault(lambda: _figures(settings, now, state_is_well), _Figures(), faults)
    watched = _unless_at_fault(lambda: watch(settings, now), NOBODY_KNOWS, faults)
    stores = [_as_read(one, {Store.SNAPSHOT: figures.unreadable, Store.STATE: watched.unusable}) for one in stores]
    providers = {name: _provider_state(settings, name) for name in PROVIDERS}
    reasons = in_order(
        [
            *store_reasons(stores),
            *faults,
            *(Reason(Kind.UNSET, line) for line in complaints),
            *figures.reasons,
            *_unread(settings, providers),
            *watched.reasons,
            *(Reason(Kind.UNWATCHED, line) for line in given_up(settings.home)),
        ]
    )
    return {
        "status": overall(reasons),
        "reasons": [reason.text for reason in reasons],
        "stores": [_store(one) for one in stores],
        "as_of": figures.published.at if figures.published else None,
        "version": __version__,
        "providers": [{"provider": name, "state": state} for name, state in providers.items()],
        "sources": [_feed(feed, settings, now) for feed in figures.known],
        "accounts": [_account(*one, figures) for one in sorted({(f.provider, f.account) for f in figures.known})],
        "budgets": figures.budgets,
        "drift": drifts(figures.drift),
        **watched.body,
    }


def _unless_at_fault(part: Callable[[], T], otherwise: T, faults: list[Reason]) -> T:
    """What `part` finds; our own mistake in it is one more thing to say, and does not silence the rest."""
    try:
        return part()
    except Exception as error:
        log.error("fault", what="status", **fault(error))
        told = f"part of the status cannot be told ({type(error).__name__}); the log of the service says where"
        faults.append(Reason(Kind.UNUSABLE, told))
        return otherwise


def _as_read(found: Looked, errors: Mapping[Store, StoreError | None]) -> Looked:
    """What a look found, unless it was only found out by reading."""
    error = errors.get(found.store)
    return found if found.detail or error is None else Looked(found.store, error.trouble, str(error))


def _store(of: Looked) -> dict[str, str | None]:
    return {"store": of.store, "state": of.trouble or "ok", "detail": of.detail}


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
    reasons: list[Reason] = field(default_factory=list)
    unreadable: StoreError | None = None


def _figures(settings: Settings, now: datetime, state_is_well: bool) -> _Figures:
    found = _Figures()
    try:
        with newest(settings.home) as (published, cursor):
            found.known = feed_statuses(cursor, feeds(settings))
            found.called, found.attempts = newest_names(cursor), names_read(cursor)
            found.budgets = budgets.shown(cursor, settings)
            found.drift = drift(cursor, _recently(now), newest_only=True)
            lacking = totals_of(settings.home).shortfall(published, cursor, now)
            doubled = [*same_bills(cursor), *same_billing_accounts(found.known)]
            found.reasons += [Reason(Kind.WRONG, line) for line in (*lacking, *doubled)]
            found.reasons += [Reason(Kind.MISSING, line) for line in budgets.complaints(cursor, settings)]
            found.published = published
        found.waits = backlogs_now(settings, now) if state_is_well else ()
    except StoreError as error:
        found.unreadable = error
    found.reasons += _of_feeds(found.known, now, settings.stale_after_seconds)
    found.reasons += [Reason(Kind.WAITS, str(wait)) for wait in found.waits]
    return found


def _of_feeds(known: Sequence[FeedStatus], now: datetime, after_seconds: int) -> list[Reason]:
    """What is wrong with each feed; where all failed at once, nothing is read any more."""
    reasons = [reason for feed in known for reason in feed.reasons(now, after_seconds)]
    if not known or any(feed.state != FetchState.FAILED for feed in known):
        return reasons
    return [Reason(Kind.UNREAD, one.text) if one.kind is Kind.MISSING else one for one in reasons]


def _recently(now: datetime) -> Window:
    return Window(now.date() - timedelta(days=RECENT_DAYS), now.date())


def _unread(settings: Settings, providers: Mapping[str, str]) -> Iterator[Reason]:
    if not feeds(settings) and not settings.budgets():
        yield Reason(Kind.MISSING, f"no provider to read; set {KEY_SETTINGS}")
    for name, state in providers.items():
        if state == "unconfigured":
            yield Reason(Kind.MISSING, f"{name}: switched on but unconfigured; nothing of it is read")


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
