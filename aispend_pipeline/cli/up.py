"""`aispend up`."""

import sys
from datetime import date, datetime, timedelta
from pathlib import Path

from aispend_pipeline import log
from aispend_pipeline.alerts.channels import channels
from aispend_pipeline.alerts.drafts import Readership
from aispend_pipeline.cli import doctor, listening, screen
from aispend_pipeline.cli.first_run import guide
from aispend_pipeline.cli.processes import Child
from aispend_pipeline.cli.stay import alone, stay
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.due import start_date
from aispend_pipeline.errors import NothingPublished, UsageError
from aispend_pipeline.model import Window
from aispend_pipeline.relay import ADDRESS, received
from aispend_pipeline.settings import CHANNEL_SETTINGS, DOTENV, Settings
from aispend_pipeline.sources import feeds
from aispend_pipeline.warehouse import Warehouse, coverage, snapshots_of

_DOTENV = Path(".env")
# A process of its own: the schedule asks for nothing before the next full hour.
_FIRST_READ = Child("the first read", ("aispend", "ingest"), "the next full hour reads what is missing", once=True)


def up(*, insecure: bool) -> int:
    """Read every hour, watch the caps, tell people and answer questions, until Ctrl-C.

    `insecure` lets everybody read who can reach us, and do in Dagster's UI what they like.
    """
    settings, clock = screen.load_settings(), SystemClock()
    screen.refuse_demo(settings)
    if not (feeds(settings) or settings.budgets()):
        raise UsageError(guide(_DOTENV))
    for warning in warnings_of(settings):
        print(f"warning: {warning}", file=sys.stderr, flush=True)
    listening.refuse_open_ui(settings, insecure=insecure)
    with alone(settings.home), listening.listen(settings, insecure=insecure) as listener:
        doctor.before_start(settings, clock)
        Warehouse(settings.home, clock).publish_at_start()
        fresh = nothing_read(settings, clock.now().date())
        print(next_read(clock.now(), fresh=fresh), flush=True)
        others = [_FIRST_READ] if fresh else []
        with received(log.tell) as relay:
            own = {DOTENV: str(_DOTENV.absolute()), ADDRESS: relay}
            stay(listener, settings, clock, Settings.load, own, others)
    return 0


def nothing_read(settings: Settings, today: date) -> bool:
    """Whether no day of any provider could be read yet; of budgets alone, whether nothing was published."""
    try:
        _, cursor = snapshots_of(settings.home).current()
    except NothingPublished:
        return True
    days = coverage.days_asked_for(cursor, Window(start_date(settings, today), today))
    return bool(feeds(settings)) and not any(day.last_read_at for day in days)


def next_read(now: datetime, *, fresh: bool) -> str:
    """When the schedule reads; of a home that is `fresh`, that it is read before."""
    at = f"{now.replace(minute=0) + timedelta(hours=1):%H:%M} UTC"
    return f"nothing was read yet: reading now, and again at {at}" if fresh else f"reads again at {at}"


def warnings_of(settings: Settings) -> list[str]:
    """What will not happen as these settings are, a line each."""
    people = Readership(tuple(channels(settings))).people
    found = {
        f"caps are set, but nobody is told of them; set {CHANNEL_SETTINGS}": bool(settings.scopes()) and not people,
        "ON_HARDCAP_WEBHOOK: what is sent there is not signed; set AISPEND_HOOK_SECRET to `whsec_` and the output of"
        " `openssl rand -base64 32`": settings.on_hardcap_webhook is not None and settings.hook_secret is None,
    }
    return [line for line, wrong in found.items() if wrong]
