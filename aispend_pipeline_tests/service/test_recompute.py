"""`/admin/recompute`: who may, what is refused, and days made again in a process beside the service."""

import subprocess
import sys
from collections.abc import Iterator

import dagster as dg
import httpx
import pytest
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from aispend_pipeline.clock import SystemClock
from aispend_pipeline.model import Window
from aispend_pipeline.recompute import child, making
from aispend_pipeline.recompute.days import Days
from aispend_pipeline.recompute.requests import How, Requests, new_request
from aispend_pipeline.service.app import create_app
from aispend_pipeline.state.database import State
from aispend_pipeline.warehouse import Warehouse, lock
from aispend_pipeline_tests.cli.conftest import ago
from aispend_pipeline_tests.recompute.fake_dagster import fake_dagster
from aispend_pipeline_tests.recompute.site import (
    ADMIN,
    ASKED,
    CHANGE,
    DAYS,
    PATH,
    TOKEN,
    Site,
    copied,
    ended,
    read_site,
)
from aispend_pipeline_tests.warehouse.building import complete, line, store

from .examples import example, worded
from .test_refusals import assert_problem


@pytest.fixture(scope="module")
def read(tmp_path_factory) -> Iterator[Site]:
    with read_site(tmp_path_factory.mktemp("recompute")) as site:
        yield site


@pytest.fixture
def site(read, home) -> Site:
    return copied(read, home)


@pytest.fixture(scope="module")
def client(read) -> TestClient:
    """Of a home that nothing is done to."""
    return TestClient(create_app(read.settings(), SystemClock()), base_url="http://127.0.0.1", headers=ADMIN)


@pytest.fixture(scope="module")
def document(client) -> dict:
    return client.get("/openapi.json").json()


def hold(document: dict, answer: httpx.Response, path: str = PATH) -> dict:
    """The body, held to what the document says of answers with its status."""
    operation = document["paths"][path][answer.request.method.lower()]
    schema = operation["responses"][str(answer.status_code)]["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": document["components"]}).validate(answer.json())
    assert (answer.headers["cache-control"], TOKEN in answer.text) == ("no-store", False)
    return answer.json()


@pytest.mark.long
def test_days_are_made_again_beside_the_service_while_readers_see_them_as_they_were(site, document):
    right = site.rows()
    site.spoil()
    clock = SystemClock()
    would = making.told(DAYS, list(making.differences(site.settings(), clock, [DAYS])))
    with site.serving() as service:
        dry = service.post(PATH, params={**ASKED, "dryRun": "true"})
        before = site.rows()
        asked = service.post(PATH, params=ASKED)
        again = service.post(PATH, params=ASKED)
        spent = service.get("/spend", params=ASKED)
        body = hold(document, asked)
        done = ended(service, body)
        followed = service.get(body["status_url"])

    assert (dry.status_code, hold(document, dry)) == (200, would)
    assert would == {**ASKED, "changes": [CHANGE], "not_remade": []}
    assert before != right
    assert (asked.status_code, asked.headers["location"]) == (202, f"{PATH}/{body['run_id']}")
    assert (body["how"], body["state"], body["kept"], body["left_out"]) == ("child", "queued", [], [])
    refused = assert_problem(again, 409, PATH)
    assert (refused["type"], again.headers["location"]) == ("urn:aispend:problem:already-running", body["status_url"])
    assert {*body} == {*done}
    assert refused["detail"].endswith(f"; follow it at {body['status_url']}")
    assert worded(refused) == worded(example(document, "POST", PATH, refused))
    assert spent.status_code == 200
    assert hold(document, followed, f"{PATH}/{{run_id}}") == done
    assert (done["state"], done["errors"], done["not_remade"]) == ("done", [], [])
    assert site.rows() == right
    (run,) = done["runs"]
    with dg.DagsterInstance.from_config(str(site.home / "dagster")) as instance:
        recorded = instance.get_run_by_id(run["run_id"])
    assert (recorded.status, recorded.job_name) == (dg.DagsterRunStatus.SUCCESS, "recompute")
    assert recorded.tags["aispend/request"] == body["run_id"]


