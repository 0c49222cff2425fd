"""Named points of a change at which a process may die. Tests end it there; nothing else listens.

Points: `fetched` (a window was read), `before_commit`, `after_commit`, `before_pointer` (a snapshot is
there, the pointer is old), `published`; `before_evaluated` and `evaluated` (around the commit of an evaluation),
`claimed` (a delivery is leased), `sent` (an attempt is over), `recorded` (and what came of it is kept);
`pages_expired` (some fetches' pages are gone), `copied`, `before_replaced` and `replaced` (the file is written anew,
and put in the place of the old one).
"""

from collections.abc import Callable

listener: Callable[[str], None] | None = None


def reached(point: str) -> None:
    """Tell the listener, if there is one."""
    if listener is not None:
        listener(point)
