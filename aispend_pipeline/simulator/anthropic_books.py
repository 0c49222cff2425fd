"""What the simulated organisation has used at Anthropic and what it is billed for: two books that agree.

The usage book counts priority and flex traffic too, which the cost report never lists; the cost report
lists code execution, which the usage book never counts.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from aispend_pipeline.model import midnight
from aispend_pipeline.simulator.anthropic_workspaces import TYPES, WORKSPACES, Key, Load, Workspace
from aispend_pipeline.simulator.contract import part_paid
from aispend_pipeline.simulator.rhythm import EVEN, so_far, step, whole_day
from aispend_pipeline.simulator.scenario import CALM, Scenario

PROVIDER = "anthropic"
BILLED_TIERS = ("standard", "batch")

SEARCHES = "web_search_requests"
TOKEN_TYPES = tuple(TYPES)
_SEARCH_CENTS = Decimal(1)
_BARE = (None,) * 5  # what a line that is not of tokens does not say
# Code execution in the default workspace of every account: hours a day, and US cents an hour.
_EXECUTION_HOURS, _EXECUTION_CENTS = 24, Decimal(5)


class Line(NamedTuple):
    """One billed line of a day, US cents."""

    workspace_id: str | None
    description: str
    cost_type: str
    context_window: str | None
    model: str | None
    service_tier: str | None
    token_type: str | None
    inference_geo: str | None
    cents: Decimal


class Counted(NamedTuple):
    """What the usage book has counted: tokens by type and web searches, and of what."""

    dimensions: Mapping[str, Any]
    counts: Mapping[str, int]


def lines(account: str, day: date, now: datetime, scenario: Scenario = CALM) -> list[Line] | None:
    """What `account` is billed for `day`; none while the report does not know the day, as the running one."""
    known = scenario.known(PROVIDER, account, day, now)
    if day >= running_day(account, now, scenario) or known <= midnight(day):
        return None
    factor = scenario.factor(PROVIDER, account, day, now)
    found = spent(account, day, known)
    return list(found) if factor == 1 else [line._replace(cents=line.cents * factor) for line in found]


def running_day(account: str, now: datetime, scenario: Scenario) -> date:
    """The day that is not over yet for the report at `now`: from there on it has none."""
    return (now - scenario.bill_lag(PROVIDER, account)).date()


def spent(account: str, day: date, instant: datetime, *, at_list: bool = False) -> tuple[Line, ...]:
    """What `account` used of `day` before `instant`, as it will be billed, whatever a report knows.

    `at_list` it is at list prices. Tiers that are never billed are not here.
    """
    return _spent(account, day, step(min(instant, midnight(day + timedelta(days=1)))), at_list)


def used(account: str, start: datetime, end: datetime, known: datetime) -> Iterator[Counted]:
    """What `account` used between two instants of one day, as far as the book knows at `known`."""
    day, until = start.date(), step(known)
    first, last = min(start, until), min(end, until)
    for workspace, key, load, wholes in _loads(account, day):
        counts = {
            what: so_far(whole, key.hours, day, last) - so_far(whole, key.hours, day, first)
            for what, whole in wholes.items()
        }
        if any(counts.values()):
            yield Counted(_dimensions(workspace, key, load), counts)


def _dimensions(workspace: Workspace, key: Key, load: Load) -> Mapping[str, Any]:
    return {
        "workspace_id": workspace.workspace_id,
        "api_key_id": key.key_id,
        "model": load.model.name,
        "service_tier": load.service_tier,
        "context_window": load.context_window,
        "inference_geo": load.inference_geo,
        "account_id": None,
        "service_account_id": None,
        "speed": "standard",
    }


@lru_cache(maxsize=2_000)
def _spent(account: str, day: date, until: datetime, at_list: bool) -> tuple[Line, ...]:
    """The lines of `day` up to `until`; the report does not tell keys apart."""
    part = Decimal(1) if at_list else part_paid(PROVIDER, account)
    cents: dict[tuple[Any, ...], Decimal] = {}

    def book(line: tuple[Any, ...], listed: Decimal) -> None:
        cents[line] = cents.get(line, Decimal(0)) + listed * part

    for workspace, key, load, wholes in _loads(account, day):
        for what, whole in wholes.items():
            quantity = so_far(whole, key.hours, day, until)
            if what == SEARCHES:
                book((workspace.workspace_id, "Web Search Usage", "web_search", *_BARE), quantity * _SEARCH_CENTS)
            elif load.service_tier in BILLED_TIERS:
                spelt = f"{load.model.spelt} Usage - {TYPES[what][0]}"
                full = (load.context_window, load.model.name, load.service_tier, what, load.inference_geo)
                book((workspace.workspace_id, spelt, "tokens", *full), quantity * load.price(what) / 1_000_000)
    hours = so_far(_EXECUTION_HOURS, EVEN, day, until)
    book((None, "Code Execution Usage", "code_execution", *_BARE), hours * _EXECUTION_CENTS)
    return tuple(Line._make((*key, amount)) for key, amount in cents.items() if amount)


@lru_cache(maxsize=2_000)
def _loads(account: str, day: date) -> tuple[tuple[Workspace, Key, Load, Mapping[str, int]], ...]:
    """Every load that runs on `day`, with the tokens and searches of the whole day."""
    return tuple(
        (workspace, key, load, _wholes(account, key, load, day))
        for workspace in WORKSPACES[account]
        if workspace.archived_at is None or day < workspace.archived_at.date()
        for key in workspace.keys
        for load in key.loads
    )


def _wholes(account: str, key: Key, load: Load, day: date) -> Mapping[str, int]:
    """Tokens by type, and searches, of a whole day."""
    ways = f"{load.service_tier}/{load.context_window}/{load.inference_geo}"
    normal = {what: int(load.millions * share * 1e6) for what, (_, share) in TYPES.items()} | {SEARCHES: load.searches}
    return {
        what: whole_day(
            f"{account}/{key.key_id}/{load.model.name}/{ways}/{what}", amount, 1.0, key.weekend, key.growth, day
        )
        for what, amount in normal.items()
    }
