"""How the fake OpenAI is asked and answers: keys, parameters, pages and errors, as documented."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aispend_pipeline.clock import Clock
from aispend_pipeline.simulator.buckets import WIDTHS, Bucket, Buckets, cursor, offset_of
from aispend_pipeline.simulator.scenario import Scenario

# The most buckets a page may hold and how many it holds unless told, by width.
USAGE_LIMITS = {"1d": (31, 7), "1h": (168, 24), "1m": (1440, 60)}
COSTS_LIMITS = {"1d": (180, 7)}
_MISSING_SCOPE = (
    "You have insufficient permissions for this operation. Missing scopes: api.usage.read. Check that you have the"
    " correct role in your organization, and if you're using a restricted API key, that it has the necessary scopes."
)


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


@dataclass(frozen=True)
class Asked:
    """One question of one account."""

    account: str
    params: QueryParams
    path: Mapping[str, str]
    now: datetime
    scenario: Scenario
    buckets_a_page: int | None

    def only(self, known: Collection[str]) -> None:
        """Refuse a parameter that is not `known`; an array may be spelt with or without brackets."""
        unknown = {name.removesuffix("[]") for name in self.params} - set(known)
        if unknown:
            raise Refused(400, f"Unknown parameter: '{min(unknown)}'.")

    def several(self, name: str) -> list[str]:
        """All values of an array, in both spellings."""
        return [*self.params.getlist(name), *self.params.getlist(f"{name}[]")]

    def groups(self, allowed: Collection[str]) -> list[str]:
        """The dimensions that results are told apart by."""
        groups = list(dict.fromkeys(self.several("group_by")))
        if set(groups) - set(allowed):
            raise Refused(400, "Invalid value for 'group_by'.")
        return groups

    def number(self, name: str, default: int) -> int:
        """A whole number."""
        text = self.params.get(name)
        if text is None:
            return default
        if not text.isascii() or not text.isdigit():
            raise Refused(400, f"Invalid type for '{name}': expected an integer.")
        return int(text)

    def limit(self, most: int, default: int) -> int:
        """How many a page may hold."""
        limit = self.number("limit", default)
        if not 1 <= limit <= most:
            raise Refused(400, f"'limit' must be between 1 and {most}.")
        return limit

    def page(self, limits: Mapping[str, tuple[int, int]], results: Callable[[Bucket], list[Any]]) -> dict[str, Any]:
        """One page of the buckets that overlap the window, the running one's included."""
        width = self.params.get("bucket_width", "1d")
        if width not in limits:
            raise Refused(400, f"Invalid value for 'bucket_width': only {', '.join(map(repr, limits))} is supported.")
        limit = self.limit(*limits[width])
        if "start_time" not in self.params:
            raise Refused(400, "Missing required parameter: 'start_time'.")
        start = self._instant("start_time", 0)
        end = self._instant("end_time", int(self.now.timestamp()) + 1)
        if end <= start:
            raise Refused(400, "'end_time' must be after 'start_time'.")
        buckets = Buckets.overlapping(start, end, WIDTHS[width])
        try:
            offset = offset_of(self.params.get("page"))
        except ValueError:
            raise Refused(400, "Invalid 'page'.") from None
        after = offset + min(limit, self.buckets_a_page or limit)
        more = after < buckets.count
        data = [
            {
                "object": "bucket",
                "start_time": int(bucket.start.timestamp()),
                "end_time": int(bucket.end.timestamp()),
                "results": results(bucket),
            }
            for bucket in buckets.some(offset, after - offset)
        ]
        return {"object": "page", "data": data, "has_more": more, "next_page": cursor(after) if more else None}

    def _instant(self, name: str, default: int) -> datetime:
        try:
            return datetime.fromtimestamp(self.number(name, default), UTC)
        except (ValueError, OverflowError, OSError):
            raise Refused(400, f"Invalid value for '{name}'.") from None


Answer = Callable[[Asked], dict[str, Any]]


@dataclass(frozen=True)
class Desk:
    """Who may ask, and what all answers depend on besides the question."""

    keys: Mapping[str, str]
    clock: Clock
    scenario: Scenario
    buckets_a_page: int | None
    denied: Collection[str]

    def route(self, path: str, answer: Answer) -> Route:
        """`answer` at `path`, for keys that are known and allowed."""

        async def endpoint(request: Request) -> Response:
            try:
                body = answer(self._asked(request))
            except Refused as refused:
                return error(refused.status, refused.message, code=refused.code)
            return Response(msgspec.json.encode(body), media_type="application/json")

        return Route(path, endpoint)

    def _asked(self, request: Request) -> Asked:
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        if key not in self.keys:
            raise Refused(401, "Incorrect API key provided.", "invalid_api_key")
        if key in self.denied:
            raise Refused(403, _MISSING_SCOPE)
        now = self.clock.now()
        account = self.keys[key]
        return Asked(account, request.query_params, request.path_params, now, self.scenario, self.buckets_a_page)


def nowhere(asked: Asked) -> dict[str, Any]:
    """What an address that is none answers."""
    raise Refused(404, f"Invalid URL (GET /{asked.path['path']})")


def error(
    status: int,
    message: str,
    *,
    kind: str = "invalid_request_error",
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An error as OpenAI spells it."""
    body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return Response(json.dumps(body), status, headers, media_type="application/json")
