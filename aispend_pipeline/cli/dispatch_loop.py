"""The dispatch loop: sends deliveries in time while a command stays. It never evaluates; the daemon's sensor does.

A retry after five seconds would otherwise wait for the sensor's next look.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aispend_pipeline.alerts.channels import channels
from aispend_pipeline.alerts.dispatch import Dispatcher
from aispend_pipeline.alerts.outbox import next_due
from aispend_pipeline.clock import Clock
from aispend_pipeline.errors import SettingsError, StoreError
from aispend_pipeline.log import fault, log
from aispend_pipeline.settings import Settings
from aispend_pipeline.state.database import state_of

EVERY_SECONDS = 1.0
# An attempt that is under way is not waited for longer; whoever comes next makes it again once its lease is over.
_STOP_SECONDS = 1.0


@contextmanager
def dispatching(
    settings: Settings, clock: Clock, load: Callable[[], Settings], every_seconds: float = EVERY_SECONDS
) -> Iterator[None]:
    """Send whatever is due from the outbox of `settings.home` while the block runs.

    Where to is asked of `load` each time, so that an address that was changed meanwhile counts.
    """
    over = threading.Event()
    loop = _Loop(settings, clock, load)

    def run() -> None:
        while not over.wait(every_seconds):
            loop.turn()

    thread = threading.Thread(target=run, name="dispatch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(_STOP_SECONDS)


class _Loop:
    """`settings` are the last that could be used, `_told` the trouble that was logged and is not over."""

    def __init__(self, settings: Settings, clock: Clock, load: Callable[[], Settings]) -> None:
        self._settings, self._clock, self._load = settings, clock, load
        self._state = state_of(settings.home)
        self._told: dict[str, str] = {}

    def turn(self) -> None:
        """Send what is due, if anything is. Whatever goes wrong is logged: the next turn may do better."""
        try:
            there, now = channels(self._current()), self._clock.now()
            with self._state.reading() as connection:
                due = next_due(connection, there, now)
            if due is not None and due <= now:
                Dispatcher(self._state, there, self._clock).dispatch()
            self._told.pop("state.unusable", None)
        except StoreError as error:
            self._tell("state.unusable", str(error))
        except Exception as error:  # the thread must not end of it
            self._tell("dispatch.failed", **fault(error))

    def _current(self) -> Settings:
        try:
            self._settings = self._load()
            self._told.pop("settings.unusable", None)
        except SettingsError as error:
            self._tell("settings.unusable", "; ".join(error.lines))
        return self._settings

    def _tell(self, event: str, error: str, **more: str) -> None:
        """Log a trouble once, not every second."""
        if self._told.get(event) != error:
            self._told[event] = error
            log.warning(event, error=error, **more)
