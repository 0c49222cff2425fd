"""Names of every account are read to the end and kept, whatever befalls the others."""

import pytest

from aispend_pipeline.errors import StoreError
from aispend_pipeline.names.reading import read_names
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator.anthropic import anthropic
from aispend_pipeline.simulator.openai import openai
from aispend_pipeline.sources.http import Limits
from aispend_pipeline.warehouse import Warehouse
from aispend_pipeline.warehouse.snapshots import pointer

from .conftest import ANTHROPIC_KEY, EU_KEY, OPENAI_KEY, item, kept, look, openai_lists, sample

OPENAI_ALL = {("project", "proj_1", "search"), ("user", "user_1", "Ada"), ("api_key", "key_1", "ci")}
ANTHROPIC_ALL = {
    ("organization", "org_1", "Example"),
    ("workspace", "wrkspc_1", "research"),
    ("api_key", "apikey_1", "ci"),
    ("user", "user_2", "Grace"),
}
REFUSED = (403, sample("openai", "error_403_missing_scope"))


def attempts(home) -> dict[str, tuple]:
    rows = look(home, "SELECT provider, account, last_read_at IS NOT NULL, error FROM names_read")
    return {f"{provider} {account}": (whole, error) for provider, account, whole, error in rows}


def test_the_samples_of_both_providers_are_read_end_to_end(provider, read, home):
    provider.lists = {
        (OPENAI_KEY, "/organization/projects"): sample("openai", "projects_list"),
        (OPENAI_KEY, "/organization/users"): sample("openai", "users_list"),
        (OPENAI_KEY, "/organization/projects/proj_abc/api_keys"): sample("openai", "project_api_keys_list"),
        (ANTHROPIC_KEY, "/organizations/me"): {"id": "org_1", "type": "organization", "name": "Example"},
        (ANTHROPIC_KEY, "/organizations/workspaces"): sample("anthropic", "workspaces_list_documented"),
        (ANTHROPIC_KEY, "/organizations/api_keys"): sample("anthropic", "api_keys_list_default_workspace_and_expired"),
        (ANTHROPIC_KEY, "/organizations/users"): sample("anthropic", "users_list_documented"),
    }

    read()

    assert kept(home) == {
        ("project", "proj_abc", "Project example"),
        ("user", "user_abc", "First Last"),
        ("api_key", "key_abc", "My API Key"),
        ("api_key_owner", "key_abc", "user_abc"),
    }
    assert kept(home, "anthropic") == {
        ("organization", "org_1", "Example"),
        ("workspace", "wrkspc_01JwQvzr7rXLA5AGx3HKfFUJ", "Workspace Name"),
        ("api_key", "apikey_fixture02", "Developer Key"),
        ("api_key", "apikey_fixture03", "ci"),
        ("api_key_owner", "apikey_fixture03", "user_01WCz1FkmYMm4gnmykNKUu3Q"),
        ("user", "user_01WCz1FkmYMm4gnmykNKUu3Q", "Jane Doe"),
    }
    assert attempts(home) == {"openai default": (True, None), "anthropic default": (True, None)}


def test_archived_things_are_asked_for_and_pages_are_as_large_as_they_may_be(provider, read):
    read()

    archived_too = {"include_archived": "true"}
    assert {path: params for _, path, params in provider.asked} == {
        "/organization/projects": {"limit": "100", **archived_too},
        "/organization/users": {"limit": "100"},
        "/organization/projects/proj_1/api_keys": {"limit": "100", "owner_project_access": "any"},
        "/organizations/me": {},
        "/organizations/workspaces": {"limit": "1000", **archived_too},
        "/organizations/api_keys": {"limit": "1000"},
        "/organizations/users": {"limit": "1000"},
    }


