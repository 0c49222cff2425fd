"""Whether all that was read is still there: sums against rows, rows against what was read, pages against fetches.

Whatever writes asserts that of the days it touches. This looks at all days, for what is lost or changed behind our
back: a file from a backup, a disk that forgets.
"""

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

import duckdb

from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse import Published

# It reads every row once: at ten million of them half a second of one core.
LOOK_EVERY = timedelta(hours=1)
_LACKS: Mapping[str, str] = {
    "sums": "the sums of {days} are not those of their rows; run: aispend recompute --from {first} --to {last}",
    "rows": "the rows of {days} are not what was read; run: aispend recompute --from {first} --to {last}",
    "pages": "pages of {days} are lost; read them again: aispend ingest --from {first} --to {last}",
}


def shortfall(cursor: duckdb.DuckDBPyConnection) -> list[str]:
    """What a snapshot lacks, a line for each source and account; what is worst first."""
    rows = cursor.execute(statement("health", "shortfall")).fetchall()
    return [
        f"{of} {account}: " + _LACKS[what].format(days=f"{days} day{'s' * (days > 1)}", first=first, last=last)
        for what, of, account, days, first, last in rows
    ]


class Totals:
    """Remembers what was found, so that it is looked for when a process starts, and then not at every question."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: Published | None = None
        self._at: datetime | None = None
        self._found: list[str] = []

    def shortfall(self, published: Published, cursor: duckdb.DuckDBPyConnection, now: datetime) -> list[str]:
        """What the snapshot lacked when it was last looked at: a new one after `LOOK_EVERY`, at once after trouble."""
        with self._lock:
            if published != self._seen and (self._found or self._overdue(published, now)):
                self._found = shortfall(cursor)
                self._seen, self._at = published, now
            return self._found

    def _overdue(self, published: Published, now: datetime) -> bool:
        if self._seen is None or self._at is None or published.store_id != self._seen.store_id:
            return True
        return not timedelta(0) <= now - self._at < LOOK_EVERY


@lru_cache(maxsize=8)
def totals_of(home: Path) -> Totals:
    """One a process for each home."""
    return Totals()
