"""One request to a webhook: what each kind of answer, and of no answer, means for the delivery."""

import asyncio
import logging
import socket
import ssl
from datetime import UTC, datetime

import pytest
import trustme
from hypothesis import given, strategies
from hypothesis import settings as bounded

from aispend_pipeline import __version__
from aispend_pipeline.alerts import http
from aispend_pipeline.alerts.attempts import Attempted, Outcome, SendLimits, excerpt
from aispend_pipeline_tests.alerts import receivers
from aispend_pipeline_tests.alerts.mail_receivers import greeting
from aispend_pipeline_tests.alerts.receivers import http_receiver, silent, status

NOW = datetime(2026, 11, 10, 11, 5, tzinfo=UTC)
PATIENT = SendLimits(connect_seconds=5, attempt_seconds=20)
HASTY = SendLimits(attempt_seconds=0.5)
PATH = "/services/T0/B0/hunter2hunter2?key=swordfish"


def post(address: str, limits: SendLimits = PATIENT) -> Attempted:
    attempted = asyncio.run(http.ask("POST", address, limits, body=b'{"a":1}', now=NOW))
    assert "hunter2" not in repr(attempted)
    assert "swordfish" not in repr(attempted)
    assert "\n" not in attempted.told
    return attempted


def test_a_request_arrives_as_it_was_meant():
    with http_receiver() as receiver:
        headers = {"content-type": "application/json", "aispend-id": "msg_1"}
        attempted = asyncio.run(
            http.ask("POST", receiver.url(PATH), PATIENT, headers=headers, body=b'{"a":"\xc3\xa9"}', now=NOW)
        )

    (request,) = receiver.received
    assert (request.method, request.path, request.body) == ("POST", PATH, b'{"a":"\xc3\xa9"}')
    assert request.headers["user-agent"] == f"aispend/{__version__}"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["aispend-id"] == "msg_1"
    assert request.headers["accept-encoding"] == "identity"
    assert attempted == Attempted(
        Outcome.DELIVERED, http_status=200, told=f"http://127.0.0.1:{receiver.port} answered 200: ok", excerpt="ok"
    )


@pytest.mark.parametrize("code", [200, 201, 202, 204, 299])
def test_any_2xx_is_delivered(code):
    with http_receiver(status(code, b"")) as receiver:
        attempted = post(receiver.url(PATH))

    assert (attempted.outcome, attempted.http_status, attempted.error_class) == (Outcome.DELIVERED, code, None)


@pytest.mark.parametrize(
    ("code", "error_class"),
    [(408, "server_error"), (425, "server_error"), (429, "rate_limited")]
    + [(code, "server_error") for code in (500, 502, 503, 504, 599)],
)
def test_what_may_pass_is_tried_again(code, error_class):
    with http_receiver(status(code)) as receiver:
        attempted = post(receiver.url(PATH))

    assert (attempted.outcome, attempted.http_status, attempted.error_class) == (Outcome.RETRY, code, error_class)
    assert not attempted.never_sent


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 410, 413, 422, 451])
def test_what_does_not_pass_is_dead_at_once(code):
    with http_receiver(status(code, b"no_team")) as receiver:
        attempted = post(receiver.url(PATH))

    assert (attempted.outcome, attempted.http_status, attempted.error_class) == (Outcome.DEAD, code, "rejected")
    assert attempted.told == f"http://127.0.0.1:{receiver.port} answered {code}: no_team"
    assert not attempted.never_sent


@pytest.mark.parametrize("code", [300, 301, 302, 303, 304, 307, 308])
def test_a_redirect_is_dead_and_not_followed(code):
    with http_receiver() as elsewhere, http_receiver(status(code, b"", location=elsewhere.url())) as receiver:
        attempted = post(receiver.url(PATH))

    assert (attempted.outcome, attempted.error_class) == (Outcome.DEAD, "redirect")
    assert attempted.told.endswith(f"answered {code}; redirects are not followed")
    assert (len(receiver.received), elsewhere.received) == (1, [])


