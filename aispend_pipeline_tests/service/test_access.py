"""Who may read: everybody or the bearers of a token; and that this opens nothing that changes or sends."""

import base64
from collections.abc import Callable
from hmac import compare_digest

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies
from starlette.testclient import TestClient

from aispend_pipeline.errors import SettingsError
from aispend_pipeline.service import access
from aispend_pipeline.service.app import create_app
from aispend_pipeline.settings import Settings

from .routes import every_path
from .test_admin import ADMIN, TOKEN
from .test_refusals import assert_problem
from .world import StandingClock

READ = "read:me-Zq7-and-more"
PATHS = [*(path for path in every_path() if path != "/healthz"), "/openapi.json", "/nothing/there"]


def basic(text: bytes) -> bytes:
    return b"Basic " + base64.b64encode(text)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Settings:
    home = tmp_path_factory.mktemp("access") / "home"
    return Settings.load(
        {"AISPEND_HOME": str(home), "AISPEND_READ_TOKEN": READ, "ADMIN_TOKEN": TOKEN, "OPENAI_API_KEY": "sk-x"}, None
    )


@pytest.fixture(scope="module")
def client(made, clock) -> TestClient:
    return TestClient(create_app(made, clock), raise_server_exceptions=False)


def status(client: TestClient, *values: bytes) -> int:
    return client.get("/config", headers=[(b"authorization", value) for value in values]).status_code


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_without_the_token_nothing_is_told_not_even_what_there_is(client, method):
    for path in PATHS:
        answer = client.request(method, path)

        assert answer.status_code == 401, path
        if method != "HEAD":
            assert_problem(answer, 401, path)
        challenges = answer.headers.get_list("www-authenticate")
        assert challenges == ['Basic realm="aispend", charset="UTF-8"', 'Bearer realm="aispend"'], path


