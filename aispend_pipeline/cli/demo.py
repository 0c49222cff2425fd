"""`aispend demo`: a simulated organisation through the real fetchers, the real runs and the real service."""

import os
import socket
from contextlib import ExitStack
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from aispend_pipeline import money
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.schedules import windows_due
from aispend_pipeline.cli import processes, screen, serve
from aispend_pipeline.cli.ingest import run_windows
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.errors import UsageError
from aispend_pipeline.ingest import start_date
from aispend_pipeline.model import Window
from aispend_pipeline.service.app import create_app
from aispend_pipeline.settings import OURS, Settings
from aispend_pipeline.simulator import organisation
from aispend_pipeline.simulator.openai import openai
from aispend_pipeline.simulator.server import served

DEFAULT_HOME = Path("data") / "demo"
_KEYS = {"sk-admin-demo-default": "default", "sk-admin-demo-eu": "eu"}


def demo(once: bool, home: Path | None) -> int:
    """Run the hourly job against the simulator, show what the service answers; then serve, unless `once`."""
    home = (home or DEFAULT_HOME).absolute()
    _claim(home)
    clock = SystemClock()
    with ExitStack() as stack:
        base = stack.enter_context(served(openai(_KEYS, clock)))
        environment = _environment(home, base)
        settings = Settings.load(environment, dotenv=None)
        listener = None if once else stack.enter_context(serve.listen(settings.host, settings.port))
        print(f"a simulated OpenAI with two accounts is on {base}", flush=True)
        now = clock.now()
        code = run_windows(Installation(settings, clock), windows_due(settings, now))
        service = stack.enter_context(served(create_app(settings, clock)))
        window = Window(start_date(settings, now.date()), now.date())
        _show(service, window)
        code = max(code, _prove(service, window))
        print(f"look at it again: AISPEND_HOME={home} aispend spend")
        if listener is not None:
            _stay(stack, settings, environment, listener)
    return code


def _stay(stack: ExitStack, settings: Settings, environment: dict[str, str], listener: socket.socket) -> None:
    """Serve the answers and Dagster's UI, whose daemon runs the hourly schedule, until Ctrl-C."""
    host, port = settings.dagster_host, settings.dagster_port
    print("starting Dagster", flush=True)
    ui = stack.enter_context(processes.dagster(host, port, environment, settings.home))
    print(f"Dagster's UI: {ui} (log: {settings.home / 'dagster.log'})")
    serve.serve_on(listener, settings, SystemClock())


def _claim(home: Path) -> None:
    """Mark `home` as the demo's own; `UsageError` when it holds anything else."""
    if home.is_dir() and any(home.iterdir()) and not (home / screen.DEMO_MARK).exists():
        raise UsageError(f"{home}: holds data that is not a demo's; choose another folder with --home")
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home / screen.DEMO_MARK).touch()
    except OSError as error:
        raise UsageError(f"{home}: cannot be written ({error.strerror}); choose another folder with --home") from None


def _environment(home: Path, base: str) -> dict[str, str]:
    """The demo's whole environment: of the caller's settings only where to listen is taken over."""
    listening = ("AISPEND_HOST", "AISPEND_PORT", "AISPEND_DAGSTER_HOST", "AISPEND_DAGSTER_PORT")
    kept = {name: os.environ[name] for name in listening if name in os.environ}
    others = dict.fromkeys((name for name in os.environ if name.startswith(OURS)), "")
    keys = {"OPENAI_API_KEY" + ("" if a == "default" else f"__{a.upper()}"): key for key, a in _KEYS.items()}
    own = {"AISPEND_HOME": str(home), "DAGSTER_HOME": str(home / "dagster"), "OPENAI_BASE_URL": f"{base}/v1", **keys}
    return {**others, **kept, **own}


def _spend(service: str, window: Window, group_by: str) -> dict[str, Any]:
    params = {"from": str(window.first), "to": str(window.last), "groupBy": group_by}
    answer: dict[str, Any] = httpx.get(f"{service}/spend", params=params).raise_for_status().json()
    return answer


def _show(service: str, window: Window) -> None:
    answer = _spend(service, window, "account,model")
    title = f"GET /spend?from={window.first}&to={window.last}&groupBy=account,model"
    table = screen.table(title, ["account", "model"], ["USD", "input tokens", "output tokens"])
    for row in answer["rows"]:
        counts = [f"{row[name]:,}" if row[name] is not None else "" for name in ("input_tokens", "output_tokens")]
        table.add_row(row["account"], row["model"] or "unknown", money.on_screen(Decimal(row["cost_usd"])), *counts)
    table.add_section()
    table.add_row("total", "", money.on_screen(Decimal(answer["total_usd"])))
    screen.show(table)


def _prove(service: str, window: Window) -> int:
    """Hold the answer for the days that are over against the simulator's own books; 1 if they differ."""
    closed = Window(window.first, date.fromordinal(window.last.toordinal() - 1))
    answered = _spend(service, closed, "account")["total_usd"]
    now = SystemClock().now()
    billed = money.text(money.add(organisation.total(name, closed.days(), now) for name in organisation.ACCOUNTS))
    same = billed == answered
    verdict = "the same" if same else "NOT THE SAME"
    print(f"{closed}: the simulator billed {billed} USD, GET /spend answers {answered} USD: {verdict}")
    return 0 if same else 1
