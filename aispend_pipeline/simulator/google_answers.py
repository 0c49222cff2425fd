"""How the fake Google is asked and answers: whose token a call has, and errors in the documented shapes.

The error model is that of https://google.aip.dev/193 ; BigQuery adds `errors` with a reason.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_UNAUTHENTICATED = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid"
    " authentication credential."
)
_BIGQUERY, _CONSUMER = "/bigquery/", "projects/111111111111"
NOT_PERMITTED = "The caller does not have permission"
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class Refused(Exception):
    """An answer that is an error; BigQuery's have a `reason`."""

    def __init__(self, status: int, message: str, reason: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.reason = status, message, reason


@dataclass(frozen=True)
class Asked:
    """One call: who asks, and for what; `content` is the JSON of its body, empty when there is none."""

    denied: bool
    path: Mapping[str, str]
    params: QueryParams
    content: Mapping[str, Any]

    def number(self, name: str) -> int | None:
        """A whole number of the query string, none when it is not there."""
        text = self.params.get(name)
        if text is None:
            return None
        if not text.isascii() or not text.isdigit():
            raise Refused(400, f"Invalid value at '{name}' (TYPE_INT32), \"{text}\"", "invalid")
        return int(text)


Answer = Callable[[Asked], dict[str, Any]]


@dataclass(frozen=True)
class Desk:
    """Who may ask: `tokens` are those that are valid, with the account of each, and `denied` accounts have no role."""

    tokens: Mapping[str, str]
    denied: Collection[str] = ()

    def route(self, path: str, answer: Answer, method: str = "GET") -> Route:
        """`answer` at `path`, for tokens that are valid."""

        async def endpoint(request: Request) -> Response:
            try:
                body = answer(self._asked(request, await request.body()))
            except Refused as refused:
                return error(refused.status, refused.message, reason=refused.reason)
            return Response(msgspec.json.encode(body), media_type="application/json")

        return Route(path, endpoint, methods=[method])

    def _asked(self, request: Request, body: bytes) -> Asked:
        account = self.tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if account is None:
            raise Refused(401, _UNAUTHENTICATED)
        try:
            content = msgspec.json.decode(body, type=dict[str, Any]) if body else {}
        except msgspec.MsgspecError:
            raise Refused(400, "Invalid JSON payload received.", "parseError") from None
        return Asked(account in self.denied, request.path_params, request.query_params, content)


def error(
    status: int,
    message: str,
    *,
    reason: str | None = None,
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An error as Google spells it; `reason` is BigQuery's word, `details` the metadata of an `ErrorInfo`."""
    body: dict[str, Any] = {"code": status, "message": message}
    if reason is not None:
        body["errors"] = [{"message": message, "domain": "global", "reason": reason}]
    body["status"] = _STATUS.get(status, "UNKNOWN")
    if details is not None:
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "domain": "googleapis.com", **details}
        body["details"] = [info]
    return Response(msgspec.json.encode({"error": body}), status, headers, media_type="application/json")


def down(status: int, path: str) -> Response:
    """The answer of a service that fails, 500 or above."""
    reason = "backendError" if path.startswith(_BIGQUERY) else None
    return error(status, "The service is currently unavailable.", reason=reason)


def limited(path: str, headers: Mapping[str, str]) -> Response:
    """The answer to one call too many; BigQuery's is a 403 (https://docs.cloud.google.com/bigquery/docs/error-messages)."""
    if path.startswith(_BIGQUERY):
        message = "Exceeded rate limits: too many concurrent queries for this project"
        return error(403, message, reason="rateLimitExceeded", headers=headers)
    service = "pubsub.googleapis.com" if path.startswith("/v1/projects/") else "billingbudgets.googleapis.com"
    message = (
        "Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute' of service"
        f" '{service}' for consumer '{_CONSUMER.replace('projects/', 'project_number:')}'."
    )
    details = {"reason": "RATE_LIMIT_EXCEEDED", "metadata": {"service": service, "consumer": _CONSUMER}}
    return error(429, message, details=details, headers=headers)