def test_every_page_of_every_list_is_read(provider, read, home):
    provider.page = 2
    projects = [item(f"proj_{n}", f"project {n}") for n in range(5)]
    keys = {f"proj_{n}": [item(f"key_{n}_{k}", "same name") for k in range(n)] for n in range(5)}
    provider.lists |= openai_lists(OPENAI_KEY, projects, [item("u", "U")], **keys)
    workspaces = [item(f"wrkspc_{n}", f"workspace {n}") for n in range(5)]
    provider.lists[ANTHROPIC_KEY, "/organizations/workspaces"] = workspaces

    read()

    assert {id_ for kind, id_, _ in kept(home) if kind == "project"} == {f"proj_{n}" for n in range(5)}
    assert sum(kind == "api_key" for kind, _, _ in kept(home)) == 0 + 1 + 2 + 3 + 4
    assert sum(kind == "workspace" for kind, _, _ in kept(home, "anthropic")) == 5


def test_a_user_without_a_name_is_called_by_the_address_and_what_has_no_name_is_left_out(provider, read, home):
    users = [item("u1", None, email="ada@example.com"), item("u2", " ", email=None), {"id": "u3"}]
    provider.lists |= openai_lists(OPENAI_KEY, [item("proj_1"), item("proj_2", "n" * 300)], users, proj_1=[], proj_2=[])

    assert read()["openai default"].complete
    assert kept(home) == {("user", "u1", "ada@example.com"), ("project", "proj_2", "n" * 200)}


def test_only_the_keys_of_chosen_projects_are_asked_for(provider, read, home):
    projects = [item("proj_1", "search"), item("proj_2", "chat")]
    provider.lists |= openai_lists(OPENAI_KEY, projects, proj_1=[item("key_1", "ci")], proj_2=[item("key_2", "x")])

    read(OPENAI_PROJECT_ID="proj_2")

    assert [path for path in provider.paths(OPENAI_KEY) if path.endswith("api_keys")] == [
        "/organization/projects/proj_2/api_keys"
    ]
    assert ("api_key", "key_2", "x") in kept(home)


def test_an_id_cannot_ask_another_question(provider, read):
    provider.lists |= openai_lists(OPENAI_KEY, [item("proj_1/../../users?limit=1&x=", "odd")])

    read()

    _, path, params = next(asked for asked in provider.asked if "proj_1" in asked[1])
    assert path.endswith("/api_keys")
    assert params == {"limit": "100", "owner_project_access": "any"}


def test_one_failing_account_fails_alone(provider, read, home):
    provider.lists |= openai_lists(EU_KEY, [item("proj_9", "eu")], proj_9=[])
    wrong = {(key, path): REFUSED if key == OPENAI_KEY else answer for (key, path), answer in provider.lists.items()}
    provider.lists = wrong

    done = read(OPENAI_API_KEY__EU=EU_KEY)

    assert [name for name, one in done.items() if not one.complete] == ["openai default"]
    assert kept(home) == set()
    assert kept(home, account="eu") == {("project", "proj_9", "eu")}
    assert kept(home, "anthropic") == ANTHROPIC_ALL
    whole, error = attempts(home)["openai default"]
    assert not whole
    assert "Missing scopes" in error
    assert "Set OPENAI_API_KEY to an admin key that also has the right api.management.read. (and 1 more)" in error


@pytest.mark.parametrize("status", [403, 404])
def test_one_refused_list_does_not_lose_the_others(provider, read, home, status):
    provider.lists[OPENAI_KEY, "/organization/users"] = (status, {"error": {"message": "not for you"}})

    done = read()

    assert kept(home) == OPENAI_ALL - {("user", "user_1", "Ada")}
    assert not done["openai default"].complete
    whole, error = attempts(home)["openai default"]
    assert not whole
    assert f"/organization/users answered {status}: not for you" in error


