"""`POST /test/alert`, and the token that it and every route of its kind asks for."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies
from standardwebhooks import Webhook
from starlette.testclient import TestClient

from aispend_pipeline.service.app import create_app
from aispend_pipeline.settings import Settings
from aispend_pipeline_tests.alerts.receivers import SILENCE, HttpReceiver, http_receiver
from aispend_pipeline_tests.alerts.receivers import status as answering

from .installation import TOKEN, Installation, copy_of, documented, read_month, status_of
from .test_refusals import assert_problem
from .world import NOW

PATH = "/test/alert"
ADMIN = {"authorization": f"Bearer {TOKEN}"}
SECRET = "whsec_Zm9yIGV4YW1wbGUgb25seSwgbWFrZSB5b3VyIG93biE="
Asked = Callable[..., dict]


@pytest.fixture(scope="module")
def receivers() -> Iterator[list[HttpReceiver]]:
    with http_receiver() as slack, http_receiver() as mail, http_receiver() as hook:
        yield [slack, mail, hook]


@pytest.fixture
def slack(receivers) -> HttpReceiver:
    return forgetful(receivers[0])


@pytest.fixture
def mail(receivers) -> HttpReceiver:
    return forgetful(receivers[1])


@pytest.fixture
def hook(receivers) -> HttpReceiver:
    return forgetful(receivers[2])


def forgetful(receiver: HttpReceiver) -> HttpReceiver:
    """One that knows of no other test."""
    receiver.received.clear()
    receiver.moods.clear()
    return receiver


@pytest.fixture
def one(home, slack, mail, hook) -> Installation:
    """Nothing was read yet; every channel is configured, and there is an admin."""
    return Installation(
        home,
        set={
            "ADMIN_TOKEN": TOKEN,
            "SLACK_WEBHOOK_URL": slack.url("/slack"),
            "ALERT_EMAIL_WEBHOOK": mail.url("/mail"),
            "ON_HARDCAP_WEBHOOK": hook.url("/hook"),
            "AISPEND_HOOK_SECRET": SECRET,
        },
    )


@pytest.fixture
def client(one) -> TestClient:
    """The service without a socket between, so that any header comes as it is sent."""
    return TestClient(create_app(one.settings(), one.clock), raise_server_exceptions=False)


@pytest.fixture
def ask(one) -> Iterator[Asked]:
    """Asks over loopback, as an admin, and holds the answer to the document."""
    with ExitStack() as stack:

        def post(query: str = "", **more: str) -> dict:
            service = stack.enter_context(one.serving(**more))
            answer = service.post(PATH + query, headers=ADMIN)
            body = answer.raise_for_status().json()
            documented(PATH, "post").validate(body)
            assert (answer.headers["cache-control"], TOKEN in answer.text) == ("no-store", False)
            return body

        yield post


DELIVERED = {"status": "delivered", "error": None, "next_at": None}
NOT_ASKED = {"status": "not_asked", "error": None, "next_at": None}


def test_every_channel_for_people_gets_a_test_and_the_hook_is_left_alone(ask, slack, mail, hook):
    body = ask()

    assert body == {"status": "ok", "channels": {"slack": DELIVERED, "email": DELIVERED, "hook": NOT_ASKED}}
    (told,), (mailed,) = slack.received, mail.received
    assert (told.path, mailed.path, hook.received) == ("/slack", "/mail", [])
    assert told.headers["aispend-id"] == mailed.headers["aispend-id"]
    assert b"test" in told.body.lower()


def test_the_hook_is_told_if_that_is_asked_for_and_what_it_gets_is_signed_and_called_a_test(ask, hook):
    body = ask("?hook=true")

    assert (body["status"], body["channels"]["hook"]) == ("ok", DELIVERED)
    (told,) = hook.received
    signature = Webhook(SECRET).sign(told.headers["webhook-id"], NOW, told.body.decode())
    assert told.headers["webhook-signature"] == signature
    assert json.loads(told.body)["type"] == "test"


def test_a_channel_that_refuses_is_told_apart_from_one_that_is_tried_again_and_one_that_is_well(ask, slack, mail):
    slack.moods.append(answering(404, b"no_service"))
    mail.moods.append(answering(503))

    body = ask("?hook=true")

    told, mailed = body["channels"]["slack"], body["channels"]["email"]
    assert (body["status"], body["channels"]["hook"]) == ("failing", DELIVERED)
    assert (told["status"], "404" in told["error"], told["next_at"]) == ("dead", True, None)
    assert (mailed["status"], "503" in mailed["error"]) == ("pending", True)
    assert mailed["next_at"].startswith("2026-06-12T13:20:0")  # after about five seconds
    assert "/slack" not in str(body)


def test_a_test_touches_no_cap(ask, one):
    one.set["OPENAI_SOFT_CAP"] = "1"
    before = one.status()["caps"]
    ask()

    assert one.status()["caps"] == before


@pytest.mark.parametrize(
    ("kept", "query", "said"),
    [
        ((), "", "no channel is configured; set SLACK_WEBHOOK_URL, AISPEND_SMTP_URL or ALERT_EMAIL_WEBHOOK"),
        ((), "?hook=true", "no channel is configured; set SLACK_WEBHOOK_URL, AISPEND_SMTP_URL or ALERT_EMAIL_WEBHOOK"),
        (("ON_HARDCAP_WEBHOOK",), "", "no channel but the hook is configured; to test that one, ask with ?hook=true"),
    ],
)
def test_with_nothing_to_test_it_says_so(one, hook, kept, query, said):
    one.set = {name: text for name, text in one.set.items() if name in (*kept, "ADMIN_TOKEN")}
    with one.serving() as service:
        body = assert_problem(service.post(PATH + query, headers=ADMIN), 409, PATH)

    assert (body["type"], body["detail"]) == ("urn:aispend:problem:no-channel", said)
    assert hook.received == []


def test_a_state_database_that_cannot_be_used_is_not_ready_and_nothing_is_sent(one, slack):
    one.home.mkdir()
    (one.home / "state.sqlite").write_bytes(b"no database at all" * 1000)
    with one.serving() as service:
        body = assert_problem(service.post(PATH, headers=ADMIN), 503, PATH)

    assert "state.sqlite: cannot be used" in body["detail"]
    assert slack.received == []


WRONG = {
    "none": [],
    "empty": [b""],
    "the scheme alone": [b"Bearer"],
    "an empty token": [b"Bearer "],
    "the token alone": [TOKEN.encode()],
    "another scheme": [b"Basic " + TOKEN.encode()],
    "another token": [b"Bearer let-me-in-Qz8"],
    "its start": [b"Bearer " + TOKEN.encode()[:-1]],
    "more than it": [b"Bearer " + TOKEN.encode() + b"x"],
    "its other case": [b"Bearer " + TOKEN.upper().encode()],
    "a space behind": [b"Bearer " + TOKEN.encode() + b" "],
    "two spaces": [b"Bearer  " + TOKEN.encode()],
    "a tab": [b"Bearer\t" + TOKEN.encode()],
    "UTF-8": ["Bearer lét-me-in".encode()],
    "no text at all": [b"Bearer \xff\xfe"],
    "10 kB": [b"Bearer " + b"x" * 10_000],
    "twice": [b"Bearer " + TOKEN.encode()] * 2,
    "right, then wrong": [b"Bearer " + TOKEN.encode(), b"Bearer x"],
    "wrong, then right": [b"Bearer x", b"Bearer " + TOKEN.encode()],
    "in one header": [b"Bearer " + TOKEN.encode() + b", Bearer x"],
}


class TestTheToken:
    @pytest.mark.parametrize("headers", [{}, ADMIN, {"authorization": "Bearer "}, {"authorization": "Bearer None"}])
    def test_as_long_as_none_is_set_nobody_is_let_through(self, one, slack, headers):
        client = TestClient(create_app(one.settings(ADMIN_TOKEN=""), one.clock))

        body = assert_problem(client.post(PATH, headers=headers), 403, PATH)

        assert body["type"] == "urn:aispend:problem:admin-disabled"
        assert "ADMIN_TOKEN" in body["detail"]
        assert slack.received == []

    def test_what_is_not_just_it_is_refused(self, client, slack):
        for name, values in WRONG.items():
            answer = client.post(PATH, headers=[(b"Authorization", value) for value in values])

            body = assert_problem(answer, 401, PATH)
            assert answer.headers["www-authenticate"] == "Bearer", name
            assert (body["type"], TOKEN in answer.text) == ("urn:aispend:problem:unauthorized", False), name
        assert slack.received == []

    @settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(value=strategies.binary(max_size=60) | strategies.binary(max_size=30).map(b"Bearer ".__add__))
    @example(value=b"bearer \xc3\xa9")
    def test_whatever_the_header_it_is_refused_and_nothing_breaks(self, client, value):
        assert client.post(PATH, headers=[(b"Authorization", value)]).status_code == 401

    @pytest.mark.parametrize("scheme", ["bearer", "BEARER", "bEaReR"])
    def test_the_scheme_may_be_written_in_any_case(self, client, slack, scheme):
        answer = client.post(PATH, headers={"AUTHORIZATION": f"{scheme} {TOKEN}"})

        assert (answer.status_code, len(slack.received)) == (200, 1)

    def test_who_is_not_let_through_learns_nothing_of_parameters_and_channels(self, one):
        with one.serving(SLACK_WEBHOOK_URL="", ALERT_EMAIL_WEBHOOK="", ON_HARDCAP_WEBHOOK="") as service:
            assert_problem(service.post(PATH, params={"nonsense": "1"}), 401)
            assert_problem(service.post(PATH, content=b"x" * 1_000_000), 401)

    def test_it_may_be_changed_and_taken_away_while_the_service_runs(self, one, tmp_path):
        dotenv = tmp_path / "settings"
        dotenv.write_text("ADMIN_TOKEN=first\n")
        with one.serving(lambda: Settings.load({"AISPEND_HOME": str(one.home)}, dotenv)) as service:

            def answer(token: str) -> int:
                return service.post(PATH, headers={"authorization": f"Bearer {token}"}).status_code

            seen = [answer("first"), answer(TOKEN)]
            dotenv.write_text("ADMIN_TOKEN=second\n")
            seen += [answer("first"), answer("second")]
            dotenv.write_text("")
            seen += [answer("second")]

        assert seen == [409, 401, 401, 409, 403]


class TestTheRequest:
    @pytest.mark.parametrize("body", [b"{}", b"hook=true", b"\xff", b"[" * 10_000], ids=lambda body: repr(body[:9]))
    def test_a_body_is_refused_so_that_nobody_takes_it_for_heard(self, client, slack, body):
        told = assert_problem(client.post(PATH, headers=ADMIN, content=body), 422, PATH)

        assert "takes no body" in told["detail"]
        assert slack.received == []

    @pytest.mark.parametrize("chunked", [False, True])
    def test_a_long_body_is_refused_and_not_read_to_its_end(self, one, slack, chunked):
        body = b"x" * 100_000
        with one.serving() as service:
            content = iter([body[:50_000], body[50_000:]]) if chunked else body
            assert_problem(service.post(PATH, headers=ADMIN, content=content), 413, PATH)
        assert slack.received == []

    def test_one_that_only_says_that_it_is_50_mb_is_refused_after_its_first_part(self, one):
        with one.serving() as service:
            place = service.base_url.host, service.base_url.port
            with socket.create_connection(place, timeout=30) as connection:
                head = f"POST {PATH} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n"
                connection.sendall(f"{head}content-length: 50000000\r\n\r\n".encode() + b"x" * 30_000)
                assert connection.recv(12) == b"HTTP/1.1 413"

    @pytest.mark.parametrize(
        ("query", "said"),
        [
            ("?hook=1", "hook: is neither true nor false"),
            ("?hook=", "hook: is neither true nor false"),
            ("?hook=TRUE", "hook: is neither true nor false"),
            ("?Hook=true", "Hook: no such parameter"),
            ("?channel=slack", "channel: no such parameter"),
        ],
    )
    def test_a_parameter_that_is_not_understood_sends_nothing(self, client, slack, query, said):
        assert assert_problem(client.post(PATH + query, headers=ADMIN), 422, PATH)["detail"] == said
        assert slack.received == []

    def test_other_methods_are_refused_with_what_is_allowed(self, client, slack):
        for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
            answer = client.request(method, PATH, headers=ADMIN)

            assert (answer.status_code, answer.headers["allow"]) == (405, "POST"), method
        assert slack.received == []


def test_a_receiver_that_never_answers_holds_up_no_reader(one, tmp_path_factory):
    month = read_month(tmp_path_factory.mktemp("month") / "home")
    made = copy_of(month, one.home)
    made.set = one.set
    answers: list[dict] = []
    with http_receiver(SILENCE) as slack, made.serving(SLACK_WEBHOOK_URL=slack.url()) as service:

        def test() -> None:
            answers.append(service.post(PATH, headers=ADMIN, timeout=60).json())

        asking = [threading.Thread(target=test, daemon=True) for _ in range(4)]  # more than there are readers
        for thread in asking:
            thread.start()
        deadline = time.monotonic() + 30
        while not slack.received and time.monotonic() < deadline:
            time.sleep(0.005)
        seen = [service.get("/spend").status_code for _ in range(3)]
        said = status_of(service)
        assert answers == []
        slack.close()
        for thread in asking:
            thread.join(30)

    assert seen == [200] * 3
    assert said["outbox"]["pending"] == 1
    assert [body["status"] for body in answers] == ["failing"] * 4


def test_the_document_says_that_the_token_is_wanted(client):
    document = client.get("/openapi.json").json()

    assert document["components"]["securitySchemes"]["ADMIN_TOKEN"]["scheme"] == "bearer"
    assert document["paths"][PATH]["post"]["security"] == [{"ADMIN_TOKEN": []}]
    closed = {path for path, of in document["paths"].items() for one in of.values() if one.get("security")}
    recompute, alerts = "/admin/recompute", "/admin/alerts/{message_id}"
    assert closed == {PATH, recompute, f"{recompute}/{{run_id}}", f"{alerts}/retry", f"{alerts}/drop"}
