"""Evaluates an installation's caps and sends what is due: what the job `notify` and `aispend alerts dispatch` do."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from aispend_pipeline.alerts.channels import SendLimits, channels, heartbeat
from aispend_pipeline.alerts.dispatch import Dispatcher, Sent
from aispend_pipeline.alerts.drafts import Readership
from aispend_pipeline.alerts.evaluate import Inputs, Movers, evaluate, periods_to_measure
from aispend_pipeline.caps import measure
from aispend_pipeline.caps.incidents import Sign
from aispend_pipeline.caps.ledger import Ledger
from aispend_pipeline.caps.model import NO_VERSION, Event, Measurement, Period, Scope, Version
from aispend_pipeline.caps.outlook import outlook
from aispend_pipeline.caps.policy import Timing
from aispend_pipeline.clock import Clock
from aispend_pipeline.errors import StoreError
from aispend_pipeline.log import log
from aispend_pipeline.settings import Settings
from aispend_pipeline.state.database import state_of
from aispend_pipeline.warehouse.snapshots import pointer


@dataclass
class Notified:
    """What one call said and sent."""

    events: list[Event] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)


def timing_of(settings: Settings) -> Timing:
    """How long things are held back on this installation."""
    return Timing(
        debounce=timedelta(seconds=settings.debounce_seconds),
        remind_soft=timedelta(seconds=settings.remind_soft_seconds) or None,
        remind_hard=timedelta(seconds=settings.remind_hard_seconds) or None,
        hook_hold=timedelta(seconds=settings.hook_hold_seconds),
        settle=timedelta(days=settings.settle_days),
        milestones=settings.milestones,
    )


def inputs_of(settings: Settings, limits: SendLimits, now: datetime) -> Inputs:
    """What an evaluation at `now` is made from. Raises `StoreError`."""
    timing, scopes = timing_of(settings), settings.scopes()
    snapshot = newest_snapshot(settings.home)
    with state_of(settings.home).reading() as connection:
        periods = periods_to_measure(Ledger(connection).standings(now), timing, now)
    accounts = measure.troubles(settings, now)
    return Inputs(
        scopes=scopes,
        measured=_measured(settings, scopes, periods, now),
        timing=timing,
        readership=Readership(tuple(channels(settings, limits)), settings.public_url),
        ingest=None if accounts is None else {one.subject: Sign(one.detail, one.opens) for one in accounts.troubles},
        well=() if accounts is None else accounts.well,
        movers=_movers(settings, now),
        snapshot=snapshot,
    )


def _measured(
    settings: Settings, scopes: Sequence[Scope], periods: Sequence[Period], now: datetime
) -> list[Measurement]:
    """What is known of every scope; with what is expected of the running month, if that is to be told."""
    found = measure.measure(settings, scopes, periods, now)
    if not settings.forecast_alerts:
        return found
    current = Period.of(now.date())
    forecasts = outlook(settings, scopes, current, now)
    return [replace(one, forecast=forecasts.get(one.scope)) if one.period == current else one for one in found]


def _movers(settings: Settings, now: datetime) -> Movers:
    """What moved a scope most, asked once; nothing where that cannot be told: the alert must go out all the same."""
    by_name = {scope.name: scope for scope in settings.scopes()}

    @cache
    def movers(name: str, period: Period) -> list[dict[str, str | None]]:
        try:
            return measure.movers(settings.home, by_name[name], period, now) if name in by_name else []
        except StoreError as error:
            log.warning("movers.unknown", scope=name, error=str(error))
            return []

    return movers


def newest_snapshot(home: Path) -> Version:
    """The newest snapshot; `NO_VERSION` before the first."""
    published = pointer(home)
    return Version(published.store_id, published.seq) if published else NO_VERSION


def notify(
    settings: Settings, clock: Clock, limits: SendLimits | None = None, *, seconds: float | None = None
) -> Notified:
    """Evaluate and send until nothing is due: what a channel's failure makes to say goes out over the others at once.

    What is due is sent even if nothing can be evaluated; then `StoreError` is raised after that. After `seconds`
    nothing more is begun.
    """
    limits = limits or SendLimits()
    until = None if seconds is None else clock.monotonic() + seconds
    done = Notified()
    state = state_of(settings.home)
    dispatcher = Dispatcher(state, channels(settings, limits), clock)
    while True:
        try:
            now, began = clock.now(), clock.monotonic()
            inputs = inputs_of(settings, limits, now)
            events = evaluate(state, inputs, now)
            done.events += events
            figures = {"scopes": len(inputs.scopes), "events": len(events), "seq": inputs.snapshot.seq}
            log.info("caps.evaluated", **figures, seconds=round(clock.monotonic() - began, 3))
        finally:
            sent = dispatcher.dispatch(until=until)
            done.sent += sent
        if not sent or (until is not None and clock.monotonic() >= until):
            break
    if settings.heartbeat_url and inputs.fresh:
        _beat(settings.heartbeat_url.get_secret_value(), limits)
    return done


def _beat(address: str, limits: SendLimits) -> None:
    beaten = asyncio.run(heartbeat(address, limits))
    if beaten.error_class is not None:
        log.warning("heartbeat.failed", error_class=beaten.error_class, status=beaten.http_status)
