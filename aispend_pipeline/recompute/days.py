"""Which days can be made again: those that have pages."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import duckdb

from aispend_pipeline.model import Window, windows_of
from aispend_pipeline.sql import statement

# Ranges of days that a line of words names.
NAMED = 5


class LeftOut(NamedTuple):
    """Days that cannot be made again, and why."""

    window: Window
    why: str


class Days(NamedTuple):
    """The days of a window: with pages, with figures whose pages have expired, and never read."""

    ready: Sequence[Window]
    expired: Sequence[Window] = ()
    unread: Sequence[Window] = ()
    kept: Sequence[str] = ()  # of the days that are ready: feeds that keep their rows, since their pages have expired

    def refusal(self) -> str | None:
        """Why not all of the days can be made again, in a line; none if they can."""
        why = {"pages have expired, and figures stay": self.expired, "never read": self.unread}
        return "; ".join(f"{what}: {_named(windows)}" for what, windows in why.items() if windows) or None

    def left_out(self) -> tuple[LeftOut, ...]:
        """The days that cannot be made again."""
        why = {"its pages have expired": self.expired, "it was never read": self.unread}
        return tuple(LeftOut(window, reason) for reason, windows in why.items() for window in windows)


def days_of(cursor: duckdb.DuckDBPyConnection, window: Window) -> Days:
    """What of `window` can be made again, as the snapshot of `cursor` has it; nothing is set aside yet."""
    cursor.execute("CREATE TEMP TABLE set_aside AS SELECT '' AS fetch_id, '' AS why WHERE false")
    cursor.execute(statement("rollup", "answers_in_use"), {"first": window.first, "last": window.last})
    found = cursor.execute(statement("recompute", "days")).fetchall()
    ready = [day for day, usable, _ in found if usable]
    known = {day for day, _, _ in found}
    kept: dict[str, list[date]] = {}
    for day, usable, feeds in found:
        for feed in feeds if usable else ():
            kept.setdefault(feed, []).append(day)
    return Days(
        windows_of(ready),
        windows_of(known.difference(ready)),
        windows_of(day for day in window.days() if day not in known),
        [f"{feed} {_named(windows_of(days))}: its pages have expired" for feed, days in sorted(kept.items())],
    )


def _named(windows: Sequence[Window]) -> str:
    more = f" and {len(windows) - NAMED} ranges more" if len(windows) > NAMED else ""
    return ", ".join(str(window) for window in windows[:NAMED]) + more
