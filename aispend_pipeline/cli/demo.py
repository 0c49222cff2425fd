"""`aispend demo`: a simulated organisation through the real fetchers, the real runs and the real service."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import date, datetime
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

import httpx

from aispend_pipeline import money
from aispend_pipeline.alerts.notify import notify
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.cli import alerts, caps, ingest, listening, screen
from aispend_pipeline.cli.stay import alone, stay
from aispend_pipeline.clock import Clock, SystemClock
from aispend_pipeline.due import start_date
from aispend_pipeline.errors import UsageError
from aispend_pipeline.model import Window
from aispend_pipeline.service.app import create_app
from aispend_pipeline.settings import OURS, AnthropicAccount, OpenAIAccount, Settings
from aispend_pipeline.settings.accounts import suffix
from aispend_pipeline.simulator import organisation
from aispend_pipeline.simulator.anthropic import anthropic
from aispend_pipeline.simulator.google import environment as environment_of
from aispend_pipeline.simulator.google import google
from aispend_pipeline.simulator.openai import openai
from aispend_pipeline.simulator.scenario import CALM, SCENARIOS, Scenario
from aispend_pipeline.simulator.server import served
from aispend_pipeline.tick import due_now

DEFAULT_HOME = Path("data") / "demo"
_OPENAI = {"sk-admin-demo-default": "default", "sk-admin-demo-eu": "eu"}
_ANTHROPIC = {"sk-ant-admin01-demo-default": "default", "sk-ant-admin01-demo-eu": "eu"}


def demo(once: bool, home: Path | None, scenario_name: str | None) -> int:
    """Run the hourly job against the simulator, show what the service answers; then serve, unless `once`."""
    home = (home or DEFAULT_HOME).absolute()
    clock = SystemClock()
    scenario = _scenario(scenario_name, clock.now())
    _claim(home)
    with ExitStack() as stack:
        if not once:
            stack.enter_context(alone(home))
        simulated = {
            "OpenAI": openai(_OPENAI, clock, scenario=scenario),
            "Anthropic": anthropic(_ANTHROPIC, clock, scenario=scenario),
            "Google": google(organisation.ACCOUNTS, clock, scenario=scenario),
        }
        bases = {name: stack.enter_context(served(app)) for name, app in simulated.items()}
        environment = _environment(home, bases) | _caps(clock.now(), scenario)
        settings = Settings.load(environment, dotenv=None)
        listener = None if once else stack.enter_context(listening.listen(settings))
        places = ", ".join(f"a simulated {name} is on {base}" for name, base in bases.items())
        print(f"{places}; two accounts each", flush=True)
        now = clock.now()
        code = ingest.run(Installation(settings, clock), due_now(settings, now), names=True, budgets=True)
        service = stack.enter_context(served(create_app(settings, clock)))
        window = Window(start_date(settings, now.date()), now.date())
        _show(service, window)
        code = max(code, _prove(service, window, scenario, now))
        _watch(settings, clock)
        print(f"look at it again: AISPEND_HOME={home} aispend spend, or aispend alerts list")
        if listener is not None:
            stay(listener, settings, clock, lambda: settings, environment)
    return code


def _scenario(name: str | None, now: datetime) -> Scenario:
    if name is not None and name not in SCENARIOS:
        raise UsageError(f"--scenario {name!r} is none of {', '.join(SCENARIOS)}")
    return SCENARIOS[name](now) if name else CALM


def _watch(settings: Settings, clock: Clock) -> None:
    """Evaluate the caps once: how they stand, and what people would be told if there were a channel."""
    done = notify(settings, clock)
    caps.show(settings, clock.now())
    alerts.tell_events(done.events)
    screen.say("nobody was told of this: the demo has no channel" if done.events else "nothing new is to be told")


def _claim(home: Path) -> None:
    """Mark `home` as the demo's own; `UsageError` when it holds anything else."""
    if home.is_dir() and any(home.iterdir()) and not (home / screen.DEMO_MARK).exists():
        raise UsageError(f"{home}: holds data that is not a demo's; choose another folder with --home")
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home / screen.DEMO_MARK).touch()
    except OSError as error:
        raise UsageError(f"{home}: cannot be written ({error.strerror}); choose another folder with --home") from None


