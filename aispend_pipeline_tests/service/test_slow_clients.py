"""Clients that are slow, or many and idle: they are left or cut, and hold up nobody."""

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from .bounded import PATIENCE, answer, rest
from .test_wire import assert_refused
from .wire_world import GET, HOST, LARGE, Wired, until, wired

HASTE = {
    "request_seconds": 0.1,
    "idle_seconds": 0.1,
    "parting_seconds": 0.1,
    "taking_seconds": 0.2,
    "taking_bytes": 1,
}


@pytest.fixture(scope="module")
def hasty() -> Iterator[Wired]:
    """With times that are soon over."""
    with wired(**HASTE) as made:
        yield made


@pytest.fixture(scope="module")
def small() -> Iterator[Wired]:
    """With room for few."""
    with wired(waiting=5, stalled=2) as made:
        yield made


class TestTime:
    @pytest.mark.parametrize("sent", [b"", b"\r\n", b"\r\n" * 100])
    def test_who_says_nothing_is_left(self, hasty, sent):
        assert hasty.raw(sent) == b""

    @pytest.mark.parametrize("sent", [b"G", GET, GET + b"x: y", b"POST /read HTTP/1.1\r\ncontent-length: 9\r\n\r\nx"])
    def test_who_does_not_come_to_an_end_is_told_so(self, hasty, sent):
        assert_refused(hasty.raw(sent), 408, "too-slow")

    @pytest.mark.parametrize("drop", [b"\r\n", b"x"])
    @pytest.mark.parametrize("first", [b"", GET + b"\r\n"])
    def test_a_drop_now_and_then_gains_no_time(self, hasty, drop, first):
        with hasty.connect() as connection:
            if first:
                connection.sendall(first)
                answer(connection)
            ends = time.monotonic() + PATIENCE
            try:
                while time.monotonic() < ends:
                    connection.sendall(drop)
                    time.sleep(0.01)
            except (BrokenPipeError, ConnectionResetError):
                return
            pytest.fail("it is still listened to")

    def test_a_connection_that_is_not_used_again_is_left(self, hasty):
        with hasty.connect() as connection:
            connection.sendall(GET + b"\r\n")
            assert answer(connection).endswith(b"fine")
            assert rest(connection) == b""

    def test_who_does_not_take_an_answer_is_cut(self, hasty):
        with hasty.connect(buffer=4096) as connection:
            connection.sendall(GET.replace(b"/here", b"/large") + b"\r\n")
            time.sleep(0.4)
            assert len(rest(connection)) < LARGE

    @pytest.mark.parametrize("wish", [b"", b"connection: close\r\n"])
    def test_who_does_not_take_the_end_of_one_is_cut(self, hasty, wish):
        """Whether what is left lies with the system, with uvicorn, or with both."""
        with ExitStack() as stack:
            for left in range(8_000, 100_000, 6_000):
                connection = stack.enter_context(hasty.connect(buffer=4096))
                connection.sendall(GET.replace(b"/here", b"/large") + wish + b"\r\n")
                read = 0
                while read < LARGE - left:
                    read += len(connection.recv(10_000))
            until(lambda: hasty.connections() == 0)

    @pytest.mark.parametrize("wish", [b"", b"connection: close\r\n"])
    def test_nor_need_it_be_so_much_that_writing_stops(self, hasty, wish):
        with hasty.connect(buffer=4096) as connection:
            connection.sendall(GET.replace(b"/here", b"/middling") + wish + b"\r\n")
            assert connection.recv(1)
            until(lambda: hasty.connections() == 0)

    @pytest.mark.parametrize("wish", [b"", b"connection: close\r\n"])
    def test_who_takes_it_slowly_gets_all_of_it(self, hasty, wish):
        with hasty.connect() as connection:
            connection.sendall(GET.replace(b"/here", b"/large") + wish + b"\r\n")
            read = 0
            while part := connection.recv(65_536):
                read += len(part)
                time.sleep(0.02)
            assert read > LARGE

    def test_who_refuses_to_hear_of_a_refusal_is_cut(self, hasty):
        with hasty.connect() as connection:
            connection.sendall(b"rubbish\r\n\r\n")
            ends = time.monotonic() + PATIENCE
            try:
                while time.monotonic() < ends:
                    connection.sendall(b"more")
                    time.sleep(0.01)
            except (BrokenPipeError, ConnectionResetError):
                return
            pytest.fail("it is still listened to")


class TestCrowds:
    def test_idle_connections_make_room_for_those_who_ask_the_oldest_first(self, small):
        with ExitStack() as stack:
            idle = [stack.enter_context(small.connect()) for _ in range(20)]
            slow = [stack.enter_context(small.connect()) for _ in range(20)]
            slow[-1].sendall(b"GET /he")
            assert small.raw(GET + b"connection: close\r\n\r\n").endswith(b"fine")
            assert [rest(connection) for connection in idle] == [b""] * 20
            slow[-1].sendall(b"re HTTP/1.1\r\n" + HOST + b"\r\n")
            assert answer(slow[-1]).endswith(b"fine")

    def test_who_is_being_answered_makes_room_for_nobody(self, small):
        with ExitStack() as stack:
            first = stack.enter_context(small.connect())
            first.sendall(GET.replace(b"/here", b"/later") + b"\r\n")
            until(lambda: small.recorder.heard[-1:] and small.recorder.heard[-1][0] == "/later")
            for _ in range(20):
                stack.enter_context(small.connect())
            assert answer(first).endswith(b"fine")

    def test_answers_that_nobody_takes_are_kept_for_few(self, small):
        with ExitStack() as stack:
            greedy = [stack.enter_context(small.connect(buffer=4096)) for _ in range(4)]
            for connection in greedy:
                connection.sendall(GET.replace(b"/here", b"/large") + b"\r\n")
                assert connection.recv(1)
            taken = [len(rest(connection)) for connection in greedy[:1]]
            assert small.raw(GET + b"connection: close\r\n\r\n").endswith(b"fine")
            assert taken[0] < LARGE
