"""Buckets of time and the pages they are cut into: the same at both providers."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WIDTHS = {"1d": timedelta(days=1), "1h": timedelta(hours=1), "1m": timedelta(minutes=1)}


@dataclass(frozen=True)
class Bucket:
    """A stretch of time, UTC, the end excluded; it never reaches into a second day."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Buckets:
    """`count` buckets of one width, one after the other."""

    first: datetime
    width: timedelta
    count: int

    @classmethod
    def overlapping(cls, start: datetime, end: datetime, width: timedelta) -> "Buckets":
        """Those that have a part in `start` to `end`, cut at whole minutes, hours or days UTC."""
        first = start - (start - _EPOCH) % width
        return cls(first, width, max(0, -((first - end) // width)))

    def some(self, offset: int, most: int) -> list[Bucket]:
        """At most `most` of them, from number `offset` on."""
        starts = (self.first + n * self.width for n in range(offset, min(offset + most, self.count)))
        return [Bucket(start, start + self.width) for start in starts]


def cursor(offset: int) -> str:
    """An opaque cursor for the page that starts at bucket `offset`."""
    return "page_" + base64.urlsafe_b64encode(str(offset).encode()).decode()


def offset_of(cursor: str | None) -> int:
    """The bucket that a page starts at; `ValueError` if `cursor` is none of ours."""
    return 0 if cursor is None else max(0, int(base64.urlsafe_b64decode(cursor.removeprefix("page_"))))
