"""Billed lines that tell no key are for the keys that used what they are for, exactly; the rest is nobody's."""

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from aispend_pipeline import money
from aispend_pipeline.model import Fetch, Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.warehouse import Snapshots, Warehouse
from aispend_pipeline_tests.warehouse.books import (
    ANTHROPIC_COSTS,
    ANTHROPIC_USAGE,
    billed,
    charge,
    completions,
    forget_pages,
    messages,
    used,
)
from aispend_pipeline_tests.warehouse.building import DAY, SetClock, complete, line, look, store

ONE_DAY = Window(DAY, DAY)
SONNET = "claude-sonnet-4-5"
ALLOCATED = "SELECT row_no, api_key_id, amount_usd FROM allocated WHERE account = '{}' ORDER BY ALL"
INPUT, WEB_SEARCH = "uncached_input_tokens", {"token_type": None, "cost_type": "web_search"}


def by(key: str | None, output: int = 0, **fields: Any) -> dict[str, Any]:
    """Output of a key, or what `fields` say."""
    return messages(fields.pop("model", SONNET), fields.pop("uncached", 0), output, api_key_id=key, **fields)


def written(minutes: int, hour: int) -> dict[str, dict[str, int]]:
    """Tokens written to the cache for five minutes, and for an hour."""
    return {"cache_creation": {"ephemeral_5m_input_tokens": minutes, "ephemeral_1h_input_tokens": hour}}


def searched(times: int) -> dict[str, dict[str, int]]:
    return {"server_tool_use": {"web_search_requests": times}}


LIFETIMES = [charge("375", token_type=f"cache_creation.ephemeral_{of}_input_tokens") for of in ("5m", "1h")]
# The lines of a bill, cents; the usage beside it; and of each line (by its number) and key, dollars.
CASES = {
    "one key": ([charge("400")], [by("a", 10)], {(1, "a"): "4"}),
    "two share a model, tier and workspace": ([charge("400")], [by("a", 10), by("b", 30)], {(1, "a"): 1, (1, "b"): 3}),
    "hours of one key are its own together": (
        [charge("400")],
        [by("a", 10), by("b", 10), by("a", 20)],
        {(1, "a"): 3, (1, "b"): 1},
    ),
    "a third, to the last digit": (
        [charge("100")],
        [by("a", 7), by("b", 7), by("c", 7)],
        {(1, "a"): "0.333333333333333334", (1, "b"): "0.333333333333333333", (1, "c"): "0.333333333333333333"},
    ),
    "the console has no key": ([charge("400")], [by(None, 10), by("b", 30)], {(1, None): 1, (1, "b"): 3}),
    "types of tokens": (
        [charge("100"), charge("200", token_type=INPUT)],
        [by("a", 10), by("b", uncached=10)],
        {(1, "a"): 1, (2, "b"): 2},
    ),
    "lifetimes of cache writes": (
        LIFETIMES,
        [by("a", **written(10, 0)), by("b", **written(10, 5))],
        {(1, "a"): "1.875", (1, "b"): "1.875", (2, "b"): "3.75"},
    ),
    "a line that tells no lifetime is for both, at their prices": (
        [charge("975", token_type="cache_creation.input_tokens")],
        [by("a", **written(10, 0)), by("b", **written(0, 10))],
        {(1, "a"): "3.75", (1, "b"): "6"},
    ),
    "contexts": (
        [charge("100"), charge("200", context_window="200k-1M")],
        [by("a", 10), by("b", 10, context_window="200k-1M")],
        {(1, "a"): 1, (2, "b"): 2},
    ),
    "tiers": (
        [charge("100"), charge("200", service_tier="batch")],
        [by("a", 10), by("b", 10, service_tier="batch")],
        {(1, "a"): 1, (2, "b"): 2},
    ),
    "places": (
        [charge("100", inference_geo="global"), charge("220", inference_geo="us")],
        [by("a", 10, inference_geo="global"), by("b", 10, inference_geo="us"), by("c", 10, inference_geo="us")],
        {(1, "a"): 1, (2, "b"): "1.1", (2, "c"): "1.1"},
    ),
    "a model that has no choice of places": (
        [charge("100", inference_geo="global"), charge("100")],
        [by("a", 10, inference_geo="not_available")],
        {(1, "a"): 1, (2, "a"): 1},
    ),
    "workspaces": (
        [charge("100"), charge("200", workspace_id="wrkspc_1")],
        [by("a", 10), by("b", 10, workspace_id="wrkspc_1")],
        {(1, "a"): 1, (2, "b"): 2},
    ),
    "models": (
        [charge("100"), charge("200", "claude-opus-4-5")],
        [by("a", 10), by("b", 10, model="claude-opus-4-5")],
        {(1, "a"): 1, (2, "b"): 2},
    ),
    "a model without a list price, by its tokens": (
        [charge("400", "claude-9")],
        [by("a", 10, model="claude-9"), by("b", 30, model="claude-9")],
        {(1, "a"): 1, (1, "b"): 3},
    ),
    "searches": (
        [charge("4", None, **WEB_SEARCH, service_tier=None, context_window=None)],
        [by("a", 10, **searched(1)), by("b", **searched(3))],
        {(1, "a"): "0.01", (1, "b"): "0.03"},
    ),
    "code execution is nobody's": (
        [charge("5", None, token_type=None, cost_type="code_execution"), charge("100")],
        [by("a", 10)],
        {(2, "a"): 1},
    ),
    "a credit": ([charge("-400")], [by("a", 10), by("b", 30)], {(1, "a"): -1, (1, "b"): -3}),
    "what nobody used is nobody's": ([charge("400", "claude-opus-4-5")], [by("a", 10)], {}),
    "no usage at all": ([charge("400")], [], {}),
    "usage that no bill lists": ([charge("400")], [by("a", 10), by("b", 90, service_tier="priority")], {(1, "a"): 4}),
}


