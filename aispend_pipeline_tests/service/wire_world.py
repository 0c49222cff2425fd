"""The service's reading of HTTP with a recorder behind it, in a thread, and those who speak to it byte by byte."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from aispend_pipeline.service.limits import Limits
from aispend_pipeline.service.wire import Serving

from .bounded import PATIENCE, rest

HOST = b"host: localhost\r\n"
GET = b"GET /here HTTP/1.1\r\n" + HOST
POST = b"POST /here HTTP/1.1\r\n" + HOST
LARGE = 1_000_000


class Recorder:
    """An application that notes what reaches it.

    `/read` takes the body, `/large` answers 1 MB, `/middling` 60 kB, `/later` in a while.
    """

    def __init__(self) -> None:
        self.heard: list[tuple[str, list[tuple[bytes, bytes]]]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.heard.append((scope["path"], list(scope["headers"])))
        if scope["path"] == "/read":
            while (message := await receive()).get("more_body"):
                pass
            if message["type"] == "http.disconnect":
                return
        if scope["path"] == "/later":
            await asyncio.sleep(0.2)
        body = {"/large": b"x" * LARGE, "/middling": b"x" * 60_000}.get(scope["path"], b"fine")
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class Wired:
    """A service with a recorder behind it, and those who speak to it."""

    def __init__(self, port: int, recorder: Recorder, server: uvicorn.Server) -> None:
        self.port, self.recorder, self._server = port, recorder, server

    def connections(self) -> int:
        """How many there are."""
        return len(self._server.server_state.connections)

    def connect(self, buffer: int | None = None) -> socket.socket:
        connection = socket.socket()
        connection.settimeout(PATIENCE)
        if buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        connection.connect(("127.0.0.1", self.port))
        return connection

    def raw(self, sent: bytes) -> bytes:
        """All that comes back until the connection is ended."""
        with self.connect() as connection:
            connection.sendall(sent)
            return rest(connection)


@contextmanager
def wired(app: ASGIApp | None = None, **limits: float) -> Iterator[Wired]:
    """The wire with `limits` before an application, or the recorder."""
    recorder = Recorder()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)  # so that the system takes little off us
        server = uvicorn.Server(Serving(app or recorder, Limits(**limits)))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield Wired(listener.getsockname()[1], recorder, server)
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