def test_whether_the_process_answers_is_told_to_everybody_and_nothing_else(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/healthz/").status_code == 401


@pytest.mark.parametrize(
    "value",
    [
        f"Bearer {READ}".encode(),
        f"bearer {READ}".encode(),
        f"Bearer {TOKEN}".encode(),
        basic(f":{READ}".encode()),
        basic(f"anybody:{READ}".encode()),
        basic(f"\u00e9:{READ}".encode()),
        basic(f"\u00e9:{READ}".encode("latin-1")),
        basic(f"x:{READ}".encode()).replace(b"Basic", b"bAsIc"),
    ],
)
def test_the_token_reads_as_bearer_and_as_a_browsers_password_and_the_admins_reads_too(client, value):
    assert status(client, value) == 200


def test_how_long_it_takes_tells_of_no_token_where_it_differs(client, monkeypatch):
    compared = []

    def spy(given: object, token: object) -> bool:
        compared.append((given, token))
        return compare_digest(given, token)

    monkeypatch.setattr(access, "compare_digest", spy)
    client.get("/config", headers={"authorization": "Bearer wrong"})
    client.get("/config", headers={"authorization": f"Bearer {READ}"})
    assert compared == [
        (given, token) for given in (b"wrong", READ.encode()) for token in (READ.encode(), TOKEN.encode())
    ]

    compared.clear()
    client.post("/test/alert", headers=ADMIN)
    assert compared[-1] == (TOKEN.encode(), TOKEN.encode())


WRONG = {
    "empty": [b""],
    "the scheme alone": [b"Basic"],
    "no base64": [b"Basic !!!"],
    "base64 without its end": [basic(f"x:{READ}".encode()).rstrip(b"=")[:-1]],
    "base64 of no text": [basic(b"\xff\xfe:\xff")],
    "no password": [basic(b"x")],
    "an empty password": [basic(b"x:")],
    "the token as the user": [basic(f"{READ}:".encode())],
    "the token without a user": [basic(READ.encode())],
    "the admin's as password": [basic(f"admin:{TOKEN}".encode())],
    "another": [b"Bearer " + READ[:-1].encode()],
    "the token alone": [READ.encode()],
    "another scheme": [b"Token " + READ.encode()],
    "a space behind": [b"Bearer " + READ.encode() + b" "],
    "10 kB": [b"Bearer " + b"x" * 10_000],
    "10 kB of base64": [b"Basic " + b"QUFB" * 2500],
    "twice": [b"Bearer " + READ.encode()] * 2,
    "right, then wrong": [b"Bearer " + READ.encode(), b"Basic x"],
}


def test_what_is_not_just_it_is_refused(client):
    assert {name: status(client, *values) for name, values in WRONG.items()} == dict.fromkeys(WRONG, 401)


@settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(value=strategies.binary(max_size=60) | strategies.binary(max_size=40).map(b"Basic ".__add__))
@example(value=b"Basic \xc3\xa9")
@example(value=b"Basic =")
def test_whatever_the_header_it_is_refused_and_nothing_breaks(client, value):
    assert status(client, value) == 401


@pytest.mark.parametrize(
    "value", [f"Bearer {READ}".encode(), basic(f"x:{READ}".encode()), basic(f"x:{TOKEN}".encode()), b""]
)
def test_nothing_that_a_browser_adds_by_itself_changes_or_sends_anything(client, value):
    """So a page of a stranger that has a browser post here is refused, whoever's browser it is."""
    answer = client.post("/test/alert", headers=[(b"authorization", value), (b"origin", b"https://evil.example")])

    assert_problem(answer, 401, "/test/alert")


def test_the_admin_is_let_through_both_doors(client):
    assert client.post("/test/alert", headers=ADMIN).status_code == 409  # there is no channel


@pytest.fixture
def changing(made) -> Callable[..., tuple[TestClient, StandingClock]]:
    """A service whose settings file is the text in `now`."""
    clock = StandingClock()

    def client(now: list[dict[str, str]]) -> tuple[TestClient, StandingClock]:
        def load() -> Settings:
            return Settings.load({"AISPEND_HOME": str(made.home), **now[0]}, None)

        return TestClient(create_app(load(), clock, load)), clock

    return client


def test_it_may_be_changed_while_the_service_runs(changing):
    now = [{}]
    client, clock = changing(now)
    seen = [status(client)]
    for token in ("a" * 16, "b" * 16):
        now[0] = {"AISPEND_READ_TOKEN": token}
        clock.instant += StandingClock().instant.resolution * 1_000_000
        seen += [status(client), status(client, b"Bearer " + b"a" * 16), status(client, b"Bearer " + b"b" * 16)]

    assert seen == [200, 401, 200, 401, 401, 401, 200]


@pytest.mark.parametrize("left", [{}, {"AISPEND_READ_TOKEN": "short"}, {"OPENAI_HARD_CAP": "oops"}])
def test_settings_that_lose_it_while_the_service_runs_open_nothing(changing, left):
    now = [{"AISPEND_READ_TOKEN": READ}]
    client, clock = changing(now)
    seen = [status(client)]
    now[0] = left
    clock.instant += StandingClock().instant.resolution * 1_000_000

    assert [*seen, status(client), status(client, f"Bearer {READ}".encode())] == [401, 401, 200]


def test_the_document_says_what_is_asked_for(client, made, clock):
    closed = client.get("/openapi.json", headers={"authorization": f"Bearer {READ}"}).json()
    opened = create_app(made.model_copy(update={"read_token": None}), clock).openapi()

    assert closed["security"] == [{"READ_TOKEN": []}, {"READ_PASSWORD": []}]
    assert opened["security"] == [{}, {"READ_TOKEN": []}, {"READ_PASSWORD": []}]
    assert closed["paths"]["/healthz"]["get"]["security"] == []
    schemes = closed["components"]["securitySchemes"]
    assert {name: schemes[name]["scheme"] for name in ("READ_TOKEN", "READ_PASSWORD", "ADMIN_TOKEN")} == {
        "READ_TOKEN": "bearer",
        "READ_PASSWORD": "basic",
        "ADMIN_TOKEN": "bearer",
    }


@pytest.mark.parametrize(
    "token", ["Zq7x", "x" * 15, "has a space in it, and is long", "cl\u00e9cl\u00e9cl\u00e9cl\u00e9cl\u00e9cl\u00e9"]
)
def test_a_token_that_is_not_fit_is_refused_and_not_shown(token):
    with pytest.raises(SettingsError) as refused:
        Settings.load({"AISPEND_READ_TOKEN": token}, None)

    (line,) = refused.value.lines
    assert line.startswith("AISPEND_READ_TOKEN: (not shown) ")
    assert token not in line


def test_one_token_for_both_is_refused():
    with pytest.raises(SettingsError, match="AISPEND_READ_TOKEN: is that of ADMIN_TOKEN"):
        Settings.load({"AISPEND_READ_TOKEN": READ, "ADMIN_TOKEN": READ}, None)


def test_a_short_admin_token_is_taken_with_a_warning():
    (warning,) = Settings.load({"ADMIN_TOKEN": "let-me-in"}, None).warnings

    assert "ADMIN_TOKEN: is shorter than 16 characters" in warning
    assert "let-me-in" not in warning
