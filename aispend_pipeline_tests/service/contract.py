"""What the service promises of its bodies, written down apart from what the code says of itself."""

from typing import Any

from jsonschema import Draft202012Validator

DIMENSIONS = (
    "hour",
    "day",
    "provider",
    "account",
    "model",
    "project",
    "workspace",
    "api_key",
    "line_item",
    "token_type",
    "service_tier",
    "source",
)
NAMED = ("project", "workspace", "api_key")
OWNED = ("api_key_owner", "api_key_owner_name")
COUNTS = ("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "requests")

_MONEY = {"type": "string", "pattern": r"^-?(0|[1-9][0-9]*)\.[0-9]{2}$|^-?(0|[1-9][0-9]*)\.[0-9]{2,}[1-9]$"}
_MAYBE_MONEY = {"anyOf": [_MONEY, {"type": "null"}]}
_TEXT = {"type": "string"}
_PERHAPS = {"type": ["string", "null"]}
_COUNT = {"type": ["integer", "null"], "minimum": 0}
_DAY = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
_MAYBE_DAY = {"anyOf": [_DAY, {"type": "null"}]}
_INSTANT = {"type": "string", "pattern": "^[0-9-]{10}T[0-9:]{8}Z$"}


def _exactly(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": list(properties), "properties": properties}


def _each(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": schema}


_BUDGET_MONTH = _exactly(
    account=_TEXT,
    billing_account=_TEXT,
    budget=_TEXT,
    month={"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"},
    amount=_MONEY,
    currency={"pattern": "^[A-Z]{3}$"},
    usd={"anyOf": [_MONEY, {"type": "null"}]},
    published_at=_INSTANT,
    label={"const": "budget, Pacific month"},
)


def _schema(group_by: list[str], *, compared: bool) -> dict[str, Any]:
    keys = dict.fromkeys(group_by, _PERHAPS) | {f"{name}_name": _PERHAPS for name in group_by if name in NAMED}
    keys |= dict.fromkeys(OWNED if "api_key" in group_by else (), _PERHAPS)
    usd = ("cost_usd", "estimated_usd", *(("allocated_usd",) if "api_key" in group_by else ()))
    changed = ("previous_cost_usd", "change_usd") if compared else ()
    row = _exactly(**keys, **dict.fromkeys((*usd, *changed), _MAYBE_MONEY), **dict.fromkeys(COUNTS, _COUNT))
    previous = _exactly(
        **{"from": _DAY, "to": _DAY}, total_usd=_MONEY, total_estimated_usd=_MONEY, complete={"type": "boolean"}
    )
    unpriced = {"provider": _TEXT, "account": _TEXT, "service_tier": _PERHAPS, "model": _PERHAPS}
    restated = {"day": _DAY, "source": _TEXT, "account": _TEXT, "provider": _TEXT, "model": _PERHAPS}
    covered = _exactly(
        source=_TEXT,
        account=_TEXT,
        day=_DAY,
        state={"enum": ["complete", "partial", "failed", "not_due"]},
        finality={"enum": ["open", "provisional", "settled", None]},
        last_read_at=_PERHAPS,
        detail={"type": "object"},
    )
    return _exactly(
        **{"from": _DAY, "to": _DAY},
        groupBy={"const": group_by},
        currency={"const": "USD"},
        rows=_each(row),
        truncated={"type": "boolean"},
        total_usd=_MONEY,
        total_estimated_usd=_MONEY,
        unconverted=_each(_exactly(currency={"pattern": "^[A-Z]{3}$"}, amount=_MONEY)),
        unpriced=_each(
            _exactly(
                **unpriced,
                **dict.fromkeys((*COUNTS[:-1], "other_units"), _COUNT),
                why=_TEXT,
                never_billed={"type": "boolean"},
            )
        ),
        not_estimated=_each(_exactly(provider=_TEXT, account=_TEXT, days=_each(_DAY))),
        tokens_from=_each({"enum": ["usage", "costs"]}),
        budget_month_to_date=_each(_BUDGET_MONTH),
        restatements=_each(_exactly(**restated, was_usd=_MONEY, is_usd=_MONEY, at=_INSTANT, fetch_id=_TEXT)),
        coverage=_exactly(complete={"type": "boolean"}, days=_each(covered)),
        as_of=_INSTANT,
        previous=previous if compared else {"type": "null"},
        cursor={"type": ["string", "null"], "pattern": "^[A-Za-z0-9_.-]+$"},
    )


def hold(answer: dict[str, Any], group_by: str, *, compared: bool = False) -> None:
    """The answer is what was promised for a grouping, keys in the order in which they were asked for."""
    names = group_by.split(",")
    Draft202012Validator(_schema(names, compared=compared)).validate(answer)
    assert (answer["cursor"] is not None) == answer["truncated"]
    assert [list(row)[: len(names)] for row in answer["rows"]] == [names] * len(answer["rows"])
    keys = [tuple(row[name] for name in names) for row in answer["rows"]]
    assert len(set(keys)) == len(keys)


_MAYBE_INSTANT = {"anyOf": [_INSTANT, {"type": "null"}]}
_LINES = _each({"type": "string", "pattern": "^[^\n]+$"})
_WORD = {"enum": ["ok", "failing", "unconfigured", "unknown"]}
_FORECAST = _exactly(
    **dict.fromkeys(("expected_usd", "low_usd", "high_usd"), _MONEY),
    **dict.fromkeys(("soft_on", "hard_on"), _MAYBE_DAY),
    filled_days={"type": "integer", "minimum": 0},
    rests_on_days={"type": "integer", "minimum": 3},
    method=_TEXT,
)
_CAP = _exactly(
    scope=_TEXT,
    period={"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"},
    level={"enum": ["unknown", "ok", "soft", "hard"]},
    announced={"enum": ["ok", "soft", "hard", None]},
    announced_at=_MAYBE_INSTANT,
    since=_MAYBE_INSTANT,
    reason=_PERHAPS,
    total_usd=_MAYBE_MONEY,
    billed_usd=_MAYBE_MONEY,
    estimated_usd=_MAYBE_MONEY,
    soft_usd=_MAYBE_MONEY,
    hard_usd=_MAYBE_MONEY,
    unpriced=_LINES,
    stale={"type": "boolean"},
    hard_on_estimates={"type": ["boolean", "null"]},
    unconfirmed={"type": "boolean"},
    doubts=_LINES,
    armed=_COUNT,
    billed_through={"type": "object", "additionalProperties": _MAYBE_DAY},
    basis={"type": "object", "additionalProperties": _TEXT},
    forecast={"anyOf": [_FORECAST, {"type": "null"}]},
)
_OUTBOX = _exactly(pending={"type": "integer"}, oldest_pending_seconds=_COUNT, dead={"type": "integer"})
_CHANNELS = _exactly(slack=_WORD, email=_WORD, hook=_WORD)
_DRIFT = _exactly(
    provider=_TEXT,
    account=_TEXT,
    model=_TEXT,
    day=_DAY,
    settled={"type": "boolean"},
    billed_usd=_MONEY,
    list_usd=_MONEY,
    estimated_usd=_MONEY,
    billed_over_estimated={"type": "string", "pattern": r"^[0-9]+\.[0-9]{4}$"},
    calibration={"type": "string", "pattern": r"^[0-9]+\.[0-9]{6}$"},
)
_STORES = ("disk", "snapshot", "warehouse", "state", "dagster")
_TROUBLES = ("not_made", "missing", "locked", "damaged", "full", "nearly_full", "not_writable", "newer", "older")
_STORE = _exactly(store={"enum": list(_STORES)}, state={"enum": ["ok", *_TROUBLES]}, detail=_PERHAPS)
_WATCH = {
    "status": {"enum": ["ok", "degraded", "failing"]},
    "reasons": _LINES,
    "stores": _each(_STORE),
    "drift": _each(_DRIFT),
    "caps": _each(_CAP),
    "outbox": {"anyOf": [_OUTBOX, {"type": "null"}]},
    "channels": {**_CHANNELS, "properties": {**_CHANNELS["properties"], "email_webhook": _WORD}},
    "channel_errors": _each(_exactly(channel=_TEXT, error=_TEXT)),
    "hook_signed": {"type": ["boolean", "null"]},
    "incidents": _each(_exactly(kind={"enum": ["ingest", "channel"]}, subject=_TEXT, since=_INSTANT, detail=_TEXT)),
    "last_evaluation_at": _MAYBE_INSTANT,
}


def hold_status(answer: dict[str, Any]) -> None:
    """What `/status` says of stores, caps and alerts is what was promised."""
    schema = {"type": "object", "required": list(_WATCH), "properties": _WATCH}
    Draft202012Validator(schema).validate(answer)
    assert [one["store"] for one in answer["stores"]] == [*_STORES]
    assert all((one["state"] == "ok") == (one["detail"] is None) for one in answer["stores"])
    assert {one["channel"] for one in answer["channel_errors"]} == {
        name for name, word in answer["channels"].items() if word == "failing"
    }
