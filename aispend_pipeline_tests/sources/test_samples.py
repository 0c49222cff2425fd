"""Every sample answer, served byte for byte, read by the real engine into a real warehouse, and asked for there.

What is expected is read from the sample's own digits, or spelt out.
"""

import json
from datetime import date
from decimal import Decimal

import pytest

from aispend_pipeline.model import CoverageState, FetchState, unpacked
from aispend_pipeline.sources import SOURCES
from aispend_pipeline_tests.conftest import SCHEMAS
from aispend_pipeline_tests.simulator.asking import schema

from .samples import FOLDER, PATHS, Sample, all_of, serving
from .scripted import Answer, in_turn, read_one, scripted
from .store import Store

BILLS = all_of("costs", "cost_report")
MESSAGES = all_of("usage_report_messages")
REPORTS = [sample for sample in all_of() if sample.kind.startswith("usage_") and sample.provider == "openai"]
COMPLETIONS = all_of("usage_completions")
ERRORS = [(provider, file) for provider in PATHS for file in sorted((FOLDER / provider).glob("error_*.json"))]
SOURCE_OF = {"costs": "openai_costs", "cost_report": "anthropic_costs", "usage_report_messages": "anthropic_usage"}


def stored(home, serve_app, *given: Sample, source: str) -> Store:
    """A warehouse into which these were read."""
    base = serve_app(serving(*given))
    store = Store(home, f"{base}/v1", SOURCES[source])
    (fetch,) = store.ingest(given[0].window())
    assert (fetch.state, fetch.error) == (FetchState.COMPLETE, None)
    assert set(store.states(given[0].window()).values()) == {CoverageState.COMPLETE}
    return store


def kept(store: Store) -> list[bytes]:
    """The bodies in the warehouse, in the order they came."""
    rows = store.rows(
        'SELECT body FROM page JOIN "fetch" USING (fetch_id) JOIN body ON body_sha256 = sha256 ORDER BY page_no'
    )
    return [unpacked(body) for (body,) in rows]


def test_every_sample_of_an_answer_is_read_here():
    lists = ("users_list", "projects_list", "workspaces_list", "api_keys_list", "project_api_keys_list", "line_items")
    found = [file for provider in PATHS for file in (FOLDER / provider).glob("*.json")]
    read = {sample.file for sample in [*BILLS, *MESSAGES, *REPORTS]} | {file for _, file in ERRORS}
    assert {file for file in found if not file.stem.startswith(lists)} == read


@pytest.mark.parametrize("sample", all_of(), ids=str)
def test_a_sample_has_the_published_shape(sample):
    schema(sample.provider, sample.kind).validate(json.loads(sample.file.read_text()))


@pytest.mark.parametrize(("provider", "file"), ERRORS, ids=[f"{provider}-{file.stem}" for provider, file in ERRORS])
def test_an_error_sample_has_the_published_shape(provider, file):
    schema(provider, "error").validate(json.loads(file.read_text()))


def test_every_published_report_has_a_sample():
    published = {file.name.removesuffix(".schema.json") for file in SCHEMAS.glob("*/*.schema.json")}
    reports = {name for name in published if name.startswith(("usage_", "cost"))}
    assert reports == {kind for paths in PATHS.values() for kind in paths} == {sample.kind for sample in all_of()}


@pytest.mark.parametrize("sample", BILLS, ids=str)
def test_a_bill_comes_out_to_the_last_digit(home, serve_app, sample):
    store = stored(home, serve_app, sample, source=SOURCE_OF[sample.kind])
    lines = sample.bill()
    rows = store.rows("SELECT day, line_item, amount_usd FROM spend ORDER BY page_id, row_no")
    assert rows == [(day, text, usd) for day, text, usd in lines]
    answer = store.answer(sample.window(), "day")
    assert answer.total_usd == sum(usd for _, _, usd in lines)
    for row in answer.rows:
        assert row.usd == sum(usd for day, _, usd in lines if day == row.keys["day"])
    assert [body for body in kept(store) if json.loads(body)["data"]] == [sample.file.read_bytes()] * 2


def test_the_observed_bill_of_anthropic_by_model_workspace_and_kind_of_token(home, serve_app):
    (sample,) = (sample for sample in BILLS if "observed_grouped" in sample.file.stem)
    store = stored(home, serve_app, sample, source="anthropic_costs")

    def by(name: str) -> dict:
        return {row.keys[name]: str(row.usd.normalize()) for row in store.answer(sample.window(), name).rows}

    assert by("model") == {
        "claude-3-5-haiku-20241022": "5.9006304",
        "claude-sonnet-4-5-20250929": "15.14167545",
        None: "0.01",
    }
    assert by("workspace") == {None: "18.40450505", "wrkspc_fixtureCC": "2.6478008"}
    assert by("token_type") == {
        "input": "5.3982184",
        "cached_input": "3.8172417",
        "cache_write": "10.28215875",
        "output": "1.544687",
        "web_search": "0.01",
    }
    assert store.answer(sample.window()).total_usd == Decimal("21.05230585")


def test_the_documented_bill_of_anthropic_is_a_dollar_and_some(home, serve_app):
    (sample,) = (sample for sample in BILLS if sample.file.stem == "cost_report_documented")
    store = stored(home, serve_app, sample, source="anthropic_costs")
    assert store.answer(sample.window()).total_usd == Decimal("1.2378912")


COUNTS = (
    "model, input_tokens, cached_input_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, quantity"
)
SAID = {
    "usage_report_messages_documented": [("claude-opus-5", 1500, 200, 500, 1000, 500, 10)],
    "usage_report_messages_observed_2025-10-16": [
        ("claude-sonnet-4-5-20250929", 270, 1840002, 299611, 0, 12313, 0),
        ("claude-3-5-haiku-20241022", 21261, 0, 0, 0, 834, 0),
    ],
}


@pytest.mark.parametrize("sample", MESSAGES, ids=str)
def test_usage_of_anthropic_comes_out_to_the_last_token(home, serve_app, sample):
    store = stored(home, serve_app, sample, source="anthropic_usage")
    assert store.rows(f"SELECT {COUNTS} FROM usage ORDER BY row_no") == SAID[sample.file.stem]
    answer = store.answer(sample.window(), "model")
    written = {row.keys["model"]: row.counts["cache_write_tokens"] for row in answer.rows if row.keys["model"]}
    assert written == {model: five + hour for model, _, _, five, hour, _, _ in SAID[sample.file.stem]}
    assert (answer.total_usd, answer.unpriced, answer.tokens_from) == (0, [], ["usage"])
    assert kept(store)[0] == sample.file.read_bytes()


@pytest.mark.parametrize(
    ("completions", "counts"),
    [
        (COMPLETIONS[0], ("completions", None, None, 500, 400, 100, 500, 5, None)),
        (COMPLETIONS[1], ("completions", "gpt-4o-mini-2024-07-18", "proj_abc", 3000, 1800, 200, 1000, 5, None)),
    ],
    ids=["ungrouped", "grouped"],
)
def test_usage_of_openai_comes_out_to_the_last_count(home, serve_app, completions, counts):
    given = [completions, *(sample for sample in REPORTS if sample.kind != "usage_completions")]
    store = stored(home, serve_app, *given, source="openai_usage")
    found = store.rows(
        "SELECT kind, model, project_id, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens,"
        " requests, quantity FROM usage"
    )
    unknown = (None,) * 2
    no_tokens = (None,) * 4
    assert sorted(found) == [
        ("audio_speeches", *unknown, *no_tokens, 1, 45),
        ("audio_transcriptions", *unknown, *no_tokens, 1, 20),
        ("code_interpreter_sessions", *unknown, *no_tokens, None, 1),
        counts,
        ("embeddings", *unknown, 16, None, None, None, 2, None),
        ("file_search_calls", *unknown, *no_tokens, None, 2),
        ("images", *unknown, *no_tokens, 2, 2),
        ("moderations", *unknown, 16, None, None, None, 2, None),
        ("vector_stores", *unknown, *no_tokens, None, 1024),
        ("web_search_calls", *unknown, *no_tokens, 2, 2),
    ]
    assert {day for (day,) in store.rows("SELECT day FROM usage")} == {date(2024, 11, 1)}
    answered = [body for body in kept(store) if json.loads(body)["data"]]
    assert sorted(answered) == sorted(sample.file.read_bytes() for sample in given)


@pytest.mark.parametrize(("provider", "file"), ERRORS, ids=[f"{provider}-{file.stem}" for provider, file in ERRORS])
def test_an_error_sample_is_a_failed_fetch_in_the_providers_own_words(provider, file):
    status = int(file.stem.split("_")[1])
    error = json.loads(file.read_text())["error"]
    text = error if isinstance(error, str) else error["message"]
    for source in SOURCES.values():
        if source.provider == provider:
            with scripted(in_turn(Answer(file.read_bytes(), status))) as served:
                fetch = read_one(served.base_url, source=source)
            assert (fetch.state, fetch.pages) == (FetchState.FAILED, [])
            assert f"answered {status}: {text.replace('sk-admin-********', '[key]')}"[:100] in fetch.error
