"""Every request is logged and counted by its route: what a caller puts into an address stays out of both."""

import asyncio
import io
import json
import socket
import struct
import threading

import pytest
from starlette.testclient import TestClient

from aispend_pipeline import log
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.service.app import create_app
from aispend_pipeline.service.traffic import Noted, Traffic
from aispend_pipeline.simulator.server import served
from aispend_pipeline.warehouse import Warehouse

from ..waiting import until
from .bounded import PATIENCE
from .installation import Installation


@pytest.fixture
def noted(capsys):
    """The requests that were logged so far, those for machines too."""
    log.configure(10)

    def read() -> list[dict]:
        lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        return [line for line in lines if line["event"] == "request.done"]

    yield read
    log.configure()


def counted(client: TestClient) -> dict[tuple[str, str, str], float]:
    """How many requests there were by method, route and class of status."""
    lines = [
        line for line in client.get("/metrics").text.splitlines() if line.startswith("aispend_http_requests_total")
    ]
    found = {}
    for line in lines:
        labels, _, value = line.partition("{")[2].partition("} ")
        parts = dict(part.split("=", 1) for part in labels.split(","))
        found[tuple(parts[name].strip('"') for name in ("method", "route", "status"))] = float(value)
    return found


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Installation:
    """An installation into which nothing was read yet."""
    made = Installation(tmp_path_factory.mktemp("traffic") / "home")
    Warehouse(made.home, made.clock).publish()
    return made


@pytest.fixture
def own(installed) -> TestClient:
    """An application of its own."""
    app = create_app(installed.settings(), installed.clock)
    return TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)


def test_a_request_is_one_line_with_its_route_and_its_id(own, noted):
    answer = own.get("/providers/openai/raw", params={"limit": "1"})

    (line,) = noted()
    assert {**line, "timestamp": ""} == {
        "event": "request.done",
        "level": "info",
        "timestamp": "",
        "request_id": answer.headers["x-request-id"],
        "method": "GET",
        "route": "/providers/{name}/raw",
        "status": 200,
        "seconds": 0.0,
        "bytes": len(answer.content),
        "broken_off": False,
    }


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("HEAD", "/status", ("HEAD", "/status", "2xx")),
        ("GET", "/providers/nobody/raw", ("GET", "/providers/{name}/raw", "4xx")),
        ("GET", "/spend?from=x", ("GET", "/spend", "4xx")),
        ("DELETE", "/spend", ("DELETE", "/spend", "4xx")),
        ("GET", "/no/such/route", ("GET", "unmatched", "4xx")),
        ("BREW", "/spend", ("other", "/spend", "4xx")),
    ],
)
def test_only_what_is_declared_becomes_a_label(own, noted, method, path, expected):
    answer = own.request(method, path)

    (line,) = noted()
    assert (line["method"], line["route"], line["status"]) == (*expected[:2], answer.status_code)
    assert counted(own) == {expected: 1}


def test_whoever_is_refused_at_the_door_is_counted_by_the_route_they_asked_for(own, noted):
    assert own.get("/status", headers={"host": "evil.example"}).status_code == 421

    assert [(line["route"], line["status"]) for line in noted()] == [("/status", 421)]


def test_what_machines_ask_is_logged_for_those_who_look_closely(own, noted):
    own.get("/healthz")
    own.get("/metrics")

    assert [(line["route"], line["level"]) for line in noted()] == [("/healthz", "debug"), ("/metrics", "debug")]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_only_what_went_wrong_is_told(noted, monkeypatch):
    async def answers(scope, receive, send):
        await send({"type": "http.response.start", "status": int(scope["path"][1:]), "headers": []})
        await send({"type": "http.response.body"})

    monkeypatch.setattr("sys.stderr", watched := Terminal())
    log.configure()

    for status in (200, 404, 503):
        TestClient(_under(answers)).get(f"/{status}")

    (line,) = watched.getvalue().splitlines()
    assert "request.done" in line
    assert "warning" in line


def test_a_client_that_hangs_up_before_the_answer_is_told_apart(noted):
    async def slow(scope, receive, send):
        await receive()
        asked.set()
        while not gone.is_set():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)  # the loop sees it go
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    asked, gone = threading.Event(), threading.Event()
    with served(_under(slow)) as base:
        host, port = base.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as client:
            client.sendall(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
            assert asked.wait(PATIENCE)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        gone.set()
        lines: list[dict] = []
        until(lambda: lines.extend(noted()) or bool(lines))

    assert [(line["broken_off"], line["bytes"]) for line in lines] == [(True, 2)]


def test_an_answer_that_breaks_off_is_told_apart(noted):
    async def half(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise OSError("the disk is gone")

    client = TestClient(_under(half), raise_server_exceptions=False)
    with pytest.raises(OSError, match="gone"):
        TestClient(_under(half)).get("/")
    client.get("/")

    assert [(line["status"], line["broken_off"], line["bytes"]) for line in noted()] == [(200, True, 4)] * 2


def test_what_breaks_before_it_answers_counts_as_failed(noted):
    async def broken(scope, receive, send):
        raise ValueError

    client = TestClient(_under(broken), raise_server_exceptions=False)
    assert client.get("/").status_code == 500

    assert [(line["status"], line["broken_off"]) for line in noted()] == [(500, True)]


def _under(app):
    """`app` as one that was matched, logged and counted; it asks at once whether the client is there."""

    async def matched(scope, receive, send):
        scope["route"] = None
        scope["app"] = type("Routes", (), {"routes": []})
        await app(scope, receive, send)

    return Noted(matched, Traffic(), SystemClock(), patience_seconds=0)
