"""A believable organisation: two accounts, their projects and keys, what they use and what it costs.

Everything follows from the account, the day and how much of the day is over, so the same question
always has the same answer, and a running day grows. Prices are invented; they resemble real ones.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from aispend_pipeline.model import midnight

# The running day's figures move this often.
STEP = timedelta(minutes=5)


class Line(NamedTuple):
    """One billed line of a day, USD."""

    project_id: str | None
    api_key_id: str | None
    line_item: str
    amount: Decimal
    quantity: Decimal | None
    unit: str | None


@dataclass(frozen=True)
class Meter:
    """One line item: its price for each unit of `per`, and how much a busy key uses on a normal day."""

    line_item: str
    usd: Decimal
    per: int
    unit: str
    amount: int


@dataclass(frozen=True)
class Project:
    """A project, its keys, and the meters they run."""

    project_id: str
    keys: tuple[str, ...]
    meters: tuple[Meter, ...]
    weekend: float  # how much of a weekday's use a weekend day sees
    growth: float  # a week over the week before


def _tokens(model: str, millions: float, prices: dict[str, str]) -> tuple[Meter, ...]:
    """Meters of a model, USD a million tokens by side; `millions` of input a day, the rest in proportion."""
    share = {"input": 1.0, "cached input": 2.2, "cache writes": 0.3, "output": 0.25}
    return tuple(
        Meter(f"{model}, {side}", Decimal(usd), 1_000_000, "tokens", int(millions * share[side.split(",")[0]] * 1e6))
        for side, usd in prices.items()
    )


_ASSISTANT = (
    *_tokens("gpt-5.6-sol", 14, {"input": "5.00", "cached input": "0.50", "cache writes": "6.25", "output": "30.00"}),
    *_tokens("gpt-5.6-terra", 40, {"input": "2.50", "cached input": "0.25", "output": "15.00"}),
    *_tokens("priority | gpt-5.6-sol", 1.5, {"input": "10.00", "output, long context": "60.00"}),
    Meter("web search tool calls", Decimal("0.01"), 1, "calls", 900),
    Meter("text-embedding-3-small, input", Decimal("0.02"), 1_000_000, "tokens", 90_000_000),
)
_NIGHTLY = (
    *_tokens("batch | gpt-5.4-2026-03-05", 120, {"input": "1.25", "cached input": "0.125", "output": "7.50"}),
    *_tokens("gpt-5.4-mini-2026-03-17", 60, {"input": "0.75", "cached input": "0.075", "output": "4.50"}),
    *_tokens("ft-gpt-4o-2024-08-06", 3, {"input": "3.75", "output": "15.00"}),
)
_CODE = (
    *_tokens("gpt-5.3-codex", 35, {"input": "1.75", "cached input": "0.175", "output": "14.00"}),
    *_tokens("o1-pro", 0.02, {"input": "150.00", "output": "600.00"}),
    *_tokens("evals | gpt-4o-mini-2024-07-18", 12, {"input": "0.15", "output": "0.60"}),
)
_MEDIA = (
    Meter("gpt-image-1 image, output", Decimal("40.00"), 1_000_000, "tokens", 900_000),
    Meter("gpt-image-1 text, input", Decimal("5.00"), 1_000_000, "tokens", 200_000),
    Meter("gpt-audio-mini-2025-12-15 audio, input", Decimal("10.00"), 1_000_000, "tokens", 1_100_000),
    Meter("whisper", Decimal("0.0001"), 1, "duration_seconds", 61_000),
)
_STORAGE = Meter("Vector storage", Decimal("0.004166666666666667"), 1, "gibibyte_hours", 410)

ACCOUNTS: dict[str, tuple[Project, ...]] = {
    "default": (
        Project("proj_assistant", ("key_web", "key_mobile"), _ASSISTANT, 0.45, 1.021),
        Project("proj_nightly", ("key_batch",), _NIGHTLY, 0.95, 1.008),
        Project("proj_code", ("key_ci", "key_editors"), _CODE, 0.12, 1.034),
    ),
    "eu": (
        Project("proj_support", ("key_helpdesk",), _ASSISTANT[4:7] + _ASSISTANT[-1:], 0.70, 1.012),
        Project("proj_studio", ("key_render",), _MEDIA, 0.30, 1.018),
    ),
}
_FIRST_WEEK = date(2026, 1, 5)
_CREDIT = Decimal("-25.00")


def lines(account: str, day: date, now: datetime) -> list[Line]:
    """What `account` is billed for `day` as far as it is over at `now`; nothing for a day to come."""
    share = _elapsed(day, now)
    if share == 0:
        return []
    return [line for line in _whole_day(account, day, share) if line.amount]


def total(account: str, days: Iterator[date], now: datetime) -> Decimal:
    """The sum of what `lines` bills, USD."""
    return sum((line.amount for day in days for line in lines(account, day, now)), Decimal(0))


def _elapsed(day: date, now: datetime) -> Decimal:
    """How much of `day` is over, from 0 to 1, in steps."""
    steps = (now - midnight(day)) // STEP
    return Decimal(min(max(steps, 0), timedelta(days=1) // STEP)) / (timedelta(days=1) // STEP)


def _whole_day(account: str, day: date, share: Decimal) -> Iterator[Line]:
    for project in ACCOUNTS[account]:
        for key in project.keys:
            for meter in project.meters:
                quantity = int(_use(account, project, key, meter, day) * share)
                amount = meter.usd * quantity / meter.per
                yield Line(project.project_id, key, meter.line_item, amount, Decimal(quantity), meter.unit)
    stored = int(_STORAGE.amount * share)
    yield Line(None, None, _STORAGE.line_item, _STORAGE.usd * stored, Decimal(stored), _STORAGE.unit)
    if day.day == 1:
        yield Line(None, None, "Promotional credit", _CREDIT, None, None)


def _use(account: str, project: Project, key: str, meter: Meter, day: date) -> int:
    """Units that one key uses on a whole `day`: growth, the rhythm of the week, and chance."""
    chance = random.Random(f"{account}/{key}/{meter.line_item}/{day}")  # noqa: S311 - reproducible on purpose
    rhythm = project.weekend if day.weekday() >= 5 else 1.0
    growth = project.growth ** ((day - _FIRST_WEEK).days / 7)
    busy = 1.0 / (1 + project.keys.index(key))
    return int(meter.amount * busy * rhythm * growth * chance.uniform(0.75, 1.25))
