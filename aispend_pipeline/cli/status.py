"""`aispend status` and `aispend config`."""

from typing import Any

from aispend_pipeline.cli import screen
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.health.reasons import Health
from aispend_pipeline.service.status import status as status_body


def status() -> int:
    """Say how fresh and how whole the figures are, and how the caps stand; 1 unless all is well."""
    body = status_body(screen.load_settings(), SystemClock().now())
    print(f"{body['status']}, as of {body['as_of'] or 'never'}")
    for reason in body["reasons"]:
        print(f"  {reason}")
    if body["sources"]:
        _show(body["sources"])
    if body["budgets"]:
        _show_budgets(body["budgets"])
    if body["caps"]:
        _show_caps(body["caps"])
    if body["caps"] or {*body["channels"].values()} != {"unconfigured"}:
        _show_channels(body)
    return 0 if body["status"] == Health.OK else 1


def _show(sources: list[dict[str, Any]]) -> None:
    names = ["source", "account", "last read", "last fetch", "days from", "to"]
    table = screen.table("", names, ["complete", "partial", "failed", "restated"])
    for feed in sources:
        coverage = feed["coverage"]
        table.add_row(
            feed["source"],
            feed["account"],
            feed["last_complete_at"] or "never",
            feed["last_ingest"]["state"] if feed["last_ingest"] else "never",
            coverage["first_day"] or "",
            coverage["last_day"] or "",
            *(str(coverage[state]) for state in ("complete", "partial", "failed")),
            str(feed["restatements"]),
        )
    screen.show(table)


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
    table = screen.table("", ["scope", "month", "level", "since", "told"], ["USD", "estimated", "soft cap", "hard cap"])
    for cap in caps:
        table.add_row(
            cap["scope"],
            cap["period"],
            cap["level"] + (", webhook asked to act" if cap["armed"] else ""),
            cap["since"] or "",
            f"{cap['announced']} {cap['announced_at']}" if cap["announced_at"] else "nothing",
            *(cap[amount] or "" for amount in ("total_usd", "estimated_usd", "soft_usd", "hard_usd")),
        )
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
