"""What can go wrong between a question and its answer: P1 to P15."""

import datetime as dt
import email.utils
import json
import re
import socket
import tracemalloc

import pytest
from hypothesis import settings

from aispend_pipeline.errors import ErrorClass
from aispend_pipeline.model import FetchState
from aispend_pipeline.sources.http import Limits
from aispend_pipeline_tests.conftest import KEY

from .scripted import (
    NOW,
    SETTLED,
    Answer,
    FakeClock,
    chunked,
    chunked_and_stopped,
    cut,
    days,
    drip,
    gzipped,
    hang_up,
    in_turn,
    read_one,
    repeated,
    reset,
    scripted,
    silence,
)

steady = settings(deadline=None, derandomize=True)
GOOD = Answer(days(SETTLED))
HASTY = Limits(attempt_seconds=0.15, attempts=2)


def error(status: int, message: str = "no", code: object = None, **headers: str) -> Answer:
    body = b'{"error": {"message": "%b", "type": "x", "param": null, "code": %b}}' % (
        message.encode(),
        b"null" if code is None else b'"%b"' % str(code).encode(),
    )
    return Answer(body, status, tuple((name.replace("_", "-"), value) for name, value in headers.items()))


def http_date(seconds: int) -> str:
    return email.utils.format_datetime(NOW + dt.timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize("wire", [chunked, drip(0)], ids=["chunked", "byte by byte"])
def test_an_answer_is_complete_however_it_travels(wire):
    with scripted(in_turn(Answer(days(SETTLED), wire=wire))) as provider:
        fetch = read_one(provider.base_url, limits=Limits(attempt_seconds=20))
    assert fetch.state is FetchState.COMPLETE
    assert [page.body for page in fetch.pages] == [days(SETTLED)] * 2


def test_a_packed_answer_is_unpacked_and_kept_unpacked():
    with scripted(in_turn(gzipped(days(SETTLED)))) as provider:
        fetch = read_one(provider.base_url)
    assert [page.body for page in fetch.pages] == [days(SETTLED)] * 2


def test_every_question_carries_the_key_and_says_who_asks():
    with scripted(in_turn(GOOD)) as provider:
        read_one(provider.base_url, OPENAI_ORG_ID="org-1")
    for asked in provider.asked:
        assert asked.headers["authorization"] == f"Bearer {KEY}"
        assert asked.headers["openai-organization"] == "org-1"
        assert asked.headers["user-agent"].startswith("aispend/")


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("7", 7, 7),
        ("60", 60, 60),
        (http_date(20), 20, 20),
        (http_date(-20), 0.3, 0.7),
        ("0", 0.3, 0.7),
        ("-5", 0.3, 0.7),
        ("1e9", 0.3, 0.7),
        ("", 0.3, 0.7),
        ("9" * 30, 0.3, 0.7),
        ("soon", 0.3, 0.7),
        ("Wed, 99 Nov 2026 99:99:99 GMT", 0.3, 0.7),
    ],
)
def test_a_provider_that_says_when_is_asked_again_then_and_nonsense_is_ignored(value, least, most):
    clock = FakeClock()
    with scripted(in_turn(error(429, retry_after=value), GOOD)) as provider:
        fetch = read_one(provider.base_url, clock=clock)
    assert fetch.state is FetchState.COMPLETE
    assert len(provider.asked) == 3
    assert len(clock.waits) == 1
    assert least <= clock.waits[0] <= most


def test_a_server_in_trouble_may_say_when_too():
    clock = FakeClock()
    with scripted(in_turn(error(503, retry_after="7"), GOOD)) as provider:
        read_one(provider.base_url, clock=clock)
    assert clock.waits == [7]


@pytest.mark.parametrize("value", ["61", "3600", "86400", http_date(90)])
def test_a_wait_of_more_than_a_minute_ends_the_fetch_at_once(value):
    clock = FakeClock()
    with scripted(in_turn(error(429, retry_after=value))) as provider:
        fetch = read_one(provider.base_url, clock=clock)
    assert (fetch.state, fetch.error_class) == (FetchState.FAILED, ErrorClass.RATE_LIMITED)
    assert (len(provider.asked), clock.waits) == (1, [])


