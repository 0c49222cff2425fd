"""Why not all is well, most important first, and the one word that follows from it.

The word is `failing` if any reason is one of `FAILING`: then the installation does not do what it is for. It is
`degraded` if there is any other reason, and `ok` if there is none.
"""

from collections.abc import Iterable
from enum import IntEnum, StrEnum, auto
from typing import NamedTuple


class Health(StrEnum):
    """The overall word, best first."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILING = "failing"


class Kind(IntEnum):
    """What a reason is about, most important first."""

    UNUSABLE = auto()  # a store cannot be used: figures cannot be answered, or read and kept, or people told
    UNWATCHED = auto()  # nobody looks at the caps
    UNREAD = auto()  # no source at all could be read when it was last asked
    UNSET = auto()  # settings that cannot be used, so that the last good ones hold
    WRONG = auto()  # money that is counted twice, or contradicts itself
    MISSING = auto()  # money that is missing or old
    DOUBTFUL = auto()  # what cannot be told for certain
    UNTOLD = auto()  # people are not told
    WAITS = auto()  # what is under way, and what will be trouble if nothing is done


FAILING = (Kind.UNUSABLE, Kind.UNWATCHED, Kind.UNREAD)


class Reason(NamedTuple):
    """One line for a person: what is wrong, with what, and what to do."""

    kind: Kind
    text: str


def in_order(reasons: Iterable[Reason]) -> list[Reason]:
    """Most important first, and as they were given within a kind; what is said twice is said where it matters most."""
    first: dict[str, Reason] = {}
    for reason in sorted(reasons, key=lambda one: one.kind):
        first.setdefault(reason.text, reason)
    return list(first.values())


def overall(reasons: Iterable[Reason]) -> Health:
    """The word that follows from what is wrong."""
    kinds = {reason.kind for reason in reasons}
    if kinds.intersection(FAILING):
        return Health.FAILING
    return Health.DEGRADED if kinds else Health.OK