def _environment(home: Path, bases: Mapping[str, str]) -> dict[str, str]:
    """The demo's whole environment: of the caller's settings only the ports are taken over."""
    kept = {name: os.environ[name] for name in ("AISPEND_PORT", "AISPEND_DAGSTER_PORT") if name in os.environ}
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
    return {**others, **kept, **own, **keys}


def _caps(now: datetime, scenario: Scenario) -> dict[str, str]:
    """Caps of which this month one is reached softly, one hard and one not at all, whatever the day."""
    month = Window(now.date().replace(day=1), now.date())
    totals = {
        provider: money.add(
            organisation.total(provider, account, month.days(), now, scenario)
            for account in organisation.accounts(provider)
        )
        for provider in organisation.PROVIDERS
    }
    return {
        "OPENAI_SOFT_CAP": _about(totals["openai"], "0.8"),
        "OPENAI_HARD_CAP": _about(totals["openai"], "1.2"),
        "ANTHROPIC_SOFT_CAP": _about(totals["anthropic"], "3"),
        "ANTHROPIC_HARD_CAP": _about(totals["anthropic"], "4"),
        "VERTEX_SOFT_CAP": _about(totals["vertex"], "0.95"),
        "VERTEX_HARD_CAP": _about(totals["vertex"], "1.3"),
        "GLOBAL_HARD_CAP": _about(money.add(totals.values()), "0.9"),
    }


def _about(usd: Decimal, part: str) -> str:
    """That part of an amount in two digits, USD; of next to nothing, as on the first of a month, it is a dollar's."""
    return f"{Context(prec=2).multiply(max(usd, Decimal(1)), Decimal(part)):f}"


def _spend(service: str, window: Window, **params: str) -> dict[str, Any]:
    asked = {"from": str(window.first), "to": str(window.last), **params}
    answer: dict[str, Any] = httpx.get(f"{service}/spend", params=asked).raise_for_status().json()
    return answer


def _show(service: str, window: Window) -> None:
    answer = _spend(service, window, groupBy="provider,model")
    title = f"GET /spend?from={window.first}&to={window.last}&groupBy=provider,model"
    table = screen.table(title, ["provider", "model"], ["USD", "input tokens", "output tokens"])
    for row in answer["rows"]:
        usd = "not billed" if row["cost_usd"] is None else money.on_screen(Decimal(row["cost_usd"]))
        counts = [f"{row[name]:,}" if row[name] is not None else "" for name in ("input_tokens", "output_tokens")]
        table.add_row(row["provider"], row["model"] or "unknown", usd, *counts)
    table.add_section()
    table.add_row("total", "", money.on_screen(Decimal(answer["total_usd"])))
    screen.show(table)


def _prove(service: str, window: Window, scenario: Scenario, began: datetime) -> int:
    """Hold the answers for the days that are over against the simulator's own books; 1 if they differ.

    Google's books of such a day still grow: what is answered is what they were when reading `began`, or are now.
    """
    closed = Window(window.first, date.fromordinal(window.last.toordinal() - 1))
    now = SystemClock().now()
    code = 0
    for provider in organisation.PROVIDERS:
        for account in organisation.accounts(provider):
            answer = _spend(service, closed, groupBy="account", provider=provider, account=account)
            told = [
                money.text(organisation.total(provider, account, closed.days(), at, scenario)) for at in (now, began)
            ]
            same = answer["total_usd"] in told
            billed = answer["total_usd"] if same else told[0]
            verdict = "the same" if same else "NOT THE SAME"
            if not answer["coverage"]["complete"]:
                verdict += ", and not every day is read"
            code = max(code, 0 if same else 1)
            figures = f"the simulator billed {billed} USD, GET /spend answers {answer['total_usd']} USD"
            print(f"{closed} {provider} {account}: {figures}: {verdict}")
    return code
