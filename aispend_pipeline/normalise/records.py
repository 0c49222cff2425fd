"""What every source's pages become first: records, as Arrow columns, one table a page."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Protocol

import pyarrow as pa

# Call it to read the pages of one reading, in their order; it may be called again.
Bodies = Callable[[], Iterable[bytes]]


class Normaliser(Protocol):
    """What a module of this room offers for its source.

    `sql` inserts all of the relation `records` into `table`: what cannot be booked is not in it.
    """

    @property
    def table(self) -> str:
        """`spend` for billed lines, `usage` for what is measured."""

    @property
    def keys_from_usage(self) -> bool:
        """Whether its billed lines tell no keys although those who used them have some."""

    @property
    def sql(self) -> str:
        """One INSERT; `$source`, `$account`, `$provider`, `$fetch_id` and `$page_id` are bound."""

    def records(self, bodies: Bodies, now: datetime, *, repeats: bool = True) -> Iterator[pa.Table]:
        """The records of each page, a table as in `tables`; `FetchError` (schema) otherwise.

        With `repeats`, lines that occur on several pages are looked for and counted once; the
        bodies are then read twice. A reading is known to have none once it was looked through.
        """

    def unknown_fields(self, body: bytes) -> set[str]:
        """Names in the page's first record that the provider's known shape does not have."""
