"""HTTP on the socket: uvicorn's own reading of it, and bounds to what a connection may take and how long.

httptools refuses what two readers could understand differently (both lengths, folded headers, bare line feeds), but
neither it nor uvicorn bounds how large a request's head grows, how long it takes to come, or how long a client takes
for its answer. Connections that do nothing for us are the first to go when there are too many.
"""

import asyncio
from asyncio import AbstractEventLoop, BaseTransport
from contextlib import suppress
from enum import Enum, auto
from typing import Any

import httptools
import uvicorn
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from aispend_pipeline.service.headers import new_request_id, with_security
from aispend_pipeline.service.limits import Limits
from aispend_pipeline.service.problems import MEDIA_TYPE, Problem
from aispend_pipeline.service.rooms import Room
from aispend_pipeline.service.timers import Timer

# What is written at once. Only between two parts does it show whether the client takes them.
_PART_BYTES = 65_536


class Serving(uvicorn.Config):
    """How uvicorn serves an application within `limits`: nothing of it that is not needed, and no trust in proxies."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        super().__init__(
            app,
            http=Wire,
            ws="none",
            lifespan="off",
            proxy_headers=False,
            server_header=False,
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=limits.end_seconds,
        )
        self.limits = limits
        self.waiting, self.stalled = Room(limits.waiting), Room(limits.stalled, limits.stalled_bytes)


class _Reading(Enum):
    """How much of a request came."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()
    WHOLE = auto()


class _Broken(Exception):
    """Ends the reading of a request from within the parser."""


