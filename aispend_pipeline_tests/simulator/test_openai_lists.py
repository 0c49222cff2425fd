"""The simulated OpenAI's lists, and its refusals."""

import pytest

from ..service.world import NOW
from .asking import Client, schema


@pytest.mark.parametrize("account", ["default", "eu"])
def test_every_list_is_of_the_published_shape(clock, account):
    client = Client("openai", clock, account)
    projects = client.get("projects", include_archived="true").json()

    schema("openai", "projects_list").validate(projects)
    schema("openai", "users_list").validate(client.get("users").json())
    for project in projects["data"]:
        schema("openai", "project").validate(project)
        keys = client.get(f"projects/{project['id']}/api_keys", owner_project_access="any").json()
        schema("openai", "project_api_keys_list").validate(keys)
        assert keys["data"]


def test_an_archived_project_is_listed_only_if_asked_for_and_keeps_its_old_spend(clock):
    client = Client("openai", clock)

    def named(**params) -> dict:
        return {project["id"]: project["status"] for project in client.items("projects", "after", **params)}

    archived = {name for name, status in named(include_archived="true").items() if status == "archived"}
    assert archived == {"proj_pilot"}
    assert named() == {
        name: "active" for name, status in named(include_archived="true").items() if status != "archived"
    }
    for day, spends in ((1769904000, True), (int(NOW.timestamp()), False)):
        buckets = client.buckets("costs", start_time=day, end_time=day + 1, group_by=["project_id"])
        assert ("proj_pilot" in {result["project_id"] for result in buckets[0]["results"]}) is spends


def test_the_lists_name_every_project_key_and_user_that_the_books_name(clock):
    day = {"start_time": 1780617600, "end_time": 1780704000}
    for account in ("default", "eu"):
        client = Client("openai", clock, account)
        projects = {project["id"] for project in client.items("projects", "after")}
        users = {user["id"] for user in client.items("users", "after")}
        keys = {key["id"] for name in projects for key in client.items(f"projects/{name}/api_keys", "after")}
        used = client.buckets("usage/completions", **day, group_by=["project_id", "api_key_id", "user_id"])
        billed = client.buckets("costs", **day, group_by=["project_id", "api_key_id"])
        rows = used[0]["results"] + billed[0]["results"]
        assert {row["project_id"] for row in rows} <= projects | {None}
        assert {row["api_key_id"] for row in rows} <= keys | {None}
        assert {row["user_id"] for row in used[0]["results"]} <= users | {None}


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
def test_pages_cut_anywhere_give_the_same_items(clock, limit):
    client = Client("openai", clock)

    assert client.items("users", "after", limit=limit) == client.items("users", "after")


def test_a_page_holds_twenty_unless_told(clock):
    page = Client("openai", clock).get("users").json()

    assert len(page["data"]) == 20
    assert page["has_more"] is True


def test_users_are_found_by_their_address(clock):
    found = Client("openai", clock).get("users", emails=["ada.moreau@example.com"]).json()["data"]

    assert [user["name"] for user in found] == ["Ada Moreau"]


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        ("users", {"limit": 0}, 400),
        ("users", {"limit": 101}, 400),
        ("users", {"after": "user_nobody"}, 400),
        ("users", {"order": "asc"}, 400),
        ("projects/proj_nobody/api_keys", {}, 404),
        ("nothing", {}, 404),
    ],
)
def test_what_is_wrong_is_refused(clock, path, params, status):
    answer = Client("openai", clock).get(path, **params)

    assert answer.status_code == status
    schema("openai", "error").validate(answer.json())


@pytest.mark.parametrize("path", ["costs", "usage/completions", "projects", "users"])
def test_a_key_without_the_scope_is_told_so_as_documented(clock, sample, path):
    answer = Client("openai", clock, denied=("sk-sim-1",)).get(path, start_time=0)

    assert answer.status_code == 403
    assert answer.json() == sample("error_403_missing_scope.json")
