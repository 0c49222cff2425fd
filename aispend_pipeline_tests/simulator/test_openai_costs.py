"""The simulated OpenAI's costs keep to the published shape, and its books always add up."""

import json
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

import pytest
from starlette.testclient import TestClient

from aispend_pipeline.model import Window, midnight
from aispend_pipeline.normalise.openai_costs import parse_line_item
from aispend_pipeline.simulator import organisation
from aispend_pipeline.simulator.openai import openai

from ..service.world import NOW
from .asking import schema

KEYS = {"sk-sim-1": "default", "sk-sim-2": "eu"}
PATH = "/v1/organization/costs"
DAYS = Window(date(2026, 5, 28), NOW.date())
COSTS, ERROR = (schema("openai", name) for name in ("costs", "error"))
GROUPINGS = [(), ("line_item",), ("project_id",), ("api_key_id",), ("project_id", "line_item", "api_key_id")]


@pytest.fixture
def ask(clock):
    """Asks for one page: its status and its body, amounts as decimals."""
    client = TestClient(openai(KEYS, clock))

    def one(key: str = "sk-sim-1", **parameters: object) -> tuple[int, dict]:
        named = {"start_time": seconds(DAYS.first), **parameters}
        given = {name: value for name, value in named.items() if value is not None}
        given = {f"{name}[]" if isinstance(value, list | tuple) else name: value for name, value in given.items()}
        answer = client.get(PATH, params=given, headers={"authorization": f"Bearer {key}"})
        assert answer.headers["content-type"] == "application/json"
        return answer.status_code, json.loads(answer.text, parse_float=Decimal, parse_int=int)

    return one


def seconds(day: date) -> int:
    return int(midnight(day).timestamp())


def buckets(ask, key: str = "sk-sim-1", **parameters: object) -> list[dict]:
    """The buckets of all pages."""
    found: list[dict] = []
    cursor = None
    for _ in range(100):
        status, page = ask(key, page=cursor, **parameters)
        assert status == 200
        found += page["data"]
        assert page["has_more"] is (page["next_page"] is not None)
        cursor = page["next_page"]
        if cursor is None:
            return found
    raise AssertionError("no end")


def sums(found: list[dict]) -> dict[int, Decimal]:
    """USD by the start of the bucket."""
    added: dict[int, Decimal] = defaultdict(Decimal)
    for bucket in found:
        added[bucket["start_time"]] += sum(
            (Decimal(result["amount"]["value"]) for result in bucket["results"]), Decimal(0)
        )
    return added


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("groups", GROUPINGS, ids=str)
def test_every_page_is_of_the_published_shape(clock, key, groups):
    client = TestClient(openai(KEYS, clock))
    answer = client.get(
        PATH,
        params={"start_time": seconds(DAYS.first), "group_by[]": groups},
        headers={"authorization": f"Bearer {key}"},
    )

    COSTS.validate(answer.json())
    assert {result["amount"]["currency"] for bucket in answer.json()["data"] for result in bucket["results"]} == {"usd"}
    values = {type(result["amount"]["value"]) for bucket in answer.json()["data"] for result in bucket["results"]}
    assert values <= ({int, float} if KEYS[key] == "default" else {str})


@pytest.mark.parametrize("groups", GROUPINGS, ids=str)
def test_the_same_question_has_the_same_answer(ask, groups):
    assert ask(group_by=groups) == ask(group_by=groups)


@pytest.mark.parametrize("key", KEYS)
def test_grouped_sums_are_the_ungrouped_sums_and_those_of_the_books(ask, key):
    ungrouped = sums(buckets(ask, key))

    for groups in GROUPINGS[1:]:
        assert sums(buckets(ask, key, group_by=groups)) == ungrouped
    account = KEYS[key]
    assert ungrouped == {seconds(day): organisation.total("openai", account, [day], NOW) for day in DAYS.days()}
    assert all(len(bucket["results"]) == 1 for bucket in buckets(ask, key))


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 7, 180])
def test_pages_cut_anywhere_give_the_same_rows(ask, limit):
    groups = ("project_id", "line_item", "api_key_id")

    assert buckets(ask, group_by=groups, limit=limit) == buckets(ask, group_by=groups)


def test_a_page_holds_as_many_buckets_as_asked_and_seven_unless_told(ask):
    assert len(ask(limit=3)[1]["data"]) == 3
    assert len(ask()[1]["data"]) == 7
    assert len(ask(limit=180)[1]["data"]) == len(list(DAYS.days()))


def test_pages_can_be_kept_shorter_than_asked(clock):
    client = TestClient(openai(KEYS, clock, buckets_a_page=2), headers={"authorization": "Bearer sk-sim-1"})

    assert len(client.get(PATH, params={"start_time": seconds(DAYS.first), "limit": 180}).json()["data"]) == 2


def test_the_window_is_that_of_the_question(ask):
    found = buckets(ask, end_time=seconds(date(2026, 6, 1)))

    assert [bucket["start_time"] for bucket in found] == [
        seconds(day) for day in Window(DAYS.first, date(2026, 5, 31)).days()
    ]
    assert [b["end_time"] - b["start_time"] for b in found] == [86400] * len(found)


