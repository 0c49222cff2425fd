"""Lets old pages go, and the bodies that were theirs alone. What was made of them stays: facts outlive pages."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from aispend_pipeline import points
from aispend_pipeline.clock import utc_text
from aispend_pipeline.errors import NothingPublished
from aispend_pipeline.log import log
from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse.snapshots import snapshots_of
from aispend_pipeline.warehouse.warehouse import Transaction, Warehouse

# Fetches whose pages go in one transaction: those of a day or two.
FETCHES_A_STEP = 500
# Whoever waits for the writer's lock looks for it at least every 50 ms.
TURN_OF_OTHERS = 0.1


@dataclass(frozen=True)
class Removed:
    """What went: fetches' pages, all of a fetch at once, and bodies."""

    fetches: int = 0
    bodies: int = 0
    pages_by_source: Counter[str] = field(default_factory=Counter)

    @property
    def pages(self) -> int:
        """Pages of all sources."""
        return self.pages_by_source.total()

    def __add__(self, other: "Removed") -> "Removed":
        pages = self.pages_by_source + other.pages_by_source
        return Removed(self.fetches + other.fetches, self.bodies + other.bodies, pages)


class _NothingLeft(Exception):
    """Ends a transaction that has nothing to do without a commit."""


def expire(
    warehouse: Warehouse,
    before: datetime,
    *,
    more: Callable[[], bool] = lambda: True,
    fetches_a_step: int = FETCHES_A_STEP,
    turn_of_others: float = TURN_OF_OTHERS,
) -> Removed:
    """Delete the pages of fetches of which every page came before `before`, oldest first, and publish.

    `before` is about when a page was fetched, never the day that it is about. Each step is a transaction of its own
    and leaves everything whole, so that the next call goes on where this one died, or was told that there is no
    `more`. Pages of answers that are in no sum yet stay until they are: no figure would be left of them.
    """
    removed = Removed()
    with suppress(_NothingLeft):
        while more():
            with warehouse.write() as transaction:
                step = expire_some(transaction, before, fetches_a_step)
                if not step.fetches:
                    raise _NothingLeft
            removed += step
            points.reached("pages_expired")
            if step.fetches < fetches_a_step:
                break
            time.sleep(turn_of_others)
    warehouse.publish()
    if removed.fetches:
        pages, bodies = removed.pages, removed.bodies
        log.info("pages.expired", before=utc_text(before), fetches=removed.fetches, pages=pages, bodies=bodies)
    return removed


def has_pages_before(home: Path, before: datetime) -> bool:
    """Whether the newest snapshot has a page that came before `before`; false where there is no snapshot."""
    try:
        _, cursor = snapshots_of(home).current()
    except NothingPublished:
        return False
    with cursor:
        (oldest,) = cursor.execute("SELECT min(fetched_at) FROM page").fetchone() or (None,)
    return oldest is not None and oldest < before.replace(tzinfo=None)


def expire_some(transaction: Transaction, before: datetime, most: int) -> Removed:
    """One step of `expire`: the pages of the `most` oldest fetches that may go."""
    unadded = [day for (day,) in transaction.execute(statement("warehouse", "unadded_days")).fetchall()]
    expired = transaction.execute(
        statement("warehouse", "expired_fetches"),
        {"before": before.replace(tzinfo=None), "unadded": unadded, "most": most},
    ).fetchall()
    if not expired:
        return Removed()
    fetches = [fetch_id for fetch_id, _, _ in expired]
    transaction.execute("DELETE FROM page WHERE fetch_id IN (SELECT unnest(?::VARCHAR[]))", [fetches])
    (bodies,) = transaction.execute(statement("warehouse", "delete_orphaned_bodies")).fetchone() or (0,)
    pages: Counter[str] = Counter()
    for _, source, count in expired:
        pages[source] += count
    return Removed(len(expired), bodies, pages)
