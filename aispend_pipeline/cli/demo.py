"""`aispend demo`: a simulated organisation through the real fetchers, the real runs and the real service."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from aispend_pipeline.alerts.notify import notify
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.cli import alerts, caps, demo_proof, ingest, screen
from aispend_pipeline.cli.living_demo import live
from aispend_pipeline.cli.telling import STORY, Telling
from aispend_pipeline.clock import Clock, SystemClock, utc_text
from aispend_pipeline.due import start_date
from aispend_pipeline.errors import UsageError
from aispend_pipeline.model import Window
from aispend_pipeline.service.app import create_app
from aispend_pipeline.settings import OURS, AnthropicAccount, OpenAIAccount, Settings
from aispend_pipeline.settings.accounts import suffix
from aispend_pipeline.simulator import organisation, story
from aispend_pipeline.simulator.anthropic import anthropic
from aispend_pipeline.simulator.google import environment as environment_of
from aispend_pipeline.simulator.google import google
from aispend_pipeline.simulator.openai import openai
from aispend_pipeline.simulator.scenario import Scenario
from aispend_pipeline.simulator.server import served
from aispend_pipeline.tick import due_now
from aispend_pipeline.warehouse import folder

DEFAULT_HOME = Path("data") / "demo"
_OPENAI = {"sk-admin-demo-default": "default", "sk-admin-demo-eu": "eu"}
_ANTHROPIC = {"sk-ant-admin01-demo-default": "default", "sk-ant-admin01-demo-eu": "eu"}


def demo(once: bool, home: Path | None, scenario_name: str | None) -> int:
    """Read what the simulator tells, and show and prove it: `once`, or again and again while one watches."""
    home, clock = (home or DEFAULT_HOME).absolute(), SystemClock()
    now = clock.now()
    telling = Telling.of(scenario_name, now)
    since = _claim(home, now)
    telling = replace(telling, since=since) if telling.name == STORY else telling
    scenario = telling.scenario
    if once and scenario_name is None:  # what nobody watches is calm
        scenario = replace(scenario, troubles=())
    with ExitStack() as stack:
        simulated = {
            "OpenAI": openai(_OPENAI, clock, scenario=scenario),
            "Anthropic": anthropic(_ANTHROPIC, clock, scenario=scenario),
            "Google": google(organisation.ACCOUNTS, clock, scenario=scenario),
        }
        bases = {name: stack.enter_context(served(app)) for name, app in simulated.items()}
        first_look = max(telling.since, now.replace(day=1, hour=0, minute=0, second=0, microsecond=0))
        environment = _environment(home, bases) | story.caps(first_look, scenario)
        if not once:
            return live(home, environment, clock, telling)
        places = ", ".join(f"a simulated {name} is on {base}" for name, base in bases.items())
        print(f"{places}; two accounts each", flush=True)
        return _once(Settings.load(environment, dotenv=None), clock, scenario)


def _once(settings: Settings, clock: Clock, scenario: Scenario) -> int:
    """The hourly job, here and now, and what comes of it; 1 if anything is not whole, or not what was billed."""
    began = clock.now()
    code = ingest.run(Installation(settings, clock), due_now(settings, began), names=True, budgets=True)
    window = Window(start_date(settings, began.date()), began.date())
    with served(create_app(settings, clock)) as service:
        demo_proof.show(service, window)
        held = demo_proof.hold(service, window, scenario, began, clock.now())
    for one in held:
        print(one.line)
    _watch(settings, clock)
    print(f"look at it again: AISPEND_HOME={settings.home} aispend spend, or aispend alerts list")
    return max(code, 0 if all(one.same for one in held) else 1)


def _watch(settings: Settings, clock: Clock) -> None:
    """Evaluate the caps once: how they stand, and what people would be told if there were a channel."""
    done = notify(settings, clock)
    caps.show(settings, clock.now())
    alerts.tell_events(done.events)
    screen.say("nobody was told of this: the demo has no channel" if done.events else "nothing new is to be told")


def _claim(home: Path, now: datetime) -> datetime:
    """Mark `home` as the demo's own, and say since when it is; `UsageError` when it holds anything else."""
    mark = home / screen.DEMO_MARK
    if home.is_dir() and any(home.iterdir()) and not mark.exists():
        raise UsageError(f"{home}: holds data that is not a demo's; choose another folder with --home")
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not mark.exists():
            folder.write_durably(mark, utc_text(now))
        return datetime.fromisoformat(mark.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{home}: cannot be written ({error.strerror}); choose another folder with --home") from None
    except ValueError:
        raise UsageError(f"{home}: holds an older demo; remove it, or choose another folder with --home") from None


def _environment(home: Path, bases: Mapping[str, str]) -> dict[str, str]:
    """The demo's whole environment: of the caller's settings none is taken over."""
    others = dict.fromkeys((name for name in os.environ if name.startswith(OURS)), "")
    keys = environment_of(bases["Google"], organisation.ACCOUNTS) | {
        kind.made_by[0] + suffix(account): key
        for kind, accounts in ((OpenAIAccount, _OPENAI), (AnthropicAccount, _ANTHROPIC))
        for key, account in accounts.items()
    }
    own = {
        "AISPEND_HOME": str(home),
        "DAGSTER_HOME": str(home / "dagster"),
        "OPENAI_BASE_URL": f"{bases['OpenAI']}/v1",
        "ANTHROPIC_BASE_URL": bases["Anthropic"],
    }
    return {**others, **own, **keys}