def test_a_refused_list_of_projects_does_not_lose_the_users_nor_the_keys_of_chosen_projects(provider, read, home):
    provider.lists[OPENAI_KEY, "/organization/projects"] = REFUSED

    read(OPENAI_PROJECT_ID="proj_1")

    assert kept(home) == OPENAI_ALL - {("project", "proj_1", "search")}


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"data": [item("u1", "A")], "has_more": True}, "has_more is true but last_id is missing"),
        ({"data": [item("u1", "A")], "has_more": True, "last_id": ""}, "has_more is true but last_id is missing"),
        ({"data": [item("u1", "A")], "has_more": True, "last_id": "u1"}, "cursor loop at page 2"),
        ({"data": [item("u1", "A"), {"name": "no id"}]}, "missing required field `id` - at `$.data[1]`"),
        ({"items": []}, "missing required field `data`"),
    ],
)
def test_a_list_that_cannot_be_read_to_its_end_is_a_failure(provider, read, home, answer, told):
    provider.lists[OPENAI_KEY, "/organization/users"] = answer

    error = read()["openai default"].error

    assert error.startswith("/organization/users: ")
    assert told in error
    assert kept(home) >= OPENAI_ALL - {("user", "user_1", "Ada")}
    assert attempts(home)["openai default"][0] is False


def test_names_of_pages_that_were_read_stand_when_a_later_page_is_refused(provider, read, home):
    looping = {"data": [item("u1", "A")], "has_more": True, "last_id": "u1"}
    provider.lists[OPENAI_KEY, "/organization/users"] = looping

    read()

    assert ("user", "u1", "A") in kept(home)


def test_a_server_that_is_gone_ends_the_account_at_once(provider, read, serve_app, home):
    done = read(OPENAI_BASE_URL="http://127.0.0.1:9/v1")

    assert done["openai default"].error.startswith("/organization/projects: the connection was refused")
    assert len(done["openai default"].errors) == 1
    assert kept(home, "anthropic") == ANTHROPIC_ALL


def test_an_account_whose_calls_are_used_up_keeps_what_it_had_and_gets_the_rest_later(provider, read, home, clock):
    few = {"AISPEND_ANTHROPIC_CALLS_PER_HOUR": "3"}

    first = read(**few)["anthropic default"]

    assert first.out_of_budget
    assert kept(home, "anthropic") == ANTHROPIC_ALL - {("user", "user_2", "Grace")}
    assert "the 3 calls an hour are used up" in attempts(home)["anthropic default"][1]
    assert attempts(home)["openai default"] == (True, None)

    clock.instant = clock.instant.replace(hour=3)
    assert read(AISPEND_ANTHROPIC_CALLS_PER_HOUR="4")["anthropic default"].complete
    assert kept(home, "anthropic") == ANTHROPIC_ALL


def test_trouble_that_is_no_provider_error_is_the_accounts_alone(provider, read, home):
    home.mkdir(mode=0o700)
    (home / "state.sqlite").write_text("no database at all, and long enough to look like a header of one" * 20)

    done = read()

    assert "state.sqlite: cannot be used" in done["anthropic default"].error
    assert kept(home) == OPENAI_ALL
    assert kept(home, "anthropic") == set()


def test_an_exception_that_nobody_expected_is_the_accounts_alone(provider, environment, home, clock):
    settings = Settings.load(environment, None).model_copy(update={"anthropic_calls_per_hour": 0})

    failed, whole = read_names(settings, Warehouse(home, clock), clock=clock, limits=Limits())

    assert (failed.provider, whole.provider) == ("anthropic", "openai")
    assert "ZeroDivisionError" in failed.error
    assert whole.complete
    assert kept(home) == OPENAI_ALL


def test_an_answer_that_repeats_the_key_leaves_it_nowhere(provider, read, home):
    provider.lists[OPENAI_KEY, "/organization/projects"] = [item(OPENAI_KEY, "echo")]

    error = read()["openai default"].error

    assert "the answer repeats the key" in error
    assert OPENAI_KEY not in error
    assert all(OPENAI_KEY.encode() not in file.read_bytes() for file in home.rglob("*.duckdb"))


