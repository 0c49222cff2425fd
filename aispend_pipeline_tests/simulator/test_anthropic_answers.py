"""The simulated Anthropic's refusals, its count of calls, and its lists."""

import json
from datetime import datetime, timedelta

import pytest

from ..conftest import ROOT
from ..service.world import NOW
from .asking import Client, schema

COSTS, USAGE = "cost_report", "usage_report/messages"
TODAY = {"starting_at": "2026-06-12T00:00:00Z"}


def documented(name: str) -> dict:
    body = json.loads((ROOT / "data" / "samples" / "anthropic" / f"error_{name}.json").read_text())
    del body["request_id"]
    return body


def refusal(answer) -> dict:
    """The body without the request's id, which is also in the header."""
    body = answer.json()
    schema("anthropic", "error").validate(body)
    assert body.pop("request_id") == answer.headers["request-id"]
    return body


def test_a_group_that_costs_do_not_know_is_refused_as_documented(clock):
    answer = Client("anthropic", clock).get(COSTS, **TODAY, group_by=["description", "api_key_id"])

    assert answer.status_code == 400
    assert refusal(answer) == documented("400_cost_group_by")


def test_a_sixth_group_of_usage_is_refused_as_documented(clock):
    groups = ["api_key_id", "workspace_id", "model", "service_tier", "context_window", "inference_geo"]
    client = Client("anthropic", clock)

    assert client.get(USAGE, **TODAY, group_by=groups[:5]).status_code == 200
    answer = client.get(USAGE, **TODAY, group_by=groups)
    assert answer.status_code == 400
    assert refusal(answer) == documented("400_too_many_group_by")


@pytest.mark.parametrize("path", [COSTS, USAGE, "me", "workspaces", "api_keys", "users"])
def test_wrong_keys_are_refused_as_documented(clock, path):
    client = Client("anthropic", clock)
    client.http.headers["x-api-key"] = "sk-ant-wrong"
    answer = client.get(path)
    assert answer.status_code == 401
    assert refusal(answer) == documented("401_authentication")

    answer = Client("anthropic", clock, denied=("sk-sim-1",)).get(path)
    assert answer.status_code == 403
    assert refusal(answer) == documented("403_permission")


def test_the_version_is_required(clock):
    client = Client("anthropic", clock)
    del client.http.headers["anthropic-version"]
    answer = client.get("me")

    assert answer.status_code == 400
    assert refusal(answer)["error"]["type"] == "invalid_request_error"


def test_an_address_that_is_none_is_not_found(clock):
    answer = Client("anthropic", clock).get("usage")

    assert answer.status_code == 404
    assert refusal(answer) == documented("404_not_found")


