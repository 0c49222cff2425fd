"""The service keeps to its own OpenAPI document, whatever it is asked."""

import json
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies
from jsonschema import Draft202012Validator

PROBLEM = {"type", "title", "status", "detail", "instance"}
BOUNDED = settings(
    max_examples=60,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def document(client) -> dict:
    return client.get("/openapi.json").json()


def test_the_document_describes_every_route_and_its_problems(document):
    routes = {"/healthz", "/config", "/status", "/spend", "/providers/{name}/raw", "/test/alert"}
    assert set(document["paths"]) >= routes
    for operations in document["paths"].values():
        for operation in operations.values():
            problem = operation["responses"]["default"]["content"]["application/problem+json"]["schema"]
            assert problem == {"$ref": "#/components/schemas/ProblemBody"}
    assert set(document["components"]["schemas"]["ProblemBody"]["required"]) == PROBLEM


def test_the_bounds_of_parameters_are_in_the_document(document):
    parameters = {p["name"]: p["schema"] for p in document["paths"]["/providers/{name}/raw"]["get"]["parameters"]}

    assert (parameters["limit"]["minimum"], parameters["limit"]["maximum"]) == (1, 500)
    assert (parameters["from"]["type"], parameters["from"]["format"]) == ("string", "date")


def _hold(answer) -> None:
    """What must be true of any answer to any GET."""
    assert answer.status_code < 500, (answer.request.url, answer.text)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json", answer.request.url
        assert set(answer.json()) == PROBLEM
    elif answer.headers["content-type"].startswith("application/json"):
        json.loads(answer.text, parse_constant=lambda text: pytest.fail(f"{text} in an answer"))


_TEXT = strategies.text(max_size=30)
_ALMOST = strategies.sampled_from(
    [
        "2026-06-10",
        "2026-06-32",
        "day",
        "day,model",
        "model",
        "openai",
        "eu",
        "1",
        "500",
        "501",
        "0.0.x",
        "\0",
        "%",
        "💥",
    ]
)


@BOUNDED
@given(
    path=strategies.sampled_from(["/spend", "/providers/openai/raw", "/status"]),
    parameters=strategies.lists(
        strategies.tuples(
            strategies.sampled_from(["from", "to", "groupBy", "limit", "cursor", "provider", "account", "model"])
            | _TEXT,
            _ALMOST | _TEXT,
        ),
        max_size=4,
    ),
)
def test_whatever_the_query_the_answer_is_json_or_a_problem(client, path, parameters):
    _hold(client.get(path, params=parameters))


@BOUNDED
@given(path=strategies.text(max_size=40))
def test_whatever_the_path_the_answer_is_json_or_a_problem(client, path):
    _hold(client.get("/providers/" + quote(path) + "/raw"))
    _hold(client.get("/" + quote(path, safe="/")))


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/status", ""),
        ("/config", ""),
        ("/spend", "?groupBy=day,provider,account,model"),
        ("/spend", "?groupBy=provider"),
        ("/providers/{name}/raw", "?limit=5"),
    ],
)
def test_real_answers_are_what_the_document_says(client, document, path, query):
    schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    answer = client.get(path.format(name="openai") + query)

    Draft202012Validator({**schema, "components": document["components"]}).validate(answer.json())
