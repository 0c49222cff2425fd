"""What `/status` says of caps and alerts: how each cap stands, what waits to be sent, and which channels carry."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aispend_pipeline import money
from aispend_pipeline.alerts.channels import EMAIL, EMAIL_WEBHOOK, HOOK, SLACK, channels
from aispend_pipeline.alerts.drafts import Readership
from aispend_pipeline.alerts.evaluate import CHANNEL, INGEST
from aispend_pipeline.alerts.health import Backlog, backlog, not_carrying
from aispend_pipeline.alerts.look import EVALUATE_EVERY
from aispend_pipeline.caps.incidents import Incident
from aispend_pipeline.caps.ledger import Kept, Ledger
from aispend_pipeline.caps.measure import measure
from aispend_pipeline.caps.model import UNKNOWN, Caps, Measurement, Period, Spent, level_word
from aispend_pipeline.caps.outlook import outlook
from aispend_pipeline.caps.policy import Standing, passed
from aispend_pipeline.clock import utc_text
from aispend_pipeline.errors import StoreError
from aispend_pipeline.forecast.month_end import METHOD, Forecast
from aispend_pipeline.health.reasons import Kind, Reason
from aispend_pipeline.health.stores import PATIENCE_SECONDS
from aispend_pipeline.settings import CHANNEL_SETTINGS, Settings
from aispend_pipeline.state.database import state_of

# Once they were not looked at for three times as long as they should be, nobody looks.
OVERDUE_AFTER = 3 * EVALUATE_EVERY
# A delivery that waits for longer than this is worth a look.
LONG_WAIT = timedelta(minutes=10)
_LIST = "see: aispend alerts list"
_LOOK = "run: aispend up, or aispend alerts dispatch from cron"
_CHANGED = "its caps were changed since it was last looked at"
_A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Watch:
    """What is said of caps and alerts, what of it is not as it should be, and why the state database tells nothing."""

    body: dict[str, Any]
    reasons: list[Reason]
    unusable: StoreError | None = None


@dataclass(frozen=True)
class _Remembered:
    """What the state database holds."""

    standings: Sequence[Kept]
    backlog: Backlog
    incidents: Sequence[Incident]
    errors: Mapping[str, str]  # by channel, why it does not carry
    last_evaluation: datetime | None


_NOTHING = _Remembered((), Backlog(0, None, 0), (), {}, None)

# What is answered where nothing of it can be told.
NOBODY_KNOWS = Watch(
    {
        "caps": [],
        "outbox": None,
        "channels": dict.fromkeys((SLACK, EMAIL, HOOK), UNKNOWN),
        "channel_errors": [],
        "hook_signed": None,
        "incidents": [],
        "last_evaluation_at": None,
    },
    [],
)


def watch(settings: Settings, now: datetime) -> Watch:
    """How caps and alerts are at `now`, even where the state database or the snapshot cannot be read."""
    unusable: StoreError | None = None
    try:
        kept = _remembered(settings.home)
    except StoreError as error:
        kept, unusable = _NOTHING, error
    except OSError as error:
        kept, unusable = _NOTHING, StoreError(f"{settings.home}: {error.strerror}; let this user read it")
    configured = tuple(channels(settings))
    errors = {name: error for name, error in kept.errors.items() if name in configured}
    caps = _caps(settings, kept.standings, now)
    reasons = [
        *([] if unusable else _overdue(settings, kept.last_evaluation, now)),
        *_untold(settings, configured),
        *(_unknown(caps, Period.of(now.date())) if settings.scopes() or configured else ()),
        *_waiting(kept.backlog, now),
        *(Reason(Kind.UNTOLD, f"{name}: failing; {error}") for name, error in errors.items()),
        *(Reason(Kind.MISSING, f"{one.subject}: {one.detail}") for one in kept.incidents if one.kind == INGEST),
    ]
    return Watch(_body(settings, kept, caps, errors, now, known=unusable is None), reasons, unusable)


def _body(
    settings: Settings,
    kept: _Remembered,
    caps: Sequence[Mapping[str, Any]],
    errors: Mapping[str, str],
    now: datetime,
    *,
    known: bool,
) -> dict[str, Any]:
    configured = tuple(channels(settings))
    return {
        "caps": caps,
        "outbox": _outbox(kept.backlog, now) if known else None,
        "channels": _channels(configured, errors, known=known),
        "channel_errors": [{"channel": name, "error": error} for name, error in errors.items()],
        "hook_signed": bool(settings.hook_keys) if HOOK in configured else None,
        "incidents": [_incident(one) for one in kept.incidents],
        "last_evaluation_at": utc_text(kept.last_evaluation) if kept.last_evaluation else None,
    }


def _remembered(home: Path) -> _Remembered:
    """What is kept; nothing where nothing ever was, and no file is made for asking."""
    if not (home / "state.sqlite").exists():
        return _NOTHING
    with state_of(home, PATIENCE_SECONDS).reading() as connection:
        ledger = Ledger(connection)
        of_channels = ledger.newest_incidents(CHANNEL)
        incidents = [*ledger.newest_incidents(INGEST), *of_channels]
        return _Remembered(
            standings=ledger.standings(),
            backlog=backlog(connection),
            incidents=[one for one in incidents if one.closed_at is None],
            errors=not_carrying(connection, of_channels),
            last_evaluation=ledger.last_evaluation(),
        )


def _caps(settings: Settings, standings: Sequence[Kept], now: datetime) -> list[dict[str, Any]]:
    """Every scope of this month and the last one that has a cap, or had one that is still to be told to be gone."""
    current = Period.of(now.date())
    previous = Period.of(current.window.first - _A_DAY)
    kept = {(one.standing.scope, one.standing.period): one for one in standings}
    caps = {scope.name: scope.caps for scope in settings.scopes()}
    caps |= {name: Caps() for name, period in kept if period == current and name not in caps}
    try:
        measured = measure(settings, settings.scopes(), [current, previous], now)
        expected = outlook(settings, settings.scopes(), current, now)
        found, unreadable = {(one.scope, one.period): one for one in measured}, []
    except StoreError as error:
        found, expected, unreadable = {}, {}, [str(error)]
    asked = [
        *((name, current, of) for name, of in caps.items()),
        *((name, period, one.standing.caps) for (name, period), one in kept.items() if period == previous),
    ]
    return [
        _cap(name, period, of, kept.get((name, period)), found.get((name, period)), unreadable)
        | {"forecast": _forecast(expected.get(name) if period == current else None, of)}
        for name, period, of in asked
        if of != Caps() or kept[name, period].standing.alarmed
    ]


def _cap(
    scope: str, period: Period, caps: Caps, kept: Kept | None, found: Measurement | None, unreadable: Sequence[str]
) -> dict[str, Any]:
    """A scope as it was decided last, under the caps of now; its doubts are those of the newest figures."""
    standing = kept.standing if kept else None
    return {
        "scope": scope,
        "period": period.name,
        **_decided(standing, caps, found),
        "soft_usd": money.text_if_known(caps.soft),
        "hard_usd": money.text_if_known(caps.hard),
        "unpriced": list(found.unpriced) if found else [],
        "stale": found.stale if found else bool(kept and kept.stale),
        "unconfirmed": found.unconfirmed if found else bool(kept and kept.unconfirmed),
        "doubts": [*_since_decided(standing, caps), *unreadable, *((*found.holes, *found.doubts) if found else ())],
        "armed": standing.armed.n if standing and standing.armed else None,
        "billed_through": {of: day and day.isoformat() for of, day in found.billed_through.items()} if found else {},
        "basis": dict(found.basis) if found else {},
    }


def _forecast(expected: Forecast | None, caps: Caps) -> dict[str, Any] | None:
    """What the month is expected to come to, and when that reaches each cap; beside what is spent and in no sum."""
    if expected is None:
        return None
    soft, hard = (None if cap is None else expected.hit(cap) for cap in (caps.soft, caps.hard))
    return {
        "expected_usd": money.text_if_known(expected.expected),
        "low_usd": money.text_if_known(expected.low),
        "high_usd": money.text_if_known(expected.high),
        "soft_on": soft and soft.isoformat(),
        "hard_on": hard and hard.isoformat(),
        "filled_days": expected.filled,
        "rests_on_days": expected.rests_on,
        "method": METHOD,
    }


def _decided(standing: Standing | None, caps: Caps, found: Measurement | None) -> dict[str, Any]:
    """Level and total, and what people were told; before the first evaluation only the total can be known.

    What level it is under caps that it was not looked at under is not known either.
    """
    if standing is None:
        never = dict.fromkeys(("announced", "announced_at", "since", "reason"))
        known = found.spent if found and found.read_seq else None
        return {"level": UNKNOWN, **never, **_spent(known)}
    looked = standing.caps == caps
    return {
        "level": level_word(standing.level if looked else None),
        "announced": standing.announced.word,
        "announced_at": utc_text(standing.announced_at) if standing.announced_at else None,
        "since": utc_text(standing.since) if looked else None,
        "reason": standing.reason if looked else None,
        **_spent(None if standing.figure is None else standing.spent),
    }


def _spent(known: Spent | None) -> dict[str, Any]:
    if known is None:
        return dict.fromkeys(("total_usd", "billed_usd", "estimated_usd", "hard_on_estimates"))
    billed = money.EXACT.subtract(known.total, known.estimated)
    return {
        "total_usd": money.text_if_known(known.total),
        "billed_usd": money.text_if_known(billed),
        "estimated_usd": money.text_if_known(known.estimated),
        "hard_on_estimates": known.hard_on_estimates,
    }


def _since_decided(standing: Standing | None, caps: Caps) -> list[str]:
    if standing is None:
        return ["not looked at yet"]
    return [] if standing.caps == caps else [_CHANGED]


def _outbox(waits: Backlog, now: datetime) -> dict[str, Any]:
    since = waits.oldest_since
    return {
        "pending": waits.pending,
        "oldest_pending_seconds": None if since is None else max(int((now - since).total_seconds()), 0),
        "dead": waits.dead,
    }


def _channels(configured: Sequence[str], errors: Mapping[str, str], *, known: bool) -> dict[str, str]:
    """A word for each channel; the mail webhook is one of its own only beside a mail server."""
    names = (SLACK, EMAIL, *(name for name in configured if name == EMAIL_WEBHOOK), HOOK)
    well = "ok" if known else UNKNOWN
    return {name: "unconfigured" if name not in configured else "failing" if name in errors else well for name in names}


def _incident(incident: Incident) -> dict[str, str]:
    return {
        "kind": incident.kind,
        "subject": incident.subject,
        "since": utc_text(incident.opened_at),
        "detail": incident.detail,
    }


def _overdue(settings: Settings, last: datetime | None, now: datetime) -> list[Reason]:
    if not settings.scopes() or not passed(last, OVERDUE_AFTER, now):
        return []
    when = f"last looked at {last:%Y-%m-%d %H:%M} UTC" if last else "never looked at"
    return [Reason(Kind.UNWATCHED, f"the caps were {when}; {_LOOK}")]


def _untold(settings: Settings, configured: Sequence[str]) -> list[Reason]:
    if not settings.scopes() or Readership(configured).people:
        return []
    return [Reason(Kind.UNTOLD, f"caps are set, but nobody is told of them; set {CHANNEL_SETTINGS}")]


def _unknown(caps: Sequence[Mapping[str, Any]], current: Period) -> Iterator[Reason]:
    for cap in caps:
        if cap["level"] == UNKNOWN and cap["period"] == current.name:
            why = next(iter(cap["doubts"]), "the next look at it will tell")
            remedy = f"; {_LOOK}" if why == _CHANGED else ""
            yield Reason(Kind.DOUBTFUL, f"cap of {cap['scope']}: unknown; {why}{remedy}")


def _waiting(waits: Backlog, now: datetime) -> Iterator[Reason]:
    if waits.dead:
        yield Reason(Kind.UNTOLD, f"deliveries given up: {waits.dead}; {_LIST}")
    if waits.oldest_since is not None and now - waits.oldest_since > LONG_WAIT:
        minutes = int((now - waits.oldest_since).total_seconds()) // 60
        yield Reason(Kind.WAITS, f"deliveries that wait: {waits.pending}, the oldest for {minutes} minutes; {_LIST}")
