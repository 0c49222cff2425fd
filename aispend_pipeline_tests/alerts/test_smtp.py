"""Mail to a real mail server on loopback: what is handed over, and what each way of failing means."""

import asyncio
import gc
import json
import ssl
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
import trustme
from hypothesis import given, strategies
from hypothesis import settings as bounded

from aispend_pipeline.alerts.attempts import Attempted, Outcome, Outgoing, SendLimits
from aispend_pipeline.alerts.smtp import Mail, mime
from aispend_pipeline.settings import smtp
from aispend_pipeline_tests.alerts.mail_receivers import SmtpReceiver, greeting, smtp_receiver
from aispend_pipeline_tests.alerts.receivers import silent

NOW = datetime(2026, 11, 10, 11, 5, tzinfo=UTC)
PASSWORD = "hunter2/ü"
PATIENT = SendLimits()
HASTY = SendLimits(attempt_seconds=0.3)
STORED = {
    "id": "msg_abcdefghijklmnopqrstuvwxyz",
    "subject": "[aispend] openai reached its hard cap: 100.40 of 100.00 USD in 2026-11 – 3 more",
    "text": "openai reached its hard cap\n.\n  - model “x” 61.20 USD\n\nfrom aispend b7c1\nmsg_abc\n",
    "created_at": "2026-11-10T11:05:00Z",
    "threads": ["openai/2026-11", "global/2026-11"],
    "instance": "b7c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5",
}


def outgoing(attempt: int = 1, **changed: object) -> Outgoing:
    return Outgoing(STORED["id"], json.dumps({**STORED, **changed}).encode(), attempt, NOW)


def send(port: int, more: str = "", *, scheme: str = "smtp", login: str = "", limits=PATIENT, host="127.0.0.1"):
    address = f"{scheme}://{login}{host}:{port}?from=ai@x.org&to=ops@y.org,fin@z.org{more}"
    attempted = asyncio.run(Mail("email", smtp.parse(address), limits).send(outgoing(), NOW))
    assert isinstance(attempted, Attempted)
    assert "hunter2" not in repr(attempted)
    assert "@" not in attempted.told
    assert "\n" not in attempted.told
    return attempted


LOGIN = f"me:{quote(PASSWORD, safe='')}@"


@pytest.fixture
def authority(tmp_path, monkeypatch) -> trustme.CA:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return authority


def serving(authority: trustme.CA, name: str = "localhost") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def only(receiver: SmtpReceiver):
    (mail,) = receiver.received
    return mail


class TestHandedOver:
    def test_it_arrives_with_all_that_a_mail_program_needs(self):
        with smtp_receiver() as receiver:
            attempted = send(receiver.port)

        assert attempted == Attempted(
            Outcome.DELIVERED, told=f"smtp://127.0.0.1:{receiver.port} took it: 250 taken", excerpt="250 taken"
        )
        mail = only(receiver)
        assert (mail.sender, mail.recipients) == ("ai@x.org", ["ops@y.org", "fin@z.org"])
        message = mail.message
        assert (message["From"], message["To"]) == ("ai@x.org", "ops@y.org, fin@z.org")
        assert message["Subject"] == STORED["subject"]
        assert message["Date"] == "Tue, 10 Nov 2026 11:05:00 +0000"
        assert message["Message-ID"] == f"<{STORED['id']}@{STORED['instance']}.aispend>"
        assert message["References"] == " ".join(
            f"<{thread}@{STORED['instance']}.aispend>" for thread in STORED["threads"]
        )
        assert message["Auto-Submitted"] == "auto-generated"
        assert message["Aispend-Attempt"] == "1"
        assert message.get_content_type() == "text/plain"
        assert message.get_content().replace("\r\n", "\n") == STORED["text"]
        assert all(len(line) < 998 and line.isascii() for line in mail.content.splitlines())

    @pytest.mark.parametrize("implicit", [True, False])
    def test_over_tls_with_a_login(self, authority, implicit):
        scheme = "smtps" if implicit else "smtp"
        with smtp_receiver(tls=serving(authority), implicit=implicit, password=PASSWORD) as receiver:
            attempted = send(receiver.port, "&tls=required", scheme=scheme, login=LOGIN, host="localhost")

        assert attempted.outcome is Outcome.DELIVERED
        assert receiver.logins == [(PASSWORD, True)]
        assert (only(receiver).over_tls, only(receiver).user) == (True, "me")

    def test_on_this_machine_tls_is_used_if_offered_whatever_the_certificate(self, authority):
        with smtp_receiver(tls=serving(trustme.CA(), "other.example"), password=PASSWORD) as receiver:
            assert send(receiver.port, login=LOGIN).outcome is Outcome.DELIVERED

        assert receiver.logins == [(PASSWORD, True)]

    def test_without_tls_where_that_is_asked_for(self, authority):
        with smtp_receiver(tls=serving(authority)) as receiver:
            assert send(receiver.port, "&tls=never").outcome is Outcome.DELIVERED

        assert not only(receiver).over_tls

    def test_if_one_of_the_recipients_is_refused_the_others_get_it(self):
        with smtp_receiver(RCPT=["550 no such user ops@y.org"]) as receiver:
            attempted = send(receiver.port)

        assert attempted.outcome is Outcome.DELIVERED
        assert "refused 1 of 2 recipients" in attempted.told
        assert only(receiver).recipients == ["fin@z.org"]

    @pytest.mark.parametrize("goodbye", ["drop", "554 no", "nonsense"])
    def test_once_it_is_taken_no_goodbye_undoes_that(self, goodbye):
        with smtp_receiver(QUIT=[goodbye]) as receiver:
            assert send(receiver.port).outcome is Outcome.DELIVERED

        assert len(receiver.received) == 1


