"""Which channels there are for which settings, and what each sends."""

import asyncio
import base64
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from aispend_pipeline.alerts.channels import Attempted, Outcome, Outgoing, channels, heartbeat
from aispend_pipeline.alerts.channels import SendLimits as Limits
from aispend_pipeline.settings import Settings
from aispend_pipeline_tests.alerts import receivers
from aispend_pipeline_tests.alerts.mail_receivers import smtp_receiver
from aispend_pipeline_tests.alerts.receivers import HttpReceiver, http_receiver, status

BODY = '{"type":"hardcap.triggered","data":{"scope":"global","total_usd":"100.40","name":"é"}}'.encode()
MAIL = (
    b'{"id":"msg_1","subject":"s","text":"t","created_at":"2026-11-10T11:05:00Z","threads":[],"instance":"b7c1",'
    b'"events":[]}'
)
OLD, NEW = (f"whsec_{base64.b64encode(bytes([number]) * 32).decode()}" for number in (1, 2))


def configured(**settings: str):
    return channels(Settings.load(settings, dotenv=None))


def send(name: str, delivery_id: str = "evt_1", body: bytes = BODY, attempt: int = 1, **settings: str) -> Attempted:
    now = datetime.now(UTC)
    return asyncio.run(configured(**settings)[name].send(Outgoing(delivery_id, body, attempt, now), now))


class TestWhichThereAre:
    WEBHOOKS = ("SLACK_WEBHOOK_URL", "ALERT_EMAIL_WEBHOOK", "ON_HARDCAP_WEBHOOK")

    def test_without_settings_there_are_none(self):
        assert configured() == {}
        assert configured(AISPEND_HOOK_SECRET=NEW, AISPEND_HEARTBEAT_URL="https://hc.example/") == {}

    def test_each_address_is_one(self):
        made = configured(**dict.fromkeys(self.WEBHOOKS, "https://x.example/"))

        assert list(made) == ["slack", "email", "hook"]
        assert [channel.name for channel in made.values()] == list(made)

    def test_mail_goes_by_smtp_and_then_the_mail_webhook_is_one_of_its_own(self):
        smtp = {"AISPEND_SMTP_URL": "smtp://localhost?to=a@x.org"}
        assert list(configured(**smtp)) == ["email"]
        assert list(configured(**smtp, ALERT_EMAIL_WEBHOOK="https://x.example/")) == ["email", "email_webhook"]

    def test_none_of_them_shows_a_secret(self):
        made = configured(
            **dict.fromkeys(self.WEBHOOKS, "https://x.example/hunter2"),
            AISPEND_SMTP_URL="smtp://me:hunter2@localhost?to=a@x.org",
            AISPEND_HOOK_SECRET=NEW,
        )
        assert "hunter2" not in repr(made)
        assert r"\x02" not in repr(made)


class TestWebhooks:
    @pytest.mark.parametrize(("name", "setting"), [("slack", "SLACK_WEBHOOK_URL"), ("email", "ALERT_EMAIL_WEBHOOK")])
    def test_one_for_people_has_the_body_as_stored_the_id_and_the_number_of_the_attempt(self, name, setting):
        with http_receiver() as receiver:
            attempted = send(name, "msg_1", attempt=3, **{setting: receiver.url("/hook")})

        assert attempted.outcome is Outcome.DELIVERED
        (request,) = receiver.received
        assert (request.method, request.body) == ("POST", BODY)
        headers = request.headers
        assert (headers["aispend-id"], headers["aispend-attempt"]) == ("msg_1", "3")
        assert headers["content-type"] == "application/json"
        assert not any(header.startswith("webhook-") for header in headers)

    def test_a_mail_webhook_gets_the_mail_that_smtp_would(self):
        with http_receiver() as webhook, smtp_receiver() as server:
            settings = {
                "ALERT_EMAIL_WEBHOOK": webhook.url(),
                "AISPEND_SMTP_URL": f"smtp://127.0.0.1:{server.port}?to=a@x.org",
            }
            for name in ("email", "email_webhook"):
                assert send(name, "msg_1", MAIL, **settings).outcome is Outcome.DELIVERED

        assert webhook.received[0].body == MAIL
        assert server.received[0].message["Message-ID"] == "<msg_1@b7c1.aispend>"

    def test_what_waits_goes_to_the_address_of_now(self):
        with http_receiver(status(500)) as old, http_receiver() as new:
            assert send("slack", SLACK_WEBHOOK_URL=old.url()).outcome is Outcome.RETRY
            assert send("slack", attempt=2, SLACK_WEBHOOK_URL=new.url()).outcome is Outcome.DELIVERED

        assert (len(old.received), len(new.received)) == (1, 1)
        assert old.received[0].body == new.received[0].body


