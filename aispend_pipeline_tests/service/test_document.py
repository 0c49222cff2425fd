"""The document says what a client is generated from: names, closed sets, money, and how it can be refused."""

import ast
import re
from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from aispend_pipeline import service
from aispend_pipeline.model import PROVIDERS
from aispend_pipeline.service.app import create_app
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources import SOURCES
from aispend_pipeline.warehouse.questions import DIMENSIONS

from .examples import example, worded
from .world import StandingClock

NAMES = {
    "getFront",
    "getHealth",
    "getConfig",
    "getStatus",
    "getSpend",
    "getDrift",
    "listRawPages",
    "getRawPage",
    "getRawPageBody",
    "listSpendRows",
    "listEstimates",
    "listAlerts",
    "getAlert",
    "retryAlert",
    "dropAlert",
    "testAlert",
    "startRecompute",
    "getRecompute",
    "getMetrics",
}
MONEY = {f"#/components/schemas/{name}" for name in ("Usd", "Amount")}


@pytest.fixture(scope="module")
def document() -> dict:
    return create_app(Settings.load({}, None), StandingClock()).openapi()


def operations(document: dict):
    return [(path, method, of) for path, methods in document["paths"].items() for method, of in methods.items()]


def test_operations_are_called_what_clients_call_them(document):
    assert {of["operationId"] for _, _, of in operations(document)} == NAMES
    tags = {tag["name"] for tag in document["tags"]}
    assert {tag for _, _, of in operations(document) for tag in of["tags"]} == tags


def test_every_answer_says_what_it_is_and_has_an_id(document):
    for path, _, of in operations(document):
        for status, answer in of["responses"].items():
            assert answer["description"] != "Successful Response", path
            assert "X-Request-ID" in answer["headers"], (path, status)


def test_answers_that_have_a_tag_may_be_not_modified(document):
    tagged = {path for path, _, of in operations(document) if "ETag" in of["responses"]["200"]["headers"]}

    body = "/providers/{name}/raw/{page_id}/body"
    assert tagged == {"/spend", "/spend/rows", "/spend/estimates", "/drift", body}
    assert tagged == {path for path, _, of in operations(document) if "304" in of["responses"]}


def test_a_parameter_may_be_absent_and_is_never_null(document):
    for path, _, of in operations(document):
        for parameter in of.get("parameters", ()):
            assert "null" not in str(parameter["schema"]), (path, parameter["name"])


def test_closed_sets_are_the_ones_there_are(document):
    schemas = document["components"]["schemas"]
    taken = {one["name"]: one["schema"] for one in document["paths"]["/spend"]["get"]["parameters"]}

    assert schemas["Provider"]["enum"] == [*PROVIDERS]
    assert schemas["Source"]["enum"] == [*SOURCES]
    assert taken["groupBy"]["items"]["enum"] == [*DIMENSIONS]
    assert {"-cost_usd", "day"} <= {*taken["sort"]["items"]["enum"]}


@pytest.mark.parametrize("path", ["/spend/rows", "/spend/estimates"])
def test_only_sources_that_have_such_lines_are_offered(document, path):
    (offered,) = [one for one in document["paths"][path]["get"]["parameters"] if one["name"] == "source"]

    of_lines = {name: source.normaliser.table for name, source in SOURCES.items()}
    wanted = "spend" if path == "/spend/rows" else "usage"
    assert offered["schema"]["items"]["enum"] == [name for name, table in of_lines.items() if table == wanted]


def test_money_is_money_everywhere(document):
    for name, schema in document["components"]["schemas"].items():
        for field, of in schema.get("properties", {}).items():
            if re.search(r"(^|_)(usd|amount)$", field):
                assert MONEY & {one.get("$ref") for one in of.get("anyOf", [of])}, (name, field)


def test_every_kind_of_problem_that_is_raised_is_listed(document):
    listed = {*document["components"]["schemas"]["ProblemBody"]["properties"]["type"]["enum"]}

    of_the_framework = {"not-found", "method-not-allowed", "refused"}
    assert listed == {f"urn:aispend:problem:{kind}" for kind in {*_raised()} | of_the_framework}


def test_examples_of_problems_that_always_say_the_same_say_that(document):
    said = {kind: details for kind, details in _raised().items() if None not in details}

    assert {"bad-host", "malformed", "target-too-long", "headers-too-large"} <= {*said}
    for _, _, of in operations(document):
        for answer in of["responses"].values():
            for name, one in _examples(answer).items():
                assert one["value"]["detail"] in said.get(name, {one["value"]["detail"]})


def _raised() -> dict[str, set[str | None]]:
    """Each kind of problem in the service, with what it may say; none for what is put together."""
    found: dict[str, set[str | None]] = {}
    for file in Path(service.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Problem":
                _, kind, detail = node.args[:3]
                if isinstance(kind, ast.Constant):
                    found.setdefault(kind.value, set()).add(getattr(detail, "value", None))
    return found


def _examples(answer: dict) -> dict:
    return answer.get("content", {}).get("application/problem+json", {}).get("examples", {})


def test_examples_of_problems_are_of_their_own_path(document):
    for path, _, of in operations(document):
        pattern = re.sub(r"\\{\w+\\}", "[^/{}]+", re.escape(path))
        for answer in of["responses"].values():
            for one in _examples(answer).values():
                assert re.fullmatch(pattern, one["value"]["instance"]), path


@pytest.fixture(scope="module")
def closed(settings, clock) -> TestClient:
    """A service that wants tokens for everything."""
    made = settings.model_copy(update={"read_token": SecretStr("read-it"), "admin_token": SecretStr("do-it")})
    return TestClient(create_app(made, clock), raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("method", "asked", "path", "kind"),
    [
        ("GET", "/spend?cursor=x", "/spend", "bad-cursor"),
        ("GET", "/spend?from=x", "/spend", "wrong-parameter"),
        ("GET", "/spend", "/spend", "unexpected-body"),
        ("GET", "/providers/x/raw", "/providers/{name}/raw", "unknown-provider"),
        ("GET", "/providers/openai/raw/20200612T132000-0-1", "/providers/{name}/raw/{page_id}", "unknown-page"),
        ("GET", "/alerts/msg_none", "/alerts/{message_id}", "unknown-message"),
        ("POST", "/test/alert", "/test/alert", "admin-disabled"),
        ("POST", "/admin/recompute", "/admin/recompute", "admin-disabled"),
    ],
)
def test_examples_are_worded_as_real_problems_are(client, document, method, asked, path, kind):
    answer = client.request(method, asked, content=b"x" if kind == "unexpected-body" else b"")

    _alike(document, method, path, answer.json(), kind)


@pytest.mark.parametrize(
    ("method", "path", "sent"), [("GET", "/spend", ""), ("POST", "/test/alert", "read-it"), ("GET", "/status", "x")]
)
def test_the_example_of_a_missing_token_names_the_token_that_is_missing(closed, document, method, path, sent):
    answer = closed.request(method, path, headers={"authorization": f"Bearer {sent}"})

    _alike(document, method, path, answer.json(), "unauthorized")


def _alike(document: dict, method: str, path: str, problem: dict, kind: str) -> None:
    assert problem["type"] == f"urn:aispend:problem:{kind}"
    given = worded(example(document, method, path, problem))
    assert worded(problem) | {"instance": ""} == given | {"instance": ""}
