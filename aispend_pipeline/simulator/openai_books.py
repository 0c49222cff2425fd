"""What the simulated organisation has used at OpenAI and what it is billed for: two books that agree.

Everything follows from the account, the day and how much of the day is over; a running day grows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from aispend_pipeline.model import midnight
from aispend_pipeline.simulator import openai_meters as run
from aispend_pipeline.simulator.openai_meters import Meter, Work
from aispend_pipeline.simulator.people import PEOPLE, Person
from aispend_pipeline.simulator.rhythm import EVEN, so_far, step, whole_day
from aispend_pipeline.simulator.scenario import CALM, Scenario

PROVIDER = "openai"


class Line(NamedTuple):
    """One billed line of a day, USD."""

    project_id: str | None
    api_key_id: str | None
    line_item: str
    amount: Decimal
    quantity: Decimal | None
    unit: str | None


class Counted(NamedTuple):
    """What one endpoint of the usage book has counted: how many of each field, and of what."""

    dimensions: Mapping[str, Any]
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Key:
    """An API key of a project; without an owner it is a service account's."""

    key_id: str
    owner: Person | None


@dataclass(frozen=True)
class Project:
    """A project, its keys, the busiest first, and what they run until it was archived."""

    project_id: str
    name: str
    keys: tuple[Key, ...]
    work: Work
    archived_at: datetime | None = None


_OURS, _THEIRS = PEOPLE["default"], PEOPLE["eu"]
PROJECTS: dict[str, tuple[Project, ...]] = {
    "default": (
        Project("proj_assistant", "Assistant", (Key("key_web", None), Key("key_mobile", _OURS[1])), run.ASSISTANT),
        Project("proj_nightly", "Nightly jobs", (Key("key_batch", None),), run.NIGHTLY),
        Project("proj_code", "Code", (Key("key_ci", None), Key("key_editors", _OURS[2])), run.CODE),
        Project(
            "proj_pilot", "Pilot of 2025", (Key("key_pilot", _OURS[0]),), run.PILOT, datetime(2026, 3, 2, tzinfo=UTC)
        ),
    ),
    "eu": (
        Project("proj_support", "Support", (Key("key_helpdesk", None),), run.SUPPORT),
        Project("proj_studio", "Studio", (Key("key_render", _THEIRS[1]),), run.STUDIO),
    ),
}
_CREDIT = Decimal("-25.00")
_GIBIBYTE = 2**30


def lines(account: str, day: date, now: datetime, scenario: Scenario = CALM) -> list[Line]:
    """What `account` is billed for `day` as far as it is over at `now`; nothing for a day to come."""
    known = step(scenario.known(PROVIDER, account, day, now))
    factor = scenario.factor(PROVIDER, account, day, now)
    found = _lines(account, day, min(known, midnight(day + timedelta(days=1))))
    return list(found) if factor == 1 else [line._replace(amount=line.amount * factor) for line in found]


def used(account: str, path: str, start: datetime, end: datetime, known: datetime) -> Iterator[Counted]:
    """What `account` used between two instants of one day, as far as the book knows at `known`; a stock is not here."""
    day, until = start.date(), step(known)
    for project, key, meter, whole in _meters(account, day):
        for count in meter.counts:
            if count.path == path:
                before, after = (
                    so_far(whole, project.work.hours, day, min(instant, until)) // count.each
                    for instant in (start, end)
                )
                if after > before:
                    owner = key.owner.user_id if key.owner else None
                    by = {"project_id": project.project_id, "api_key_id": key.key_id, "user_id": owner}
                    yield Counted({**by, **dict(count.dimensions)}, dict.fromkeys(count.fields, after - before))


def stored(account: str, start: datetime, known: datetime) -> Iterator[Counted]:
    """The bytes in vector stores at `start`, by project: a stock, the same however long the bucket is."""
    if start < step(known):
        whole = run.STORAGE.amount * _GIBIBYTE // 24
        first, last = whole // 3, whole - whole // 3
        for project, size in zip(PROJECTS[account], (last, first), strict=False):
            yield Counted({"project_id": project.project_id}, {"usage_bytes": size})


@lru_cache(maxsize=2_000)
def _lines(account: str, day: date, until: datetime) -> tuple[Line, ...]:
    made = []
    for project, key, meter, whole in _meters(account, day):
        quantity = so_far(whole, project.work.hours, day, until)
        amount = meter.usd * quantity / meter.per
        made.append(Line(project.project_id, key.key_id, meter.line_item, amount, Decimal(quantity), meter.unit))
    kept = run.STORAGE
    quantity = so_far(kept.amount, EVEN, day, until)
    made.append(Line(None, None, kept.line_item, kept.usd * quantity, Decimal(quantity), kept.unit))
    if day.day == 1 and until > midnight(day):
        made.append(Line(None, None, "Promotional credit", _CREDIT, None, None))
    return tuple(line for line in made if line.amount)


@lru_cache(maxsize=2_000)
def _meters(account: str, day: date) -> tuple[tuple[Project, Key, Meter, int], ...]:
    """Every meter that runs on `day`, with the units of the whole day."""
    return tuple(
        (project, key, meter, _whole(account, project, key, meter, day))
        for project in PROJECTS[account]
        if project.archived_at is None or day < project.archived_at.date()
        for key in project.keys
        for meter in project.work.meters
    )


def _whole(account: str, project: Project, key: Key, meter: Meter, day: date) -> int:
    busy = 1.0 / (1 + project.keys.index(key))
    what = f"{account}/{key.key_id}/{meter.line_item}"
    return whole_day(what, meter.amount, busy, project.work.weekend, project.work.growth, day)