def test_rate_limits_beyond_the_budget_end_the_fetch_as_rate_limited():
    clock = FakeClock()
    with scripted(in_turn(error(429, retry_after="50"))) as provider:
        fetch = read_one(provider.base_url, clock=clock, limits=Limits(account_seconds=120, attempts=100))
    assert (fetch.state, fetch.error_class) == (FetchState.FAILED, ErrorClass.RATE_LIMITED)
    assert clock.waits == [50, 50]
    assert clock.monotonic() <= 120


@pytest.mark.parametrize(
    "code",
    [
        "project_spend_limit_exceeded",
        "organization_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
        "credit_balance_exhausted",
        "insufficient_quota",
    ],
)
def test_a_spend_stop_is_not_waited_for(code):
    clock = FakeClock()
    with scripted(in_turn(error(429, "the limit is hit", code, retry_after="1"))) as provider:
        fetch = read_one(provider.base_url, clock=clock)
    assert (fetch.error_class, len(provider.asked), clock.waits) == (ErrorClass.RATE_LIMITED, 1, [])
    assert "the limit is hit" in fetch.error


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504])
def test_two_hiccups_are_waited_out_with_growing_waits(status):
    clock = FakeClock()
    with scripted(in_turn(error(status), error(status), GOOD)) as provider:
        fetch = read_one(provider.base_url, clock=clock)
    assert fetch.state is FetchState.COMPLETE
    first, second = clock.waits
    assert 0.375 <= first <= 0.625 < 0.75 <= second <= 1.25


def test_the_waits_are_jittered():
    clock = FakeClock()
    with scripted(in_turn(error(500))) as provider:
        for _ in range(3):
            read_one(provider.base_url, clock=clock)
    assert len(set(clock.waits)) == len(clock.waits) == 12


def test_the_waits_stop_growing_at_the_longest():
    clock = FakeClock()
    with scripted(in_turn(error(500))) as provider:
        read_one(provider.base_url, clock=clock, limits=Limits(attempts=12))
    assert max(clock.waits) <= 30 * 1.25
    assert min(clock.waits[6:]) >= 30 * 0.75


def test_an_error_for_ever_is_five_attempts_and_a_failed_fetch():
    with scripted(in_turn(error(500, "try later"))) as provider:
        fetch = read_one(provider.base_url)
    assert (fetch.state, fetch.error_class) == (FetchState.FAILED, ErrorClass.SERVER_ERROR)
    assert fetch.error == "/organization/costs answered 500: try later"
    assert (len(provider.asked), fetch.pages, fetch.answers) == (5, [], ())


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("name", ["error_401_invalid_key.json", "error_403_missing_scope_string_variant.json"])
def test_a_refused_key_is_not_tried_again_and_the_setting_is_named(status, name, sample):
    clock = FakeClock()
    with scripted(in_turn(Answer(json.dumps(sample(name)).encode(), status))) as provider:
        fetch = read_one(provider.base_url, clock=clock)
    assert (fetch.error_class, len(provider.asked), clock.waits) == (ErrorClass.UNAUTHORIZED, 1, [])
    assert fetch.error.endswith("Set OPENAI_API_KEY to an admin key with the right api.usage.read.")
    assert KEY not in fetch.error


def test_the_setting_of_a_further_account_is_named_with_its_suffix():
    with scripted(in_turn(error(401))) as provider:
        fetch = read_one(provider.base_url, account="eu", OPENAI_API_KEY__EU="sk-admin-of-eu")
    assert "Set OPENAI_API_KEY__EU to" in fetch.error
    assert provider.asked[0].headers["authorization"] == "Bearer sk-admin-of-eu"


@pytest.mark.parametrize("status", [400, 404, 405, 410, 422])
def test_a_rejected_question_is_not_asked_again_and_the_reason_is_kept(status):
    with scripted(in_turn(Answer(b"<p>gone\nfor   good " + b"x" * 5000, status))) as provider:
        fetch = read_one(provider.base_url)
    assert (fetch.error_class, len(provider.asked)) == (ErrorClass.REJECTED, 1)
    assert fetch.error.startswith(f"/organization/costs answered {status}: <p>gone for good xxx")
    assert len(fetch.error) <= 512


@pytest.mark.parametrize("code", ["{}", "[]", "null"])
@pytest.mark.parametrize("shape", ['{"error": {"message": {"a": 1}, "code": %s}}', '{"error": [%s]}', "[%s]", "%s"])
def test_an_error_body_of_any_shape_is_still_a_failed_fetch(shape, code):
    with scripted(in_turn(Answer((shape % code).encode(), 429))) as provider:
        fetch = read_one(provider.base_url, limits=Limits(attempts=1))
    assert fetch.error_class is ErrorClass.RATE_LIMITED


