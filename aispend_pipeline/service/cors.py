"""Which other sites' pages may read the service in a browser: none, unless their origins are configured."""

from collections.abc import Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aispend_pipeline.service.headers import Header

_PREFLIGHT: list[Header] = [
    (b"access-control-allow-methods", b"GET, HEAD"),
    (b"access-control-allow-headers", b"authorization, if-none-match"),
    (b"access-control-max-age", b"600"),
]
_SEEN: list[Header] = [
    (
        b"access-control-expose-headers",
        b"content-disposition, etag, location, repr-digest, retry-after, x-request-id, x-aispend-as-of,"
        b" x-aispend-complete, x-aispend-count, x-aispend-cursor, x-aispend-total-estimated-usd, x-aispend-total-usd",
    ),
    (b"cross-origin-resource-policy", b"cross-origin"),
]


class Cors:
    """Lets pages of just these `origins` read, with a token that they send themselves, never with a browser's own.

    Starlette's own middleware refuses in plain text; here every error is a problem.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app, self._origins = app, frozenset(origin.encode() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers as the application does, but for a browser's question before it asks."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        origin = headers.get(b"origin")
        allowed = [(b"access-control-allow-origin", origin)] if origin in self._origins else []
        if allowed and scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
            preflight = [*allowed, *_PREFLIGHT, (b"vary", b"origin")]
            await send({"type": "http.response.start", "status": 204, "headers": preflight})
            await send({"type": "http.response.body", "body": b""})
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                more = [*allowed, *(_SEEN if allowed else ()), (b"vary", b"origin")]
                message = {**message, "headers": [*message.get("headers", ()), *more]}
            await send(message)

        await self._app(scope, receive, told)
