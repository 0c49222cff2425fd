"""A question to the newest snapshot that can be given up, so that its thread is free for the next."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

import duckdb

from aispend_pipeline.warehouse import Published
from aispend_pipeline.warehouse.snapshots import Snapshots

T = TypeVar("T")
# Between two statements there is nothing to interrupt, and the next would run to its end.
_AGAIN_SECONDS = 0.02


class GivenUp(Exception):
    """Ends a question that nobody waits for any more."""


class Asking(Generic[T]):
    """One question: it is answered in a thread, and given up from the event loop."""

    def __init__(self, snapshots: Snapshots, question: Callable[[Published, duckdb.DuckDBPyConnection], T]) -> None:
        self._snapshots, self._question = snapshots, question
        self._given_up = False
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._over = threading.Event()

    def answer(self) -> T:
        """The answer of the newest snapshot. Raises `GivenUp`, or `duckdb.InterruptException`, once it is given up."""
        self._go_on()
        published, cursor = self._snapshots.current()
        with cursor:
            self._cursor = cursor
            try:
                self._go_on()
                return self._question(published, cursor)
            finally:
                self._over.set()

    def give_up(self) -> None:
        """Interrupt it until its thread is free; if it is over, or was not begun, there is nothing to be done."""
        self._given_up = True
        cursor = self._cursor
        if cursor is None or self._over.is_set():
            return
        _interrupt(cursor)
        with suppress(RuntimeError):  # there may be no thread left; once is better than never
            threading.Thread(target=self._interrupt_on, args=(cursor,), daemon=True).start()

    def _interrupt_on(self, cursor: duckdb.DuckDBPyConnection) -> None:
        while not self._over.wait(_AGAIN_SECONDS):
            _interrupt(cursor)

    def _go_on(self) -> None:
        if self._given_up:
            raise GivenUp


def _interrupt(cursor: duckdb.DuckDBPyConnection) -> None:
    with suppress(duckdb.Error):  # it may have come to its end just now
        cursor.interrupt()
