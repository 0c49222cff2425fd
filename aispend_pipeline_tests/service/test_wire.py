"""HTTP byte by byte: what is refused before it is a request, and that those who behave do not notice."""

import socket
from collections.abc import Iterator

import pytest

from .bounded import answer, rest
from .test_guard import ALWAYS, STRICT
from .wire_world import GET, HOST, POST, Wired, wired


@pytest.fixture(scope="module")
def patient() -> Iterator[Wired]:
    """As bounds are, so that nothing is cut for being late."""
    with wired() as made:
        yield made


def assert_refused(answered: bytes, status: int, kind: str) -> None:
    """It is one problem, whole, with all that every answer has."""
    head, _, body = answered.partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    assert lines[0].startswith(f"http/1.1 {status} ")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"
    assert {name: headers[name] for name in ALWAYS} == {name: value.lower() for name, value in ALWAYS.items()}
    assert headers["content-security-policy"] == STRICT
    assert int(headers["content-length"]) == len(body)
    assert f'"urn:aispend:problem:{kind}"'.encode() in body
    assert f'"status":{status}'.encode() in body


MALFORMED = {
    "rubbish": b"\x00\x01\x02\x03\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/1.2": b"GET /here HTTP/1.2\r\n" + HOST + b"\r\n",
    "an unknown method": b"FROB /here HTTP/1.1\r\n" + HOST + b"\r\n",
    "a tunnel": b"CONNECT evil.example:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "an address without a path": b"GET http://evil.example HTTP/1.1\r\n" + HOST + b"\r\n",
    "letters in the path": "GET /h\u00e9re HTTP/1.1\r\n".encode() + HOST + b"\r\n",
    "bare line feeds": b"GET /here HTTP/1.1\nhost: localhost\n\n",
    "a folded header": GET + b"x: 1\r\n 2\r\n\r\n",
    "a space before the colon": GET + b"x : 1\r\n\r\n",
    "a NUL": GET + b"x: a\0b\r\n\r\n",
    "a bare return": GET + b"x: a\rb: c\r\n\r\n",
    "both lengths": POST + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "both lengths, turned": POST + b"transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"content-length: 1\r\ncontent-length: 2\r\n\r\nxx",
    "one length twice": POST + b"content-length: 1\r\ncontent-length: 1\r\n\r\nx",
    "a list of lengths": POST + b"content-length: 1, 1\r\n\r\nx",
    "a signed length": POST + b"content-length: +1\r\n\r\nx",
    "a length beyond numbers": POST + b"content-length: 99999999999999999999999\r\n\r\nx",
    "another encoding": POST + b"transfer-encoding: gzip\r\n\r\nx",
    "an encoding that is nearly one": POST + b"transfer-encoding: xchunked\r\n\r\nx",
    "chunked, then not": POST + b"transfer-encoding: chunked, identity\r\n\r\nx",
    "a chunk that is no number": POST + b"transfer-encoding: chunked\r\n\r\n-1\r\nx",
    "a chunk beyond numbers": POST + b"transfer-encoding: chunked\r\n\r\nfffffffffffffffffff\r\nx",
    "headers behind the body": POST + b"transfer-encoding: chunked\r\n\r\n0\r\nauthorization: Bearer x\r\n\r\n",
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
def test_what_two_readers_could_understand_differently_is_no_request(patient, sent):
    before = len(patient.recorder.heard)

    assert_refused(patient.raw(sent), 400, "malformed")
    heard = patient.recorder.heard[before:]
    assert not [header for _, headers in heard for header in headers if header[0] == b"authorization"]


@pytest.mark.parametrize(
    ("sent", "status", "kind"),
    [
        (b"GET /" + b"x" * 25_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, "target-too-long"),
        (b"GET /here?" + b"x" * 40_000, 414, "target-too-long"),
        (b"\r\n" * 17_000, 431, "headers-too-large"),
        (GET + b"x: " + b"y" * 33_000 + b"\r\n\r\n", 431, "headers-too-large"),
        (GET + b"x: " + b"y" * 33_000, 431, "headers-too-large"),
        (GET + b"x" * 33_000, 431, "headers-too-large"),
        (GET + b"x: y\r\n" * 9_000, 431, "headers-too-large"),
        (GET + b"x: y\r\n" * 9_000 + b"\r\n", 431, "headers-too-large"),
        (b"POST /read HTTP/1.1\r\n" + HOST + b"content-length: 9000000\r\n\r\n" + b"x" * 70_000, 413, "too-large"),
        (POST + b"transfer-encoding: chunked\r\n\r\n1;" + b"x" * 70_000, 413, "too-large"),
    ],
    ids=lambda value: repr(value[:12]) if isinstance(value, bytes) else None,
)
def test_what_is_too_large_is_refused_whether_or_not_all_of_it_comes(patient, sent, status, kind):
    if sent.endswith(b"x" * 100) and b"chunked" in sent:
        sent = sent.replace(b"/here", b"/read")

    assert_refused(patient.raw(sent), status, kind)


def test_20_kb_of_parameters_and_10_kb_of_token_are_not_too_large(patient):
    sent = b"GET /here?" + b"x" * 20_000 + b" HTTP/1.1\r\n" + HOST + b"authorization: Bearer " + b"x" * 10_000

    assert patient.raw(sent + b"\r\nconnection: close\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_a_connection_is_used_again_and_again(patient):
    with patient.connect() as connection:
        for _ in range(50):
            connection.sendall(GET + b"\r\n")
            assert answer(connection).endswith(b"fine")


def test_nor_may_line_ends_come_without_end_between_two_requests(patient):
    with patient.connect() as connection:
        connection.sendall(GET + b"x: " + b"y" * 30_000 + b"\r\n\r\n")
        assert answer(connection).endswith(b"fine")
        connection.sendall(b"\r\n" * 10_000)
        connection.sendall(GET + b"\r\n")
        assert answer(connection).endswith(b"fine")
        connection.sendall(b"\r\n" * 17_000)
        assert_refused(rest(connection), 431, "headers-too-large")


def test_what_comes_in_pieces_is_understood(patient):
    with patient.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in POST.replace(b"/here", b"/read") + b"content-length: 5\r\n\r\nhello":
            connection.sendall(bytes([byte]))
        assert answer(connection).endswith(b"fine")


@pytest.mark.parametrize(
    "behind", [GET + b"\r\n", (GET + b"\r\n") * 1000, b"rubbish\r\n\r\n", POST + b"content-length: 4\r\n\r\nGET "]
)
def test_what_comes_behind_a_request_before_its_answer_is_never_answered(patient, behind):
    before = len(patient.recorder.heard)
    answered = patient.raw(GET + b"\r\n" + behind)

    assert answered.count(b"HTTP/1.1 ") == 1
    assert answered.endswith(b"fine")
    assert len(patient.recorder.heard) == before + 1


@pytest.mark.parametrize("wish", [b"upgrade: websocket", b"upgrade: h2c", b"upgrade: TLS/1.2"])
def test_no_other_protocol_is_spoken(patient, wish):
    answered = patient.raw(GET + b"connection: upgrade\r\n" + wish + b"\r\n\r\n" + GET + b"\r\n")

    assert answered.startswith(b"HTTP/1.1 200 ")
    assert answered.count(b"HTTP/1.1") == 1
    assert b"\r\nconnection: close\r\n" in answered


@pytest.mark.long
@pytest.mark.parametrize("kept", [b"", b"connection: close\r\n"])
def test_who_sends_a_body_that_nobody_reads_hears_an_answer_all_the_same(patient, kept):
    """Closing at once would throw away what is on its way to the client."""
    for _ in range(5):
        with patient.connect() as connection:
            connection.sendall(POST + kept + b"content-length: 20000000\r\n\r\n" + b"x" * 20_000_000)
            assert rest(connection).startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 413 "))


def test_who_is_answered_before_all_of_a_body_came_hears_that_no_other_request_will_be(patient):
    with patient.connect() as connection:
        connection.sendall(POST + b"content-length: 5\r\n\r\n")
        assert b"\r\nconnection: close\r\n" in answer(connection)


@pytest.mark.long
@pytest.mark.parametrize("kept", [b"", b"connection: close\r\n"])
def test_once_it_is_answered_the_rest_of_a_body_is_heard_for_a_while_and_not_waited_for(patient, kept):
    with patient.connect() as connection:
        connection.sendall(POST + kept + b"content-length: 50000000\r\n\r\n")
        assert answer(connection).endswith(b"fine")
        connection.sendall(b"x" * 20_000_000)
        assert rest(connection) == b""