def test_a_refused_connection_is_tried_again_and_named():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        clock = FakeClock()
        fetch = read_one(f"http://127.0.0.1:{unused.getsockname()[1]}/v1", clock=clock)
    assert (fetch.error_class, len(clock.waits)) == (ErrorClass.CONNECT, 4)
    assert "127.0.0.1" not in fetch.error


def test_a_name_that_does_not_resolve_is_tried_again_and_named():
    clock = FakeClock()
    fetch = read_one("https://name.invalid/v1", clock=clock, limits=Limits(attempts=2))
    assert (fetch.error_class, len(clock.waits)) == (ErrorClass.DNS, 1)


def test_a_certificate_that_is_vouched_for_is_fine(tls):
    with scripted(in_turn(GOOD), tls=tls("trusted")) as provider:
        assert provider.base_url.startswith("https:")
        assert read_one(provider.base_url).state is FetchState.COMPLETE


def test_a_certificate_nobody_vouches_for_is_refused_once_and_no_key_is_sent(tls):
    clock = FakeClock()
    with scripted(in_turn(GOOD), tls=tls("unknown")) as provider:
        fetch = read_one(provider.base_url, clock=clock)
    assert (fetch.error_class, clock.waits, provider.asked) == (ErrorClass.TLS, [], [])


def test_a_certificate_for_another_name_is_refused(tls):
    with scripted(in_turn(GOOD), tls=tls("trusted")) as provider:
        fetch = read_one(provider.base_url.replace("127.0.0.1", "localhost"))
    assert (fetch.error_class, provider.asked) == (ErrorClass.TLS, [])


def test_a_server_that_never_finishes_the_handshake_is_a_time_out():
    with scripted(in_turn(GOOD)) as provider:
        secure = provider.base_url.replace("http:", "https:")
        fetch = read_one(secure, limits=Limits(connect_seconds=0.1, attempts=2))
    assert (fetch.error_class, provider.asked) == (ErrorClass.TIMEOUT, [])
    assert fetch.error == "/organization/costs: no connection in time"


@pytest.mark.parametrize("wire", [silence, drip(0.01)], ids=["silence", "byte by byte"])
def test_an_attempt_ends_in_time_though_every_read_is_within_a_time_out(wire):
    with scripted(in_turn(Answer(days(SETTLED), wire=wire))) as provider:
        fetch = read_one(provider.base_url, limits=HASTY)
    assert (fetch.error_class, len(provider.asked)) == (ErrorClass.TIMEOUT, 2)
    assert fetch.error == "/organization/costs: no whole answer in 0.15 s"
    assert fetch.pages == []


def test_a_silent_provider_uses_up_the_accounts_time_and_no_more():
    clock = FakeClock()

    async def slow(asked):
        clock.advance(40)
        return Answer(wire=hang_up)

    with scripted(slow) as provider:
        fetch = read_one(provider.base_url, clock=clock, limits=Limits(account_seconds=100, attempts=100))
    assert fetch.error_class is ErrorClass.BROKEN_OFF
    assert len(provider.asked) == 3


def test_when_the_accounts_time_is_used_up_nothing_is_asked_any_more():
    clock = FakeClock()

    def slow(asked):
        clock.advance(101)
        return GOOD

    with scripted(slow) as provider:
        fetch = read_one(provider.base_url, clock=clock, limits=Limits(account_seconds=100))
    assert (fetch.error_class, len(provider.asked)) == (ErrorClass.OUT_OF_TIME, 1)


@pytest.mark.parametrize(
    "wire",
    [cut(0), cut(50), reset(50), hang_up, chunked_and_stopped],
    ids=["cut before the body", "cut in the body", "reset", "no answer", "chunks that stop"],
)
def test_a_broken_connection_is_a_failed_attempt_and_never_the_end_of_data(wire):
    broken = Answer(days(SETTLED), wire=wire)
    with scripted(in_turn(broken, GOOD)) as provider:
        mended = read_one(provider.base_url)
    with scripted(in_turn(broken)) as provider:
        failed = read_one(provider.base_url)
    assert [page.body for page in mended.pages] == [days(SETTLED)] * 2
    assert (failed.error_class, failed.pages, len(provider.asked)) == (ErrorClass.BROKEN_OFF, [], 5)


