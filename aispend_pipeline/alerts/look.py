"""Whether it is time to evaluate or to send, and how every cap stands, in a line each. It changes nothing."""

from datetime import datetime, timedelta
from typing import NamedTuple

from aispend_pipeline.alerts.channels import channels
from aispend_pipeline.alerts.health import died_since
from aispend_pipeline.alerts.notify import newest_snapshot, timing_of
from aispend_pipeline.alerts.outbox import next_due
from aispend_pipeline.caps.ledger import Ledger
from aispend_pipeline.caps.model import UNKNOWN, Caps, Level, Period
from aispend_pipeline.caps.policy import Standing, Timing
from aispend_pipeline.money import against, on_screen
from aispend_pipeline.settings import Settings
from aispend_pipeline.state.database import state_of

# Caps are looked at at least this often, whether or not anything was read.
EVALUATE_EVERY = timedelta(minutes=10)


class Look(NamedTuple):
    """Why `notify` should run, none if it need not; and how every cap stands."""

    reason: str | None
    lines: list[str]


def look(settings: Settings, now: datetime) -> Look:
    """Look at the ledger and the newest snapshot. Raises `StoreError`."""
    there = channels(settings)
    with state_of(settings.home).reading() as connection:
        ledger = Ledger(connection)
        evaluated, last = ledger.evaluated(), ledger.last_evaluation()
        due = next_due(connection, there, now)
        died = last is not None and died_since(connection, last)
        current = _of_this_month(ledger, now)
    reasons = {
        "new figures": evaluated != newest_snapshot(settings.home),
        "a new month began": bool(settings.scopes()) and not current,
        "caps were changed": _changed(settings, current, bool(there)),
        "a delivery was given up": died,
        "a delivery is due": due is not None and due <= now,
        "the caps were not looked at for ten minutes": last is None or not timedelta(0) <= now - last < EVALUATE_EVERY,
    }
    reason = next((name for name, holds in reasons.items() if holds), None)
    return Look(reason, [told(one, timing_of(settings), now) for one in current if _is_a_cap(one)])


def standings_now(settings: Settings, now: datetime) -> list[Standing]:
    """How every cap of this month stood when it was last looked at. Raises `StoreError`."""
    with state_of(settings.home).reading() as connection:
        return [one for one in _of_this_month(Ledger(connection), now) if _is_a_cap(one)]


def _is_a_cap(standing: Standing) -> bool:
    """Whether there is anything to say of it: of one that was removed there is until that was told."""
    return standing.caps != Caps() or standing.alarmed


def _of_this_month(ledger: Ledger, now: datetime) -> list[Standing]:
    standings = [kept.standing for kept in ledger.standings(now)]
    return [one for one in standings if one.period == Period.of(now.date())]


def _changed(settings: Settings, current: list[Standing], told: bool) -> bool:
    """Whether other caps are set than were looked at last; with neither cap nor channel nothing would come of it."""
    known = {one.scope: one.caps for one in current if one.caps != Caps()}
    set_now = {scope.name: scope.caps for scope in settings.scopes()}
    return known != set_now and (told or bool(set_now))


def told(standing: Standing, timing: Timing, now: datetime) -> str:
    """How a scope stands, what people were told of it, and what comes next."""
    return f"{standing.scope} {_figures(standing)}: {_history(standing, timing, now)}"


def _figures(standing: Standing) -> str:
    """The total against the cap that it has reached, or else the next one."""
    level = standing.level or Level.OK
    about = (
        level if level > Level.OK else next((one for one in (Level.SOFT, Level.HARD) if standing.caps.at(one)), level)
    )
    cap = standing.caps.at(about)
    if standing.figure is None:
        return f"{UNKNOWN}, nothing was read"
    if cap is None:
        return f"{on_screen(standing.total)}, no cap"
    total, limit = against(standing.total, cap)
    estimated = f", {on_screen(standing.estimated)} of it estimated" if standing.estimated else ""
    return f"{total} of {limit} {about.word}{estimated}" + (f", {UNKNOWN}" if standing.level is None else "")


def _history(standing: Standing, timing: Timing, now: datetime) -> str:
    at = standing.announced_at
    if at is None:
        return "nothing to tell"
    said = f"told {standing.announced.word} {_when(at, now)}"
    if standing.level is None:
        return said
    if standing.level < standing.announced:
        return f"{said}, now {standing.level.word}, not told before {_when(at + timing.debounce, now)}"
    wait = timing.remind(standing.announced)
    return said if wait is None else f"{said}, next reminder {_when(at + wait, now)}"


def _when(at: datetime, now: datetime) -> str:
    return f"{at:%H:%M}" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M}"
