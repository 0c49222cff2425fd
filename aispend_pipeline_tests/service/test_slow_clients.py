"""Clients that are slow, or many and idle: they are left or cut, and hold up nobody."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import product

import pytest

from aispend_pipeline.service.rooms import Room

from ..waiting import until
from .bounded import PATIENCE, answer, rest
from .test_wire import assert_refused
from .wire_world import GET, HOST, LARGE, Wired, wired

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
def calm() -> Iterator[Wired]:
    """So for who says nothing between two requests, but with time for who must be answered on a busy machine."""
    with wired(**HASTE | {"request_seconds": 2, "taking_seconds": 2}) as made:
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
        assert_refused(hasty.raw(sent), 408, "slow-request")

    @pytest.mark.long
    @pytest.mark.parametrize(("drop", "again"), [(b"\r\n", False), (b"x", False), (b"\r\n", True)])
    def test_a_drop_now_and_then_gains_no_time(self, hasty, calm, drop, again):
        with (calm if again else hasty).connect() as connection:
            if again:
                connection.sendall(GET + b"\r\n")
                answer(connection)
            ends = time.monotonic() + PATIENCE
            try:
                while time.monotonic() < ends:
                    connection.sendall(drop)
                    time.sleep(0.01)
            except (BrokenPipeError, ConnectionResetError):
                return
            pytest.fail("it is still listened to")

    def test_a_connection_that_is_not_used_again_is_left(self, calm):
        with calm.connect() as connection:
            connection.sendall(GET + b"\r\n")
            assert answer(connection).endswith(b"fine")
            assert rest(connection) == b""

    def test_who_does_not_take_an_answer_is_cut(self, hasty):
        with hasty.connect(buffer=4096) as connection:
            connection.sendall(GET.replace(b"/here", b"/large") + b"\r\n")
            time.sleep(0.4)
            assert len(rest(connection)) < LARGE

    @pytest.mark.long
    def test_who_does_not_take_the_end_of_one_is_cut(self, calm):
        """Whether what is left lies with the system, with uvicorn, or with both."""
        with ExitStack() as stack:
            for left, wish in product(range(8_000, 100_000, 6_000), (b"", b"connection: close\r\n")):
                connection = stack.enter_context(calm.connect(buffer=4096))
                connection.sendall(GET.replace(b"/here", b"/large") + wish + b"\r\n")
                read = 0
                while read < LARGE - left:
                    part = connection.recv(10_000)
                    assert part, "it was cut before it stopped"
                    read += len(part)
            until(lambda: calm.connections() == 0)

    @pytest.mark.parametrize("wish", [b"", b"connection: close\r\n"])
    def test_nor_need_it_be_so_much_that_writing_stops(self, hasty, wish):
        with hasty.connect(buffer=4096) as connection:
            connection.sendall(GET.replace(b"/here", b"/middling") + wish + b"\r\n")
            assert connection.recv(1)
            until(lambda: hasty.connections() == 0)

    @pytest.mark.parametrize("wish", [b"", b"connection: close\r\n"])
    def test_who_takes_it_slowly_gets_all_of_it(self, calm, wish):
        with calm.connect() as connection:
            connection.sendall(GET.replace(b"/here", b"/large") + wish + b"\r\n")
            read = 0
            while part := connection.recv(65_536):
                read += len(part)
                time.sleep(0.02)
            assert read > LARGE

    def test_an_answer_is_not_waited_for_for_ever_however_steadily_it_is_taken(self):
        with wired(sending_seconds=0.3) as patient, patient.connect(buffer=4096) as connection:
            connection.sendall(GET.replace(b"/here", b"/large") + b"\r\n")
            read = 0
            with suppress(ConnectionResetError):
                while part := connection.recv(10_000):
                    read += len(part)
                    time.sleep(0.02)
            assert 10_000 < read < LARGE
            until(lambda: patient.connections() == 0)

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

    def test_nor_is_more_kept_for_them_than_there_is_room_for(self):
        with wired(stalled_bytes=2 * LARGE) as small, ExitStack() as stack:
            greedy = [stack.enter_context(small.connect(buffer=4096)) for _ in range(3)]
            for connection in greedy:
                connection.sendall(GET.replace(b"/here", b"/large") + b"\r\n")
                assert connection.recv(1)
            taken = [len(rest_of(connection, LARGE)) for connection in greedy]
            assert taken[0] < LARGE
            assert taken[1:] == [LARGE, LARGE]

    def test_who_takes_them_is_not_cut_for_those_who_do_not(self, small):
        with ExitStack() as stack:
            honest = stack.enter_context(small.connect(buffer=4096))
            honest.sendall(GET.replace(b"/here", b"/large") + b"\r\n")
            read = 0
            for _ in range(5):
                ends = read + 150_000  # more than the system and uvicorn hold: the rest is written meanwhile
                while read < ends:
                    part = honest.recv(10_000)
                    assert part
                    read += len(part)
                connection = stack.enter_context(small.connect(buffer=4096))
                connection.sendall(GET.replace(b"/here", b"/large") + b"\r\n")
                assert connection.recv(1)
            assert read + len(rest_of(honest, LARGE - read)) == LARGE


def rest_of(connection: socket.socket, most: int) -> bytes:
    """So many bytes of an answer, or as many as there are."""
    read = b""
    with suppress(ConnectionResetError):
        while len(read) < most and (part := connection.recv(min(65_536, most - len(read)))):
            read += part
    return read


@dataclass(eq=False)
class Held:
    """As much of a connection as a room knows."""

    room: Room
    sending: bytes
    is_cut: bool = False

    def cut(self) -> None:
        self.room.leave(self)
        self.is_cut = True


def test_an_answer_that_several_are_sent_is_there_once():
    room, shared = Room(10, 25), bytes(10)
    held = [Held(room, sending) for sending in (shared, shared, shared, bytes([1] * 10), bytes([2] * 20))]
    for one in held[:4]:
        room.enter(one)
    assert not any(one.is_cut for one in held)

    room.enter(held[4])
    assert [one.is_cut for one in held] == [True, True, True, True, False]


def test_one_answer_is_sent_whatever_its_size():
    room = Room(10, 25)
    large = Held(room, bytes(100))
    room.enter(large)

    assert not large.is_cut
