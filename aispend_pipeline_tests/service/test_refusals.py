"""What a caller can get wrong: every error is a problem that names what is wrong."""

import json
import re

import pytest
from starlette.testclient import TestClient

from aispend_pipeline.service import figures
from aispend_pipeline.service.app import create_app

FIELDS = {"type", "title", "status", "detail", "instance"}


def assert_problem(answer, status: int, path: str | None = None) -> dict:
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert set(body) == FIELDS
    assert body["status"] == status
    assert body["type"].startswith("urn:aispend:problem:")
    assert "\n" not in body["detail"]
    assert len(body["detail"]) < 500
    if path:
        assert body["instance"] == path
    return body


NO_DATES = [
    "2026-02-31",
    "0",
    "1700000000",
    "2026-01-01T00:00",
    "",
    "now",
    "\0",
    "9" * 20_000,
    "2026-1-1",
    "20260101",
    "2026-W01-1",
    " 2026-01-01",
    "２０２６-01-01",
    "-2026-01-01",
    "2026-01-01'--",
]


@pytest.mark.parametrize("path", ["/spend", "/providers/openai/raw"])
@pytest.mark.parametrize("name", ["from", "to"])
def test_only_a_plain_date_is_a_date(client, path, name):
    for text in NO_DATES:
        body = assert_problem(client.get(path, params={name: text}), 422, path)

        assert body["detail"] == f"{name}: is not a date written YYYY-MM-DD", text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"from": "2026-06-02", "to": "2026-06-01"}, "from: 2026-06-02 is after to, 2026-06-01"),
        ({"from": "1976-06-01", "to": "2026-06-01"}, "from, to: days lie between"),
        ({"from": "2014-12-31", "to": "2015-01-02"}, "from, to: days lie between"),
        ({"from": "2026-06-01", "to": "2027-06-14"}, "from, to: days lie between"),
        ({"from": "0001-01-01"}, "from, to: days lie between"),
        ({"to": "9999-12-31"}, "from, to: days lie between"),
        ({"from": "2015-01-01", "to": "2026-06-12"}, "more than 3660 days"),
    ],
)
def test_days_that_make_no_sense_are_refused_with_the_bound(client, given, said):
    assert said in assert_problem(client.get("/spend", params=given), 422)["detail"]


def test_raw_pages_refuse_days_the_wrong_way_round(client):
    answer = client.get("/providers/openai/raw", params={"from": "2026-06-02", "to": "2026-06-01"})

    assert assert_problem(answer, 422)["detail"] == "from: 2026-06-02 is after to, 2026-06-01"


@pytest.mark.parametrize(
    "given",
    [
        "provider); drop table x --",
        "__proto__",
        "DAY",
        "day,day",
        ["day", "day"],
        "",
        "day,",
        " day",
        "project_id",
        "lineitem",
        "by_day",
        "*",
        "1",
        "x" * 10_000,
    ],
    ids=lambda given: repr(given)[:20],
)
def test_group_by_takes_known_names_once_and_nothing_else(client, given):
    body = assert_problem(client.get("/spend", params={"groupBy": given}), 422)

    assert body["detail"].startswith("groupBy: ")


@pytest.mark.parametrize("path", ["/spend", "/providers/openai/raw"])
@pytest.mark.parametrize(
    "text", ["0", "-1", "1e3", "1_000", "10.0", "1" + "0" * 20, "501", "", " 5", "+5", "0x10", "٥", "NaN", "true"]
)
def test_a_limit_is_a_plain_number_from_1_to_500(client, path, text):
    assert assert_problem(client.get(path, params={"limit": text}), 422)["detail"].startswith("limit: ")


@pytest.mark.parametrize("text", ["1", "500"])
@pytest.mark.parametrize("path", ["/spend", "/providers/openai/raw"])
def test_the_bounds_of_a_limit_are_allowed(client, path, text):
    assert client.get(path, params={"limit": text}).status_code == 200


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/spend", "groupby"),
        ("/spend", "From"),
        ("/spend", "projects"),
        ("/spend", "cursors"),
        ("/spend", "first"),
        ("/spend", "group_by"),
        ("/providers/openai/raw", "provider"),
        ("/status", "verbose"),
        ("/config", "secrets"),
        ("/healthz", "x"),
    ],
)
def test_an_unknown_parameter_is_never_silently_ignored(client, path, name):
    assert assert_problem(client.get(path, params={name: "1"}), 422, path)["detail"] == f"{name}: no such parameter"


