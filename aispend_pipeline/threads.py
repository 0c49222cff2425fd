"""Runs what blocks beside an event loop, and never waits for it when the process ends."""

import asyncio
import threading
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import TypeVar

T = TypeVar("T")


async def apart(function: Callable[[], T]) -> T:
    """What `function` returns or raises, from a thread of its own that nobody waits for once this is cancelled.

    `asyncio.to_thread` has its threads joined when the loop ends: a library that hangs would hold up Ctrl-C.
    """
    loop, context = asyncio.get_running_loop(), copy_context()
    done: asyncio.Future[T] = loop.create_future()

    def settle(how: Callable[[], None]) -> None:
        if not done.done():
            how()

    def run() -> None:
        how: Callable[[], None]
        try:
            how = partial(done.set_result, context.run(function))
        except Exception as error:
            how = partial(done.set_exception, error)
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, how)

    threading.Thread(target=run, daemon=True).start()
    return await done
