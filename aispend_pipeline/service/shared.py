"""What the routes share: settings, clock, snapshots, and threads for work that would hold up the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import duckdb
import orjson
from fastapi.responses import Response

from aispend_pipeline.clock import Clock
from aispend_pipeline.errors import SettingsError
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources import feeds
from aispend_pipeline.warehouse import Published, snapshots_of

T = TypeVar("T")


class Now(NamedTuple):
    """The settings as they are now; if those cannot be used, `complaints` say why, and the last good ones hold."""

    settings: Settings
    complaints: tuple[str, ...]


class Service:
    """One running service. What it serves is set when it starts; caps, channels and the admin token are those of now.

    `load` gives the settings as they are then; without it they never change.
    """

    def __init__(self, settings: Settings, clock: Clock, load: Callable[[], Settings] | None = None) -> None:
        self.settings, self.clock = settings, clock
        self.snapshots = snapshots_of(settings.home)
        self.feeds = feeds(settings)
        self._load, self._good = load, settings
        self._duckdb = ThreadPoolExecutor(max_workers=3, thread_name_prefix="duckdb")
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

    async def read(self, question: Callable[[Published, duckdb.DuckDBPyConnection], T]) -> T:
        """Put `question` to the newest snapshot, off the event loop."""

        def ask() -> T:
            published, cursor = self.snapshots.current()
            with cursor:
                return question(published, cursor)

        return await self.run(ask)

    async def run(self, work: Callable[[], T]) -> T:
        """Do `work`, which reads, off the event loop."""
        return await _off_the_loop(self._duckdb, work)

    async def send(self, work: Callable[[], T]) -> T:
        """Do `work`, which waits for receivers, where no reader waits for it."""
        return await _off_the_loop(self._sending, work)


async def _off_the_loop(threads: Executor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(threads, work)


def live(body: dict[str, Any]) -> Response:
    """An answer that is true now and not to be kept."""
    return Response(orjson.dumps(body), headers={"cache-control": "no-store"}, media_type="application/json")
