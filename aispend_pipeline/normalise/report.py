"""What the reports of all providers have in common: pages of time buckets, each with its results.

Lines that occur on several pages are counted once: those of one bucket that an earlier page already gave.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from aispend_pipeline.normalise.columns import decode, instant
from aispend_pipeline.normalise.records import Bodies
from aispend_pipeline.normalise.tables import Bucket


class Given(NamedTuple):
    """A bucket as a page has it: its edges as written, and its results, typed."""

    start: int | str
    end: int | str | None
    results: Sequence[Any]


class _RawBucket(msgspec.Struct):
    results: list[msgspec.Raw]


class _RawPage(msgspec.Struct):
    data: list[_RawBucket]


_raw_page = msgspec.json.Decoder(_RawPage)


class Report(ABC):
    """The `Normaliser` of a report; a source says how a page is decoded and what becomes of its results."""

    known_fields: frozenset[str]
    keys_from_usage = False

    @abstractmethod
    def buckets(self, body: bytes) -> Iterable[Given]:
        """The page's buckets; `FetchError` (schema) for a page of another shape."""

    @abstractmethod
    def line(self, result: Any) -> tuple[Hashable, ...]:
        """What tells a result from the others of its bucket, but for its figures."""

    @abstractmethod
    def rows(self, buckets: Sequence[Bucket], results: Sequence[Any], repeated: int, now: datetime) -> pa.Table:
        """The table of a page's results, as in `tables`."""

    def records(self, bodies: Bodies, now: datetime, *, repeats: bool = True) -> Iterator[pa.Table]:
        """The records of each page; see `Normaliser`."""
        several = self._on_several_pages(bodies) if repeats else set()
        seen: set[tuple[Hashable, ...]] = set()
        for body in bodies():
            yield self._page(body, several, seen, now)

    def unknown_fields(self, body: bytes) -> set[str]:
        """Names in the page's first result that no known shape has."""
        first = next((bucket.results[0] for bucket in decode(_raw_page, body).data if bucket.results), None)
        return set() if first is None else set(msgspec.json.decode(first)) - self.known_fields

    def _page(self, body: bytes, several: set[Hashable], seen: set[tuple[Hashable, ...]], now: datetime) -> pa.Table:
        """Two lines alike on one page are two lines; one that an earlier page gave is none."""
        buckets: list[Bucket] = []
        rows: list[Any] = []
        on_this_page: set[tuple[Hashable, ...]] = set()
        given = 0
        for bucket in self.buckets(body):
            row_nos: Sequence[int] = range(given + 1, given + len(bucket.results) + 1)
            given += len(bucket.results)
            fresh = bucket.results
            if several and _key(bucket) in several:
                keys = [(_start(bucket), *self.line(result)) for result in bucket.results]
                new = [place for place, key in enumerate(keys) if key not in seen]
                fresh, row_nos = [fresh[place] for place in new], [row_nos[place] for place in new]
                on_this_page.update(keys)
            buckets.append(Bucket(bucket.start, bucket.end, row_nos))
            rows += fresh
        seen |= on_this_page
        return self.rows(buckets, rows, given - len(rows), now)

    def _on_several_pages(self, bodies: Bodies) -> set[Hashable]:
        """The buckets, told by their start and kind, that occur on more than one page."""
        pages_of: Counter[Hashable] = Counter()
        for body in bodies():
            pages_of.update({_key(bucket) for bucket in self.buckets(body)})
        return {key for key, pages in pages_of.items() if pages > 1}


def _key(bucket: Given) -> Hashable:
    """Start and kind: several reports may be read together, and have buckets of the same hours."""
    return _start(bucket), type(bucket.results[0]) if bucket.results else None


def _start(bucket: Given) -> Hashable:
    """When it starts, however that is written."""
    return instant(bucket.start) or bucket.start
