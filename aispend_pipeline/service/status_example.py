"""An example of `GET /status`, for the OpenAPI document. A test holds it to what it is an example of."""

from typing import Any

_WAREHOUSE = (
    "/var/lib/aispend/warehouse.duckdb: is missing; restore it:"
    " cp /var/lib/aispend/snapshots/000000000042-5e738799.duckdb /var/lib/aispend/warehouse.duckdb"
    " && rm -f /var/lib/aispend/warehouse.duckdb.wal"
)
_SLACK = "answered 404: no_service; set SLACK_WEBHOOK_URL to the address that Slack shows now"
_COVERAGE = {"complete": 12, "partial": 0, "failed": 0, "not_due": 0, "open": 1, "provisional": 2, "settled": 9}
_FEED = {
    "account": "default",
    "provider": "openai",
    "last_complete_at": "2026-06-12T13:20:00Z",
    "stale": False,
    "consecutive_failures": 0,
    "coverage": {"first_day": "2026-06-01", "last_day": "2026-06-12", **_COVERAGE},
    "quarantined": 0,
    "restatements": 0,
}


def _ingest(fetch_id: str) -> dict[str, str | None]:
    at = "2026-06-12T13:20:00Z"
    return {"fetch_id": fetch_id, "state": "complete", "at": at, "error_class": None, "error": None}


STATUS: dict[str, Any] = {
    "status": "failing",
    "reasons": [_WAREHOUSE, "deliveries given up: 1; see: aispend alerts list", f"slack: failing; {_SLACK}"],
    "stores": [
        {"store": "disk", "state": "ok", "detail": None},
        {"store": "snapshot", "state": "ok", "detail": None},
        {"store": "warehouse", "state": "missing", "detail": _WAREHOUSE},
        {"store": "state", "state": "ok", "detail": None},
        {"store": "dagster", "state": "ok", "detail": None},
    ],
    "as_of": "2026-06-12T13:20:04Z",
    "version": "0.1.0",
    "providers": [
        {"provider": "openai", "state": "on"},
        {"provider": "anthropic", "state": "off"},
        {"provider": "vertex", "state": "off"},
    ],
    "sources": [
        {"source": "openai_costs", "last_ingest": _ingest("20260612T132000-95ab7b9207e4"), **_FEED},
        {"source": "openai_usage", "last_ingest": _ingest("20260612T132001-b08c2cc0eb34"), **_FEED},
    ],
    "accounts": [
        {
            "provider": "openai",
            "account": "default",
            "organization_id": "org-example",
            "organization_name": "Example",
            "names_last_read_at": "2026-06-12T08:00:00Z",
            "names_error": None,
            "waiting_days": 0,
            "waiting_done_at": None,
        }
    ],
    "budgets": [],
    "drift": [],
    "caps": [
        {
            "scope": "openai",
            "period": "2026-06",
            "level": "soft",
            "announced": "soft",
            "announced_at": "2026-06-12T13:20:10Z",
            "since": "2026-06-12T13:20:10Z",
            "reason": "spend",
            "total_usd": "84.00",
            "billed_usd": "81.50",
            "estimated_usd": "2.50",
            "hard_on_estimates": True,
            "soft_usd": "80.00",
            "hard_usd": "100.00",
            "unpriced": [],
            "stale": False,
            "unconfirmed": False,
            "doubts": [],
            "armed": None,
            "billed_through": {"openai": "2026-06-12"},
            "basis": {},
            "forecast": {
                "expected_usd": "210.00",
                "low_usd": "147.00",
                "high_usd": "336.00",
                "soft_on": None,
                "hard_on": "2026-06-15",
                "filled_days": 0,
                "rests_on_days": 11,
                "method": "Each weekday is expected to cost what it usually does ...",
            },
        }
    ],
    "outbox": {"pending": 0, "oldest_pending_seconds": None, "dead": 1},
    "channels": {"slack": "failing", "email": "ok", "hook": "unconfigured"},
    "channel_errors": [{"channel": "slack", "error": _SLACK}],
    "hook_signed": None,
    "incidents": [
        {"kind": "channel", "subject": "slack", "since": "2026-06-12T13:30:00Z", "detail": _SLACK},
    ],
    "last_evaluation_at": "2026-06-12T13:30:00Z",
}