def test_every_line_is_for_the_keys_that_used_what_it_is_for(warehouse, book):
    """Every case is an account of its own."""
    store(warehouse, *(billed({DAY: lines}, account=name) for name, (lines, _, _) in CASES.items()))
    store(warehouse, *(used({DAY: of}, ANTHROPIC_USAGE, account=name) for name, (_, of, _) in CASES.items()))
    book()

    found: dict[str, dict[tuple[int, str | None], Decimal]] = {name: {} for name in CASES}
    for name, n, key, usd in look(warehouse, "SELECT account, row_no, api_key_id, amount_usd FROM allocated"):
        found[name][n, key] = usd
    assert found == {name: {key: Decimal(usd) for key, usd in keys.items()} for name, (*_, keys) in CASES.items()}


def test_lines_of_a_bill_that_tells_keys_are_not_allocated(warehouse, book):
    book(
        complete({DAY: [line("1", api_key_id="key_1"), line("2", "o3")]}),
        used({DAY: [completions("gpt-4o", 10, 0), completions("o3", 10, 0)]}),
    )

    assert look(warehouse, "FROM allocated") == []


def test_usage_that_comes_later_is_told_then_and_outlives_the_pages_of_the_bill(warehouse, book, clock):
    book(billed({DAY: [charge("400")]}))
    assert look(warehouse, ALLOCATED.format("default")) == []

    book(used({DAY: [by("a", 10), by("b", 10)]}, ANTHROPIC_USAGE))
    assert look(warehouse, ALLOCATED.format("default")) == [(1, "a", 2), (1, "b", 2)]

    forget_pages(warehouse, ANTHROPIC_COSTS)
    store(warehouse, used({DAY: [by("a", 10)]}, ANTHROPIC_USAGE))
    add_up(warehouse, ONE_DAY, clock)
    assert look(warehouse, ALLOCATED.format("default")) == [(1, "a", 4)]


keys = st.sampled_from(["a", "b", "c", None])
models = st.sampled_from([SONNET, "claude-opus-4-5", "claude-9"])
workspaces = st.sampled_from([None, "wrkspc_1"])
cents = st.one_of(st.decimals("-900", "900", places=4), st.decimals("-1e13", "1e13", places=16))
lines = st.lists(st.tuples(models, workspaces, st.sampled_from([INPUT, "output_tokens"]), cents), max_size=8)
uses = st.lists(st.tuples(keys, models, workspaces, st.integers(0, 10**9), st.integers(0, 10**9)), max_size=8)


Lines = Sequence[tuple[str, str | None, str, Decimal]]
Uses = Sequence[tuple[str | None, str, str | None, int, int]]


def both_books(account: str, bill: Lines, of_keys: Uses) -> Iterator[Fetch]:
    """The bill of an account, and its usage."""
    charges = [charge(f"{usd:f}", model, kind, workspace_id=of) for model, of, kind, usd in bill]
    yield billed({DAY: charges}, account=account)
    counts = [by(key, out, uncached=n, model=model, workspace_id=of) for key, model, of, n, out in of_keys]
    yield used({DAY: counts}, ANTHROPIC_USAGE, account=account)


def by_line(rows: list[tuple[int, str | None, Decimal]]) -> Mapping[int, list[tuple[str | None, Decimal]]]:
    parts: defaultdict[int, list[tuple[str | None, Decimal]]] = defaultdict(list)
    for row_no, key, usd in rows:
        parts[row_no].append((key, usd))
    return parts


@pytest.mark.long
@examples(max_examples=6, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(accounts=st.lists(st.tuples(lines, uses), min_size=3, max_size=6))
def test_the_keys_of_a_line_add_up_to_it_and_are_those_that_used_it(empty_store, accounts):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(empty_store, Path(folder) / "home")
        warehouse = Warehouse(Path(folder) / "home", SetClock())
        store(warehouse, *[fetch for n, both in enumerate(accounts) for fetch in both_books(f"{n}", *both)])

        add_up(warehouse, ONE_DAY, SetClock())

        for number, (bill, of_keys) in enumerate(accounts):
            with Snapshots(warehouse.home).current()[1] as cursor:
                parts = by_line(cursor.execute(ALLOCATED.format(number)).fetchall())
            for row_no, (model, workspace, kind, usd) in enumerate(bill, start=1):
                behind = {
                    key
                    for key, used_model, of, uncached, output in of_keys
                    if (used_model, of) == (model, workspace) and (uncached if kind == INPUT else output) > 0
                }
                found = parts.pop(row_no, [])
                assert {key for key, _ in found} == behind
                assert len(found) == len(behind)
                assert not behind or money.add(part for _, part in found) == usd.scaleb(-2, money.EXACT)
            assert parts == {}