@pytest.mark.parametrize(
    "wrong",
    [
        {"starting_at": None},
        {"starting_at": "yesterday"},
        {"ending_at": "2026-06-12T00:00:00Z"},
        {"bucket_width": "1w"},
        {"limit": 0},
        {"limit": "ten"},
        {"page": "page_!"},
        {"page_token": "x"},
        {"group_by": ["colour"]},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", [COSTS, USAGE])
def test_a_wrong_parameter_is_refused(clock, path, wrong):
    answer = Client("anthropic", clock).get(path, **{**TODAY, **wrong})

    assert answer.status_code == 400
    assert refusal(answer)["error"]["type"] == "invalid_request_error"


def test_calls_are_counted_over_any_hour_and_refused_beyond_the_limit(clock):
    client = Client("anthropic", clock, calls_per_hour=3)
    left = []
    for _ in range(3):
        headers = client.get("me").headers
        left.append(headers["anthropic-ratelimit-requests-remaining"])
        assert headers["anthropic-ratelimit-requests-limit"] == "3"
        assert headers["anthropic-ratelimit-requests-reset"] == "2026-06-12T14:20:00Z"
        clock.instant += timedelta(minutes=10)
    assert left == ["2", "1", "0"]

    answer = client.get("me")
    assert answer.status_code == 429
    assert refusal(answer) == documented("429_rate_limit")
    assert answer.headers["retry-after"] == str(30 * 60)
    assert answer.headers["anthropic-ratelimit-requests-remaining"] == "0"

    clock.instant += timedelta(seconds=int(answer.headers["retry-after"]))
    assert client.get("me").status_code == 200
    assert client.get("me").status_code == 429
    clock.instant = datetime.fromisoformat("2026-06-12T14:30:00Z")
    assert client.get("nothing").headers["anthropic-ratelimit-requests-remaining"] == "0"


def test_each_account_has_a_count_of_its_own_and_wrong_keys_have_none(clock):
    client = Client("anthropic", clock, calls_per_hour=1)
    client.http.headers["x-api-key"] = "sk-ant-wrong"
    assert "anthropic-ratelimit-requests-limit" not in client.get("me").headers

    for key, organization in (("sk-sim-1", "org_sim_default"), ("sk-sim-2", "org_sim_eu")):
        client.http.headers["x-api-key"] = key
        answers = [client.get("me"), client.get("me")]
        assert [answer.status_code for answer in answers] == [200, 429]
        assert answers[0].json()["id"] == organization


def test_without_a_limit_no_answer_speaks_of_one(clock):
    headers = Client("anthropic", clock).get("me").headers

    assert not [name for name in headers if "ratelimit" in name]
    assert headers["request-id"].startswith("req_")


@pytest.mark.parametrize("account", ["default", "eu"])
def test_every_list_is_of_the_published_shape(clock, account):
    client = Client("anthropic", clock, account)

    for path in ("workspaces", "api_keys", "users"):
        body = client.get(path, limit=1000).json()
        schema("anthropic", f"{path}_list").validate(body)
        assert body["data"]
        assert body["has_more"] is False
    for key in client.items("api_keys", "after_id"):
        schema("anthropic", "api_key").validate(key)
    assert client.get("me").json().keys() == {"id", "name", "type"}


def test_the_lists_name_every_workspace_and_key_that_the_books_name(clock):
    for account in ("default", "eu"):
        client = Client("anthropic", clock, account)
        asked = {"starting_at": "2026-06-05T00:00:00Z", "limit": 31}
        workspaces = {one["id"] for one in client.items("workspaces", "after_id")}
        keys = {one["id"]: one["workspace_id"] for one in client.items("api_keys", "after_id")}
        costs = client.buckets(COSTS, **asked, group_by=["workspace_id", "description"])
        usage = client.buckets(USAGE, **asked, group_by=["workspace_id", "api_key_id"])

        assert {row["workspace_id"] for bucket in costs for row in bucket["results"]} == {*workspaces, None}
        for row in (row for bucket in usage for row in bucket["results"]):
            assert row["api_key_id"] is None or keys[row["api_key_id"]] == row["workspace_id"]


def test_an_archived_workspace_is_listed_only_if_asked_for(clock):
    client = Client("anthropic", clock)
    every = client.items("workspaces", "after_id", include_archived="true")

    assert [one["id"] for one in every if one["archived_at"]] == ["wrkspc_pilot"]
    assert client.items("workspaces", "after_id") == [one for one in every if not one["archived_at"]]


def test_keys_are_found_by_status_and_workspace_and_share_names(clock):
    client = Client("anthropic", clock)
    keys = client.items("api_keys", "after_id")

    assert {key["status"] for key in keys} == {"active", "inactive", "archived", "expired"}
    assert len({key["name"] for key in keys}) < len({key["id"] for key in keys}) == len(keys)
    for name, value in (("status", "expired"), ("workspace_id", "wrkspc_chat"), ("created_by_user_id", "user_ada")):
        found = client.items("api_keys", "after_id", **{name: value})
        assert 0 < len(found) < len(keys)
    assert client.get("users", email="nobody@example.com").json()["data"] == []


@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
def test_pages_cut_anywhere_give_the_same_items(clock, limit):
    client = Client("anthropic", clock)
    every = client.items("users", "after_id")

    assert len(every) > len(client.get("users").json()["data"]) == 20
    assert client.items("users", "after_id", limit=limit) == every
    before = client.get("users", before_id=every[9]["id"], limit=3).json()
    assert before["data"] == every[6:9]
    assert before["has_more"] is True


@pytest.mark.parametrize(
    "wrong",
    [{"limit": 1001}, {"after_id": "user_nobody"}, {"after_id": "user_ada", "before_id": "user_vera"}, {"page": "x"}],
    ids=str,
)
def test_a_wrong_page_of_a_list_is_refused(clock, wrong):
    answer = Client("anthropic", clock).get("users", **wrong)

    assert answer.status_code == 400
    assert refusal(answer)["error"]["type"] == "invalid_request_error"
    assert clock.now() == NOW
