"""Fetches of usage, and of Anthropic's bill, as the engine would hand them over, made from plain figures."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from aispend_pipeline.model import DayAnswer, Fetch, FetchState, Page, Reading, Request, Window, midnight
from aispend_pipeline.normalise.tally import tally
from aispend_pipeline.sources import SOURCES
from aispend_pipeline.warehouse import Warehouse

from .building import LATER, failed

OPENAI_USAGE, ANTHROPIC_USAGE, ANTHROPIC_COSTS = "openai_usage", "anthropic_usage", "anthropic_costs"
Results = Mapping[date, Sequence[dict[str, Any]]]
_numbers = count(1)


def completions(
    model: str | None, input_tokens: object, output_tokens: object, requests: object = 1, **fields: Any
) -> dict[str, Any]:
    """One result of OpenAI's completions; the counts go into the JSON as they are."""
    counts = {"input_tokens": input_tokens, "output_tokens": output_tokens, "num_model_requests": requests}
    return _measured("completions", model, **{"batch": False, "service_tier": "default", **counts, **fields})


def images(model: str | None, n: int, requests: int = 1, **fields: Any) -> dict[str, Any]:
    return _measured("images", model, images=n, num_model_requests=requests, **fields)


def searches(model: str | None, calls: int, requests: int, **fields: Any) -> dict[str, Any]:
    """Calls of web search, and the requests to a model that made them, which `completions` counts too."""
    return _measured("web_searches", model, num_requests=calls, num_model_requests=requests, **fields)


def stored_bytes(n: int) -> dict[str, Any]:
    """What lies in vector stores: a stock."""
    return {"object": "organization.usage.vector_stores.result", "project_id": "proj_1", "usage_bytes": n}


def _measured(kind: str, model: str | None, **fields: Any) -> dict[str, Any]:
    ids = {"project_id": "proj_1", "api_key_id": "key_1", "user_id": None}
    return {"object": f"organization.usage.{kind}.result", "model": model, **ids, **fields}


def messages(model: str | None, uncached: object, output: object, **fields: Any) -> dict[str, Any]:
    """One result of Anthropic's messages usage."""
    caches = {"ephemeral_5m_input_tokens": fields.pop("cache_5m", 0), "ephemeral_1h_input_tokens": 0}
    return {
        "uncached_input_tokens": uncached,
        "cache_read_input_tokens": fields.pop("cached", 0),
        "cache_creation": caches,
        "output_tokens": output,
        "server_tool_use": {"web_search_requests": 0},
        "model": model,
        "workspace_id": None,
        "api_key_id": "apikey_1",
        "service_tier": "standard",
        "context_window": "0-200k",
        **fields,
    }


def charge(cents: str, model: str | None = "claude-sonnet-4-5", token_type: str = "output_tokens", **fields: Any):
    """One result of Anthropic's cost report, US cents."""
    return {
        "currency": "USD",
        "amount": cents,
        "workspace_id": None,
        "description": f"{model} Usage - {token_type}",
        "cost_type": "tokens",
        "model": model,
        "token_type": token_type,
        "service_tier": "standard",
        "context_window": "0-200k",
        **fields,
    }


def used(days: Results, source: str = OPENAI_USAGE, **more: Any) -> Fetch:
    """A complete fetch of usage: the nth result of a day is in its nth hour; OpenAI's kinds have pages of their own."""
    kinds = sorted({one.get("object", "") for results in days.values() for one in results} or {""})
    bodies = [
        _body(source, {day: [one for one in of if one.get("object", "") == kind] for day, of in days.items()})
        for kind in kinds
    ]
    return _complete(source, days, [(Reading.ROWS, body) for body in bodies], **more)


def billed(days: Results, **more: Any) -> Fetch:
    """A complete fetch of Anthropic's costs, and the control that it agrees with."""
    cents = {day: sum((Decimal(str(one["amount"])) for one in of), Decimal(0)) for day, of in days.items()}
    control = {day: [charge(str(sum_), None)] for day, sum_ in cents.items()}
    bodies = [(Reading.ROWS, _body(ANTHROPIC_COSTS, days)), (Reading.CONTROL, _body(ANTHROPIC_COSTS, control))]
    return _complete(ANTHROPIC_COSTS, days, bodies, **more)


def refused(source: str, window: Window, *, account: str = "default", at: datetime = LATER) -> Fetch:
    """A fetch of `source` that failed."""
    made = failed(window, account=account, at=at)
    return replace(made, source=source, provider=SOURCES[source].provider)


def forget_pages(warehouse: Warehouse, source: str) -> None:
    """What expiry does to the pages of `source`."""
    with warehouse.write() as transaction:
        transaction.execute(
            'DELETE FROM page WHERE fetch_id IN (SELECT fetch_id FROM "fetch" WHERE source = ?)', [source]
        )
        transaction.execute("DELETE FROM body WHERE sha256 NOT IN (SELECT body_sha256 FROM page)")


def _body(source: str, days: Results) -> bytes:
    hourly = source != ANTHROPIC_COSTS
    buckets = [
        _bucket(source, midnight(day) + timedelta(hours=hour), timedelta(hours=1) if hourly else timedelta(days=1), of)
        for day, results in days.items()
        for hour, of in enumerate(([one] for one in results) if hourly and results else [results])
    ]
    return json.dumps({"object": "page", "data": buckets, "has_more": False, "next_page": None}).encode()


def _bucket(source: str, start: datetime, width: timedelta, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    if source == OPENAI_USAGE:
        edges: dict[str, object] = {"start_time": int(start.timestamp()), "end_time": int((start + width).timestamp())}
    else:
        edges = {"starting_at": f"{start:%Y-%m-%dT%H:%M:%SZ}", "ending_at": f"{start + width:%Y-%m-%dT%H:%M:%SZ}"}
    return {**edges, "results": list(results)}


def _complete(
    source: str,
    days: Results,
    bodies: Sequence[tuple[Reading, bytes]],
    *,
    window: Window | None = None,
    account: str = "default",
    at: datetime = LATER,
    detail: dict[str, Any] | None = None,
) -> Fetch:
    asked = window or Window(min(days), max(days))
    rows = [body for reading, body in bodies if reading is Reading.ROWS]
    found = tally(((f"/{source}", table) for table in SOURCES[source].normaliser.records(lambda: rows, at)), asked)
    money = SOURCES[source].normaliser.table == "spend"
    answers = [
        DayAnswer(
            day,
            found.rows[day],
            found.pages[day],
            *([found.sums(day).get("USD", Decimal(0))] * 2 + [None if day in found.faulty_days else True])
            if money
            else (),
        )
        for day in sorted(found.days)
    ]
    return Fetch(
        fetch_id=f"{source}-{next(_numbers)}",
        source=source,
        provider=SOURCES[source].provider,
        account=account,
        window=asked,
        state=FetchState.COMPLETE,
        started_at=at,
        finished_at=at + timedelta(seconds=2),
        pages=[Page.received(reading, Request(f"/{source}"), at.astimezone(UTC), body) for reading, body in bodies],
        answers=answers,
        detail=detail or {},
    )
