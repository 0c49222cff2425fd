"""Answers that were made already, as long as there is room for them."""

import threading
from collections import OrderedDict
from typing import NamedTuple

MOST_BYTES = 64 * 1024 * 1024
# What an answer takes beside its body.
_BESIDE = 500


class Made(NamedTuple):
    """A body and the headers that go with it."""

    body: bytes
    headers: dict[str, str]


class Kept:
    """Answers by their tag; those that were not asked for the longest make room. Safe to share between threads."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes, self._bytes = most_bytes, 0
        self._made: OrderedDict[str, Made] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, tag: str) -> Made | None:
        """The answer with this tag, if it is still kept."""
        with self._lock:
            made = self._made.get(tag)
            if made is not None:
                self._made.move_to_end(tag)
            return made

    def put(self, tag: str, made: Made) -> None:
        """Keep it, unless it is larger than all the room there is."""
        with self._lock:
            if tag in self._made or _size(made) > self._most_bytes:
                return
            self._made[tag] = made
            self._bytes += _size(made)
            while self._bytes > self._most_bytes:
                _, gone = self._made.popitem(last=False)
                self._bytes -= _size(gone)


def _size(made: Made) -> int:
    return len(made.body) + _BESIDE