@pytest.mark.long
def test_a_dry_run_answers_at_once_what_would_change(client, document):
    answer = client.post(PATH, params={**ASKED, "dryRun": "true"})

    assert answer.status_code == 200
    assert hold(document, answer) == {**ASKED, "changes": [], "not_remade": []}


def refused(client: TestClient, **params: str) -> str:
    """Why nothing is begun."""
    answers = [client.post(PATH, params=params | dry) for dry in ({}, {"dryRun": "true"})]
    first, second = (assert_problem(answer, 409, PATH) for answer in answers)
    assert first == second
    assert first["type"] == "urn:aispend:problem:no-pages"
    return first["detail"]


class TestDaysWithoutPages:
    @pytest.fixture(scope="class")
    @classmethod
    def expired(cls, read, tmp_path_factory) -> Site:
        """One account was read long ago, and its pages have expired."""
        site = copied(read, tmp_path_factory.mktemp("expired") / "home")
        old = complete({ago(40): [line("1")], DAYS.first: []}, window=Window(ago(40), DAYS.first), account="eu")
        store(Warehouse(site.home, SystemClock()), old)
        site.write(f"DELETE FROM page WHERE fetch_id = '{old.fetch_id}'")
        return site

    @pytest.fixture(scope="class")
    @classmethod
    def admin(cls, expired) -> TestClient:
        app = create_app(expired.settings(AISPEND_START_DATE=str(ago(40))), SystemClock())
        return TestClient(app, base_url="http://127.0.0.1", headers=ADMIN)

    def test_whose_pages_have_expired_are_refused(self, admin):
        assert refused(admin, **{"from": str(ago(40)), "to": str(ago(40))}) == (
            f"pages have expired, and figures stay: {ago(40)}; nothing was begun"
        )

    def test_that_were_never_read_are_refused_also_beside_others(self, admin):
        assert refused(admin, **{"from": str(ago(40))}) == (
            f"pages have expired, and figures stay: {ago(40)};"
            f" never read: {ago(39)}..{ago(4)}, {ago(0)}; nothing was begun"
        )

    def test_that_nobody_asked_for_are_left_out_and_it_is_said(self, expired, document):
        with fake_dagster(expired.home) as dagster:
            dagster.heard_at = SystemClock().now().timestamp()
            own = {"AISPEND_START_DATE": str(ago(40)), "AISPEND_DAGSTER_PORT": str(dagster.port)}
            with expired.serving(**own) as service:
                body = hold(document, service.post(PATH))
                followed = hold(document, service.get(body["status_url"]), f"{PATH}/{{run_id}}")

        assert followed == body

        assert (body["how"], [(run["from"], run["to"]) for run in body["runs"]]) == ("dagster", [(*ASKED.values(),)])
        assert body["runs"][0]["url"] == f"http://127.0.0.1:{dagster.port}/runs/run-{DAYS.first}"
        assert body["kept"] == [f"openai_costs eu {DAYS.first}: its pages have expired"]
        assert body["left_out"] == [
            {"from": str(ago(40)), "to": str(ago(40)), "why": "its pages have expired"},
            {"from": str(ago(39)), "to": str(ago(4)), "why": "it was never read"},
            {"from": str(ago(0)), "to": str(ago(0)), "why": "it was never read"},
        ]

    def test_are_refused_where_there_are_no_others(self, home):
        site = Site(home)
        with site.serving() as service:
            assert_problem(service.post(PATH), 503, PATH)


