"""`aispend status` and `aispend config`."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from aispend_pipeline import money
from aispend_pipeline.cli import screen
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.health.reasons import Health
from aispend_pipeline.service.status import status as status_body
from aispend_pipeline.settings import Settings


def status() -> int:
    """Say how fresh and how whole the figures are, and how the caps stand; 1 unless all is well."""
    settings = screen.load_settings()
    body = status_body(settings, SystemClock().now())
    if screen.is_demo(settings):
        return _demo(settings, body)
    print(f"{body['status']}, as of {body['as_of'] or 'never'}")
    for reason in body["reasons"]:
        screen.say(f"  {reason}")
    if body["sources"]:
        _show(body["sources"])
    if body["budgets"]:
        _show_budgets(body["budgets"])
    if body["caps"]:
        _show_caps(body["caps"])
    if body["caps"] or {*body["channels"].values()} != {"unconfigured"}:
        _show_channels(body)
    return 0 if body["status"] == Health.OK else 1


def _demo(settings: Settings, body: dict[str, Any]) -> int:
    """Only how far a demo's figures go: what follows from settings would follow from others than its own."""
    print(f"as of {body['as_of'] or 'never'}")
    screen.say(f"{screen.of_a_demo(settings)}; its dashboard shows its status while it runs")
    if body["sources"]:
        _show(body["sources"])
    return 0


def _show(sources: list[dict[str, Any]]) -> None:
    brief = screen.console().is_terminal
    names = ["source", "account", "last read", "last fetch", "days from", *([] if brief else ["to"])]
    counts = ["complete", "partial", "failed", "restated"]
    counted = [{**feed["coverage"], "restated": feed["restatements"]} for feed in sources]
    shown = [name for name in counts if not brief or any(of[name] for of in counted)]
    table = screen.table("", names, shown)
    for feed, of in zip(sources, counted, strict=True):
        table.add_row(
            feed["source"],
            feed["account"],
            _instant(feed["last_complete_at"], brief=brief) or "never",
            feed["last_ingest"]["state"] if feed["last_ingest"] else "never",
            of["first_day"] or "",
            *([] if brief else [of["last_day"] or ""]),
            *(str(of[name]) for name in shown),
        )
    screen.show(table)


def _instant(text: str | None, *, brief: bool) -> str:
    """As it is, or its month, day and minute."""
    return f"{datetime.fromisoformat(text):%m-%d %H:%M}" if text and brief else text or ""


def _amount(text: str | None, *, brief: bool) -> str:
    """With every digit, or in cents."""
    return money.on_screen(Decimal(text)) if text and brief else text or ""


def _show_budgets(budgets: list[dict[str, Any]]) -> None:
    table = screen.table("", ["budget", "billing account", "period", "services", "told"], ["set to", "spent", ""])
    for budget in budgets:
        figure = budget["figure"]
        table.add_row(
            budget["name"] + (", deleted" if budget["gone"] else ""),
            budget["billing_account"],
            budget["period"] or "",
            budget["scope"] or "",
            figure["published_at"] if figure else "nothing",
            budget["cap_amount"] or (figure or {}).get("budget_amount") or "",
            figure["amount"] if figure else "",
            budget["currency"] or "",
        )
    screen.show(table)


def _show_caps(caps: list[dict[str, Any]]) -> None:
    brief = screen.console().is_terminal
    names = ["scope", "level", "told"] if brief else ["scope", "month", "level", "since", "told"]
    table = screen.table("", names, ["USD", "estimated", "soft cap", "hard cap"])
    for cap in caps:
        told = f"{cap['announced']} {_instant(cap['announced_at'], brief=brief)}" if cap["announced_at"] else "nothing"
        level = cap["level"] + (", webhook asked to act" if cap["armed"] else "")
        words = [level, told] if brief else [cap["period"], level, cap["since"] or "", told]
        amounts = (_amount(cap[of], brief=brief) for of in ("total_usd", "estimated_usd", "soft_usd", "hard_usd"))
        table.add_row(cap["scope"], *words, *amounts)
    screen.show(table)


def _show_channels(body: dict[str, Any]) -> None:
    words = {**body["channels"]}
    if body["hook_signed"] is False:
        words["hook"] += ", unsigned"
    print("channels: " + "; ".join(f"{name} {word}" for name, word in words.items()))
    outbox = body["outbox"]
    if outbox is not None:
        print(f"deliveries: {outbox['pending']} waiting, {outbox['dead']} given up")


def config() -> int:
    """Print the settings that are set, secrets only as set."""
    for name, value in screen.load_settings().shown().items():
        print(f"{name}={value}")
    return 0
