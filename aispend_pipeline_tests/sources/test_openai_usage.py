"""OpenAI's ten usage reports: which are asked, what becomes of their counts, and that all ten make a window."""

import pytest

from aispend_pipeline.errors import ErrorClass
from aispend_pipeline.model import CoverageState, FetchState, Window
from aispend_pipeline.sources.http import Limits
from aispend_pipeline.sources.openai_usage import ENDPOINTS

from .scripted import SETTLED, TODAY, Answer, read_one, scripted
from .shapes import OPENAI_COSTS, OPENAI_USAGE, refusal
from .store import Store

FIRST = SETTLED.first
ONE_DAY = Window(FIRST, FIRST)
PAGE, BUCKET = OPENAI_USAGE.page, OPENAI_USAGE.bucket
# The `object` of each endpoint's results, and a result.
RESULTS = {
    "completions": ("completions", {"input_tokens": 9, "output_tokens": 4, "num_model_requests": 2}),
    "embeddings": ("embeddings", {"input_tokens": 16, "num_model_requests": 3}),
    "moderations": ("moderations", {"input_tokens": 17, "num_model_requests": 5}),
    "images": ("images", {"images": 6, "num_model_requests": 7}),
    "audio_speeches": ("audio_speeches", {"characters": 45, "num_model_requests": 8}),
    "audio_transcriptions": ("audio_transcriptions", {"seconds": 20, "num_model_requests": 9}),
    "vector_stores": ("vector_stores", {"usage_bytes": 1024}),
    "code_interpreter_sessions": ("code_interpreter_sessions", {"num_sessions": 11}),
    "file_search_calls": ("file_searches", {"num_requests": 12}),
    "web_search_calls": ("web_searches", {"num_requests": 13, "num_model_requests": 14}),
}


def result(name: str, **more: object) -> dict:
    kind, counts = RESULTS[name]
    return {"object": f"organization.usage.{kind}.result", **counts, **more}


def reports(day=FIRST, **results: list[dict]):
    """A script in which each named report has these results on one day, and the others have none."""

    def script(asked):
        found = results.get(asked.path.rsplit("/", 1)[1], [])
        return Answer(PAGE(BUCKET(day, *found)))

    return script


def ingested(home, script, window: Window = ONE_DAY) -> Store:
    with scripted(script) as provider:
        store = Store(home, provider.base_url, OPENAI_USAGE.source)
        store.ingest(window)
    return store


def test_every_report_is_asked_for_once_and_its_rows_are_kept_by_kind_with_their_unit(home):
    with scripted(reports(**{name: [result(name)] for name in RESULTS})) as provider:
        store = Store(home, provider.base_url, OPENAI_USAGE.source)
        store.ingest(ONE_DAY)
        assert [asked.path for asked in provider.asked] == [f"/v1/organization/usage/{name}" for name in ENDPOINTS]
    assert store.states(ONE_DAY) == {("default", FIRST): CoverageState.COMPLETE}
    found = store.rows("SELECT kind, input_tokens, output_tokens, requests, quantity, unit FROM usage")
    assert sorted(found) == [
        ("audio_speeches", None, None, 8, 45, "characters"),
        ("audio_transcriptions", None, None, 9, 20, "seconds"),
        ("code_interpreter_sessions", None, None, None, 11, "sessions"),
        ("completions", 9, 4, 2, None, None),
        ("embeddings", 16, None, 3, None, None),
        ("file_search_calls", None, None, None, 12, "calls"),
        ("images", None, None, 7, 6, "images"),
        ("moderations", 17, None, 5, None, None),
        ("vector_stores", None, None, None, 1024, "bytes"),
        ("web_search_calls", None, None, 14, 13, "calls"),
    ]


def test_requests_that_searched_the_web_are_not_counted_twice(home):
    store = ingested(
        home, reports(**{name: [result(name, model="gpt-5")] for name in ("completions", "web_search_calls")})
    )
    for by in ("model", "project"):
        (row,) = [row for row in store.answer(ONE_DAY, by).rows if row.counts["requests"]]
        assert row.counts == {
            "input_tokens": 9,
            "cached_input_tokens": None,
            "cache_write_tokens": None,
            "output_tokens": 4,
            "requests": 2,
        }


@pytest.mark.parametrize("broken", list(RESULTS))
def test_one_report_that_fails_fails_the_window_and_the_next_run_mends_it(broken):
    healthy = reports(**{name: [result(name)] for name in RESULTS})

    def script(asked):
        return refusal(OPENAI_USAGE, 500) if asked.path.endswith(broken) else healthy(asked)

    with scripted(script) as provider:
        failed = read_one(provider.base_url, ONE_DAY, source=OPENAI_USAGE.source, limits=Limits(attempts=1))
        provider.script = healthy
        mended = read_one(provider.base_url, ONE_DAY, source=OPENAI_USAGE.source)
    assert (failed.state, failed.error_class, failed.answers) == (FetchState.FAILED, ErrorClass.SERVER_ERROR, ())
    assert failed.error == f"/organization/usage/{broken} answered 500: no"
    assert len(failed.pages) == list(ENDPOINTS).index(broken)
    assert (mended.state, [(a.day, a.rows, a.pages) for a in mended.answers]) == ("complete", [(FIRST, 10, 10)])


def test_a_report_that_fails_leaves_the_figures_of_before(home):
    healthy = reports(completions=[result("completions")])
    with scripted(healthy) as provider:
        store = Store(home, provider.base_url, OPENAI_USAGE.source)
        store.ingest(ONE_DAY)
        before = store.answer(ONE_DAY, "model").rows
        more = reports(completions=[result("completions", input_tokens=999)])
        provider.script = lambda asked: refusal(OPENAI_USAGE, 404) if "images" in asked.path else more(asked)
        store.ingest(ONE_DAY)
    assert store.answer(ONE_DAY, "model").rows == before
    (day,) = (day for day in store.answer(ONE_DAY).coverage if day.source == "openai_usage")
    assert (day.state, day.detail) == ("complete", {"last_attempt": "/organization/usage/images answered 404: no"})


@pytest.mark.parametrize(
    ("tokens", "kept"),
    [
        ({"input_tokens": 1000, "input_uncached_tokens": 500, "input_cached_tokens": 400}, (500, 400, None)),
        ({"input_tokens": 1000, "input_uncached_tokens": 0, "input_cached_tokens": 400}, (0, 400, None)),
        ({"input_tokens": 1000, "input_cached_tokens": 400, "input_cache_write_tokens": 100}, (500, 400, 100)),
        ({"input_tokens": 1000, "input_cached_tokens": 400, "input_cache_write_tokens": None}, (600, 400, None)),
        ({"input_tokens": 1000}, (1000, None, None)),
        ({"input_tokens": 100, "input_cached_tokens": 400}, (0, 400, None)),
        ({"input_tokens": 2**63, "input_cached_tokens": 1}, (2**63 - 1, 1, None)),
        (
            {"input_tokens": 0, "input_cached_tokens": 2**63 - 1, "input_cache_write_tokens": 2**63 - 1},
            (0, 2**63 - 1, 2**63 - 1),
        ),
        ({"input_tokens": None, "input_uncached_tokens": 5}, (5, None, None)),
        ({"input_tokens": None, "input_cached_tokens": 5}, (None, 5, None)),
    ],
    ids=[
        "given",
        "given as none",
        "what remains",
        "null writes",
        "all",
        "never below none",
        "large",
        "large parts",
        "no sum",
        "unknown",
    ],
)
def test_uncached_input_is_what_is_given_or_what_remains(home, tokens, kept):
    store = ingested(home, reports(completions=[result("completions", **tokens)]))
    assert store.rows("SELECT input_tokens, cached_input_tokens, cache_write_tokens FROM usage") == [kept]


@pytest.mark.parametrize(
    ("batch", "tier", "kept"),
    [
        (True, "default", "batch"),
        (True, None, "batch"),
        (False, "priority", "priority"),
        (None, "flex", "flex"),
        (False, "", None),
        (None, None, None),
    ],
)
def test_a_batch_is_a_tier(home, batch, tier, kept):
    store = ingested(home, reports(completions=[result("completions", batch=batch, service_tier=tier)]))
    assert store.rows("SELECT service_tier, priced FROM usage") == [(kept, True)]


@pytest.mark.parametrize("missing", ["object", "input_tokens", "num_model_requests"])
def test_a_count_that_must_be_there_and_is_not_fails_the_window_and_is_named(missing):
    spoilt = {name: value for name, value in result("completions").items() if name != missing}
    with scripted(reports(completions=[spoilt])) as provider:
        fetch = read_one(provider.base_url, ONE_DAY, source=OPENAI_USAGE.source)
    assert fetch.error_class is ErrorClass.SCHEMA
    assert f"`{missing}`" in fetch.error
    assert "$.data[0].results[0]" in fetch.error


@pytest.mark.parametrize("kind", ["organization.usage.videos.result", "organization.costs.result", ""])
def test_a_report_of_an_unknown_kind_fails_the_window_and_names_the_path(kind):
    with scripted(reports(images=[{**result("images"), "object": kind}])) as provider:
        fetch = read_one(provider.base_url, ONE_DAY, source=OPENAI_USAGE.source)
    assert (fetch.state, fetch.error_class) == (FetchState.FAILED, ErrorClass.SCHEMA)
    assert "$.data[0].results[0].object" in fetch.error


def test_what_is_stored_is_a_stock_and_adds_nothing_to_tokens_or_money(home):
    stock = PAGE(*(BUCKET(day, result("vector_stores", usage_bytes=1024)) for day in SETTLED.days()))
    store = ingested(
        home, lambda asked: Answer(stock if "vector" in asked.path else OPENAI_USAGE.nothing(asked)), SETTLED
    )
    assert store.rows("SELECT quantity, unit FROM usage") == [(1024, "bytes")] * 3
    answer = store.answer(SETTLED, "model")
    assert (answer.rows, answer.total_usd) == ([], 0)


def test_the_running_day_is_known_from_its_first_bucket_on(home):
    running = Window(TODAY, TODAY)
    store = ingested(home, reports(TODAY, completions=[result("completions")]), running)
    assert store.states(running) == {("default", TODAY): CoverageState.COMPLETE}
    (day,) = (day for day in store.answer(running).coverage if day.source == "openai_usage")
    assert day.finality == "open"


def test_a_day_of_which_one_report_has_no_bucket_is_not_answered_and_keeps_what_it_was(home):
    healthy = reports(completions=[result("completions")])

    def without_images(asked):
        return (
            Answer(PAGE())
            if "images" in asked.path
            else reports(completions=[result("completions", input_tokens=1)])(asked)
        )

    with scripted(without_images) as provider:
        store = Store(home, provider.base_url, OPENAI_USAGE.source)
        (fetch,) = store.ingest(ONE_DAY)
        assert (fetch.state, fetch.answers) == (FetchState.COMPLETE, [])
        assert known(store).detail == {"reason": NOT_ALL}
        provider.script = healthy
        store.ingest(ONE_DAY)
        before = store.answer(ONE_DAY, "model").rows
        store.clock.advance(60)
        provider.script = without_images
        store.ingest(ONE_DAY)
    assert (known(store).state, known(store).detail) == (CoverageState.COMPLETE, {"last_attempt": NOT_ALL})
    assert store.answer(ONE_DAY, "model").rows == before


NOT_ALL = "the provider did not answer for all of this day"


def known(store: Store):
    (day,) = (day for day in store.answer(ONE_DAY).coverage if day.source == "openai_usage")
    return day


@pytest.mark.parametrize(("hours", "answered"), [(range(24), True), (range(23), False), (range(1, 24), False)], ids=str)
def test_a_day_that_is_over_is_answered_by_all_of_its_hours(hours, answered):
    def script(asked):
        empty = [OPENAI_USAGE.hour(FIRST, hour) for hour in (hours if "images" in asked.path else range(24))]
        return Answer(PAGE(*empty))

    with scripted(script) as provider:
        fetch = read_one(provider.base_url, ONE_DAY, source=OPENAI_USAGE.source)
    assert (fetch.state, [answer.day for answer in fetch.answers]) == ("complete", [FIRST] if answered else [])


def test_tokens_are_the_usage_books_and_money_is_the_bills(home):
    """The two books date one model differently, and count the same tokens."""
    line = OPENAI_COSTS.result("1.25", "p", line_item="gpt-5-2025-08-07, input", quantity=777.0, quantity_unit="tokens")
    with scripted(OPENAI_COSTS.script([OPENAI_COSTS.page(OPENAI_COSTS.bucket(FIRST, line))])) as provider:
        store = Store(home, provider.base_url, OPENAI_COSTS.source)
        store.ingest(ONE_DAY)
        (row,) = store.answer(ONE_DAY, "model").rows
        assert (row.counts["input_tokens"], store.answer(ONE_DAY).tokens_from) == (777, ["costs"])
        provider.script = reports(completions=[result("completions", model="gpt-5")])
        store.ingest(ONE_DAY, source=OPENAI_USAGE.source)
    (row,) = store.answer(ONE_DAY, "model").rows
    assert (row.keys["model"], str(row.usd.normalize()), row.counts["input_tokens"]) == ("gpt-5-2025-08-07", "1.25", 9)
    assert store.answer(ONE_DAY).tokens_from == ["usage"]
