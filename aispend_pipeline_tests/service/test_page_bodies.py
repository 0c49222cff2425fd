"""`GET /providers/{name}/raw/{page_id}` and its body: exact bytes, and what is odd, gone, damaged or never was."""

import base64
import hashlib
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from aispend_pipeline.model import Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.service.app import create_app
from aispend_pipeline.settings import Settings
from aispend_pipeline.warehouse import Warehouse
from aispend_pipeline.warehouse.retention import expire
from aispend_pipeline_tests.warehouse.building import LATER, SetClock, complete, corrupt, failed, line, page, store

from .test_refusals import assert_problem
from .world import StandingClock

LONG_AGO = date(2026, 1, 1)
# One page of each kind that can come, and what it is called.
ODD_BODIES = [
    (b'{"a": 1}', "application/json", {"a": 1}),
    (b'\xef\xbb\xbf{"a": 1}', "text/plain; charset=utf-8", {"a": 1}),
    (b'{"a": NaN}', "text/plain; charset=utf-8", '{"a": NaN}'),
    ('{"a": "\u20ac"}'.encode(), "application/json", {"a": "\u20ac"}),
    (b'{"a": "\xff"}', "application/octet-stream", '{"a": "\ufffd"}'),
    (b'{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}", "text/plain; charset=utf-8", None),
    (b"<html></html>", "text/plain; charset=utf-8", "<html></html>"),
    (b"", "text/plain; charset=utf-8", ""),
]


@pytest.fixture(scope="module")
def odd(tmp_path_factory) -> Iterator[tuple[Warehouse, TestClient]]:
    """A store with odd pages, and with a day whose figures rest on pages of a hundred days ago."""
    home = tmp_path_factory.mktemp("odd") / "home"
    warehouse = Warehouse(home, SetClock())
    old = complete({LONG_AGO: [line("1.25"), line("2.5", "o3")]}, at=LATER - timedelta(days=100))
    store(
        warehouse,
        old,
        failed(Window(LONG_AGO, LONG_AGO), account="a/b\r\n\"'é", pages=[page(b) for b, _, _ in ODD_BODIES]),
    )
    add_up(warehouse, Window(LONG_AGO, LONG_AGO), SetClock())
    settings = Settings.load({"AISPEND_HOME": str(home)}, None)
    yield warehouse, TestClient(create_app(settings, StandingClock()), raise_server_exceptions=False)


def pages_of(client: TestClient, **asked: str) -> list[dict]:
    return client.get("/providers/openai/raw", params={"limit": "500", **asked}).raise_for_status().json()["items"]


def test_a_body_is_every_byte_that_came_as_a_file_that_no_browser_runs(odd):
    items = [item for item in pages_of(odd[1]) if item["fetch_state"] == "failed"]
    for (body, media_type, payload), item in zip(ODD_BODIES, items, strict=True):
        answer = odd[1].get(item["links"]["body"])

        assert answer.content == body
        assert answer.headers["content-type"] == media_type
        name = f"openai_costs-a_b_____-2026-01-01-{item['id']}" + (".json" if media_type.endswith("json") else ".txt")
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
        digest = hashlib.sha256(body)
        assert item["body_sha256"] == digest.hexdigest()
        assert item["bytes"] == len(body)
        assert answer.headers["repr-digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert payload is None or item["payload"] == payload


def test_a_body_that_the_client_has_is_not_sent_again_and_may_be_kept_by_nobody_between(odd):
    path = pages_of(odd[1])[0]["links"]["body"]
    first = odd[1].get(path)
    again = odd[1].get(path, headers={"if-none-match": f'"x", W/{first.headers["etag"]}'})

    assert first.headers["etag"] == f'"{hashlib.sha256(first.content).hexdigest()}"'
    assert (again.status_code, again.content) == (304, b"")
    for answer in (first, again):
        assert answer.headers["cache-control"] == "private, no-cache"
    assert odd[1].get(path, headers={"if-none-match": '"another"'}).content == first.content
    named = {*first.headers} - {"x-request-id"}
    head = odd[1].head(path)
    assert {name: head.headers[name] for name in named} == {name: first.headers[name] for name in named}


@pytest.mark.parametrize("path", ["", "/body"])
@pytest.mark.parametrize(
    "page_id",
    ["x", "fetch-0-1", "%00", "..", "{fetch}", "{fetch}-0", "{fetch}-4", "{fetch}-01", "{fetch}-1-1", "{page}x"],
)
def test_a_page_that_never_was_is_not_found(odd, page_id, path):
    item = pages_of(odd[1])[-1]
    wanted = page_id.format(fetch=item["fetch_id"], page=item["id"])

    assert_problem(odd[1].get(f"/providers/openai/raw/{wanted}{path}"), 404)
    body = assert_problem(odd[1].get(f"/providers/anthropic/raw/{item['id']}{path}"), 404)
    assert body["type"].endswith(":unknown-page")
    assert assert_problem(odd[1].get(f"/providers/x/raw/{item['id']}{path}"), 404)["type"].endswith("unknown-provider")


@pytest.fixture
def copy(odd, home) -> Path:
    shutil.copytree(odd[0].home, home)
    return home


def client_of(home: Path) -> TestClient:
    made = Settings.load({"AISPEND_HOME": str(home)}, None)
    return TestClient(create_app(made, StandingClock()), raise_server_exceptions=False)


def test_of_a_page_that_has_expired_the_lines_stay_and_say_so(copy):
    client = client_of(copy)
    of_all = {"from": str(LONG_AGO), "to": str(LONG_AGO)}
    before = client.get("/spend/rows", params=of_all).json()
    assert [row["page_available"] for row in before["rows"]] == [True, True]

    expire(Warehouse(copy, SetClock()), LATER - timedelta(days=90))

    after = client.get("/spend/rows", params=of_all).json()
    assert after["rows"] == [{**row, "page_available": False} for row in before["rows"]]
    for row in after["rows"]:
        assert client.get("/spend/rows", params={"page": row["page_id"]}).json()["rows"] == [row]
        for path in row["links"].values():
            body = assert_problem(client.get(path), 410, path)
            assert body["type"].endswith(":page-expired")
            assert body["detail"] == (
                "the page has expired: it was fetched on 2026-02-21, and pages are kept for 90 days; the rows that"
                " were made of it stay"
            )


@pytest.mark.parametrize("packed", ["'no zlib'::BLOB", "(SELECT body FROM body ORDER BY bytes LIMIT 1)"])
def test_a_body_that_is_no_longer_what_came_is_never_given_as_evidence(copy, packed):
    client = client_of(copy)
    item = pages_of(client)[-1]
    warehouse = Warehouse(copy, SetClock())
    corrupt(warehouse, f"UPDATE body SET body = {packed} WHERE sha256 = '{item['body_sha256']}'")
    warehouse.publish()

    for path in (item["links"]["body"], item["links"]["page"], "/providers/openai/raw"):
        detail = assert_problem(client.get(path), 503)["detail"]
        assert detail == f"page {item['id']}: its stored body is damaged; restore the warehouse from a backup"