class TestHook:
    def verified(self, receiver: HttpReceiver, *secrets: str) -> None:
        for request in receiver.received:
            for secret in secrets:
                Webhook(secret).verify(request.body, request.headers)

    def test_an_independent_verifier_accepts_what_arrives(self):
        with http_receiver() as receiver:
            send("hook", ON_HARDCAP_WEBHOOK=receiver.url(), AISPEND_HOOK_SECRET=NEW)

        self.verified(receiver, NEW)
        (request,) = receiver.received
        assert request.headers["webhook-id"] == "evt_1"
        assert request.headers["aispend-attempt"] == "1"
        assert "aispend-id" not in request.headers

    def test_while_the_secret_is_rotated_a_receiver_with_either_accepts_it(self):
        with http_receiver() as receiver:
            send("hook", ON_HARDCAP_WEBHOOK=receiver.url(), AISPEND_HOOK_SECRET=f"{NEW} {OLD}")

        self.verified(receiver, NEW, OLD)

    def test_without_a_secret_it_is_unsigned(self):
        with http_receiver() as receiver:
            send("hook", ON_HARDCAP_WEBHOOK=receiver.url())

        (request,) = receiver.received
        assert request.headers["webhook-id"] == "evt_1"
        assert "webhook-signature" not in request.headers

    def test_a_receiver_that_acts_and_drops_the_connection_gets_the_same_id_again_and_acts_once(self):
        with http_receiver(receivers.DROP) as receiver:
            settings = {"ON_HARDCAP_WEBHOOK": receiver.url(), "AISPEND_HOOK_SECRET": NEW}
            first, second = (send("hook", attempt=attempt, **settings) for attempt in (1, 2))

        assert (first.outcome, first.never_sent, second.outcome) == (Outcome.RETRY, False, Outcome.DELIVERED)
        self.verified(receiver, NEW)
        assert len(receiver.received) == 2
        assert len({request.headers["webhook-id"] for request in receiver.received}) == 1
        assert len({request.body for request in receiver.received}) == 1
        assert [request.headers["aispend-attempt"] for request in receiver.received] == ["1", "2"]


class TestHeartbeat:
    def beat(self, address: str) -> Attempted:
        return asyncio.run(heartbeat(address, Limits(attempt_seconds=0.5)))

    def test_it_is_a_get(self):
        with http_receiver() as receiver:
            assert self.beat(receiver.url("/ping/1?x=y")).outcome is Outcome.DELIVERED

        (request,) = receiver.received
        assert (request.method, request.path, request.body) == ("GET", "/ping/1?x=y", b"")

    @pytest.mark.parametrize(
        ("mood", "error_class"),
        [(status(503, retry_after="Wed, 11 Nov 2026 00:00:00 GMT"), "server_error"), (receivers.SILENCE, "timeout")],
    )
    def test_it_has_the_bounds_of_any_attempt(self, mood, error_class):
        with http_receiver(mood) as receiver:
            assert self.beat(receiver.url()).error_class == error_class

    def test_it_goes_nowhere_that_nothing_is_sent_to(self):
        assert self.beat("http://169.254.169.254/").error_class == "blocked"


def test_a_receiver_that_was_away_is_reached_when_it_is_back():
    with http_receiver() as receiver:
        receiver.close()
        assert send("slack", SLACK_WEBHOOK_URL=receiver.url()).error_class == "connect"
        receiver.open()
        assert send("slack", attempt=2, SLACK_WEBHOOK_URL=receiver.url()).outcome is Outcome.DELIVERED
