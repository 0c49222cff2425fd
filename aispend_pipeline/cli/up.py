"""`aispend up`."""

import sys
from datetime import datetime, timedelta
from pathlib import Path

from aispend_pipeline.alerts.channels import channels
from aispend_pipeline.alerts.drafts import Readership
from aispend_pipeline.cli import doctor, listening, screen
from aispend_pipeline.cli.first_run import GUIDE
from aispend_pipeline.cli.stay import alone, stay
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.errors import UsageError
from aispend_pipeline.settings import CHANNEL_SETTINGS, DOTENV, Settings
from aispend_pipeline.sources import feeds
from aispend_pipeline.warehouse import Warehouse
from aispend_pipeline.warehouse.snapshots import pointer


def up(*, insecure: bool) -> int:
    """Read every hour, watch the caps, tell people and answer questions, until Ctrl-C.

    `insecure` lets everybody read who can reach us, and do in Dagster's UI what they like.
    """
    settings, clock = screen.load_settings(), SystemClock()
    screen.refuse_demo(settings)
    if not (feeds(settings) or settings.budgets()):
        raise UsageError(GUIDE)
    for warning in warnings_of(settings):
        print(f"warning: {warning}", file=sys.stderr, flush=True)
    listening.refuse_open_ui(settings, insecure=insecure)
    with alone(settings.home), listening.listen(settings, insecure=insecure) as listener:
        doctor.before_start(settings, clock)
        fresh = pointer(settings.home) is None
        Warehouse(settings.home, clock).publish_at_start()
        print(next_read(clock.now(), fresh=fresh), flush=True)
        stay(listener, settings, clock, Settings.load, {DOTENV: str(Path(".env").absolute())})
    return 0


def next_read(now: datetime, *, fresh: bool) -> str:
    """When the schedule reads; of a home that is `fresh`, how it is read before."""
    at = f"{now.replace(minute=0) + timedelta(hours=1):%H:%M} UTC"
    return f"nothing was read yet; reads at {at}, or now: aispend ingest" if fresh else f"reads again at {at}"


def warnings_of(settings: Settings) -> list[str]:
    """What will not happen as these settings are, a line each."""
    people = Readership(tuple(channels(settings))).people
    found = {
        f"caps are set, but nobody is told of them; set {CHANNEL_SETTINGS}": bool(settings.scopes()) and not people,
        "ON_HARDCAP_WEBHOOK: what is sent there is not signed; set AISPEND_HOOK_SECRET to `whsec_` and the output of"
        " `openssl rand -base64 32`": settings.on_hardcap_webhook is not None and settings.hook_secret is None,
    }
    return [line for line, wrong in found.items() if wrong]
