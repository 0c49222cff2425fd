"""How the fake Anthropic is asked and answers: keys, headers, parameters, pages, limits and errors, as documented."""

import itertools
import json
import math
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aispend_pipeline.clock import Clock, utc_text
from aispend_pipeline.simulator.buckets import WIDTHS, Bucket, Buckets, cursor, offset_of
from aispend_pipeline.simulator.scenario import Scenario

# The most buckets a page may hold and how many it holds unless told, by width.
USAGE_LIMITS = {"1d": (31, 7), "1h": (168, 24), "1m": (1440, 60)}
COST_LIMITS = {"1d": (31, 7)}
OVER_LIMIT = "This request would exceed your organization's rate limit."
_HOUR = timedelta(hours=1)
_NEVER = datetime.max.replace(tzinfo=UTC)
_request_numbers = itertools.count(1)


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, kind: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.kind, self.message, self.headers = status, kind, message, headers or {}


def invalid(message: str) -> Refused:
    """The refusal of a bad parameter."""
    return Refused(400, "invalid_request_error", message)


@dataclass(frozen=True)
class Asked:
    """One question of one account."""

    account: str
    params: QueryParams
    headers: Mapping[str, str]
    now: datetime
    scenario: Scenario
    buckets_a_page: int | None

    def only(self, known: Collection[str]) -> None:
        """Refuse a parameter that is not `known`; arrays are spelt with brackets."""
        unknown = set(self.params) - set(known)
        if unknown:
            raise invalid(f"{min(unknown)}: Extra inputs are not permitted")

    def limit(self, most: int, default: int) -> int:
        """How many a page may hold."""
        text = self.params.get("limit", str(default))
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
            raise invalid(f"limit: Input should be a whole number from 1 to {most}")
        return int(text)

    def page(
        self,
        limits: Mapping[str, tuple[int, int]],
        results: Callable[[Bucket], list[Any] | None],
        until: datetime = _NEVER,
    ) -> dict[str, Any]:
        """One page of the buckets that overlap the window before `until`; one whose results are none is left out."""
        width = self.params.get("bucket_width", "1d")
        if width not in limits:
            raise invalid(f"bucket_width: Input should be {' or '.join(map(repr, limits))}")
        limit = self.limit(*limits[width])
        if "starting_at" not in self.params:
            raise invalid("starting_at: Field required")
        start, end = self._instant("starting_at"), self._instant("ending_at")
        if end <= start:
            raise invalid("ending_at: must be after starting_at")
        buckets = Buckets.overlapping(start, min(end, until), WIDTHS[width])
        try:
            offset = offset_of(self.params.get("page"))
        except ValueError:
            raise invalid("page: Invalid page token") from None
        after = offset + min(limit, self.buckets_a_page or limit)
        found = [(bucket, results(bucket)) for bucket in buckets.some(offset, after - offset)]
        data = [
            {"starting_at": utc_text(bucket.start), "ending_at": utc_text(bucket.end), "results": rows}
            for bucket, rows in found
            if rows is not None
        ]
        more = after < buckets.count
        return {"data": data, "has_more": more, "next_page": cursor(after) if more else None}

    def _instant(self, name: str) -> datetime:
        text = self.params.get(name)
        if text is None:
            return self.now + timedelta(seconds=1)
        try:
            instant = datetime.fromisoformat(text)
            return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            raise invalid(f"{name}: Input should be a valid datetime") from None


class Quota:
    """How many calls each account may make in any hour, counted as they come."""

    def __init__(self, calls_per_hour: int) -> None:
        self._most = calls_per_hour
        self._calls: dict[str, deque[datetime]] = defaultdict(deque)

    def spend(self, account: str, now: datetime) -> dict[str, str]:
        """The headers that say what is left after this call; `Refused` if nothing was."""
        calls = self._calls[account]
        while calls and calls[0] <= now - _HOUR:
            calls.popleft()
        refused = len(calls) >= self._most
        if not refused:
            calls.append(now)
        frees = (calls[0] if calls else now) + _HOUR
        headers = {
            "anthropic-ratelimit-requests-limit": str(self._most),
            "anthropic-ratelimit-requests-remaining": str(self._most - len(calls)),
            "anthropic-ratelimit-requests-reset": utc_text(frees + timedelta(seconds=1, microseconds=-1)),
        }
        if refused:
            wait = max(1, math.ceil((frees - now).total_seconds()))
            raise Refused(429, "rate_limit_error", OVER_LIMIT, {**headers, "retry-after": str(wait)})
        return headers


Answer = Callable[[Asked], dict[str, Any]]


@dataclass(frozen=True)
class Desk:
    """Who may ask, and what all answers depend on besides the question."""

    keys: Mapping[str, str]
    clock: Clock
    scenario: Scenario
    buckets_a_page: int | None
    denied: Collection[str]
    quota: Quota | None = field(default=None)

    def route(self, path: str, answer: Answer) -> Route:
        """`answer` at `path`, for keys that are known and allowed."""

        async def endpoint(request: Request) -> Response:
            left: Mapping[str, str] = {}
            try:
                asked = self._asked(request)
                if self.quota:
                    left = self.quota.spend(asked.account, asked.now)
                body = answer(asked)
            except Refused as refused:
                return error(refused.status, refused.kind, refused.message, {**left, **refused.headers})
            headers = {**left, "request-id": _request_id()}
            return Response(msgspec.json.encode(body), headers=headers, media_type="application/json")

        return Route(path, endpoint)

    def _asked(self, request: Request) -> Asked:
        key = request.headers.get("x-api-key", "")
        if key not in self.keys:
            raise Refused(401, "authentication_error", "invalid x-api-key")
        if "anthropic-version" not in request.headers:
            raise invalid("anthropic-version: header is required")
        if key in self.denied:
            message = "Your API key does not have permission to use the specified resource."
            raise Refused(403, "permission_error", message)
        now = self.clock.now()
        return Asked(self.keys[key], request.query_params, request.headers, now, self.scenario, self.buckets_a_page)


def nowhere(asked: Asked) -> dict[str, Any]:
    """What an address that is none answers."""
    raise Refused(404, "not_found_error", "The requested resource could not be found.")


def error(status: int, kind: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error as Anthropic spells it, the request's id in body and header."""
    request_id = _request_id()
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id}
    headers = {**(headers or {}), "request-id": request_id}
    return Response(json.dumps(body), status, headers, media_type="application/json")


def _request_id() -> str:
    return f"req_{next(_request_numbers):024d}"