def test_endless_headers_are_a_broken_answer():
    with scripted(in_turn(Answer(days(SETTLED), headers=(("x-more", "y" * 200_000),)))) as provider:
        fetch = read_one(provider.base_url, limits=Limits(attempts=2))
    assert (fetch.error_class, len(provider.asked)) == (ErrorClass.BROKEN_OFF, 2)


def test_a_body_that_cannot_be_unpacked_is_malformed():
    with scripted(in_turn(Answer(b"no gzip", headers=(("content-encoding", "gzip"),)))) as provider:
        fetch = read_one(provider.base_url, limits=Limits(attempts=2))
    assert (fetch.error_class, len(provider.asked)) == (ErrorClass.MALFORMED, 2)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"<!doctype html><p>Please sign in", headers=(("content-type", "text/html"),)),
        Answer(b""),
        Answer(b" \n"),
        Answer(b"null"),
        Answer(b"[]"),
        Answer(b'"ok"'),
        Answer(status=204),
        Answer(days(SETTLED), status=203),
    ],
    ids=["a login page", "nothing", "blanks", "null", "a list", "a text", "204", "203"],
)
def test_what_is_no_page_is_unexpected_content_and_not_no_spend(answer):
    with scripted(in_turn(answer)) as provider:
        fetch = read_one(provider.base_url)
    assert (fetch.state, fetch.error_class) == (FetchState.FAILED, ErrorClass.UNEXPECTED_CONTENT)
    assert (len(provider.asked), fetch.pages) == (1, [])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_the_key_stays_here(status):
    with scripted(in_turn(GOOD)) as other:
        away = Answer(status=status, headers=(("location", f"{other.base_url}/organization/costs"),))
        with scripted(in_turn(away)) as provider:
            fetch = read_one(provider.base_url)
    assert (fetch.error_class, len(provider.asked), other.asked) == (ErrorClass.REDIRECT, 1, [])


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_a_page_of_many_megabytes_is_stopped_at_the_limit_with_memory_flat(packed):
    spaces = b" " * (1 << 20)
    answer = gzipped(spaces * 64) if packed else Answer(spaces, wire=repeated(200))
    with scripted(in_turn(answer)) as provider:
        tracemalloc.start()
        fetch = read_one(provider.base_url)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert (fetch.error_class, len(provider.asked)) == (ErrorClass.TOO_LARGE, 1)
    assert "16 MiB" in fetch.error
    assert peak < 150 << 20


ECHOES = [200, 400, 401, 404, 429, 500]


@pytest.mark.parametrize("status", ECHOES)
@pytest.mark.parametrize(
    "body",
    [
        '{"error": {"message": "wrong key %s", "code": null}}',
        '{"error": "wrong key %s"}',
        '{"error": {"code": "%s", "message": "no"}}',
        "you sent Bearer %s",
        "x" * 495 + "%s",
    ],
    ids=["message", "text", "code", "no json", "cut in the middle"],
)
def test_a_key_that_an_answer_echoes_is_in_no_page_and_no_error(status, body):
    with scripted(in_turn(Answer((body % KEY).encode(), status))) as provider:
        fetch = read_one(provider.base_url, limits=Limits(attempts=2))
    assert fetch.state is FetchState.FAILED
    assert KEY not in repr(fetch)
    assert fetch.pages == []
    assert not re.search(r"sk-[a-z]", fetch.error)


@pytest.mark.parametrize("before", [0, 400, 440, 460, 470, 476, 600])
def test_no_part_of_any_key_is_left_where_a_long_answer_is_cut(before):
    key = "0123456789abcdef" * 4
    with scripted(in_turn(Answer(b"x" * before + key.encode(), 404))) as provider:
        fetch = read_one(provider.base_url, OPENAI_API_KEY=key)
    assert fetch.error.startswith("/organization/costs answered 404: ")
    assert "012" not in fetch.error


def test_a_page_that_holds_the_key_is_not_kept_even_if_it_is_a_good_page():
    echoing = days(SETTLED).replace(b'"gpt-4o, input"', b'"%b"' % KEY.encode())
    with scripted(in_turn(Answer(echoing))) as provider:
        fetch = read_one(provider.base_url)
    assert (fetch.error_class, fetch.pages) == (ErrorClass.UNEXPECTED_CONTENT, [])
    assert KEY not in repr(fetch)
