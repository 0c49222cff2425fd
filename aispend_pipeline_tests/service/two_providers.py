"""Two organisations at each of two simulated providers, what is set to read them, and what their books say."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from aispend_pipeline.model import midnight
from aispend_pipeline.simulator import anthropic_books, openai_books, openai_usage
from aispend_pipeline.simulator.anthropic import anthropic
from aispend_pipeline.simulator.anthropic_workspaces import TYPES
from aispend_pipeline.simulator.contract import part_paid
from aispend_pipeline.simulator.openai import openai
from aispend_pipeline.simulator.organisation import total
from aispend_pipeline.simulator.scenario import CALM, Scenario
from aispend_pipeline.simulator.server import served

from .contract import COUNTS
from .world import StandingClock

OPENAI = {"sk-admin-both-Vn3one": "default", "sk-admin-both-Vn3two": "eu"}
ANTHROPIC = {"sk-ant-admin01-both-Vn3one": "default", "sk-ant-admin01-both-Vn3two": "eu"}
# A part that every key has.
MARK = "Vn3"
ACCOUNTS = [(provider, account) for provider in ("anthropic", "openai") for account in ("default", "eu")]
FEEDS = [
    (f"{provider}_{kind}", account)
    for provider in ("anthropic", "openai")
    for kind in ("costs", "usage")
    for account in ("default", "eu")
]


@dataclass
class Providers:
    """What is set to reach them, and the calls that each account made."""

    environment: dict[str, str] = field(default_factory=dict)
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)

    def counted(self, app: ASGIApp, provider: str, keys: Mapping[str, str]) -> ASGIApp:
        async def count(scope: Scope, receive: Receive, send: Send) -> None:
            headers = Headers(scope=scope)
            key = headers.get("x-api-key") or headers["authorization"].removeprefix("Bearer ")
            self.calls[provider, keys[key]] += 1
            await app(scope, receive, send)

        return count


@contextmanager
def two_providers(clock: StandingClock, scenario: Scenario = CALM) -> Iterator[Providers]:
    """Both of them on loopback."""
    made = Providers()
    with (
        served(made.counted(openai(OPENAI, clock, scenario=scenario), "openai", OPENAI)) as one,
        served(made.counted(anthropic(ANTHROPIC, clock, scenario=scenario), "anthropic", ANTHROPIC)) as two,
    ):
        (openai_key, openai_eu), (anthropic_key, anthropic_eu) = OPENAI, ANTHROPIC
        made.environment |= {
            "OPENAI_API_KEY": openai_key,
            "OPENAI_API_KEY__EU": openai_eu,
            "OPENAI_BASE_URL": f"{one}/v1",
            "ANTHROPIC_API_KEY": anthropic_key,
            "ANTHROPIC_API_KEY__EU": anthropic_eu,
            "ANTHROPIC_BASE_URL": two,
        }
        yield made


def billed(days: Iterable[date], clock: StandingClock, scenario: Scenario = CALM) -> dict[tuple[str, str], Decimal]:
    """What every account is billed for `days` by its provider's own books."""
    asked = list(days)
    return {(name, account): total(name, account, asked, clock.now(), scenario) for name, account in ACCOUNTS}


def used(provider: str, account: str, days: Iterable[date], clock: StandingClock, **only: str) -> dict[str, int | None]:
    """The tokens and requests of a provider's own usage book; `only` those of these dimensions."""
    sums: Counter[str] = Counter()
    for day in days:
        found = {"openai": _of_openai, "anthropic": _of_anthropic}[provider](account, day, clock)
        for dimensions, counts in found:
            if all(dimensions.get(name) == value for name, value in only.items()):
                sums.update(counts)
    return {name: sums[name] if name != "requests" or provider == "openai" else None for name in COUNTS}


def billed_by_key(days: Iterable[date], clock: StandingClock) -> dict[tuple[str, str | None], Decimal]:
    """What each account and key of Anthropic's costs, as the provider knows and does not tell; none is no key."""
    sums: dict[tuple[str, str | None], Decimal] = {}
    for day in days:
        for account in ("default", "eu"):
            of_keys = Decimal(0)
            for _, key, load, wholes in anthropic_books._loads(account, day):
                if load.service_tier in anthropic_books.BILLED_TIERS:
                    cents = sum(count * load.price(what) for what, count in wholes.items() if what in TYPES) / 10**6
                    cents += wholes[anthropic_books.SEARCHES] * Decimal(1)
                    usd = cents / 100 * part_paid("anthropic", account)
                    sums[account, key.key_id] = sums.get((account, key.key_id), Decimal(0)) + usd
                    of_keys += usd
            apart = (
                total("anthropic", account, [day], clock.now()) - of_keys
            )  # code execution, which nobody's key tells
            sums[account, None] = sums.get((account, None), Decimal(0)) + apart
    return sums


_AT_OPENAI = {
    "input_uncached_tokens": "input_tokens",
    "input_cached_tokens": "cached_input_tokens",
    "input_cache_write_tokens": "cache_write_tokens",
    "output_tokens": "output_tokens",
    "num_model_requests": "requests",
}
_AT_ANTHROPIC = {
    "uncached_input_tokens": "input_tokens",
    "cache_read_input_tokens": "cached_input_tokens",
    "cache_creation.ephemeral_5m_input_tokens": "cache_write_tokens",
    "cache_creation.ephemeral_1h_input_tokens": "cache_write_tokens",
    "output_tokens": "output_tokens",
}
Counts = Iterator[tuple[Mapping[str, Any], Counter[str]]]


def _of_openai(account: str, day: date, clock: StandingClock) -> Counts:
    """The requests that searched the web are those of completions too; only completions tell cached input apart."""
    start = midnight(day)
    for path in openai_usage.PATHS:
        if path in ("vector_stores", "web_search_calls"):
            continue
        names = _AT_OPENAI if path == "completions" else {**_AT_OPENAI, "input_tokens": "input_tokens"}
        for dimensions, counts in openai_books.used(account, path, start, start + timedelta(days=1), clock.now()):
            yield dimensions, Counter({names[name]: count for name, count in counts.items() if name in names})


def _of_anthropic(account: str, day: date, clock: StandingClock) -> Counts:
    start = midnight(day)
    for dimensions, counts in anthropic_books.used(account, start, start + timedelta(days=1), clock.now()):
        sums: Counter[str] = Counter()
        for name, count in counts.items():
            if name in _AT_ANTHROPIC:
                sums[_AT_ANTHROPIC[name]] += count
        yield dimensions, sums
