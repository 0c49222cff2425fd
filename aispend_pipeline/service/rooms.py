"""How many connections there may be that do nothing for us."""

from typing import Protocol


class Connection(Protocol):
    """What a room knows of a connection."""

    sending: bytes

    def cut(self) -> None:
        """End it at once, and leave every room."""


class Room:
    """Connections in the order in which they came; the oldest are cut.

    That is with more than `most`, or when the answers that they are sent have more than `most_bytes` together.
    """

    def __init__(self, most: int, most_bytes: int | None = None) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._in: dict[Connection, None] = {}

    def enter(self, connection: Connection) -> None:
        """Take it in, as the newest."""
        self.leave(connection)
        self._in[connection] = None
        while len(self._in) > 1 and self._is_full():
            next(iter(self._in)).cut()

    def _is_full(self) -> bool:
        if len(self._in) > self._most:
            return True
        if self._most_bytes is None:
            return False
        # An answer that several are sent is there once.
        answers = {id(one.sending): len(one.sending) for one in self._in}
        return sum(answers.values()) > self._most_bytes

    def leave(self, connection: Connection) -> None:
        """Forget it, if it is there."""
        self._in.pop(connection, None)