@pytest.mark.parametrize(
    "name",
    [
        "nobody",
        "OPENAI",
        "openai ",
        "..",
        "%2e%2e%2f",
        "..%2f..%2fetc%2fpasswd",
        "%00",
        "x" * 5000,
        "openai%2fraw",
        "openai;x",
        "openai%3Fx%23y",
    ],
    ids=lambda name: name[:16],
)
def test_an_unknown_provider_is_not_found_whatever_it_is_called(client, name):
    assert_problem(client.get(f"/providers/{name}/raw"), 404)


@pytest.mark.parametrize("path", ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/docs", "/redoc", "/spend/x"])
def test_what_is_not_a_route_is_not_found(client, path):
    body = assert_problem(client.get(path), 404)

    assert "root:" not in json.dumps(body)


@pytest.mark.parametrize("name", ["anthropic", "vertex"])
def test_a_provider_that_is_known_and_was_never_read_has_no_pages(client, name):
    assert client.get(f"/providers/{name}/raw").json() == {"items": [], "cursor": None}


@pytest.mark.parametrize("path", ["/spend", "/status", "/config", "/healthz", "/providers/openai/raw", "/openapi.json"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused_with_what_is_allowed(client, path, method):
    answer = client.request(method, path)

    assert_problem(answer, 405, path)
    assert {name.strip() for name in answer.headers["allow"].split(",")} == {"GET", "HEAD"}


@pytest.mark.parametrize("path", ["/spend", "/status", "/config", "/healthz", "/providers/openai/raw"])
def test_head_has_the_headers_of_get_and_no_body(client, path):
    got, head = client.get(path), client.head(path)

    assert head.content == b""
    assert head.headers.pop("x-request-id") != got.headers.pop("x-request-id")
    assert (head.status_code, dict(head.headers)) == (got.status_code, dict(got.headers))


def test_head_of_something_wrong_is_refused_alike(client):
    head = client.head("/spend", params={"from": "x"})

    assert (head.status_code, head.content) == (422, b"")


@pytest.mark.parametrize("host", ["[", "127.0.0.1:x", "a b", "", "127.0.0.1, evil.example", "http://127.0.0.1"])
def test_a_host_header_that_is_none_is_refused(client, host):
    assert assert_problem(client.get("/spend", headers={"host": host}), 400, "/spend")["type"].endswith(":bad-host")


def test_a_body_on_get_is_refused_so_that_nobody_takes_it_for_heard(client):
    assert_problem(client.request("GET", "/healthz", content=b"{" * 1000), 422, "/healthz")


def test_what_breaks_unexpectedly_is_a_problem_with_an_id_that_is_in_the_log(settings, clock, monkeypatch):
    events = []
    monkeypatch.setattr(figures.reads, "ask", lambda *_: 1 / 0)
    monkeypatch.setattr("aispend_pipeline.service.problems.log.error", lambda name, **fields: events.append(fields))
    client = TestClient(create_app(settings, clock), raise_server_exceptions=False)

    answer = client.get("/spend", params={"model": "a secret plan"})

    body = assert_problem(answer, 500, "/spend")
    (event,) = events
    assert re.search(r"under ([0-9a-f]{16})$", body["detail"])[1] == event["id"]
    assert "ZeroDivisionError" in event["error"]
    for text in ("ZeroDivision", "division", "Traceback", "a secret plan"):
        assert text not in answer.text
    assert "a secret plan" not in str(event)


def test_a_damaged_pointer_is_a_problem_that_says_what_to_do(settings, clock, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "CURRENT").write_text("rubbish")
    client = TestClient(create_app(settings.model_copy(update={"home": home}), clock), raise_server_exceptions=False)

    assert "aispend recompute" in assert_problem(client.get("/spend"), 503)["detail"]


@pytest.mark.parametrize("path", ["/spend/", "/status/", "/providers/openai/raw/"])
def test_no_address_leads_to_another(client, path):
    assert_problem(client.get(path, follow_redirects=False), 404, path)
