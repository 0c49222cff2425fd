"""The hook's signature, checked by an independent verifier."""

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, strategies
from standardwebhooks import Webhook, WebhookVerificationError

from aispend_pipeline.alerts import signature
from aispend_pipeline.settings import Settings

BODY = b'{"type":"hardcap.triggered","data":{"scope":"openai"}}'
OLD, NEW = (f"whsec_{base64.b64encode(bytes([number]) * 32).decode()}" for number in (1, 2))


def keys(*secrets: str) -> tuple[bytes, ...]:
    return Settings.load({"AISPEND_HOOK_SECRET": " ".join(secrets)}, dotenv=None).hook_keys


def headers_now(*secrets: str, body: bytes = BODY) -> dict[str, str]:
    """The verifier takes the machine's time."""
    return signature.headers("evt_1", datetime.now(UTC), body, keys(*secrets))


def test_the_headers_are_the_conventions():
    made = signature.headers("evt_1", datetime(2026, 11, 10, 11, 5, 0, 999999, UTC), BODY, keys(NEW))

    assert list(made) == ["webhook-id", "webhook-timestamp", "webhook-signature"]
    assert (made["webhook-id"], made["webhook-timestamp"]) == ("evt_1", "1794308700")
    assert made["webhook-signature"].startswith("v1,")


def test_an_independent_verifier_accepts_it():
    assert Webhook(NEW).verify(BODY, headers_now(NEW)) == {"type": "hardcap.triggered", "data": {"scope": "openai"}}


def test_a_receiver_that_does_as_the_guide_says_accepts_it_and_nothing_else():
    guide = (Path(__file__).parents[2] / "docs" / "caps-and-alerts.md").read_text()
    names: dict = {}
    exec(guide.partition("```python\n")[2].partition("```")[0], names)
    made = headers_now(NEW, OLD)

    assert names["genuine"](made, BODY, OLD)
    assert not names["genuine"](made, BODY + b" ", OLD)
    assert not names["genuine"]({**made, "webhook-timestamp": "1794308700"}, BODY, OLD)


def test_while_a_secret_is_rotated_the_old_and_the_new_one_both_verify():
    made = headers_now(NEW, OLD)

    assert len(made["webhook-signature"].split(" ")) == 2
    for secret in (OLD, NEW):
        Webhook(secret).verify(BODY, made)


@pytest.mark.parametrize("change", ["webhook-id", "webhook-timestamp", "secret", "body"])
def test_one_that_was_tampered_with_is_refused(change):
    made = headers_now(NEW)
    if change == "webhook-timestamp":
        made[change] = str(int(made[change]) + 1)
    elif change == "webhook-id":
        made[change] = "evt_2"
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD if change == "secret" else NEW).verify(BODY + b" " * (change == "body"), made)


@given(key=strategies.binary(min_size=24, max_size=64), text=strategies.text(max_size=50))
def test_any_key_and_body_verify(key, text):
    body = b'"' + text.encode("unicode_escape").hex().encode() + b'"'
    secret = f"whsec_{base64.b64encode(key).decode()}"
    Webhook(secret).verify(body, signature.headers("evt_1", datetime.now(UTC), body, [key]))


def test_without_a_key_there_is_no_signature():
    assert list(signature.headers("evt_1", datetime.now(UTC), BODY, ())) == ["webhook-id", "webhook-timestamp"]
