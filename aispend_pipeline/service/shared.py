"""What the routes share: settings, clock, snapshots, and threads for work that would hold up the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextvars import copy_context
from math import isfinite
from typing import Any, NamedTuple, TypeVar

import duckdb
import orjson
from fastapi.responses import Response

from aispend_pipeline.clock import Clock
from aispend_pipeline.errors import SettingsError
from aispend_pipeline.service.access import Tokens
from aispend_pipeline.service.asking import Asking
from aispend_pipeline.service.limits import Limits
from aispend_pipeline.service.problems import Problem
from aispend_pipeline.service.traffic import Traffic
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources import feeds
from aispend_pipeline.warehouse import Published, snapshots_of

T = TypeVar("T")
# How old a token may be that is asked for: reading the settings for each request would cost as much as the answer.
_TOKEN_SECONDS = 1.0


class Now(NamedTuple):
    """The settings as they are now; if those cannot be used, `complaints` say why, and the last good ones hold."""

    settings: Settings
    complaints: tuple[str, ...]


class Service:
    """One running service. What it serves is set when it starts; caps, channels and the admin token are those of now.

    `load` gives the settings as they are then; without it they never change.
    """

    def __init__(
        self, settings: Settings, clock: Clock, load: Callable[[], Settings] | None = None, limits: Limits | None = None
    ) -> None:
        self.settings, self.clock, self.limits = settings, clock, limits or Limits()
        self.traffic = Traffic()
        self.snapshots = snapshots_of(settings.home)
        self.feeds = feeds(settings)
        self._load, self._good = load, settings
        self._tokens = Tokens(settings.read_token, settings.admin_token)
        self._tokens_until = clock.monotonic() + _TOKEN_SECONDS
        self._duckdb = ThreadPoolExecutor(max_workers=3, thread_name_prefix="duckdb")
        # One of its own, so that who watches is answered however busy the others are.
        self._looking = ThreadPoolExecutor(max_workers=1, thread_name_prefix="looking")
        # One, so that a second test waits for the first instead of finding its lane taken.
        self._sending = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sending")

    def now(self) -> Now:
        """The settings of now, for the home that is served."""
        if self._load is None:
            return Now(self.settings, ())
        try:
            self._good = self._load().model_copy(update={"home": self.settings.home})
        except SettingsError as error:
            return Now(self._good, tuple(error.lines))
        return Now(self._good, ())

    def tokens(self) -> Tokens:
        """The tokens of now, or of a second ago.

        Once there is a read token nobody reads without one: a settings file that is just being written, or is gone,
        opens nothing.
        """
        now = self.clock.monotonic()
        if now >= self._tokens_until:
            settings = self.now().settings
            self._tokens = Tokens(settings.read_token or self._tokens.read, settings.admin_token)
            self._tokens_until = now + _TOKEN_SECONDS
        return self._tokens

    async def read(self, question: Callable[[Published, duckdb.DuckDBPyConnection], T]) -> T:
        """Put `question` to the newest snapshot, off the event loop.

        Raises `Problem` when the answer takes too long; the question is given up then, and when this is cancelled.
        """
        asking = Asking(self.snapshots, question)
        try:
            return await self._in_time(self._duckdb, asking.answer)
        finally:
            asking.give_up()

    async def look(self, work: Callable[[], T]) -> T:
        """Do `work`, which looks at the installation, off the event loop; raises `Problem` when it takes too long."""
        return await self._in_time(self._looking, work)

    async def _in_time(self, threads: Executor, work: Callable[[], T]) -> T:
        seconds = self.limits.answer_seconds
        try:
            async with asyncio.timeout(seconds):
                return await _off_the_loop(threads, work)
        except TimeoutError:
            late = f"the answer takes longer than {seconds:g} seconds; ask for less, or again"
            raise Problem(503, "too-slow", late, {"retry-after": "10"}) from None

    async def send(self, work: Callable[[], T]) -> T:
        """Do `work`, which waits for receivers, where no reader waits for it."""
        return await _off_the_loop(self._sending, work)


async def _off_the_loop(threads: Executor, work: Callable[[], T]) -> T:
    """What `work` comes to; if this is cancelled before a thread is free for it, it is never begun."""
    return await asyncio.get_running_loop().run_in_executor(threads, copy_context().run, work)


def live(body: dict[str, Any]) -> Response:
    """An answer that is true now and not to be kept."""
    return Response(encoded(body), headers={"cache-control": "no-store"}, media_type="application/json")


def encoded(body: Any) -> bytes:
    """`body` as JSON; `ValueError` at a NaN or an infinity, which would become a null that nobody meant."""
    if not _finite(body):
        raise ValueError("a figure is not finite")
    return orjson.dumps(body)


def _finite(value: Any) -> bool:
    if isinstance(value, float):
        return isfinite(value)
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    return not isinstance(value, list | tuple) or all(map(_finite, value))