class TestBrokenConnections:
    def test_a_refused_connection_is_tried_again_and_nothing_was_sent(self):
        with http_receiver() as receiver:
            address = receiver.url(PATH)
        attempted = post(address)

        assert (attempted.outcome, attempted.error_class, attempted.never_sent) == (Outcome.RETRY, "connect", True)
        assert attempted.told == f"http://127.0.0.1:{receiver.port}: it cannot be connected to"

    @pytest.mark.parametrize(
        ("mood", "error_class"),
        [
            (receivers.DROP, "broken_off"),
            (receivers.RESET, "broken_off"),
            (receivers.SILENCE, "timeout"),
            (receivers.DRIP_HEAD, "timeout"),
        ],
    )
    def test_one_that_ends_before_the_answer_is_tried_again_and_may_have_been_received(self, mood, error_class):
        with http_receiver(mood) as receiver:
            attempted = post(receiver.url(PATH), HASTY if error_class == "timeout" else PATIENT)

        assert (attempted.outcome, attempted.error_class) == (Outcome.RETRY, error_class)
        assert not attempted.never_sent
        assert len(receiver.received) == 1

    def test_a_server_that_never_hears_may_have_received_it(self):
        with silent() as port:
            attempted = post(f"http://127.0.0.1:{port}/", HASTY)

        assert (attempted.outcome, attempted.error_class, attempted.never_sent) == (Outcome.RETRY, "timeout", False)

    @pytest.mark.parametrize("mood", [receivers.DRIP, receivers.HUGE, receivers.BREAK], ids=lambda mood: mood.way)
    def test_once_there_is_a_status_it_decides_whatever_becomes_of_the_body(self, mood):
        with http_receiver(mood) as receiver:
            attempted = post(receiver.url(PATH), HASTY)

        assert (attempted.outcome, attempted.http_status) == (Outcome.DELIVERED, 200)
        assert len(attempted.excerpt) <= 512

    def test_of_an_answer_no_more_than_the_limit_is_read(self):
        with http_receiver(receivers.HUGE) as receiver:
            attempted = post(receiver.url(PATH), SendLimits(attempt_seconds=20, response_bytes=7))

        assert attempted.excerpt == "x" * 7

    def test_a_name_that_does_not_resolve_is_tried_again_and_nothing_was_sent(self, monkeypatch):
        def unknown(*_, **__):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        attempted = post("https://hooks.example/hunter2")

        assert (attempted.outcome, attempted.error_class, attempted.never_sent) == (Outcome.RETRY, "dns", True)
        assert attempted.told == "https://hooks.example: its name does not resolve"

    def test_a_name_with_several_addresses_is_reached_at_the_one_that_works(self, monkeypatch):
        def two(host, port, *_, **__):
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ("127.0.0.9", "127.0.0.1")]

        with http_receiver() as receiver:
            monkeypatch.setattr(socket, "getaddrinfo", two)
            attempted = post(receiver.url(host="hooks.example"))

        assert attempted.outcome is Outcome.DELIVERED
        assert receiver.received[0].headers["host"] == f"hooks.example:{receiver.port}"

    @bounded(max_examples=25, deadline=None)
    @given(answer=strategies.binary(max_size=60), as_http=strategies.booleans())
    def test_whatever_a_server_says_is_an_outcome(self, answer, as_http):
        with greeting(b"HTTP/1.1 " * as_http + answer) as port:
            assert post(f"http://127.0.0.1:{port}/", SendLimits(attempt_seconds=0.2)).outcome


def test_an_address_is_in_no_log_at_any_level(caplog):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "httpx")
    with http_receiver(status(302, location="/x")) as receiver:
        post(receiver.url(PATH))

    assert "hunter2" not in caplog.text
    assert "swordfish" not in caplog.text
    assert any(record.name.startswith("httpcore") for record in caplog.records)


class TestWhereNothingIsSent:
    @pytest.mark.parametrize(
        "address", ["http://169.254.169.254/hunter2", "http://[fe80::1]/hunter2", "http://0xa9fea9fe/hunter2"]
    )
    def test_an_address_that_is_never_sent_to_is_dead(self, address):
        attempted = post(address)

        assert (attempted.outcome, attempted.error_class, attempted.never_sent) == (Outcome.DEAD, "blocked", True)

    def test_a_name_that_resolves_to_one_is_dead_and_not_connected_to(self, monkeypatch):
        def link_local_too(host, port, *_, **__):
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ("127.0.0.1", "169.254.169.254")]

        with http_receiver() as receiver:
            monkeypatch.setattr(socket, "getaddrinfo", link_local_too)
            attempted = post(receiver.url(PATH, "hooks.example"))

        assert (attempted.outcome, attempted.error_class, attempted.never_sent) == (Outcome.DEAD, "blocked", True)
        assert "169.254.169.254" in attempted.told
        assert receiver.received == []

    @pytest.mark.parametrize("address", ["hooks.example/hunter2", "ftp://x/hunter2", "http://u:hunter2@x/", ""])
    def test_what_is_no_address_is_dead(self, address):
        attempted = post(address)

        assert (attempted.outcome, attempted.error_class) == (Outcome.DEAD, "malformed_address")
        assert attempted.never_sent

    def test_no_proxy_of_the_environment_is_used(self, monkeypatch):
        with http_receiver() as receiver, http_receiver() as proxy:
            for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
                monkeypatch.setenv(name, proxy.url())
            monkeypatch.delenv("NO_PROXY", raising=False)
            monkeypatch.delenv("no_proxy", raising=False)
            post(receiver.url(PATH))

        assert (len(receiver.received), proxy.received) == (1, [])


