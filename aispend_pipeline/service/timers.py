"""What is to be done later, unless something else comes before."""

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable


class Timer:
    """Does one thing later, unless it is set anew or cleared before."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._handle: TimerHandle | None = None

    def set(self, seconds: float, then: Callable[[], None]) -> None:
        """Do `then` in `seconds`, and nothing else."""
        self.clear()
        self._handle = self._loop.call_later(seconds, then)

    def clear(self) -> None:
        """Do nothing."""
        if self._handle:
            self._handle.cancel()
            self._handle = None
