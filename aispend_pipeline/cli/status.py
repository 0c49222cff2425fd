"""`aispend status` and `aispend config`."""

from typing import Any

from aispend_pipeline.cli import screen
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.service import answers
from aispend_pipeline.warehouse import Snapshots
from aispend_pipeline.warehouse.status import Health


def status() -> int:
    """Say how fresh and how whole the figures are; 1 unless all is well."""
    settings = screen.load_settings()
    body = answers.status(settings, Snapshots(settings.home), SystemClock().now())
    print(f"{body['status']}, as of {body['as_of'] or 'never'}")
    for reason in body["reasons"]:
        print(f"  {reason}")
    if body["sources"]:
        _show(body["sources"])
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


def config() -> int:
    """Print the settings that are set, secrets only as set."""
    for name, value in screen.load_settings().shown().items():
        print(f"{name}={value}")
    return 0
