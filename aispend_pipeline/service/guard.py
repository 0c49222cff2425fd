"""What every request passes before there is a route: who asks how often, by which name, and with what.

From the outside in; each part is a few lines of ASGI, since all of them together are part of every answer's time.
"""

from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aispend_pipeline.errors import Overloaded, resources_left
from aispend_pipeline.log import fault, log
from aispend_pipeline.service.access import OPEN, ReadToken
from aispend_pipeline.service.cors import Cors
from aispend_pipeline.service.headers import Marked
from aispend_pipeline.service.hosts import Hosts
from aispend_pipeline.service.problems import Problem, send_problem, unusable
from aispend_pipeline.service.rate import Rate
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
        Middleware(Unfailing),
        Middleware(Crowd, limits.answering),
        *rate,
        Middleware(Hosts, names, loopback=is_loopback(settings.host)),
        *cors,
        Middleware(ReadToken, service.tokens),
        Middleware(Bodiless),
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
            pass  # nobody is there to be told
        except Exception as error:
            problem = _failure(scope, error)
            if begun:
                raise  # a part of an answer must not look like the whole: the connection is cut
            await send_problem(scope, receive, send, problem)


def _failure(scope: Scope, error: Exception) -> Problem:
    if not resources_left(error):
        return unusable(Overloaded())
    number = scope["state"]["request_id"]
    log.error("request.failed", id=number, route=template(scope), **fault(error))
    return Problem(500, "internal", f"the request failed; the log has it under {number}")


class Crowd:
    """Sends requests away while `most` are being answered, so that those who wait do so in vain for no long."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app, self._most, self._now = app, most, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 503 in place of the application."""
        if self._now >= self._most and scope["path"] not in OPEN:  # who is busy is not dead
            problem = Problem(503, "busy", f"{self._most} requests are being answered; ask again", {"retry-after": "1"})
            await send_problem(scope, receive, send, problem)
            return
        self._now += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._now -= 1


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


def _announces_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )
