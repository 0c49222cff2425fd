"""The simulated OpenAI's usage book: the published shapes, parts that add up, and the costs book's own quantities."""

import re
from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal

import pytest

from aispend_pipeline.model import midnight
from aispend_pipeline.normalise.openai_costs import parse_line_item
from aispend_pipeline.simulator.openai_usage import PATHS

from ..service.world import NOW
from .asking import Client, schema

DAY = date(2026, 6, 9)
GROUPS = {
    "completions": ("project_id", "user_id", "api_key_id", "model", "batch", "service_tier"),
    "images": ("project_id", "user_id", "api_key_id", "model", "size", "source"),
    "vector_stores": ("project_id",),
    "code_interpreter_sessions": ("project_id",),
    "file_search_calls": ("project_id", "user_id", "api_key_id", "vector_store_id"),
    "web_search_calls": ("project_id", "user_id", "api_key_id", "model", "context_level"),
}
SIDES = {
    "input": "input_uncached_tokens",
    "cached_input": "input_cached_tokens",
    "cache_write": "input_cache_write_tokens",
    "output": "output_tokens",
}
ACCOUNTS = ("default", "eu")
# The tokens of one model that are free on each day in the project of this key.
FREE_KEY, FREE_MODEL, FREE = "key_helpdesk", "gpt-5.6-terra", 10_000_000


def groups(path: str) -> tuple[str, ...]:
    return GROUPS.get(path, ("project_id", "user_id", "api_key_id", "model"))


def seconds(instant) -> int:
    return int(instant.timestamp())


def whole(day: date) -> dict[str, int]:
    return {"start_time": seconds(midnight(day)), "end_time": seconds(midnight(day + timedelta(days=1)))}


def added(path: str, buckets: list[dict]) -> dict[tuple, Counter]:
    """Counts by the values of all dimensions."""
    sums: dict[tuple, Counter] = defaultdict(Counter)
    for bucket in buckets:
        for result in bucket["results"]:
            key = tuple(result[group] for group in groups(path))
            counts = {name: n for name, n in result.items() if isinstance(n, int) and not isinstance(n, bool)}
            sums[key].update(counts)
    return {key: Counter({name: n for name, n in counts.items() if n}) for key, counts in sums.items()}


@pytest.mark.parametrize("account", ACCOUNTS)
@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize("path", PATHS)
def test_every_answer_is_of_the_published_shape(clock, account, path, grouped):
    client = Client("openai", clock, account)

    for width in ("1d", "1h", "1m"):
        asked = {**whole(DAY), "bucket_width": width, "group_by": groups(path) if grouped else None}
        body = client.get(f"usage/{path}", **asked).json()
        schema("openai", f"usage_{path}").validate(body)
        for result in (result for bucket in body["data"] for result in bucket["results"]):
            assert set(groups(path)) <= result.keys()
            assert grouped or {result[group] for group in groups(path)} == {None}


@pytest.mark.parametrize("path", PATHS)
def test_each_endpoint_has_something_to_tell_of_some_account(clock, path):
    found = [Client("openai", clock, account).buckets(f"usage/{path}", **whole(DAY)) for account in ACCOUNTS]

    assert any(bucket["results"] for buckets in found for bucket in buckets)


@pytest.mark.long
@pytest.mark.parametrize("account", ACCOUNTS)
@pytest.mark.parametrize("path", [path for path in PATHS if path != "vector_stores"])
def test_the_hours_of_a_day_and_its_minutes_add_up_to_the_day(clock, account, path):
    client = Client("openai", clock, account)
    for day in (DAY, NOW.date()):
        asked = {**whole(day), "group_by": groups(path)}
        days = added(path, client.buckets(f"usage/{path}", **asked))
        assert added(path, client.buckets(f"usage/{path}", **asked, bucket_width="1h")) == days
        if path == "completions":
            minutes = client.buckets(f"usage/{path}", **asked, bucket_width="1m", limit=1440)
            assert added(path, minutes) == days
        ungrouped = client.buckets(f"usage/{path}", **whole(day))
        assert sum(days.values(), Counter()) == sum(added(path, ungrouped).values(), Counter())


def test_the_running_day_s_hours_do_not_change_once_they_are_over(clock):
    client = Client("openai", clock)
    asked = {**whole(NOW.date()), "group_by": groups("completions"), "bucket_width": "1h"}
    before = client.buckets("usage/completions", **asked)
    clock.instant += timedelta(hours=2, minutes=7)
    after = client.buckets("usage/completions", **asked)

    assert after[:13] == before[:13]
    assert all(bucket["results"] for bucket in before[:14])
    assert not any(bucket["results"] for bucket in before[14:])
    assert all(bucket["results"] for bucket in after[:16])


@pytest.mark.parametrize("account", ACCOUNTS)
def test_completions_keep_to_the_documented_arithmetic(clock, account):
    buckets = Client("openai", clock, account).buckets("usage/completions", **whole(DAY), group_by=("model", "batch"))

    for result in buckets[0]["results"]:
        uncached, cached = result["input_uncached_tokens"], result["input_cached_tokens"]
        assert result["input_tokens"] == uncached + cached + result["input_cache_write_tokens"]
        assert uncached == sum(result[f"input_{kind}_tokens"] for kind in ("text", "audio", "image"))
        assert cached == sum(result[f"input_cached_{kind}_tokens"] for kind in ("text", "audio", "image"))
        assert result["output_tokens"] == sum(result[f"output_{kind}_tokens"] for kind in ("text", "audio", "image"))
        assert result["num_model_requests"] > 0


@pytest.mark.parametrize("account", ACCOUNTS)
@pytest.mark.parametrize("day", [DAY, NOW.date()], ids=str)
def test_the_tokens_used_are_the_tokens_billed_but_for_free_ones_and_the_date_in_a_model_s_name(clock, account, day):
    client = Client("openai", clock, account)
    billed: Counter = Counter()
    for result in client.buckets("costs", **whole(day), group_by=("line_item", "api_key_id"))[0]["results"]:
        item = parse_line_item(result["line_item"])
        if result["quantity_unit"] == "tokens":
            key = (result["api_key_id"], undated(item.model), item.service_tier, item.token_type)
            billed[key] += int(result["quantity"])
    if account == "eu":
        billed[FREE_KEY, FREE_MODEL, None, "input"] += FREE

    used: Counter = Counter()
    for result in client.buckets("usage/completions", **whole(day), group_by=groups("completions"))[0]["results"]:
        tier = "batch" if result["batch"] else result["service_tier"].replace("default", "")
        for side, name in SIDES.items():
            used[result["api_key_id"], undated(result["model"]), tier or None, side] += result[name]
    for result in client.buckets("usage/embeddings", **whole(day), group_by=("api_key_id", "model"))[0]["results"]:
        used[result["api_key_id"], result["model"], None, "input"] += result["input_tokens"]

    assert +used == billed


def test_free_tokens_are_used_and_not_billed_until_the_day_s_allowance_is_used_up(clock):
    client = Client("openai", clock, "eu")
    seen = []
    for quarter in range(1, 97):
        clock.instant = midnight(NOW.date()) + timedelta(minutes=15 * quarter)
        asked = {**whole(NOW.date()), "group_by": ("project_id", "line_item")}
        billed = sum(
            int(result["quantity"])
            for result in client.buckets("costs", **asked)[0]["results"]
            if result["project_id"] == "proj_support" and FREE_MODEL in result["line_item"]
        )
        asked = {**whole(NOW.date()), "group_by": ("project_id", "model")}
        (used,) = (
            result["input_tokens"] + result["output_tokens"]
            for result in client.buckets("usage/completions", **asked)[0]["results"]
            if (result["project_id"], result["model"]) == ("proj_support", FREE_MODEL)
        )
        assert billed == max(0, used - FREE)
        seen.append(billed)

    assert seen == sorted(seen)
    assert seen[0] == seen[3] == 0
    assert seen[-1] > FREE


def undated(model: str) -> str:
    return re.sub(r"-\d{4}-\d{2}-\d{2}$", "", model)


def test_two_models_are_dated_in_one_book_only_one_in_each(clock):
    client = Client("openai", clock, "eu")
    billed = {
        parse_line_item(result["line_item"]).model
        for result in client.buckets("costs", **whole(DAY), group_by=["line_item"])[0]["results"]
    }
    used = {
        result["model"]
        for result in client.buckets("usage/completions", **whole(DAY), group_by=["model"])[0]["results"]
    }

    assert {"gpt-image-1", "gpt-audio-mini-2025-12-15"} <= billed
    assert {"gpt-image-1-2025-04-23", "gpt-audio-mini"} <= used


def test_web_searches_are_as_many_as_are_billed(clock):
    client = Client("openai", clock)
    billed = [
        Decimal(str(result["quantity"]))
        for result in client.buckets("costs", **whole(DAY), group_by=["line_item"])[0]["results"]
        if result["line_item"] == "web search tool calls"
    ]

    assert [client.buckets("usage/web_search_calls", **whole(DAY))[0]["results"][0]["num_requests"]] == billed


def test_a_vector_store_is_a_stock_the_same_in_an_hour_and_in_a_day(clock):
    client = Client("openai", clock)
    of_the_day = client.buckets("usage/vector_stores", **whole(DAY))[0]["results"]
    hours = client.buckets("usage/vector_stores", **whole(DAY), bucket_width="1h")

    assert len(of_the_day) == 1
    assert of_the_day[0]["usage_bytes"] > 2**30
    assert [bucket["results"] for bucket in hours] == [of_the_day] * 24


@pytest.mark.parametrize(("width", "most", "default"), [("1d", 31, 7), ("1h", 168, 24), ("1m", 1440, 60)])
def test_a_page_holds_as_many_buckets_as_asked_up_to_the_documented_limit(clock, width, most, default):
    client = Client("openai", clock)
    asked = {"start_time": seconds(midnight(date(2026, 4, 1))), "bucket_width": width}

    assert len(client.get("usage/moderations", **asked).json()["data"]) == default
    assert len(client.get("usage/moderations", **asked, limit=most).json()["data"]) == most
    assert client.get("usage/moderations", **asked, limit=most + 1).status_code == 400


@pytest.mark.parametrize("limit", [1, 5, 24, 168])
def test_pages_cut_anywhere_give_the_same_buckets(clock, limit):
    asked = {
        "start_time": seconds(NOW - timedelta(hours=50)),
        "bucket_width": "1h",
        "group_by": ("model", "batch", "service_tier"),
    }
    client = Client("openai", clock)

    assert client.buckets("usage/completions", **asked, limit=limit) == client.buckets("usage/completions", **asked)
    short = Client("openai", clock, buckets_a_page=3)
    assert short.buckets("usage/completions", **asked, limit=limit) == client.buckets("usage/completions", **asked)


@pytest.mark.parametrize(
    ("name", "dimension", "value"),
    [
        ("project_ids", "project_id", "proj_nightly"),
        ("user_ids", "user_id", "user_bram"),
        ("api_key_ids", "api_key_id", "key_ci"),
        ("models", "model", "gpt-5.3-codex"),
        ("batch", "batch", True),
        ("batch", "batch", False),
    ],
)
def test_a_filter_keeps_what_it_names(clock, name, dimension, value):
    client = Client("openai", clock)
    asked = {**whole(DAY), "group_by": groups("completions")}
    every = client.buckets("usage/completions", **asked)[0]["results"]

    given = str(value).lower() if isinstance(value, bool) else [value]
    kept = client.buckets("usage/completions", **asked, **{name: given})[0]["results"]
    assert kept == [result for result in every if result[dimension] == value]
    assert 0 < len(kept) < len(every)


def test_both_spellings_of_an_array_are_understood(clock):
    client = Client("openai", clock)
    asked = {**whole(DAY), "models": "o1-pro"}
    plain = client.http.get("/v1/organization/usage/completions", params={**asked, "group_by": ["model", "batch"]})

    assert plain.json() == client.get("usage/completions", **asked, group_by=["model", "batch"]).json()
    assert {result["model"] for result in plain.json()["data"][0]["results"]} == {"o1-pro"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"group_by": ["line_item"]},
        {"bucket_width": "1w"},
        {"batch": "perhaps"},
        {"service_tiers": ["default"]},
        {"page": "page_!"},
        {"start_time": None},
        {"limit": 0},
    ],
    ids=str,
)
def test_a_wrong_parameter_is_refused(clock, wrong):
    answer = Client("openai", clock).get("usage/completions", **{**whole(DAY), **wrong})

    assert answer.status_code == 400
    schema("openai", "error").validate(answer.json())
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_an_endpoint_that_is_none_is_not_found(clock):
    answer = Client("openai", clock).get("usage/tea", **whole(DAY))

    assert answer.status_code == 404
    schema("openai", "error").validate(answer.json())
