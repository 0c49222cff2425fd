"""Counts: integers in any spelling and nothing else; one odd record on a page of good ones spoils itself alone."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aispend_pipeline.normalise.anthropic_usage import AnthropicUsage
from aispend_pipeline.normalise.columns import counts
from aispend_pipeline.normalise.openai_usage import OpenAIUsage
from aispend_pipeline.normalise.report import Report
from aispend_pipeline_tests.sources.scripted import NOW, SETTLED
from aispend_pipeline_tests.sources.shapes import ANTHROPIC_USAGE, OPENAI_USAGE

steady = settings(deadline=None, derandomize=True)
slower = settings(steady, max_examples=50)
DAY = SETTLED.first
MOST = 10**24 - 1
FAULTS = {
    "-1": "count negative",
    "-0.5": "count negative",
    '"-12"': "count negative",
    "0.5": "count not whole",
    "12.0000000000000000000000000000000000000001": "count not whole",
    "1e-2": "count not whole",
    str(MOST + 1): "count out of range",
    "1e99": "count out of range",
    "1e999": "count unreadable",
    "9" * 41: "count unreadable",
    "true": "count unreadable",
    "false": "count unreadable",
    '"twelve"': "count unreadable",
    '""': "count unreadable",
    '" 12"': "count unreadable",
    '"1_000"': "count unreadable",
    '"\u0661\u0662"': "count unreadable",
    "{}": "count unreadable",
    "[12]": "count unreadable",
    '"NaN"': "count unreadable",
}
whole = st.integers(0, MOST) | st.integers(0, 2**64) | st.sampled_from([0, 2**63 - 1, 2**63, 2**64])
spelt = st.tuples(whole, st.sampled_from(["{}", "{}.0", '"{}"', '"{}.00"', "{}e0", "{}.0E+0"])).map(
    lambda pair: (pair[1].format(pair[0]), pair[0])
)


@steady
@given(st.lists(spelt | st.just(("null", None)), max_size=12))
@example([("12", 12), ("12.0", 12), ('"12"', 12), ("1.2e1", 12), ("120E-1", 12), ("null", None)])
@example([("-0", 0), ("0.0", 0)])
def test_every_spelling_of_a_whole_number_is_that_number(column):
    read = counts([msgspec.Raw(token.encode()) for token, _ in column])
    assert (read.values.to_pylist(), read.faults) == ([value for _, value in column], {})


@steady
@given(st.lists(st.none() | whole, max_size=12))
@example([2**63, 1])
@example([None, None])
def test_integers_are_read_alike_decoded_or_as_written(column):
    decoded = counts(column)
    written = counts([msgspec.Raw(json.dumps(value).encode()) for value in column])
    assert decoded.values.to_pylist() == written.values.to_pylist() == column
    assert decoded.faults == written.faults == {}


@pytest.mark.parametrize(("token", "fault"), FAULTS.items(), ids=[token[:20] for token in FAULTS])
def test_what_is_no_count_is_refused_with_a_reason(token, fault):
    read = counts([msgspec.Raw(b"7"), msgspec.Raw(token.encode()), msgspec.Raw(b"8")])
    assert (read.values.to_pylist(), read.faults) == ([7, None, 8], {1: fault})


@pytest.mark.parametrize("value", [-1, -(2**63), -(2**70), MOST + 1])
def test_a_decoded_integer_that_is_no_count_is_refused_too(value):
    assert list(counts([7, value]).faults) == [1]


def messages(figure: Any, group: str) -> dict[str, Any]:
    cache = {"ephemeral_5m_input_tokens": figure, "ephemeral_1h_input_tokens": 3}
    tools = {"web_search_requests": 2}
    return ANTHROPIC_USAGE.result(figure, group, cache_creation=cache, server_tool_use=tools, model="claude-opus-5")


def completions(figure: Any, group: str) -> dict[str, Any]:
    parts = {"input_cached_tokens": 3, "input_uncached_tokens": figure, "input_cache_write_tokens": 0}
    return OPENAI_USAGE.result(figure, group, **parts, model="gpt-5", batch=False)


Make = Callable[[Any, str], dict[str, Any]]
SOURCES = [(OpenAIUsage(), completions), (AnthropicUsage(), messages)]
each_source = pytest.mark.parametrize(("normaliser", "make"), SOURCES, ids=["openai", "anthropic"])


def page(normaliser: Report, *results: dict[str, Any]) -> bytes:
    shape = OPENAI_USAGE if isinstance(normaliser, OpenAIUsage) else ANTHROPIC_USAGE
    return shape.page(shape.bucket(DAY, *results))


def records(normaliser: Report, *results: dict[str, Any]) -> list[dict[str, Any]]:
    body = page(normaliser, *results)
    (table,) = normaliser.records(lambda: [body], NOW)
    return table.to_pylist()


def raw(token: str) -> msgspec.Raw:
    return msgspec.Raw(token.encode())


@each_source
@pytest.mark.parametrize("token", list(FAULTS), ids=[token[:20] for token in FAULTS])
def test_one_odd_record_among_many_good_ones_is_set_aside_with_its_own_json(normaliser, make, token):
    good = [make(n, f"g{n}") for n in range(50)]
    got = records(normaliser, *good[:25], make(raw(token), "odd"), *good[25:])
    alone = records(normaliser, *good)
    assert [row for row in got if row["fault"] is None] == [
        {**row, "row_no": row["row_no"] + (row["row_no"] > 25)} for row in alone
    ]
    (odd,) = (row for row in got if row["fault"])
    assert (odd["row_no"], odd["project_id"], FAULTS[token] in odd["fault"]) == (26, "odd", True)
    assert token.encode() in odd["record"].encode()
    assert msgspec.json.decode(odd["record"].replace(token, "null"))


@each_source
@slower
@given(figures=st.lists(whole, max_size=8), styles=st.randoms())
def test_a_page_says_the_same_however_its_counts_are_spelt(normaliser, make, figures, styles):
    """One page is decoded in one go, the other token by token."""
    plain = [make(n, f"g{at}") for at, n in enumerate(figures)]
    odd = [make(raw(styles.choice(["{}", "{}.0", '"{}"']).format(n)), f"g{at}") for at, n in enumerate(figures)]
    extra = make(raw("true"), "extra")
    got = records(normaliser, *odd, extra)
    assert got[:-1] == records(normaliser, *plain)
    assert got[-1]["fault"].endswith("count unreadable")


@each_source
def test_a_count_that_is_null_or_left_out_is_unknown_and_not_nothing(normaliser, make):
    optional = ["input_cached_tokens", "input_cache_write_tokens", "input_uncached_tokens"]
    nested = ["cache_creation", "server_tool_use"]
    names = nested if isinstance(normaliser, AnthropicUsage) else optional
    full = make(5, "full")
    nulls = {**make(5, "nulls"), **dict.fromkeys(names)}
    short = {name: value for name, value in make(5, "short").items() if name not in names}
    got = records(normaliser, full, nulls, short)
    counted = [name for name in got[0] if name not in ("row_no", "project_id") and got[0][name] != got[2][name]]
    assert counted
    for name in counted:
        assert (got[1][name], got[2][name]) == (None, None)
    assert {row["fault"] for row in got} == {None}


@each_source
def test_counts_of_the_largest_size_add_up(normaliser, make):
    got = records(normaliser, *(make(MOST, f"g{n}") for n in range(100)))
    assert sum(row["input_tokens"] for row in got) == 100 * MOST
    assert {type(row["input_tokens"]) for row in got} == {Decimal}
