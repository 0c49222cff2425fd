"""The document and the service, each held to the other by parts that know nothing of us."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from aispend_pipeline.service.app import create_app
from aispend_pipeline.settings import Settings

from ..alerts.receivers import http_receiver
from .process import service_process
from .world import NOW, StandingClock

ADMIN, READER = "conformance-admin-token", "conformance-read-token"
# What a schema cannot say is refused although every part of it is well: days the wrong way round (422), a cursor of
# another question (400), a page, run or message that was never there (404), no hook, a second recompute, or a message
# that was delivered (409).
REFUSED_RIGHTLY = {
    "/spend": [400, 422],
    "/spend/rows": [400, 422],
    "/spend/estimates": [400, 422],
    "/drift": [422],
    "/providers/{name}/raw": [400, 404, 422],
    "/providers/{name}/raw/{page_id}": [404],
    "/providers/{name}/raw/{page_id}/body": [404],
    "/test/alert": [409],
    "/admin/recompute": [409, 422],
    "/admin/recompute/{run_id}": [404],
    "/alerts": [400],
    "/alerts/{message_id}": [404],
    "/admin/alerts/{message_id}/retry": [404, 409],
    "/admin/alerts/{message_id}/drop": [404, 409],
}


@pytest.fixture(scope="module")
def document() -> dict:
    return create_app(Settings.load({}, None), StandingClock()).openapi()


def test_the_document_is_openapi_3_1(document):
    assert document["openapi"].startswith("3.1")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def _operations(document: dict):
    return [(path, method, of) for path, methods in document["paths"].items() for method, of in methods.items()]


def test_every_route_has_an_example_of_its_answer_and_of_each_error(document):
    for path, method, operation in _operations(document):
        for status, answer in operation["responses"].items():
            for kind, content in answer.get("content", {}).items():
                assert content.get("example") is not None or content.get("examples"), (method, path, status, kind)


def test_every_parameter_and_every_field_says_what_it_means(document):
    for path, method, operation in _operations(document):
        assert operation.get("summary"), (method, path)
        for parameter in operation.get("parameters", ()):
            assert parameter.get("description"), (method, path, parameter["name"])
    for name, schema in document["components"]["schemas"].items():
        assert "properties" in schema or schema.get("description"), name
        for field, of in schema.get("properties", {}).items():
            assert of.get("description"), (name, field)


def test_every_operation_has_a_name_of_its_own(document):
    names = [operation["operationId"] for _, _, operation in _operations(document)]

    assert len(set(names)) == len(names)


@pytest.mark.long
def test_generated_requests_find_nothing_that_the_document_does_not_say(settings, tmp_path):
    home = shutil.copytree(settings.home, tmp_path / "own")  # they change it
    asked = {"limit": 1, "from": f"{NOW:%Y-%m}-01", "to": f"{NOW:%Y-%m-%d}"}
    tokens = {"ADMIN_TOKEN": ADMIN, "AISPEND_READ_TOKEN": READER}
    with (
        http_receiver() as slack,
        service_process(home, SLACK_WEBHOOK_URL=slack.url(), **tokens) as (base, _),
    ):
        key = {"authorization": f"Bearer {ADMIN}"}
        page = (
            httpx.get(f"{base}/providers/openai/raw", params=asked, headers=key).raise_for_status().json()["items"][0]
        )
        httpx.post(f"{base}/test/alert", headers=key).raise_for_status()
        (message,) = httpx.get(f"{base}/alerts", headers=key).raise_for_status().json()["items"]
        (tmp_path / "schemathesis.toml").write_text(_configuration(page["id"], message["id"]))
        done = subprocess.run(
            [
                str(Path(sys.executable).parent / "schemathesis"),
                *("--config-file", "schemathesis.toml", "run", f"{base}/openapi.json"),
                *("--checks", "all", "--max-examples", "40", "--generation-deterministic", "--no-color"),
                *("-H", f"Authorization: Bearer {ADMIN}"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
        )

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "generated, " in done.stdout


def _configuration(page_id: str, message_id: str) -> str:
    refused = "".join(
        f"""
[[operations]]
include-path = "{path}"
checks.positive_data_acceptance.expected-statuses = ["2xx", {", ".join(map(str, statuses))}]
"""
        for path, statuses in REFUSED_RIGHTLY.items()
    )
    # Too much of what is wrong is refused for being too much.
    return f"""
[checks.positive_data_acceptance]
expected-statuses = ["2xx"]

[checks.negative_data_rejection]
expected-statuses = [400, 401, 404, 405, 409, 414, 422]

[parameters]
"path.page_id" = {json.dumps(page_id)}
"path.message_id" = {json.dumps(message_id)}
{refused}"""
