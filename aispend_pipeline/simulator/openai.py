"""A fake OpenAI: `GET /v1/organization/costs` as documented, errors included, for one organisation a key."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aispend_pipeline.clock import Clock
from aispend_pipeline.model import midnight
from aispend_pipeline.simulator.organisation import Line, lines

_KNOWN = {"start_time", "end_time", "bucket_width", "limit", "page", "group_by", "project_ids", "api_key_ids"}
_GROUPS = ("project_id", "line_item", "api_key_id")


class _Refused(Exception):
    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


def openai(keys: Mapping[str, str], clock: Clock, *, buckets_a_page: int = 7) -> Starlette:
    """The application. `keys` are admin keys with the account of each; pages are never longer than `buckets_a_page`.

    Account `default` writes amounts as numbers and the others as text: both are seen in real answers.
    """

    async def costs(request: Request) -> Response:
        try:
            account = _account(request, keys)
            body = _costs(account, request.query_params, clock.now(), buckets_a_page)
        except _Refused as refused:
            error = {"message": refused.message, "type": "invalid_request_error", "param": None, "code": refused.code}
            return Response(json.dumps({"error": error}), refused.status, media_type="application/json")
        return Response(msgspec.json.encode(body), media_type="application/json")

    return Starlette(routes=[Route("/v1/organization/costs", costs)])


def _account(request: Request, keys: Mapping[str, str]) -> str:
    key = request.headers.get("authorization", "").removeprefix("Bearer ")
    if key not in keys:
        raise _Refused(401, "Incorrect API key provided.", "invalid_api_key")
    return keys[key]


def _costs(account: str, params: QueryParams, now: datetime, buckets_a_page: int) -> dict[str, Any]:
    given = {name.removesuffix("[]") for name in params}
    if given - _KNOWN:
        raise _Refused(400, f"Unknown parameter: '{min(given - _KNOWN)}'.")
    if params.get("bucket_width", "1d") != "1d":
        raise _Refused(400, "Invalid value for 'bucket_width': only '1d' is supported.")
    groups = [*params.getlist("group_by"), *params.getlist("group_by[]")]
    if set(groups) - set(_GROUPS):
        raise _Refused(400, "Invalid value for 'group_by'.")
    limit = _number(params, "limit", 7)
    if not 1 <= limit <= 180:
        raise _Refused(400, "'limit' must be between 1 and 180.")
    projects = {*params.getlist("project_ids"), *params.getlist("project_ids[]")}
    days = _days(params, now)
    start = _offset(params.get("page"))
    size = min(limit, buckets_a_page)
    more = start + size < len(days)
    return {
        "object": "page",
        "data": [_bucket(account, day, groups, projects, now) for day in days[start : start + size]],
        "has_more": more,
        "next_page": _page(start + size) if more else None,
    }


def _days(params: QueryParams, now: datetime) -> list[date]:
    """The days of the buckets that overlap the window, today's included."""
    if "start_time" not in params:
        raise _Refused(400, "Missing required parameter: 'start_time'.")
    start = _instant(params, "start_time", 0)
    end = _instant(params, "end_time", int(now.timestamp()) + 1)
    if end <= start:
        raise _Refused(400, "'end_time' must be after 'start_time'.")
    count = ((end - timedelta(microseconds=1)).date() - start.date()).days + 1
    return [start.date() + timedelta(days=n) for n in range(count)]


def _instant(params: QueryParams, name: str, default: int) -> datetime:
    try:
        return datetime.fromtimestamp(_number(params, name, default), UTC)
    except (ValueError, OverflowError, OSError):
        raise _Refused(400, f"Invalid value for '{name}'.") from None


def _number(params: QueryParams, name: str, default: int) -> int:
    text = params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit():
        raise _Refused(400, f"Invalid type for '{name}': expected an integer.")
    return int(text)


def _page(offset: int) -> str:
    return "page_" + base64.urlsafe_b64encode(str(offset).encode()).decode()


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        return max(0, int(base64.urlsafe_b64decode(cursor.removeprefix("page_"))))
    except ValueError:
        raise _Refused(400, "Invalid 'page'.") from None


def _bucket(account: str, day: date, groups: list[str], projects: set[str], now: datetime) -> dict[str, Any]:
    start = int(midnight(day).timestamp())
    billed = [line for line in lines(account, day, now) if not projects or line.project_id in projects]
    return {
        "object": "bucket",
        "start_time": start,
        "end_time": start + 86400,
        "results": _grouped(account, billed, groups),
    }


def _grouped(account: str, billed: list[Line], groups: list[str]) -> list[dict[str, Any]]:
    sums: dict[tuple[Any, ...], list[Line]] = {}
    for line in billed:
        sums.setdefault(tuple(getattr(line, group) for group in groups), []).append(line)
    return [_result(account, dict(zip(groups, key, strict=True)), of_key) for key, of_key in sums.items()]


def _result(account: str, key: dict[str, str | None], of_key: list[Line]) -> dict[str, Any]:
    amount = f"{sum((line.amount for line in of_key), Decimal(0)):f}"
    by_item = "line_item" in key and all(line.quantity is not None for line in of_key)
    quantity = sum((line.quantity or Decimal(0) for line in of_key), Decimal(0)) if by_item else None
    return {
        "object": "organization.costs.result",
        "amount": {"value": msgspec.Raw(amount.encode()) if account == "default" else amount, "currency": "usd"},
        "line_item": key.get("line_item"),
        "project_id": key.get("project_id"),
        "api_key_id": key.get("api_key_id"),
        "quantity": None if quantity is None else float(quantity),
        "quantity_unit": of_key[0].unit if by_item else None,
    }