def test_while_another_is_open_its_place_is_in_a_header_and_while_one_is_ending_how_long_to_wait(site):
    service = TestClient(create_app(site.settings(), SystemClock()), base_url="http://127.0.0.1", headers=ADMIN)
    request = new_request(How.CHILD, Days([DAYS]), SystemClock().now())
    with lock.held(site.home / child.RUNNING, 0):
        ending = service.post(PATH, params=ASKED)
        Requests(State(site.home)).claim(request)
        running = service.post(PATH, params=ASKED)
        place = running.headers["location"]
        followed = service.get(place)

    assert_problem(running, 409, PATH)
    assert (place, "retry-after" in running.headers) == (f"{PATH}/{request.id}", False)
    assert (followed.json()["run_id"], followed.json()["state"]) == (request.id, "queued")
    assert assert_problem(ending, 409, PATH)["detail"] == "another request is just ending; ask again"
    assert (ending.headers["retry-after"], "location" in ending.headers) == ("1", False)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"from": "2026-02-31"}, "from: is not a date written YYYY-MM-DD"),
        ({"to": ""}, "to: is not a date written YYYY-MM-DD"),
        ({"from": "--dry-run"}, "from: is not a date written YYYY-MM-DD"),
        ({"from": "2023-12-31"}, "from: 2023-12-31 is before 2024-01-01, the first day there is"),
        ({"from": str(ago(1)), "to": str(ago(2))}, f"from: {ago(1)} is after to, {ago(2)}"),
        ({"to": str(ago(-1))}, f"to: {ago(-1)} is after today, {ago(0)} (UTC)"),
        ({"dryRun": "1"}, "dryRun: is neither true nor false"),
        ({"dryrun": "true"}, "dryrun: no such parameter"),
        ({"source": "openai_costs"}, "source: no such parameter"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_name_of_the_parameter(client, query, said):
    assert assert_problem(client.post(PATH, params=query), 422, PATH)["detail"] == said


def test_a_body_is_refused(client):
    assert "takes no body" in assert_problem(client.post(PATH, content=b"{}"), 422, PATH)["detail"]


@pytest.mark.parametrize("run_id", ["nope", "' OR 1=1 --", "%2e%2e%2f", "x" * 5000])
def test_a_request_that_nobody_knows_is_not_found(client, run_id):
    body = assert_problem(client.get(f"{PATH}/{run_id}"), 404)
    assert body["type"] in ("urn:aispend:problem:unknown-request", "urn:aispend:problem:not-found")


@pytest.mark.parametrize(("method", "path"), [("POST", PATH), ("GET", f"{PATH}/some-id")])
class TestTheToken:
    def test_without_one_that_is_set_nobody_is_let_through(self, read, method, path):
        app = create_app(read.settings(ADMIN_TOKEN=""), SystemClock())
        client = TestClient(app, base_url="http://127.0.0.1")
        body = assert_problem(client.request(method, path, headers=ADMIN), 403, path)
        assert body["type"] == "urn:aispend:problem:admin-disabled"

    @pytest.mark.parametrize("sent", ["", "Bearer ", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN])
    def test_only_who_sends_it_is_let_through(self, client, method, path, sent):
        answer = client.request(method, path, headers={"authorization": sent}, params={"nonsense": "1"})
        assert_problem(answer, 401, path)
        assert answer.headers["www-authenticate"] == "Bearer"


def test_the_document_says_what_both_routes_answer_and_refuse(document):
    post, get = document["paths"][PATH]["post"], document["paths"][f"{PATH}/{{run_id}}"]["get"]

    assert post["security"] == get["security"] == [{"ADMIN_TOKEN": []}]
    assert {"200", "202", "401", "403", "409", "413", "422", "503"} <= {*post["responses"]}
    assert {"200", "401", "403", "404", "503"} <= {*get["responses"]}
    assert "Location" in post["responses"]["202"]["headers"]
    conflicts = post["responses"]["409"]["content"]["application/problem+json"]["examples"]
    assert {*conflicts} == {"already-running", "no-pages"}
    assert {*post["responses"]["409"]["headers"]} == {"Location", "Retry-After", "X-Request-ID"}
    bodies = (post["responses"]["202"], get["responses"]["200"])
    assert {body["content"]["application/json"]["schema"]["$ref"] for body in bodies} == {
        "#/components/schemas/RequestBody"
    }
    for name in ("RequestBody", "DifferencesBody"):
        schema = document["components"]["schemas"][name]
        Draft202012Validator({**schema, "components": document["components"]}).validate(schema["examples"][0])


@pytest.mark.long
def test_the_service_does_not_import_dagster():
    program = "import aispend_pipeline.service.app, sys; sys.exit('dagster' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
