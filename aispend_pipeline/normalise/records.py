"""What every source's pages become first: records, as Arrow columns, one table a page."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Protocol

import pyarrow as pa

# Call it to read the pages of one reading, in their order; it may be called again.
Bodies = Callable[[], Iterable[bytes]]


class Normaliser(Protocol):
    """What a module of this room offers for its source.

    `sql` inserts the rows of the relation `records`, joined with the lookups, into `spend`.
    """

    @property
    def sql(self) -> str:
        """One INSERT; `$source`, `$account`, `$provider`, `$fetch_id` and `$page_id` are bound."""

    def records(self, bodies: Bodies, now: datetime) -> Iterator[pa.Table]:
        """The records of each page, as `columns.booked` makes them; `FetchError` (schema) otherwise."""

    def lookups(self, records: pa.Table) -> Mapping[str, pa.Table]:
        """Small relations that the SQL joins, by name."""
