"""At most one request is open, whoever asks, and none stays open once nobody works at it."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings, strategies

from aispend_pipeline.model import Window
from aispend_pipeline.recompute import child
from aispend_pipeline.recompute.asking import Recompute
from aispend_pipeline.recompute.days import Days, LeftOut
from aispend_pipeline.recompute.requests import (
    OVER,
    AlreadyRunning,
    How,
    Piece,
    Progress,
    Request,
    Requests,
    new_request,
)
from aispend_pipeline.settings import Settings
from aispend_pipeline.state.database import State
from aispend_pipeline.warehouse import lock
from aispend_pipeline_tests.service.world import DAYS, NOW, StandingClock


@pytest.fixture
def requests(home) -> Requests:
    return Requests(State(home))


@pytest.fixture
def recompute(home) -> Recompute:
    own = {"AISPEND_HOME": str(home), "AISPEND_DAGSTER_PORT": "1"}
    return Recompute(Settings.load(own, dotenv=None), StandingClock())


def asked(how: How = How.CHILD) -> Request:
    return new_request(how, Days([DAYS]), NOW)


def test_a_request_is_kept_as_it_was_made(requests):
    request = new_request(How.CHILD, Days([Window(DAYS.first - timedelta(days=40), DAYS.last)]), NOW)
    requests.claim(request)

    assert requests.get(request.id) == requests.opened() == request
    assert [len([*piece.window.days()]) for piece in request.pieces] == [31, 14]
    assert len({piece.run_id for piece in request.pieces}) == 2
    assert requests.get("another") is None


def test_what_was_kept_and_left_out_is_kept_with_it_and_a_file_of_an_older_version_says_nothing_of_it(home, requests):
    expired, unread = (Window(DAYS.first - timedelta(days=n), DAYS.first - timedelta(days=n)) for n in (2, 1))
    request = new_request(How.DAGSTER, Days([DAYS], [expired], [unread], ["a feed"]), NOW)
    requests.claim(request)

    assert Requests(State(home)).get(request.id) == request
    assert request.left_out == (
        LeftOut(expired, "its pages have expired"),
        LeftOut(unread, "it was never read"),
    )
    for column in ("kept", "left_out"):
        with State(home).transaction() as connection:
            connection.exec_driver_sql(f"ALTER TABLE recompute_request DROP COLUMN {column}")
    assert Requests(State(home)).get(request.id) == replace(request, kept=(), left_out=())


def test_while_one_is_open_another_is_refused_also_by_another_process_and_later_it_is_not(home, requests):
    first, second = asked(), asked()
    requests.claim(first)
    others = Requests(State(home))

    with pytest.raises(AlreadyRunning) as refused:
        others.claim(second)
    others.end(first.id, NOW)
    others.claim(second)

    assert (refused.value.request, requests.opened()) == (first, second)
    assert str(refused.value) == "days 2026-06-08..2026-06-12 are being made again since 2026-06-12T13:20:00Z"
    assert requests.get(first.id).state is Progress.FAILED  # it was ended, and its days were not made


def test_of_many_that_ask_at_once_one_is_taken(home):
    start, taken = threading.Barrier(4, timeout=30), []

    def claim() -> None:
        mine, request = Requests(State(home)), asked()
        start.wait()
        try:
            mine.claim(request)
        except AlreadyRunning as refused:
            taken.append(refused.request.id)
        else:
            taken.append(request.id)

    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert (len(taken), len({*taken})) == (4, 1)


def test_what_is_over_is_not_changed_any_more(requests):
    request = asked()
    requests.claim(request)
    requests.end(request.id, NOW, "the first reason")
    requests.end(request.id, NOW + timedelta(hours=1), "the second")
    requests.note(request.id, request.pieces[0].done("run", [], []))

    known = requests.get(request.id)
    assert (known.ended_at, known.error) == (NOW, "the first reason")
    assert {piece.state for piece in known.pieces} == {Progress.FAILED}


def test_of_one_that_dagster_makes_it_stays_known_how_far_its_runs_were(requests):
    request = replace(asked(), how=How.DAGSTER)
    requests.claim(request)
    requests.end(request.id, NOW, "nobody knows what became of them")

    assert requests.get(request.id).pieces == request.pieces


def test_of_lines_without_end_some_are_kept_and_counted(requests):
    request = asked()
    requests.claim(request)
    requests.note(request.id, request.pieces[0].done("run", ["x" * 10_000] * 1_000, ["short"]))

    (piece,) = requests.get(request.id).pieces
    assert (len(piece.not_remade), len(piece.not_remade[0]), piece.not_remade[-1]) == (101, 500, "and 900 more")
    assert piece.errors == ("short",)


@settings(max_examples=30, deadline=None, database=None)
@given(
    states=strategies.lists(strategies.sampled_from(Progress), min_size=1, max_size=5),
    over=strategies.booleans(),
    error=strategies.sampled_from([None, "it was ended with the service"]),
)
def test_a_request_is_no_better_than_its_worst_piece_and_its_own_error(states, over, error):
    days = [DAYS.first + timedelta(days=number) for number in range(len(states))]
    pieces = tuple(Piece(Window(day, day), state=state) for day, state in zip(days, states, strict=True))
    told = Request("id", How.CHILD, NOW, pieces, NOW if over else None, error if over else None).state

    assert (told in OVER) == over
    assert (told is Progress.DONE) == (over and {*states} == {Progress.DONE} and error is None)
    assert (told is Progress.QUEUED) == (not over and {*states} == {Progress.QUEUED})
    if over and (error or not {*states} <= {Progress.DONE, Progress.PARTIAL}):
        assert told is Progress.FAILED


def test_one_whose_process_is_gone_is_closed_and_says_so_and_the_next_is_taken(home, requests, recompute):
    request = asked()
    requests.claim(request)

    with lock.held(home / child.RUNNING, 0):  # as its process does
        assert recompute.get(request.id).ended_at is None
        with pytest.raises(AlreadyRunning):
            recompute.ask(Days([DAYS]))
    told = recompute.get(request.id)

    assert (told.state, told.ended_at) == (Progress.FAILED, datetime(2026, 6, 12, 13, 20, tzinfo=UTC))
    assert told.error.startswith("its process ended before it was done, and recompute.log in the home may say why; ")
    requests.claim(asked())


def test_a_process_that_is_just_ending_has_another_asked_again(home, recompute):
    with lock.held(home / child.RUNNING, 0), pytest.raises(AlreadyRunning) as refused:
        recompute.ask(Days([DAYS]))

    assert (refused.value.request, str(refused.value)) == (None, "another request is just ending")


def test_one_that_nobody_knows_is_none(recompute):
    assert recompute.get("' OR 1=1 --") is None
