"""Every request that comes: one line in the log, and counted for `/metrics`."""

from collections.abc import Callable
from dataclasses import dataclass

import anyio
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aispend_pipeline.clock import Clock
from aispend_pipeline.log import log, on_terminal
from aispend_pipeline.service.metrics_declared import BY_NAME

# When a count began is of no use to anybody, and doubles what is served.
disable_created_metrics()  # type: ignore[no-untyped-call]

# Asked every few seconds by machines, or a dozen times for every look at the page.
_QUIET = ("/healthz", "/metrics", "/dashboard/{name}")
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
# Whoever asks chooses method and path: neither becomes a label of its own unless it is known.
_METHODS = frozenset("GET HEAD POST PUT DELETE PATCH OPTIONS TRACE".split())
OTHER, UNMATCHED = "other", "unmatched"


class Traffic:
    """The counts of one application, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        requests, seconds = BY_NAME["http_requests_total"], BY_NAME["http_request_duration_seconds"]
        self._requests = Counter(requests.full_name, requests.help, requests.labels, registry=self.registry)
        self._seconds = Histogram(
            seconds.full_name, seconds.help, seconds.labels, registry=self.registry, buckets=_SECONDS
        )

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Add one request that took `seconds`."""
        self._requests.labels(method, route, f"{status // 100}xx").inc()
        self._seconds.labels(method, route).observe(seconds)


@dataclass
class _Answer:
    """What was sent so far."""

    status: int = 500  # what an application that breaks before it answers comes to
    size: int = 0
    whole: bool = False
    gone: bool = False


class Noted:
    """Logs and counts what every request came to: by its route, never by what is in its path, query or headers."""

    def __init__(self, app: ASGIApp, traffic: Traffic, clock: Clock, patience_seconds: float = 0.05) -> None:
        self._app, self._traffic, self._clock, self._patience = app, traffic, clock, patience_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers as the application does."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, answer = self._clock.monotonic(), _Answer()

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                # To ask costs more than many an answer, and nobody hangs up so soon.
                answer.gone = self._clock.monotonic() - began >= self._patience and await _is_gone(receive)
            elif message["type"] == "http.response.body":
                answer.size += len(message.get("body", b""))
            await send(message)  # which may take as long as the client likes
            answer.whole = message["type"] == "http.response.body" and not message.get("more_body", False)

        try:
            await self._app(scope, receive, watched)
        finally:
            self._note(scope, answer, self._clock.monotonic() - began)

    def _note(self, scope: Scope, answer: _Answer, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else OTHER
        route = template(scope)
        self._traffic.count(method, route, answer.status, seconds)
        _telling(route, answer.status)(
            "request.done",
            method=method,
            route=route,
            status=answer.status,
            seconds=round(seconds, 6),
            bytes=answer.size,
            broken_off=answer.gone or not answer.whole,
        )


def _telling(route: str, status: int) -> Callable[..., None]:
    """How loudly a request is told of: whoever sits at a terminal looks for what is wrong."""
    if route in _QUIET:
        return log.debug
    if status >= 500:
        return log.warning
    return log.debug if on_terminal() else log.info


async def _is_gone(receive: Receive) -> bool:
    """Whether the client has hung up; asked without waiting, once its request was read."""
    message: Message = {"type": ""}
    while message["type"] != "http.disconnect":
        message = {"type": ""}
        with anyio.CancelScope() as scope:
            scope.cancel()
            message = await receive()
        if not message["type"]:
            return False
    return True


def template(scope: Scope) -> str:
    """The route of a request as it is declared, `/providers/{name}/raw`; `unmatched` if there is none."""
    route: BaseRoute | None = scope.get("route")
    if route is None:  # it was refused before anybody looked for one
        routes: list[BaseRoute] = scope["app"].routes
        route = next((one for one in routes if one.matches(scope)[0] is not Match.NONE), None)
    return str(getattr(route, "path", UNMATCHED))