class TestRefused:
    @pytest.mark.parametrize(
        ("replies", "outcome", "error_class", "never_sent"),
        [
            ({"EHLO": ["421 too busy"]}, Outcome.RETRY, "smtp_4xx", True),
            ({"MAIL": ["451 not now"]}, Outcome.RETRY, "smtp_4xx", True),
            ({"MAIL": ["550 not you"]}, Outcome.DEAD, "smtp_5xx", True),
            ({"RCPT": ["550 nobody", "550 nobody"]}, Outcome.DEAD, "smtp_5xx", True),
            ({"RCPT": ["450 later", "450 later"]}, Outcome.RETRY, "smtp_4xx", True),
            ({"RCPT": ["550 nobody", "450 later"]}, Outcome.RETRY, "smtp_4xx", True),
            ({"RCPT": ["421 closing"]}, Outcome.RETRY, "broken_off", True),
            ({"DATA": ["452 full"]}, Outcome.RETRY, "smtp_4xx", False),
            ({"DATA": ["554 spam"]}, Outcome.DEAD, "smtp_5xx", False),
            ({"MAIL": ["drop"]}, Outcome.RETRY, "broken_off", True),
            ({"DATA": ["drop"]}, Outcome.RETRY, "broken_off", False),
        ],
        ids=str,
    )
    def test_for_now_is_tried_again_and_for_good_is_dead(self, replies, outcome, error_class, never_sent):
        with smtp_receiver(**replies) as receiver:
            attempted = send(receiver.port)

        assert (attempted.outcome, attempted.error_class) == (outcome, error_class)
        assert attempted.never_sent is never_sent
        assert len(receiver.received) == (replies == {"DATA": ["drop"]})

    def test_an_answer_that_repeats_a_recipient_is_told_without(self):
        with smtp_receiver(RCPT=["550 <ops@y.org>: unknown", "550 <fin@z.org>: unknown"]) as receiver:
            attempted = send(receiver.port)

        assert attempted.told == f"smtp://127.0.0.1:{receiver.port} answered 550 <[...]>: unknown"

    @pytest.mark.parametrize(
        ("hello", "outcome", "error_class"),
        [
            (b"421 too many connections\r\n", Outcome.RETRY, "smtp_4xx"),
            (b"554 go away\r\n", Outcome.DEAD, "smtp_5xx"),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n", Outcome.RETRY, "broken_off"),
            (b"2" * 70_000 + b"\r\n", Outcome.RETRY, "broken_off"),
            (b"", Outcome.RETRY, "timeout"),
        ],
        ids=lambda value: value[:12] if isinstance(value, bytes) else "",
    )
    def test_a_greeting_of_any_kind_is_told_by_its_code(self, hello, outcome, error_class):
        with greeting(hello) as port:
            attempted = send(port, limits=HASTY)

        assert (attempted.outcome, attempted.error_class, attempted.never_sent) == (outcome, error_class, True)

    @bounded(max_examples=25, deadline=None)
    @given(hello=strategies.binary(max_size=60), as_smtp=strategies.booleans())
    def test_whatever_a_server_says_is_an_outcome(self, hello, as_smtp):
        with greeting(b"220 " * as_smtp + hello + b"\r\n") as port:
            assert send(port, limits=SendLimits(attempt_seconds=0.2)).outcome

    def test_a_wrong_password_is_dead(self, authority):
        with smtp_receiver(tls=serving(authority), password="another") as receiver:
            attempted = send(receiver.port, login=LOGIN)

        assert (attempted.outcome, attempted.error_class, attempted.never_sent) == (Outcome.DEAD, "smtp_5xx", True)

    def test_a_server_that_takes_no_login_is_dead(self):
        with smtp_receiver(EHLO=["250 no extensions"]) as receiver:
            attempted = send(receiver.port, login=LOGIN)

        assert (attempted.outcome, attempted.error_class, attempted.never_sent) == (Outcome.DEAD, "no_login", True)


