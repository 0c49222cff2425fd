"""`GET /alerts` tells what was said to whom, and an admin may have a message tried again, or drop it."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from aispend_pipeline.alerts.channels import HOOK
from aispend_pipeline.alerts.outbox import LEASE, Outbox
from aispend_pipeline.alerts.tables import message_event
from aispend_pipeline.service.app import create_app
from aispend_pipeline.settings import Settings
from aispend_pipeline.state.database import TABLES
from aispend_pipeline_tests.caps.world import START, Mood, World
from aispend_pipeline_tests.warehouse.building import SetClock

from .examples import example
from .installation import TOKEN, documented
from .test_refusals import assert_problem

ADMIN = {"authorization": f"Bearer {TOKEN}"}
FAILS = "alerts to Slack do not get through"
SOFT = "openai reached its soft cap: 85.00 of 80.00 USD in 2026-11"
HARD = "openai reached its hard cap: 101.00 of 100.00 USD in 2026-11"
TRIGGER = "openai: the hook is to act on the hard cap (arming 1): 101.00 of 100.00 USD in 2026-11"
ADDRESS = "T000-B000-hidden"


@pytest.fixture(scope="module")
def clock() -> SetClock:
    return SetClock()


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("outbox") / "home"


@pytest.fixture(scope="module")
def client(home, clock) -> TestClient:
    """The service without a socket between."""
    set_ = {"ADMIN_TOKEN": TOKEN, "SLACK_WEBHOOK_URL": f"http://127.0.0.1:9/{ADDRESS}"}
    made = Settings.load({"AISPEND_HOME": str(home), **set_}, None)
    return TestClient(create_app(made, clock), raise_server_exceptions=False)


@pytest.fixture
def world(home, clock) -> Iterator[World]:
    """OpenAI with caps of 80 and 100 USD, of whom nobody has heard yet."""
    clock.instant = START
    made = World(home, caps={"openai": ("80", "100")})
    made.clock = clock
    yield made
    with made.state.transaction() as connection:
        for table in TABLES.tables.values():
            connection.execute(table.delete())
    made.state.close()


@pytest.fixture
def refused(world) -> World:
    """Slack has refused a soft breach for good, and the mail webhook could not take it yet."""
    world.receivers["slack"].mood, world.receivers["email"].mood = Mood.GONE, Mood.BROKEN
    world.spent("openai", "85").evaluate()
    world.dispatch()
    return world


def asked(client: TestClient, query: str = "") -> dict:
    """`GET /alerts`, held to the document."""
    answer = client.get(f"/alerts{query}")
    assert answer.headers["cache-control"] == "no-store"
    assert ADDRESS not in answer.text
    body = answer.raise_for_status().json()
    documented("/alerts", "get").validate(body)
    return body


def one(client: TestClient, message_id: str) -> dict:
    """`GET /alerts/{id}`, held to the document."""
    answer = client.get(f"/alerts/{message_id}").raise_for_status()
    documented("/alerts/{message_id}", "get").validate(answer.json())
    return answer.json()


def change(client: TestClient, message_id: str, how: str) -> dict:
    """The message after a change, as a question would give it."""
    answer = client.post(f"/admin/alerts/{message_id}/{how}", headers=ADMIN).raise_for_status()
    documented(f"/admin/alerts/{{message_id}}/{how}", "post").validate(answer.json())
    assert answer.json() == one(client, message_id)
    return answer.json()


def message_of(client: TestClient, channel: str) -> str:
    return next(each["id"] for each in asked(client)["items"] if each["channel"] == channel)


def as_documented(client: TestClient, problem: dict, how: str) -> bool:
    """Whether the document's example of this problem says the same, of another message."""
    given = example(client.get("/openapi.json").json(), "POST", f"/admin/alerts/{{message_id}}/{how}", problem)
    return given["detail"].partition(": ")[2] == problem["detail"].partition(": ")[2]


def told(body: dict) -> list[tuple[str, bool]]:
    return [(each["headline"], each["carried"]) for each in body["events"]]


def became(body: dict) -> dict[str, str]:
    return {each["channel"]: each["status"] for each in body["deliveries"]}


def test_before_anything_was_said_there_is_nothing_and_no_file_is_made_for_asking(world, client):
    assert asked(client) == {"items": [], "cursor": None}
    assert_problem(client.get("/alerts/msg_none"), 404, "/alerts/msg_none")
    assert_problem(client.post("/admin/alerts/msg_none/drop", headers=ADMIN), 404)
    assert not world.state.file.exists()