class Wire(HttpToolsProtocol):
    """One connection. It waits for a whole request, has it answered, waits for the next, and ends."""

    def __init__(
        self,
        config: Serving,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits, self._waiting, self._stalled = config.limits, config.waiting, config.stalled
        self._due, self._taking = Timer(self.loop), Timer(self.loop)
        self._reading, self._head_bytes, self._bytes = _Reading.NOTHING, 0, 0
        self._keep_alive = True
        self._problem = _MALFORMED
        self._deaf, self._idle = False, False
        self._left = 0  # of what the client is to take, bytes, when that was last looked at
        self.sending = b""  # a large answer that is under way
        self._app, self.app = self.app, self._in_parts

    def connection_made(self, transport: BaseTransport) -> None:
        """Wait for the first request."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._waiting.enter(self)
        self._due.set(self._limits.request_seconds, self._too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget everything."""
        for room in (self._waiting, self._stalled):
            room.leave(self)
        for timer in (self._due, self._taking):
            timer.clear()
        super().connection_lost(exc)

    def cut(self) -> None:
        """End it at once, whatever is under way."""
        for room in (self._waiting, self._stalled):
            room.leave(self)
        self.transport.abort()

    async def _in_parts(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application, whose large answers go out as fast as the client takes them; cutting it ends them."""

        async def sent(message: Message) -> None:
            if len(message.get("body", b"")) > _PART_BYTES:
                await self._send_parts(message, send)
            elif message["type"] == "http.response.start" and self._reading is _Reading.BODY:
                await send({**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]})
                self.cycle.keep_alive = True  # uvicorn would close; we part
            else:
                await send(message)

        with suppress(ClientDisconnect):
            await self._app(scope, receive, sent)

    async def _send_parts(self, message: Message, send: Send) -> None:
        self.sending = message["body"]
        try:
            async with asyncio.timeout(self._limits.sending_seconds):
                for begin in range(0, len(self.sending), _PART_BYTES):
                    if self.transport.is_closing():
                        raise ClientDisconnect
                    end = begin + _PART_BYTES
                    more = message.get("more_body", False) or end < len(self.sending)
                    await send({**message, "body": self.sending[begin:end], "more_body": more})
        except TimeoutError:
            self.cycle.disconnected = True
            self.cut()
            raise ClientDisconnect from None
        finally:
            self.sending = b""

    def pause_writing(self) -> None:
        """The client does not take what it asked for."""
        super().pause_writing()
        self._stalled.enter(self)
        self._have_taken()

    def resume_writing(self) -> None:
        """It does."""
        super().resume_writing()
        self._stalled.leave(self)
        if not self.transport.is_closing():
            self._taking.clear()

    def _have_taken(self) -> None:
        """Look again in a while whether the client has taken enough of what is there for it."""
        self._left = self.transport.get_write_buffer_size()
        self._taking.set(self._limits.taking_seconds, self._look)

    def _look(self) -> None:
        if self.transport.get_write_buffer_size() > self._left - self._limits.taking_bytes:
            self.cut()
        else:
            self._have_taken()

    def data_received(self, data: bytes) -> None:
        """Read on, as far as is allowed."""
        if self._deaf:
            return
        if self._idle:
            self._idle = False
            self._due.set(self._limits.request_seconds, self._too_late)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._deaf, self.cycle.keep_alive = True, False  # it is answered as if nothing else were asked for
        except httptools.HttpParserError:
            self._refuse(self._problem)
        else:
            self._bytes += len(data)
            self._hold_to_bounds()

    def _hold_to_bounds(self) -> None:
        """Refuse what is too large although not all of it came, or could be parsed."""
        if self._reading is _Reading.HEAD and self._bytes > self._limits.head_bytes:
            self._refuse(_LONG_TARGET if len(self.url) > self._limits.target_bytes else _LARGE_HEAD)
        elif self._reading is _Reading.NOTHING and self._bytes > self._limits.head_bytes:
            self._refuse(_LARGE_HEAD)  # line ends, as many as they like, may come before a request
        elif self._reading is _Reading.BODY and self._bytes > self._limits.request_bytes:
            self._refuse(_LARGE_BODY)

    # What the parser calls.

    def on_message_begin(self) -> None:
        """A request begins; the one before must have been answered."""
        if not self._answered():
            raise _Broken
        super().on_message_begin()
        self._reading, self._head_bytes, self._bytes = _Reading.HEAD, 0, 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; those behind a body would be taken for such that came before it."""
        if self._reading is not _Reading.HEAD:
            raise _Broken
        self._head_bytes += len(name) + len(value) + 4
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Have it answered, unless it is too large."""
        if len(self.url) > self._limits.target_bytes:
            self._problem = _LONG_TARGET
            raise _Broken
        if len(self.url) + self._head_bytes > self._limits.head_bytes:
            self._problem = _LARGE_HEAD
            raise _Broken
        super().on_headers_complete()
        # Until all of it came, uvicorn must not close: the client would lose what it is told.
        self._reading, self._keep_alive, self.cycle.keep_alive = _Reading.BODY, self.cycle.keep_alive, True

    def on_message_complete(self) -> None:
        """All of it came."""
        self._due.clear()
        self._waiting.leave(self)
        self._reading, self.cycle.keep_alive = _Reading.WHOLE, self._keep_alive
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, or part with a client that has not sent all of this one, or wants to go."""
        super().on_response_complete()
        self._unset_keepalive_if_required()
        if self._reading is not _Reading.WHOLE:
            self._part()
        elif self.transport.is_closing():
            self._leave()
        else:
            self._reading, self._idle, self._bytes = _Reading.NOTHING, True, 0
            self._waiting.enter(self)
            self._due.set(self._limits.idle_seconds, self._leave)

    def _answered(self) -> bool:
        return self.cycle is None or bool(self.cycle.response_complete)

    def _too_late(self) -> None:
        if self._reading is _Reading.NOTHING:
            self._leave()
        else:
            self._refuse(_SLOW)

    def _refuse(self, problem: Problem) -> None:
        """Say why, and end it: where the next request would begin is not known any more."""
        self._deaf = True
        if self._reading is _Reading.WHOLE:
            self.cycle.keep_alive = False  # a good request is being answered, and what comes behind it is not
            return
        if not self._answered():
            if self.cycle.response_started:
                self.cut()
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(_on_the_wire(problem))
        self._part()

    def _part(self) -> None:
        """Have nothing more to say, and listen no more; but closing at once could cost the client what it was told."""
        self._deaf = True
        self._waiting.enter(self)
        self.flow.resume_reading()
        with suppress(OSError, RuntimeError):
            self.transport.write_eof()
        self._due.set(self._limits.parting_seconds, self.cut)

    def _leave(self) -> None:
        """Close it, once the client has taken what is there for it."""
        self._waiting.enter(self)
        self._due.clear()
        self.transport.close()
        self._have_taken()


_MALFORMED = Problem(400, "malformed", "this is not HTTP/1.1 as it is written")
_LONG_TARGET = Problem(414, "target-too-long", "the address is longer than anything that can be asked for")
_LARGE_HEAD = Problem(431, "headers-too-large", "the headers are larger than anything that can be asked for")
_LARGE_BODY = Problem(413, "too-large", "the body is larger than anything that can be asked for")
_SLOW = Problem(408, "slow-request", "the request was not there in time")


def _on_the_wire(problem: Problem) -> bytes:
    """A problem as bytes, for a request that has not come so far as to be one."""
    body = problem.body("")
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        (b"x-request-id", new_request_id().encode()),
    ]
    lines = [name + b": " + value + b"\r\n" for name, value in with_security(headers)]
    return b"".join([STATUS_LINE[problem.status], *lines, b"\r\n", body])