def test_of_some_accounts_no_other_is_asked(provider, environment, home, clock):
    settings = Settings.load({**environment, "OPENAI_API_KEY__EU": EU_KEY}, None)
    only = {("openai", "eu"), ("anthropic", "gone")}

    [eu] = read_names(settings, Warehouse(home, clock), clock=clock, limits=Limits(attempts=1), only=only)

    assert str(eu) == "openai eu"
    assert {key for key, _, _ in provider.asked} == {EU_KEY}
    assert set(attempts(home)) == {"openai eu"}


def test_everything_is_published_once_and_nothing_without_accounts(provider, read, home):
    read()
    first = pointer(home)
    read()
    assert pointer(home).seq == first.seq + 2  # a commit for each account

    assert read(ENABLE_OPENAI="false") == {}
    assert pointer(home).seq == first.seq + 2


def test_the_simulated_providers_name_every_id_of_their_lists(read, home, clock, serve_app):
    simulated = {
        "OPENAI_BASE_URL": serve_app(openai({OPENAI_KEY: "default"}, clock)) + "/v1",
        "ANTHROPIC_BASE_URL": serve_app(anthropic({ANTHROPIC_KEY: "default"}, clock)),
    }

    done = read(**simulated)

    assert [one.errors for one in done.values()] == [[], []]
    keys = {"api_key", "api_key_owner"}
    assert set(done["openai default"].counts()) == {"project", "user", "service_account", *keys}
    assert set(done["anthropic default"].counts()) == {"organization", "workspace", "user", *keys}


def owned(home, provider: str) -> set[tuple]:
    """What is kept of owners: which key is whose, and what the lists of keys call them."""
    return {row for row in kept(home, provider) if row[0] in ("api_key_owner", "service_account") or row[2] == "Eve"}


def test_whose_a_key_is_is_kept_with_a_name_where_the_list_of_keys_has_one(provider, read, home):
    of_a_person = {"type": "user", "user": {"id": "user_9", "name": "Eve", "email": "eve@example.com"}}
    of_a_service = {"type": "service_account", "service_account": {"id": "svc_1", "name": "deploy", "role": "member"}}
    keys = [item("key_1", "ci", owner=of_a_person), item("key_2", None, owner=of_a_service)]
    provider.lists |= openai_lists(OPENAI_KEY, [item("proj_1")], proj_1=keys)
    provider.lists[ANTHROPIC_KEY, "/organizations/api_keys"] = [
        item("apikey_1", "ci", created_by={"id": "user_2", "type": "user"}),
        item("apikey_2", "old", created_by=None),
    ]

    read()

    assert owned(home, "openai") == {
        ("api_key_owner", "key_1", "user_9"),
        ("user", "user_9", "Eve"),
        ("api_key_owner", "key_2", "svc_1"),
        ("service_account", "svc_1", "deploy"),
    }
    assert owned(home, "anthropic") == {("api_key_owner", "apikey_1", "user_2")}


@pytest.mark.parametrize(
    "owner", [None, "Ada", 7, [], {}, {"type": "user"}, {"type": "user", "user": {"name": "Eve"}}, {"id": 7}]
)
def test_an_owner_in_a_shape_that_is_not_known_costs_no_name(provider, read, home, owner):
    provider.lists |= openai_lists(OPENAI_KEY, [item("proj_1")], proj_1=[item("key_1", "ci", owner=owner)])

    done = read()

    assert done["openai default"].errors == []
    assert ("api_key", "key_1", "ci") in kept(home)
    assert owned(home, "openai") == set()


def test_a_store_that_cannot_be_written_is_told_of_and_is_no_accounts_error(read, home):
    home.mkdir(mode=0o700)
    (home / "warehouse.duckdb").write_bytes(b"damaged" * 4096)

    with pytest.raises(StoreError, match="cannot be opened"):
        read()