def test_every_message_says_to_whom_it_went_what_it_told_and_what_became_of_it(refused, client):
    email, slack = asked(client)["items"]

    assert slack["id"] == email["id"]
    assert slack | {"id": "msg", "events": []} == {
        "id": "msg",
        "subject": SOFT,
        "created_at": "2026-11-10T09:05:00Z",
        "channel": "slack",
        "status": "dead",
        "attempts": 1,
        "next_at": None,
        "ended_at": "2026-11-10T09:05:00Z",
        "last_error": "slack answers 404",
        "events": [],
    }
    assert {name: email[name] for name in ("status", "next_at", "ended_at", "last_error")} == {
        "status": "pending",
        "next_at": "2026-11-10T09:05:05Z",
        "ended_at": None,
        "last_error": "email answers 500",
    }
    (event,) = slack["events"]
    assert email["events"] == [event]
    assert event | {"id": "evt"} == {
        "id": "evt",
        "type": "cap.breached",
        "scope": "openai",
        "period": "2026-11",
        "level": "soft",
        "headline": SOFT,
        "created_at": "2026-11-10T09:05:00Z",
        "carried": False,
    }


def test_a_message_that_tells_what_an_older_one_could_not_says_which_that_is(refused, client):
    refused.clock.instant += timedelta(hours=1)
    refused.spent("openai", "101").evaluate()

    items = asked(client)["items"]

    assert [(each["channel"], each["status"]) for each in items] == [
        ("hook", "pending"),
        ("email", "pending"),
        ("slack", "pending"),
        ("email", "superseded"),
        ("slack", "dead"),
    ]
    mail, slack = items[1:3]
    assert told(mail) == told(one(client, mail["id"])) == [(SOFT, True), (HARD, False), (FAILS, False)]
    assert told(slack) == [(HARD, False)]


def test_a_message_of_what_is_in_no_month_has_none(world, client):
    answer = client.post("/test/alert", headers=ADMIN)
    (item,) = asked(client)["items"]

    assert answer.status_code == 200
    (event,) = item["events"]
    assert (event["type"], event["scope"], event["period"], event["level"]) == ("test", "test", None, None)


@pytest.mark.parametrize(
    ("query", "statuses"),
    [
        ("?status=dead", {"dead"}),
        ("?status=dead&status=superseded", {"dead", "superseded"}),
        ("?status=cancelled", set()),
    ],
)
def test_only_what_has_become_something_is_listed_if_that_is_asked_for(refused, client, query, statuses):
    refused.clock.instant += timedelta(hours=1)
    refused.spent("openai", "101").evaluate()

    assert {each["status"] for each in asked(client, query)["items"]} == statuses


@pytest.mark.parametrize("status", ["", "&status=pending&status=dead"])
def test_following_the_cursor_gives_each_once_while_more_come(refused, client, status):
    before = asked(client)["items"]
    first = asked(client, f"?limit=1{status}")
    refused.clock.instant += timedelta(hours=1)
    refused.spent("openai", "101").evaluate()
    second = asked(client, f"?limit=1{status}&cursor={first['cursor']}")

    found = [(each["id"], each["channel"]) for each in first["items"] + second["items"]]
    assert found == [(each["id"], each["channel"]) for each in before]
    assert second["cursor"] is None
    assert_problem(client.get(f"/alerts?status=dropped&cursor={first['cursor']}"), 400, "/alerts")


@pytest.mark.parametrize("query", ["?status=sent", "?status=", "?limit=0", "?limit=501", "?channel=slack", "?cursor=x"])
def test_a_parameter_that_is_not_understood_is_refused(client, query):
    assert_problem(client.get(f"/alerts{query}"), 400 if "cursor" in query else 422, "/alerts")


def test_a_message_tells_all_that_its_events_were_decided_from(refused, client):
    body = one(client, message_of(client, "slack"))

    assert (body["subject"], became(body)) == (SOFT, {"email": "pending", "slack": "dead"})
    (event,) = body["events"]
    assert (event["headline"], event["prev_level"], event["reason"]) == (SOFT, "ok", "spend")
    assert event["details"][0] == "since 2026-11-10 09:05 UTC, because more was spent"
    assert (event["facts"]["total_usd"], event["facts"]["cap_usd"]) == ("85.00", "80.00")


@pytest.mark.parametrize("message_id", ["msg_none", "%00", "%ff", "%2e%2e", "a%2Fb", "'--", "x" * 5000])
def test_an_id_that_no_message_has_is_unknown_whatever_it_is(client, message_id):
    for method, path in (("GET", "/alerts/{}"), ("POST", "/admin/alerts/{}/retry"), ("POST", "/admin/alerts/{}/drop")):
        assert_problem(client.request(method, path.format(message_id), headers=ADMIN), 404)


def test_the_id_of_an_event_that_is_no_message_is_unknown(refused, client):
    (row, *_) = refused.rows(message_event)

    assert_problem(client.get(f"/alerts/{row.event_id}"), 404)


