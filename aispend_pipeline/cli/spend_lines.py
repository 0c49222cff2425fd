"""The lines of `aispend spend`: a group with its days, or with what is known of its day; and days that are missing."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from aispend_pipeline import money
from aispend_pipeline.cli.marks import Figure, figure
from aispend_pipeline.sources import COST_SOURCES, SOURCES
from aispend_pipeline.warehouse.coverage import Day
from aispend_pipeline.warehouse.questions import DIMENSIONS, HOUR, Question
from aispend_pipeline.warehouse.reads import Answer, Row

# What a day of a feed can be told by.
_OF_A_FEED = {"day", "provider", "account", "source"}


class Line(NamedTuple):
    """A group, or a day that is missing, which is none; and what is known of the day, where lines are of a day each."""

    keys: Mapping[str, Any]
    row: Row | None
    day: Figure | None = None


class Read(NamedTuple):
    """What is known of the bills of each day."""

    by_day: Mapping[date, Sequence[Day]]

    @classmethod
    def of(cls, answer: Answer) -> "Read":
        """Of the days that an answer rests on."""
        found: dict[date, list[Day]] = defaultdict(list)
        for day in answer.coverage:
            if day.source in COST_SOURCES:
                found[day.day].append(day)
        return cls(found)

    def at(self, day: date, keys: Mapping[str, Any]) -> list[Day]:
        """Of one day, as far as these keys are about it."""
        found = self.by_day.get(day, ())
        return [one for one in found if all(keys.get(name) in (None, _key(one, name)) for name in _KEYS)]


_KEYS = ("provider", "account", "source")


def _key(of: Day, name: str) -> Any:
    return SOURCES[of.source].provider if name == "provider" else getattr(of, name)


def by_day(answer: Answer, daily: Answer, days: Sequence[date]) -> Iterator[list[Figure]]:
    """The days of each group of `answer`; `daily` has the same groups by day."""
    read = Read.of(answer)
    of_day = {(_without_day(row.keys), row.keys["day"]): row for row in daily.rows}
    for row in answer.rows:
        group = _without_day(row.keys)
        yield [_figure(of_day.get((group, day)), read.at(day, row.keys)) for day in days]


def all_together(answer: Answer, daily: Answer, days: Sequence[date]) -> list[Figure]:
    """The days of all groups."""
    read = Read.of(answer)
    return [figure(*_sums(row for row in daily.rows if row.keys["day"] == day), read.at(day, {})) for day in days]


def _sums(rows: Iterable[Row]) -> tuple[Decimal | None, Decimal | None]:
    """What is billed and what is estimated, none where nothing is."""
    found = list(rows)
    parts = (
        [row.usd for row in found if row.usd is not None],
        [row.estimated_usd for row in found if row.estimated_usd],
    )
    billed, estimated = (money.add(part) if part else None for part in parts)
    return billed, estimated


def of_days(question: Question, answer: Answer) -> list[Line]:
    """Groups that are of a day each, in their order, and between them the days that are missing."""
    read = Read.of(answer)
    there: list[tuple[Mapping[str, Any], Row | None]] = [(row.keys, row) for row in answer.rows]
    missing = [(keys, None) for keys in _missing(question, answer, read)]
    lines = [Line(keys, row, _figure(row, read.at(keys["day"], keys))) for keys, row in [*there, *missing]]
    order = [name for name in DIMENSIONS if name in question.group_by]
    return sorted(lines, key=lambda line: [_last(line.keys, name) for name in order])


def _last(keys: Mapping[str, Any], name: str) -> tuple[bool, str]:
    return keys.get(name) is None, str(keys.get(name))


def _missing(question: Question, answer: Answer, read: Read) -> list[dict[str, Any]]:
    """The keys of what was not read: by feed where the groups tell feeds apart, else days without any group."""
    told = [name for name in question.group_by if name in _OF_A_FEED]
    by_feed = len(told) == len(question.group_by)
    there = {tuple(row.keys[name] for name in (told if by_feed else ["day"])) for row in answer.rows}
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for day in (one for days in read.by_day.values() for one in days if not one.whole):
        keys = {name: _key(day, name) for name in (told if by_feed else ["day"])}
        if (*keys.values(),) not in there:
            found[*keys.values(),] = keys
    return list(found.values())


def _figure(row: Row | None, read: Collection[Day]) -> Figure:
    return figure(row.usd if row else None, row.estimated_usd if row else None, read)


def _without_day(keys: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(value for name, value in keys.items() if name not in ("day", HOUR))