class TestTls:
    @pytest.fixture
    def authority(self, tmp_path, monkeypatch) -> trustme.CA:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        return authority

    def serving(self, authority: trustme.CA, *names: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names).configure_cert(context)
        return context

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
    def test_a_certificate_of_the_name_is_taken_though_its_address_is_connected_to(self, authority, host):
        with http_receiver(tls=self.serving(authority, host)) as receiver:
            attempted = post(receiver.url(PATH, host))

        assert attempted.outcome is Outcome.DELIVERED

    def test_one_of_another_name_is_not_and_nothing_was_sent(self, authority):
        with http_receiver(tls=self.serving(authority, "other.example")) as receiver:
            attempted = post(receiver.url(PATH, "localhost"))

        assert (attempted.outcome, attempted.error_class, attempted.never_sent) == (Outcome.RETRY, "tls", True)
        assert "certificate" in attempted.told
        assert receiver.received == []

    def test_one_of_an_unknown_authority_is_not(self, authority):
        with http_receiver(tls=self.serving(trustme.CA(), "localhost")) as receiver:
            attempted = post(receiver.url(PATH, "localhost"))

        assert (attempted.outcome, attempted.error_class, attempted.never_sent) == (Outcome.RETRY, "tls", True)

    def test_a_server_without_tls_is_not(self, authority):
        with http_receiver() as receiver:
            attempted = post(f"https://127.0.0.1:{receiver.port}/")

        assert (attempted.outcome, attempted.error_class, attempted.never_sent) == (Outcome.RETRY, "tls", True)

    def test_silence_in_the_handshake_means_that_nothing_was_sent(self, authority):
        with silent() as port:
            attempted = post(f"https://127.0.0.1:{port}/", HASTY)

        assert (attempted.outcome, attempted.error_class, attempted.never_sent) == (Outcome.RETRY, "timeout", True)


class TestRetryAfter:
    @pytest.mark.parametrize("code", [408, 429, 500, 503])
    def test_it_is_in_the_outcome_of_what_is_tried_again(self, code):
        with http_receiver(status(code, retry_after="3600")) as receiver:
            assert post(receiver.url(PATH)).retry_after == 3600

    @pytest.mark.parametrize("code", [200, 301, 404])
    def test_it_is_not_in_that_of_what_is_over(self, code):
        with http_receiver(status(code, retry_after="3600")) as receiver:
            assert post(receiver.url(PATH)).retry_after is None


class TestExcerpts:
    @pytest.mark.parametrize(
        "echo",
        [PATH, "/services/T0/B0/hunter2hunter2", "hunter2hunter2", "swordfish", r"\/T0\/B0\/hunter2hunter2"],
    )
    def test_an_answer_that_repeats_the_address_is_shown_without_it(self, echo):
        with http_receiver(status(404, f"no such hook {echo}, sorry\r\n".encode())) as receiver:
            attempted = post(receiver.url(PATH))

        assert attempted.excerpt.startswith("no such hook ")
        assert attempted.excerpt.endswith(", sorry")

    @pytest.mark.parametrize("echo", ["/T0/B0/cat", "k=dog", "/T0/B0/cat?k=dog"])
    def test_nor_is_an_address_of_short_parts(self, echo):
        with http_receiver(status(404, f"no such hook {echo}, sorry".encode())) as receiver:
            attempted = post(receiver.url("/T0/B0/cat?k=dog"))

        assert attempted.excerpt == "no such hook [...], sorry"

    @given(before=strategies.integers(0, 600))
    def test_wherever_an_answer_is_cut_no_part_of_a_secret_is_left(self, before):
        secret = "hunter2" * 200
        answer = ("y" * before + f"{secret} " * 5).encode()[:4096]

        assert "hunt" not in excerpt(answer, [secret])

    @given(answer=strategies.binary(max_size=3000))
    def test_whatever_an_answer_is_it_becomes_one_short_line(self, answer):
        shown = excerpt(answer, ["secret"])

        assert shown.isprintable()
        assert len(shown.encode()) <= 512

    def test_a_page_for_a_browser_is_not_told_to_people(self):
        with http_receiver(status(502, b"<html><body>Bad gateway</body></html>")) as receiver:
            attempted = post(receiver.url(PATH))

        assert attempted.told.endswith("answered 502")
        assert "Bad gateway" in attempted.excerpt