class TestRetry:
    def test_what_was_given_up_waits_again_and_is_sent_under_the_same_id(self, refused, client):
        message_id = message_of(client, "slack")
        refused.clock.instant += timedelta(hours=1)

        body = change(client, message_id, "retry")

        slack = next(each for each in body["deliveries"] if each["channel"] == "slack")
        assert (slack["status"], slack["next_at"], slack["ended_at"]) == ("pending", "2026-11-10T10:05:00Z", None)
        refused.receivers["slack"].mood = Mood.WELL
        refused.dispatch()
        assert refused.receivers["slack"].ids == [message_id]
        assert became(one(client, message_id))["slack"] == "delivered"

    def test_what_was_not_given_up_is_not(self, world, client):
        world.spent("openai", "85").notify()
        message_id = message_of(client, "slack")

        body = assert_problem(client.post(f"/admin/alerts/{message_id}/retry", headers=ADMIN), 409)

        assert body["type"] == "urn:aispend:problem:wrong-state"
        assert body["detail"] == f"{message_id}: has no dead delivery, and only what was given up is tried again"
        assert as_documented(client, body, "retry")

    def test_a_machine_is_not_asked_to_act_on_what_is_over(self, world, client):
        world.receivers[HOOK].mood = Mood.GONE
        world.spent("openai", "101").notify()
        world.clock.instant += timedelta(hours=7)
        world.spent("openai", "1").evaluate()
        trigger = next(each["id"] for each in asked(client)["items"] if each["subject"] == TRIGGER)

        body = assert_problem(client.post(f"/admin/alerts/{trigger}/retry", headers=ADMIN), 409)

        assert body["detail"] == f"{trigger}: what it asks a machine to do is over by now; drop it"
        assert became(change(client, trigger, "drop")) == {"hook": "dropped"}


class TestDrop:
    def test_what_is_dead_or_waits_is_given_up_for_good(self, refused, client):
        body = change(client, message_of(client, "slack"), "drop")

        assert became(body) == {"email": "dropped", "slack": "dropped"}
        assert {each["ended_at"] for each in body["deliveries"]} == {"2026-11-10T09:05:00Z"}
        again = assert_problem(client.post(f"/admin/alerts/{body['id']}/drop", headers=ADMIN), 409)
        assert again["detail"] == f"{body['id']}: has no delivery that is dead or waits, so nothing to drop"
        assert as_documented(client, again, "drop")

    def test_what_is_being_sent_just_now_is_not_stopped(self, world, client):
        world.configured = {"slack"}
        world.spent("openai", "85").evaluate()
        with world.state.transaction() as connection:
            Outbox(connection).claim(world.now, ["slack"])
        message_id = message_of(client, "slack")

        body = assert_problem(client.post(f"/admin/alerts/{message_id}/drop", headers=ADMIN), 409)
        world.clock.instant += LEASE

        assert body["detail"] == f"{message_id}: is being sent just now; ask again"
        assert became(change(client, message_id, "drop")) == {"slack": "dropped"}


@pytest.mark.parametrize("how", ["retry", "drop"])
class TestWhoMay:
    def test_without_the_token_nothing_is_changed_and_nothing_is_told(self, refused, client, how):
        message_id = message_of(client, "slack")
        before = one(client, message_id)
        for known in (message_id, "msg_none"):
            for headers in ({}, {"authorization": "Bearer x"}):
                assert_problem(client.post(f"/admin/alerts/{known}/{how}", headers=headers), 401)

        assert one(client, message_id) == before

    @pytest.mark.parametrize(
        ("asked", "status"), [({"content": b"{}"}, 422), ({"params": {"channel": "slack"}}, 422), ({}, 405)]
    )
    def test_what_is_not_asked_as_it_should_be_changes_nothing(self, refused, client, how, asked, status):
        message_id = message_of(client, "slack")
        before = one(client, message_id)

        method = "GET" if status == 405 else "POST"
        assert_problem(client.request(method, f"/admin/alerts/{message_id}/{how}", headers=ADMIN, **asked), status)

        assert one(client, message_id) == before


def test_a_state_database_that_cannot_be_used_is_not_ready(tmp_path, clock):
    (tmp_path / "state.sqlite").write_bytes(b"no database at all" * 1000)
    made = Settings.load({"AISPEND_HOME": str(tmp_path), "ADMIN_TOKEN": TOKEN}, None)
    client = TestClient(create_app(made, clock), raise_server_exceptions=False)

    for method, path in (("GET", "/alerts"), ("GET", "/alerts/x"), ("POST", "/admin/alerts/x/drop")):
        body = assert_problem(client.request(method, path, headers=ADMIN), 503, path)
        assert "state.sqlite: cannot be used" in body["detail"]


def test_it_is_answered_while_somebody_else_writes(refused, client):
    before = asked(client)
    with refused.beside().state.transaction():
        assert asked(client) == before


def test_examples_in_the_document_are_as_real_answers_are(refused, client):
    message_id = message_of(client, "slack")
    document = client.get("/openapi.json").json()

    for path, real in (("/alerts", asked(client)), ("/alerts/{message_id}", one(client, message_id))):
        content = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
        documented(path, "get").validate(json.loads(json.dumps(content["example"])))
        assert _keys(content["example"]) == _keys(real), path


def _keys(value: object) -> object:
    """The names in a body, at any depth; of a list those of its first, and none of facts, which differ by type."""
    if isinstance(value, dict):
        return {name: None if name == "facts" else _keys(of) for name, of in value.items()}
    return _keys(value[0]) if isinstance(value, list) and value else None
