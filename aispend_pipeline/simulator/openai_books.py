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
from aispend_pipeline.simulator.contract import part_paid
from aispend_pipeline.simulator.openai_meters import Meter, Work
from aispend_pipeline.simulator.people import PEOPLE, Person
from aispend_pipeline.simulator.rhythm import EVEN, so_far, step, whole_day
from aispend_pipeline.simulator.scenario import CALM, Runaway, Scenario

PROVIDER = "openai"
Runaways = tuple[Runaway, ...]


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
class Allowance:
    """Tokens of `model` that a project which shares its data has free of charge on each day."""

    model: str
    tokens: int

    def covers(self, meter: Meter) -> bool:
        """Whether the units of `meter` are such tokens."""
        return meter.line_item.startswith(f"{self.model}, ")


NOTHING_FREE = Allowance("", 0)


@dataclass(frozen=True)
class Project:
    """A project, its keys, the busiest first, what they run until it was archived, and what is free."""

    project_id: str
    name: str
    keys: tuple[Key, ...]
    work: Work
    archived_at: datetime | None = None
    free: Allowance = NOTHING_FREE


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
        Project(
            "proj_support",
            "Support",
            (Key("key_helpdesk", None),),
            run.SUPPORT,
            free=Allowance("gpt-5.6-terra", 10_000_000),
        ),
        Project("proj_studio", "Studio", (Key("key_render", _THEIRS[1]),), run.STUDIO),
    ),
}
_CREDIT = Decimal("-25.00")
_GIBIBYTE = 2**30


def lines(account: str, day: date, now: datetime, scenario: Scenario = CALM) -> list[Line]:
    """What the bill says at `now` that `account` is billed for `day`; nothing for a day to come."""
    known = min(scenario.known(PROVIDER, account, day, now), now - scenario.bill_lag(PROVIDER, account))
    factor = scenario.factor(PROVIDER, account, day, now)
    found = list(spent(account, day, known, runaways=scenario.runaways))
    if step(known) > midnight(day):
        given = [-one.usd for one in scenario.granted if (one.account, one.day) == (account, day)]
        monthly = [_CREDIT] if day.day == 1 else []
        found += [Line(None, None, "Promotional credit", usd, None, None) for usd in (*monthly, *given)]
    return found if factor == 1 else [line._replace(amount=line.amount * factor) for line in found]


def spent(
    account: str, day: date, instant: datetime, *, at_list: bool = False, runaways: Runaways = ()
) -> tuple[Line, ...]:
    """What `account` used of `day` before `instant`, as it will be billed, whatever a bill knows; no credit is here.

    `at_list` it is at list prices, and what is free of charge is worth its price.
    """
    return _spent(account, day, step(min(instant, midnight(day + timedelta(days=1)))), at_list, runaways)


def used(
    account: str, path: str, start: datetime, end: datetime, known: datetime, runaways: Runaways = ()
) -> Iterator[Counted]:
    """What `account` used between two instants of one day, as far as the book knows at `known`; a stock is not here."""
    day, until = start.date(), step(known)
    for metered in _meters(account, day, runaways):
        project, key, meter = metered.project, metered.key, metered.meter
        for count in meter.counts:
            if count.path == path:
                before, after = (metered.units(day, min(instant, until)) // count.each for instant in (start, end))
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


class _Metered(NamedTuple):
    """A meter that a key runs on a day, with the units of the whole of it, but for what the key does in a frenzy."""

    project: Project
    key: Key
    meter: Meter
    whole: int
    runaways: Runaways

    def units(self, day: date, instant: datetime) -> int:
        """How many units of `day` were used before `instant`; never fewer as time goes on."""
        return so_far(self.whole, self.project.work.hours, day, instant) + sum(
            so_far(self.whole * one.times, EVEN, day, min(instant, one.until))
            - so_far(self.whole * one.times, EVEN, day, min(instant, one.since))
            for one in self.runaways
        )


@lru_cache(maxsize=2_000)
def _spent(account: str, day: date, until: datetime, at_list: bool, runaways: Runaways) -> tuple[Line, ...]:
    part = Decimal(1) if at_list else part_paid(PROVIDER, account)

    def line(project_id: str | None, key_id: str | None, meter: Meter, quantity: int) -> Line:
        amount = meter.usd * part * quantity / meter.per
        return Line(project_id, key_id, meter.line_item, amount, Decimal(quantity), meter.unit)

    meters = _meters(account, day, runaways)
    left = {project.project_id: 0 if at_list else project.free.tokens for project, *_ in meters}
    made = []
    for metered in meters:
        project, key, meter = metered.project, metered.key, metered.meter
        quantity = metered.units(day, until)
        # The allowance goes to the meters in their order, input first: as the day grows, so does what is left of each.
        free = min(quantity, left[project.project_id]) if project.free.covers(meter) else 0
        left[project.project_id] -= free
        made.append(line(project.project_id, key.key_id, meter, quantity - free))
    made.append(line(None, None, run.STORAGE, so_far(run.STORAGE.amount, EVEN, day, until)))
    return tuple(one for one in made if one.amount)


@lru_cache(maxsize=2_000)
def _meters(account: str, day: date, runaways: Runaways) -> tuple[_Metered, ...]:
    """Every meter that runs on `day`."""

    def of(key: Key) -> Runaways:
        return tuple(one for one in runaways if (one.account, one.key_id) == (account, key.key_id))

    return tuple(
        _Metered(project, key, meter, _whole(account, project, key, meter, day), of(key))
        for project in PROJECTS[account]
        if project.archived_at is None or day < project.archived_at.date()
        for key in project.keys
        for meter in project.work.meters
    )


def _whole(account: str, project: Project, key: Key, meter: Meter, day: date) -> int:
    busy = 1.0 / (1 + project.keys.index(key))
    what = f"{account}/{key.key_id}/{meter.line_item}"
    return whole_day(what, meter.amount, busy, project.work.weekend, project.work.growth, day)