@pytest.mark.parametrize("key", KEYS)
def test_the_running_day_grows_with_the_clock_and_never_shrinks(ask, clock, key):
    today = {"start_time": seconds(NOW.date())}
    seen: list[Decimal] = []
    by_item: dict[str, Decimal] = {}
    for minutes in range(0, 24 * 60 + 20, 20):
        clock.instant = midnight(NOW.date()) + timedelta(minutes=minutes)
        (bucket, *_) = buckets(ask, key, group_by=("line_item",), **today)
        items = {result["line_item"]: Decimal(result["amount"]["value"]) for result in bucket["results"]}
        for item, usd in by_item.items():
            assert items[item] >= usd
        by_item = items
        seen.append(sum(items.values(), Decimal(0)))

    assert seen == sorted(seen)
    assert seen[0] == 0
    assert len(set(seen)) == len(seen)


def test_a_day_that_is_over_does_not_change_any_more(ask, clock):
    before = buckets(ask, end_time=seconds(NOW.date()))
    clock.instant += timedelta(days=3)

    assert buckets(ask, end_time=seconds(NOW.date())) == before


def test_a_day_to_come_has_a_bucket_and_no_spend(ask):
    found = buckets(
        ask, start_time=seconds(NOW.date() + timedelta(days=1)), end_time=seconds(NOW.date() + timedelta(days=3))
    )

    assert [bucket["results"] for bucket in found] == [[], []]


def test_a_project_filter_keeps_the_named_projects(ask):
    groups = ("project_id", "line_item")
    whole = buckets(ask, group_by=groups)
    some = buckets(ask, group_by=groups, project_ids=["proj_code", "proj_nightly"])

    kept = [[r for r in bucket["results"] if r["project_id"] in {"proj_code", "proj_nightly"}] for bucket in whole]
    assert [bucket["results"] for bucket in some] == kept
    assert all(kept)
    assert [bucket["results"] for bucket in buckets(ask, project_ids=["proj_nobody"])] == [[]] * len(whole)


def test_a_key_filter_keeps_the_named_keys(ask):
    whole = buckets(ask, group_by=("api_key_id", "line_item"))
    some = buckets(ask, group_by=("api_key_id", "line_item"), api_key_ids=["key_ci"])

    assert [bucket["results"] for bucket in some] == [
        [r for r in bucket["results"] if r["api_key_id"] == "key_ci"] for bucket in whole
    ]


def test_there_are_a_dozen_models_tokens_and_lines_that_name_no_model(ask):
    items = {
        result["line_item"]
        for key in KEYS
        for bucket in buckets(ask, key, group_by=("line_item",))
        for result in bucket["results"]
    }

    models = {parse_line_item(item).model for item in items}
    assert len(models - {None}) >= 12
    assert None in models
    assert {parse_line_item(item).token_type for item in items} >= {"input", "cached_input", "cache_write", "output"}
    assert {parse_line_item(item).service_tier for item in items} >= {"priority", "batch", None}


def test_the_first_of_a_month_has_a_credit(ask):
    (first,) = buckets(
        ask, start_time=seconds(date(2026, 6, 1)), end_time=seconds(date(2026, 6, 2)), group_by=("line_item",)
    )

    assert Decimal("-25.00") in {Decimal(result["amount"]["value"]) for result in first["results"]}


def test_two_keys_are_two_organisations(ask):
    ours, theirs = (buckets(ask, key, group_by=("project_id",)) for key in KEYS)

    def projects(found: list[dict]) -> set[str]:
        return {result["project_id"] for bucket in found for result in bucket["results"]} - {None}

    assert projects(ours) == {"proj_assistant", "proj_nightly", "proj_code"}
    assert projects(theirs) == {"proj_support", "proj_studio"}
    assert sums(ours) != sums(theirs)


@pytest.mark.parametrize("key", ["", "sk-wrong", "sk-sim-1 ", "SK-SIM-1"])
def test_a_wrong_key_is_refused_and_not_repeated(clock, key):
    answer = TestClient(openai(KEYS, clock)).get(
        PATH, params={"start_time": 0}, headers={"authorization": f"Bearer {key}x"}
    )

    assert answer.status_code == 401
    ERROR.validate(answer.json())
    assert answer.json()["error"]["code"] == "invalid_api_key"
    assert "sk-" not in answer.text.lower()


@pytest.mark.parametrize(
    "wrong",
    [
        {"start_time": None},
        {"start_time": "2026-06-01"},
        {"start_time": "-1"},
        {"end_time": "soon"},
        {"end_time": 0},
        {"bucket_width": "1h"},
        {"limit": 0},
        {"limit": 181},
        {"limit": "ten"},
        {"group_by": ["model"]},
        {"page": "page_!"},
        {"page": "nonsense"},
        {"projects": "x"},
        {"start_time": "9" * 30},
    ],
    ids=str,
)
def test_a_wrong_parameter_is_refused_as_the_provider_refuses_it(ask, wrong):
    status, body = ask(**wrong)

    assert status == 400
    ERROR.validate(body)
    assert body["error"]["type"] == "invalid_request_error"
