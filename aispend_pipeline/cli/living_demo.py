"""The demo while one watches: the dashboard, an inbox, Dagster, and a reader that goes on from minute to minute."""

import base64
import html
import logging
import os
import secrets
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from aispend_pipeline.cli import listening
from aispend_pipeline.cli.processes import Child
from aispend_pipeline.cli.stay import alone, stay
from aispend_pipeline.cli.telling import STORY, Telling
from aispend_pipeline.clock import Clock, utc_text
from aispend_pipeline.settings import Settings
from aispend_pipeline.settings.values import hook_keys
from aispend_pipeline.simulator import story
from aispend_pipeline.simulator.inbox import Inbox, Message
from aispend_pipeline.simulator.server import served
from aispend_pipeline.warehouse import Warehouse

INBOX_PORT = 8025
_READER = "aispend_pipeline.cli.demo_reading"


def live(home: Path, environment: Mapping[str, str], clock: Clock, telling: Telling) -> int:
    """Show, tell and read until Ctrl-C; `environment` has the simulated providers and the caps. Always 0."""
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    usual = Settings.load({}, dotenv=None)
    own = {
        **environment,
        "AISPEND_PORT": _port("AISPEND_PORT", usual.port, "the dashboard"),
        "AISPEND_DAGSTER_PORT": _port("AISPEND_DAGSTER_PORT", usual.dagster_port, "Dagster's UI"),
        "AISPEND_ANTHROPIC_CALLS_PER_HOUR": "100000",  # the simulated one has no quota
        "AISPEND_HOOK_SECRET": secret,
        "ADMIN_TOKEN": secrets.token_hex(16),
    }
    with ExitStack() as stack:
        stack.enter_context(alone(home))
        settings = Settings.load(own, dotenv=None)
        listener = stack.enter_context(listening.listen(settings))
        listening.bound(settings.dagster_host, settings.dagster_port, "AISPEND_DAGSTER_PORT").close()
        inbox = Inbox(clock, hook_keys(secret), _arrived)
        receives = stack.enter_context(served(inbox.app(), _free(INBOX_PORT, "the inbox")))
        service = listening.address(listener)
        own |= {
            "AISPEND_PORT": service.rpartition(":")[2],
            "AISPEND_PUBLIC_URL": service,
            "SLACK_WEBHOOK_URL": f"{receives}/slack",
            "ALERT_EMAIL_WEBHOOK": f"{receives}/mail",
            "ON_HARDCAP_WEBHOOK": f"{receives}/hook",
        }
        settings = Settings.load(own, dotenv=None)
        _introduce(service, receives, own["ADMIN_TOKEN"], telling)
        Warehouse(home, clock).publish_at_start()
        stay(listener, settings, clock, lambda: settings, own, [_reader(service, clock, telling)], logging.WARNING)
    return 0


def _port(setting: str, usual: int, what: str) -> str:
    """What is set, or a port that is free."""
    return os.environ.get(setting) or str(_free(usual, what))


def _free(usual: int, what: str) -> int:
    """The usual port, or else the next one that is free, which is said."""
    port = listening.next_free(usual)
    if port != usual:
        print(f"port {usual} is taken, so that {what} is on {port}", flush=True)
    return port


def _introduce(service: str, inbox: str, token: str, telling: Telling) -> None:
    """One line per address, and what there will be to see."""
    print(
        "a simulated organisation, with two accounts each at OpenAI, Anthropic and Google; nothing leaves this machine"
    )
    print(f"dashboard: {service}/ (its ADMIN_TOKEN: {token})")
    print(f"inbox: {inbox}/ (Slack messages, mail and the signed webhook arrive there)", flush=True)
    if telling.name == STORY:
        print(f"the story, which is told once, since {utc_text(telling.since)}:")
        for line in story.told(telling.since):
            print(f"  {line}", flush=True)


def _reader(service: str, clock: Clock, telling: Telling) -> Child:
    arguments = (service, telling.name, telling.since.isoformat(), clock.now().isoformat())
    command = (sys.executable, "-W", "ignore", "-m", _READER, *arguments)
    return Child("the demo's reader", command, "nothing new is read", shown=True)


def _arrived(message: Message) -> None:
    print(f"inbox: {message.channel}: {html.unescape(message.headline)}", flush=True)
