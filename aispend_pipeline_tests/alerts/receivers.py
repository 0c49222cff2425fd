"""A web server on loopback that keeps what it gets and does as a script says; for mail see `mail_receivers.py`."""

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_CHUNK = b"x" * 65536


class Way(StrEnum):
    """How a receiver answers, once it has taken the whole request."""

    ANSWER = "answer"
    DROP = "drop"  # closes without a word
    RESET = "reset"
    SILENCE = "silence"
    DRIP = "drip"  # the body, a byte at a time, for ever
    DRIP_HEAD = "drip_head"  # the same with the headers
    HUGE = "huge"  # 10 MB
    BREAK = "break"  # half the body, then closes


@dataclass(frozen=True)
class Mood:
    """What becomes of one request."""

    way: Way = Way.ANSWER
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b"ok"


OK = Mood()
DROP, RESET, SILENCE, DRIP, DRIP_HEAD, HUGE, BREAK = (
    Mood(way) for way in (Way.DROP, Way.RESET, Way.SILENCE, Way.DRIP, Way.DRIP_HEAD, Way.HUGE, Way.BREAK)
)


def status(code: int, body: bytes = b"no", **headers: str) -> Mood:
    """An answer of that status; `retry_after="5"` is a header."""
    return Mood(status=code, headers=tuple((name.replace("_", "-"), text) for name, text in headers.items()), body=body)


@dataclass(frozen=True)
class Received:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: datetime


@dataclass
class HttpReceiver:
    """A web server that keeps every request; `moods` are used up one a request, and then all is well."""

    moods: list[Mood] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    port: int = 0
    tls: ssl.SSLContext | None = None
    _server: ThreadingHTTPServer | None = None
    _over: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http{'s' if self.tls else ''}://{host}:{self.port}{path}"

    def open(self) -> None:
        """Take requests, on the same port as before if there was one."""
        self._over.clear()
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        self._server.daemon_threads = False
        if self.tls:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        """Refuse connections from here on."""
        self._over.set()
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                headers = {name.lower(): text for name, text in self.headers.items()}
                receiver.received.append(Received(self.command, self.path, headers, body, datetime.now(UTC)))
                mood = receiver.moods.pop(0) if receiver.moods else OK
                self.close_connection = True
                with suppress(OSError):  # the sender may have heard enough
                    receiver._act(self, mood)

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def _act(self, handler: BaseHTTPRequestHandler, mood: Mood) -> None:
        match mood.way:
            case Way.DROP:
                return
            case Way.RESET:
                handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                handler.connection.close()
            case Way.SILENCE:
                self._over.wait(60)
            case Way.DRIP_HEAD:
                handler.wfile.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
                self._drip(handler)
            case _:
                self._answer(handler, mood)

    def _answer(self, handler: BaseHTTPRequestHandler, mood: Mood) -> None:
        handler.send_response(mood.status)
        length = {Way.DRIP: 10**6, Way.HUGE: 160 * len(_CHUNK), Way.BREAK: 2 * len(mood.body)}
        for name, text in (("content-length", str(length.get(mood.way, len(mood.body)))), *mood.headers):
            handler.send_header(name, text)
        handler.end_headers()
        if mood.way is Way.DRIP:
            self._drip(handler)
        elif mood.way is Way.HUGE:
            for _ in range(160):
                handler.wfile.write(_CHUNK)
        else:
            handler.wfile.write(mood.body)

    def _drip(self, handler: BaseHTTPRequestHandler) -> None:
        while not self._over.wait(0.02):
            handler.wfile.write(b"x")


@contextmanager
def http_receiver(*moods: Mood, tls: ssl.SSLContext | None = None) -> Iterator[HttpReceiver]:
    """A web server on loopback that acts on `moods` in turn."""
    receiver = HttpReceiver(list(moods), tls=tls)
    receiver.open()
    try:
        yield receiver
    finally:
        receiver.close()


@contextmanager
def silent() -> Iterator[int]:
    """The port of a server that takes connections and never says or hears anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]
