"""What every request passes before there is a route: who asks how often, by which name, and with what.

From the outside in; each part is a few lines of ASGI, since all of them together are part of every answer's time.
"""

import asyncio
from collections import Counter
from collections.abc import Callable

import anyio
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aispend_pipeline.errors import Overloaded, resources_left
from aispend_pipeline.log import fault, log
from aispend_pipeline.service.access import OPEN, ReadToken
from aispend_pipeline.service.cors import Cors
from aispend_pipeline.service.headers import Marked
from aispend_pipeline.service.hosts import Hosts, Sites
from aispend_pipeline.service.problems import Problem, send_problem, unusable
from aispend_pipeline.service.rate import Rate, client_of
from aispend_pipeline.service.shared import Service
from aispend_pipeline.service.traffic import Noted, template
from aispend_pipeline.settings.service import is_loopback


def guards(service: Service) -> list[Middleware]:
    """What is around the routes, outermost first."""
    settings, limits = service.settings, service.limits
    names = settings.names(settings.public_url)
    rate = [Middleware(Rate, settings.rate_limit, limits.addresses, service.clock)] if settings.rate_limit else []
    cors = [Middleware(Cors, settings.cors_origins)] if settings.cors_origins else []
    return [
        Middleware(Marked),
        Middleware(Noted, service.traffic, service.clock),
        Middleware(HeadAsGet),
        *cors,
        Middleware(Unfailing),
        Middleware(Crowd, limits.answering, limits.answering_one),
        *rate,
        Middleware(Hosts, names, loopback=is_loopback(settings.host)),
        Middleware(Sites, settings.cors_origins),
        Middleware(ReadToken, service.tokens),
        Middleware(Bodiless),
        Middleware(Awaited),
    ]


class HeadAsGet:
    """Answers HEAD with what GET would, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers as the application does."""

        async def without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        if scope["type"] == "http" and scope["method"] == "HEAD":
            await self._app({**scope, "method": "GET"}, receive, without_body)
        else:
            await self._app(scope, receive, send)


class Unfailing:
    """Turns what nobody foresaw into a problem: the log has what it was, the client an id to find it there."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 500 where the application fails, 503 where the machine has nothing left."""
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except ClientDisconnect:
            if not begun:  # nobody is there to be told; it is logged and counted as what proxies call it
                await send({"type": "http.response.start", "status": _CLIENT_GONE, "headers": []})
        except Exception as error:
            problem = _failure(scope, error)
            if begun:
                raise  # a part of an answer must not look like the whole: the connection is cut
            await send_problem(scope, receive, send, problem)


_CLIENT_GONE = 499


def _failure(scope: Scope, error: Exception) -> Problem:
    if not resources_left(error):
        return unusable(Overloaded())
    number = scope["state"]["request_id"]
    log.error("request.failed", id=number, route=template(scope), **fault(error))
    return Problem(500, "internal", f"the request failed; the log has it under {number}")


class Crowd:
    """Sends requests away while `most` are being answered, so that those who wait do so in vain for no long.

    No client has more than `most_of_one` of them.
    """

    def __init__(self, app: ASGIApp, most: int, most_of_one: int) -> None:
        self._app, self._most, self._most_of_one = app, most, most_of_one
        self._now: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 503 in place of the application."""
        client = client_of(scope)
        busy = None if scope["path"] in OPEN else self._busy(client)  # who is busy is not dead
        if busy:
            problem = Problem(503, "busy", f"{busy} are being answered; ask again", {"retry-after": "1"})
            await send_problem(scope, receive, send, problem)
            return
        self._now[client] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._now[client] -= 1
            if not self._now[client]:
                del self._now[client]

    def _busy(self, client: str) -> str | None:
        if self._now[client] >= self._most_of_one:
            return f"{self._most_of_one} requests from your address"
        return f"{self._most} requests" if self._now.total() >= self._most else None


class Bodiless:
    """Refuses a question with a body, so that nobody takes what is in it for heard."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 422 in place of the application."""
        if scope["type"] == "http" and scope["method"] == "GET" and _announces_body(scope):
            problem = Problem(422, "unexpected-body", "this route takes no body, only parameters in the query")
            await send_problem(scope, receive, send, problem)
        else:
            await self._app(scope, receive, send)


class Awaited:
    """Gives a question up when its client has gone: whoever asks and hangs up must not keep the others waiting."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers as the application does; raises `ClientDisconnect` where nobody is left to be answered."""
        if scope["type"] != "http" or scope["method"] != "GET":  # what changes something is done to its end
            await self._app(scope, receive, send)
            return
        with anyio.CancelScope() as answering:
            watching = asyncio.create_task(_when_gone(receive, answering.cancel))
            try:
                await self._app(scope, receive, send)
            finally:
                watching.cancel()
        if answering.cancelled_caught:
            raise ClientDisconnect


async def _when_gone(receive: Receive, then: Callable[[], None]) -> None:
    """Does `then` when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
    then()


def _announces_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )
