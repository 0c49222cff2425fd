"""A provider on loopback whose every answer is scripted, down to the bytes on the wire.

A *script* is a function from what was asked to an `Answer`. An answer's `wire` says how its bytes
travel: whole, one at a time, cut off, not at all. Everything asked is kept in `Provider.asked`.
"""

import asyncio
import gzip
import inspect
import json
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from aispend_pipeline.model import Fetch, Reading, Window, midnight
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources.engine import Source, read_account
from aispend_pipeline.sources.http import Budget, Limits, client
from aispend_pipeline.sources.openai_costs import OpenAICostsSource
from aispend_pipeline_tests.conftest import KEY

OPENAI_COSTS = OpenAICostsSource()
ANTHROPIC_KEY = "sk-ant-admin01-test-4b8e2c"
NOW = datetime(2026, 11, 25, 13, 20, tzinfo=UTC)
TODAY = NOW.date()
YOUNG = Window(date(2026, 11, 24), date(2026, 11, 24))
SETTLED = Window(date(2026, 11, 18), date(2026, 11, 20))

# What is asked of a provider, and how an answer's bytes reach the client.
Wire = Callable[[asyncio.StreamWriter, bytes, bytes], Awaitable[None]]


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    path: str
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]

    def all(self, name: str) -> list[str]:
        """Every value of a parameter."""
        return [value for key, value in self.query if key == name]

    @property
    def reading(self) -> Reading:
        """All of usage is rows; a bill's are asked for by what is billed, its control is not."""
        by_line = {"line_item", "description"} & {*self.all("group_by[]")}
        return Reading.ROWS if by_line or "/usage" in self.path else Reading.CONTROL

    @property
    def cursor(self) -> str | None:
        """The page asked for, none for the first."""
        return next(iter(self.all("page")), None)


async def whole(writer: asyncio.StreamWriter, head: bytes, body: bytes) -> None:
    """All of it at once."""
    writer.write(b"%b\r\ncontent-length: %d\r\n\r\n%b" % (head, len(body), body))
    await writer.drain()


async def silence(writer: asyncio.StreamWriter, head: bytes, body: bytes) -> None:
    """Accept, read the request, and never say a word."""
    await asyncio.sleep(60)


def drip(pause: float) -> Wire:
    """One byte at a time."""

    async def wire(writer: asyncio.StreamWriter, head: bytes, body: bytes) -> None:
        for byte in b"%b\r\ncontent-length: %d\r\n\r\n%b" % (head, len(body), body):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(pause)

    return wire


def cut(after: int) -> Wire:
    """Announce the whole body, close the connection after some bytes of it."""

    async def wire(writer: asyncio.StreamWriter, head: bytes, body: bytes) -> None:
        writer.write(b"%b\r\ncontent-length: %d\r\n\r\n%b" % (head, len(body), body[:after]))
        await writer.drain()

    return wire


def reset(after: int) -> Wire:
    """As `cut`, but the connection is reset."""

    async def wire(writer: asyncio.StreamWriter, head: bytes, body: bytes) -> None:
        await cut(after)(writer, head, body)
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    return wire


async def hang_up(writer: asyncio.StreamWriter, head: bytes, body: bytes) -> None:
    """Close without an answer."""


async def chunked(writer: asyncio.StreamWriter, head: bytes, body: bytes) -> None:
    """In chunks, with the last one that says so."""
    await chunked_and_stopped(writer, head, body)
    writer.write(b"0\r\n\r\n")
    await writer.drain()


async def chunked_and_stopped(writer: asyncio.StreamWriter, head: bytes, body: bytes) -> None:
    """In chunks, and closed without the last one."""
    writer.write(head + b"\r\ntransfer-encoding: chunked\r\n\r\n")
    for at in range(0, len(body), 64):
        piece = body[at : at + 64]
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
    await writer.drain()


def repeated(times: int) -> Wire:
    """The body over and over, made as it is sent, so that the server needs no memory for it either."""

    async def wire(writer: asyncio.StreamWriter, head: bytes, body: bytes) -> None:
        writer.write(b"%b\r\ncontent-length: %d\r\n\r\n" % (head, len(body) * times))
        for _ in range(times):
            writer.write(body)
            await writer.drain()

    return wire


@dataclass(frozen=True)
class Answer:
    """What to say, how it travels, and what to wait for first."""

    body: bytes = b""
    status: int = 200
    headers: Sequence[tuple[str, str]] = ()
    wire: Wire = whole

    def head(self) -> bytes:
        """Status line and headers; a wire adds how long the body is."""
        lines = [f"HTTP/1.1 {self.status} Scripted", "connection: close", *(f"{n}: {v}" for n, v in self.headers)]
        return "\r\n".join(lines).encode("latin-1")


Script = Callable[[Asked], "Answer | Awaitable[Answer]"]


@dataclass
class Provider:
    """A running server: where it is, what it says and what it was asked."""

    script: Script
    base_url: str = ""
    asked: list[Asked] = field(default_factory=list)

    def of(self, reading: Reading) -> list[Asked]:
        """What was asked for one reading."""
        return [asked for asked in self.asked if asked.reading is reading]


async def _serve(provider: Provider, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = request.strip().split("\r\n")
            address = urlsplit(first.split(" ")[1])
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            asked = Asked(address.path, parse_qsl(address.query, keep_blank_values=True), headers)
            provider.asked.append(asked)
            answer = provider.script(asked)
            answer = await answer if inspect.isawaitable(answer) else answer
            await answer.wire(writer, answer.head(), answer.body)
        finally:
            writer.close()
            await writer.wait_closed()


@contextmanager
def scripted(script: Script, tls: ssl.SSLContext | None = None) -> Iterator[Provider]:
    """A server on 127.0.0.1 that follows `script` for as long as the block lasts."""
    provider = Provider(script)
    ready = threading.Event()
    stop: list[Callable[[], None]] = []

    async def run() -> None:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        stop.append(lambda: loop.call_soon_threadsafe(ended.set))
        loop.set_exception_handler(lambda loop, context: None)  # a client that leaves is part of the script
        serving: set[asyncio.Task] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            serving.add(loop.create_task(_serve(provider, reader, writer)))

        server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls, limit=1 << 20)
        port = server.sockets[0].getsockname()[1]
        provider.base_url = f"http{'s' if tls else ''}://127.0.0.1:{port}/v1"
        ready.set()
        await ended.wait()
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield provider
    finally:
        stop[0]()
        thread.join(10)
        assert not thread.is_alive()


def in_turn(*answers: Answer) -> Script:
    """Each answer once, then the last for ever."""
    left = list(answers)
    return lambda asked: left.pop(0) if len(left) > 1 else left[0]


def result(value: object = "1.00", line_item: str | None = "gpt-4o, input", **more: object) -> dict[str, Any]:
    """One result; `value` is JSON text as it stands, so `0.10`, `"0.10"` and `NaN` are all themselves."""
    amount = {"value": msgspec.Raw(str(value).encode()), "currency": more.pop("currency", "usd")}
    return {"object": "organization.costs.result", "amount": amount, "line_item": line_item, **more}


def bucket(day: date | int | str, *results: Mapping[str, Any]) -> dict[str, Any]:
    """One bucket; `day` is a day, or a `start_time` as it stands."""
    if not isinstance(day, date):
        return {"object": "bucket", "start_time": day, "end_time": None, "results": results}
    start = int(midnight(day).timestamp())
    return {"object": "bucket", "start_time": start, "end_time": start + 86400, "results": results}


def page(*buckets: Mapping[str, Any], more: str | None = None) -> bytes:
    """One page; `more` is the cursor of the next."""
    return msgspec.json.encode({"object": "page", "data": buckets, "has_more": more is not None, "next_page": more})


def days(window: Window, value: object = "1.00") -> bytes:
    """A page with one result a day."""
    return page(*(bucket(day, result(value)) for day in window.days()))


def costs(rows: Sequence[bytes], control: Sequence[bytes] | None = None) -> Script:
    """Pages of both readings, the cursor of page n being whatever page n - 1 said; control defaults to the rows."""
    pages = {Reading.ROWS: rows, Reading.CONTROL: rows if control is None else control}
    cursors = {
        reading: {None: 0, **{_cursor(body): at for at, body in enumerate(bodies, start=1) if _cursor(body)}}
        for reading, bodies in pages.items()
    }
    return lambda asked: Answer(pages[asked.reading][cursors[asked.reading][asked.cursor]])


def _cursor(body: bytes) -> str | None:
    return json.loads(body).get("next_page")


def gzipped(body: bytes) -> Answer:
    """The body, packed."""
    return Answer(gzip.compress(body), headers=(("content-encoding", "gzip"),))


class FakeClock:
    """Time that passes only when somebody sleeps or a script says so; `waits` are the sleeps, seconds."""

    def __init__(self, now: datetime = NOW) -> None:
        self._started, self._passed = now, 0.0
        self.waits: list[float] = []

    def now(self) -> datetime:
        return self._started + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return self._passed

    def advance(self, seconds: float) -> None:
        self._passed += seconds

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.advance(seconds)


def settings_for(base_url: str, provider: str = "openai", **more: str) -> Settings:
    """Settings of one account of `provider` there."""
    of = {
        "openai": {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": base_url},
        "anthropic": {"ANTHROPIC_API_KEY": ANTHROPIC_KEY, "ANTHROPIC_BASE_URL": base_url.removesuffix("/v1")},
    }
    return Settings.load({**of[provider], **more}, dotenv=None)


def read(
    base_url: str,
    window: Window = SETTLED,
    *,
    source: Source = OPENAI_COSTS,
    clock: FakeClock | None = None,
    limits: Limits | None = None,
    budget: Budget | None = None,
    account: str = "default",
    **more: str,
) -> list[Fetch]:
    """The fetches that come of reading `window` once."""

    limits = limits or Limits()

    async def once() -> list[Fetch]:
        async with client(limits) as http:
            return await read_account(
                source,
                settings_for(base_url, source.provider, **more),
                account,
                [window],
                http=http,
                clock=clock or FakeClock(),
                limits=limits,
                budget=budget,
            )

    fetches = asyncio.run(once())
    assert {fetch.window for fetch in fetches} == {window}
    return fetches


def read_one(base_url: str, window: Window = SETTLED, **more: Any) -> Fetch:
    """The one fetch that comes of reading `window`."""
    (fetch,) = read(base_url, window, **more)
    return fetch