class TestTls:
    def test_where_it_is_required_and_missing_the_password_is_not_sent(self):
        with smtp_receiver(password=PASSWORD) as receiver:
            attempted = send(receiver.port, "&tls=required", login=LOGIN)

        assert (attempted.outcome, attempted.error_class, attempted.never_sent) == (Outcome.DEAD, "tls_required", True)
        assert (receiver.logins, receiver.received) == ([], [])

    @pytest.mark.parametrize("implicit", [True, False])
    @pytest.mark.parametrize("wrong", ["name", "authority"])
    def test_a_wrong_certificate_is_tried_again_and_the_password_is_not_sent(self, authority, implicit, wrong):
        context = serving(authority, "other.example") if wrong == "name" else serving(trustme.CA())
        with smtp_receiver(tls=context, implicit=implicit, password=PASSWORD) as receiver:
            attempted = send(
                receiver.port,
                "&tls=required",
                scheme="smtps" if implicit else "smtp",
                login=LOGIN,
                host="localhost",
            )

        assert (attempted.outcome, attempted.error_class, attempted.never_sent) == (Outcome.RETRY, "tls", True)
        assert (receiver.logins, receiver.received) == ([], [])


class TestUnreachable:
    def test_a_refused_connection_is_tried_again(self):
        with silent() as port:
            pass
        attempted = send(port)

        assert (attempted.outcome, attempted.error_class, attempted.never_sent) == (Outcome.RETRY, "connect", True)

    @pytest.mark.parametrize("scheme", ["smtp", "smtps"])
    def test_a_slow_greeting_is_tried_again(self, scheme):
        with silent() as port:
            attempted = send(port, scheme=scheme, limits=HASTY)

        assert (attempted.outcome, attempted.error_class, attempted.never_sent) == (Outcome.RETRY, "timeout", True)

    def test_no_connection_is_left_open_by_a_server_that_falls_silent_over_tls(self, authority):
        with greeting(b"220 hello\r\n", serving(authority)) as port:
            attempted = send(port, scheme="smtps", host="localhost", limits=HASTY)
            gc.collect()  # a connection that was left open warns, and warnings are errors

        assert (attempted.outcome, attempted.error_class, attempted.never_sent) == (Outcome.RETRY, "timeout", True)

    def test_a_name_that_resolves_to_a_link_local_address_is_dead(self, monkeypatch):
        monkeypatch.setattr("socket.getaddrinfo", lambda host, port, *_, **__: [(2, 1, 6, "", ("169.254.1.1", port))])
        attempted = send(25, host="mail.example")

        assert (attempted.outcome, attempted.error_class, attempted.never_sent) == (Outcome.DEAD, "blocked", True)


class TestMime:
    SERVER = smtp.parse("smtp://localhost?from=ai@x.org&to=ops@y.org")

    def test_two_attempts_differ_in_nothing_but_their_number(self):
        first, again, second = (mime(outgoing(number), self.SERVER).as_bytes() for number in (1, 1, 2))

        assert first == again
        assert second == first.replace(b"Aispend-Attempt: 1", b"Aispend-Attempt: 2")

    @bounded(max_examples=50, deadline=None)
    @given(subject=strategies.text(max_size=200), text=strategies.text(max_size=300))
    def test_any_text_makes_a_mail_that_other_headers_cannot_be_slipped_into(self, subject, text):
        made = mime(outgoing(subject=subject, text=text), self.SERVER)
        raw = made.as_bytes()

        head = raw.partition(b"\r\n\r\n")[0].decode("ascii")
        names = [line.partition(":")[0].lower() for line in head.split("\r\n") if not line.startswith((" ", "\t"))]
        assert sorted(names) == sorted(name.lower() for name in made)
        assert len(names) == len(set(names))
        assert raw.isascii()

    def test_without_threads_there_are_no_references(self):
        assert "References" not in mime(outgoing(threads=[]), self.SERVER)

    def test_a_thread_of_any_name_is_one_word(self):
        made = mime(outgoing(threads=["a b<c>@d/2026-11"]), self.SERVER)
        assert made["References"] == f"<a-b-c--d/2026-11@{STORED['instance']}.aispend>"
