"""Dagster's queue, as it may be found: well, away, silent, of somebody else; and its runs, followed to their end."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse

from aispend_pipeline.assets.tags import LANE, REQUEST
from aispend_pipeline.model import Window
from aispend_pipeline.recompute.asking import Recompute
from aispend_pipeline.recompute.days import Days
from aispend_pipeline.recompute.queue import Away, Queue, Silent
from aispend_pipeline.recompute.requests import AlreadyRunning, How, Progress, Request
from aispend_pipeline_tests.service.world import DAYS, NOW, StandingClock

from .fake_dagster import FakeDagster, fake_dagster

LONG = Window(DAYS.first - timedelta(days=40), DAYS.last)


@pytest.fixture(scope="module")
def running(tmp_path_factory) -> Iterator[FakeDagster]:
    with fake_dagster(tmp_path_factory.mktemp("any")) as made:
        yield made


@pytest.fixture
def dagster(running, home) -> FakeDagster:
    """One that knows of no other test."""
    running.__init__(home, running.port)  # type: ignore[misc]
    return running


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def recompute(dagster, clock) -> Recompute:
    return Recompute(dagster.settings(), clock)


def found(dagster: FakeDagster, home: Path | None = None) -> None:
    Queue("127.0.0.1", dagster.port, home or dagster.home).check(NOW)


class TestWhetherItIsThere:
    def test_it_is_asked_for_runs_of_a_month_at_most_with_the_tags_of_their_days_lane_and_request(
        self, dagster, recompute
    ):
        request = recompute.ask(Days([LONG]))

        assert (request.how, request.state) == (How.DAGSTER, Progress.QUEUED)
        assert [piece.run_id for piece in request.pieces] == ["run-2026-04-29", "run-2026-05-30"]
        (launched,) = [one for one in dagster.asked if one["name"] == "Launch"]
        first, second = launched["variables"]["runs"]
        assert first["selector"] == {
            "repositoryLocationName": "aispend_pipeline.definitions",
            "repositoryName": "__repository__",
            "jobName": "recompute",
        }
        assert {tag["key"]: tag["value"] for tag in second["executionMetadata"]["tags"]} == {
            "dagster/asset_partition_range_start": "2026-05-30",
            "dagster/asset_partition_range_end": "2026-06-12",
            LANE: "ingest",
            "days": "2026-05-30..2026-06-12",
            REQUEST: request.id,
        }

    def test_a_link_leads_to_each_run(self, dagster, recompute):
        request = recompute.ask(Days([DAYS]))

        assert recompute.page(request, request.pieces[0]) == f"http://127.0.0.1:{dagster.port}/runs/run-2026-06-08"

    def test_nobody_listens(self, home):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with pytest.raises(Away, match=f"no Dagster answers on http://127.0.0.1:{port}"):
            Queue("127.0.0.1", port, home).check(NOW)

    def test_who_accepts_and_says_nothing_is_not_waited_for(self, home):
        with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Silent, match="does not answer"):
            Queue("127.0.0.1", silent.getsockname()[1], home, seconds=0.05).check(NOW)

    def test_nor_who_says_a_little_now_and_then(self, dagster):
        async def drops() -> AsyncIterator[bytes]:
            for _ in range(500):
                yield b" "
                await asyncio.sleep(0.02)

        dagster.broken["Health"] = StreamingResponse(drops())
        with pytest.raises(Silent, match="does not answer"):
            Queue("127.0.0.1", dagster.port, dagster.home, seconds=0.1).check(NOW)

    @pytest.mark.parametrize(
        ("answer", "kind", "said"),
        [
            (PlainTextResponse("<html>Grafana", 404), Away, "is no Dagster of this version"),
            (PlainTextResponse(""), Away, "is no Dagster of this version"),
            (JSONResponse([]), Away, "is no Dagster of this version"),
            (JSONResponse({"data": None, "errors": [{"message": "no field"}]}), Away, "is no Dagster of this version"),
            (JSONResponse({"data": {"instance": {}}}), Away, "is no Dagster of this version"),
            (RedirectResponse("http://127.0.0.1:9/graphql"), Away, "is no Dagster of this version"),
            (PlainTextResponse("x" * 9_000_000), Away, "is no Dagster of this version"),
            (PlainTextResponse("bad gateway", 502), Silent, "answers 502"),
        ],
        ids=range(8),
    )
    def test_something_else_answers(self, dagster, answer: Response, kind, said):
        dagster.broken["Health"] = answer
        with pytest.raises(kind, match=said):
            found(dagster)

    @pytest.mark.parametrize(
        ("healthy", "heard_at"), [(False, NOW.timestamp()), (True, NOW.timestamp() - 121), (None, None), (True, None)]
    )
    def test_a_daemon_that_was_not_heard_of_lately_takes_no_runs(self, dagster, healthy, heard_at):
        dagster.healthy, dagster.heard_at = healthy, heard_at
        with pytest.raises(Away, match=r"the daemon of the Dagster at .* does not run"):
            found(dagster)

    def test_the_dagster_of_another_home_is_not_asked_and_a_link_to_ours_is_ours(self, dagster, tmp_path):
        with pytest.raises(Away, match=f"is not of {tmp_path}/other"):
            found(dagster, tmp_path / "other")
        dagster.home.mkdir()
        (tmp_path / "link").symlink_to(dagster.home)
        found(dagster, tmp_path / "link")

    def test_where_it_takes_no_run_that_is_said_in_a_line(self, dagster):
        dagster.refusals = 2
        queue = Queue("127.0.0.1", dagster.port, dagster.home)

        with pytest.raises(Away, match=r"takes no run: Could not find Pipeline$"):
            queue.launch("id", [DAYS, LONG])


STEP = {"__typename": "ExecutionStepFailureEvent"}
STORE = "aispend_pipeline.errors.StoreError: /home/warehouse.duckdb: is missing; restore it\n"


class TestAnOpenRequest:
    @pytest.fixture
    def request_(self, recompute) -> Request:
        return recompute.ask(Days([LONG]))

    def followed(self, recompute, request_) -> list[str]:
        told = recompute.get(request_.id)
        return [told.state, *(piece.state for piece in told.pieces)]

    def test_is_followed_from_the_queue_to_its_end_and_refuses_others_until_then(self, dagster, recompute, request_):
        seen = [self.followed(recompute, request_)]
        for number, status in [(0, "STARTED"), (0, "SUCCESS"), (1, "STARTING")]:
            dagster.set(number, status)
            seen.append(self.followed(recompute, request_))
            with pytest.raises(AlreadyRunning) as refused:
                recompute.ask(Days([DAYS]))
            assert refused.value.request.id == request_.id
        dagster.set(1, "SUCCESS")
        seen.append(self.followed(recompute, request_))

        assert seen == [
            ["queued", "queued", "queued"],
            ["running", "running", "queued"],
            ["running", "done", "queued"],
            ["running", "done", "running"],
            ["done", "done", "done"],
        ]
        assert recompute.ask(Days([DAYS])).how is How.DAGSTER

    def test_of_which_rows_were_kept_is_partial_and_names_them(self, dagster, recompute, request_):
        entries = [{"label": "changes"}, {"label": "rows kept", "jsonString": '["openai_costs eu: its pages expired"]'}]
        evaluation = {"checkName": "every_answer_can_be_read", "metadataEntries": entries}
        dagster.events = [{"__typename": "AssetCheckEvaluationEvent", "evaluation": evaluation}]
        for number in (0, 1):
            dagster.set(number, "SUCCESS")

        assert self.followed(recompute, request_) == ["partial"] * 3
        assert recompute.get(request_.id).pieces[0].not_remade == ("openai_costs eu: its pages expired",)

    @pytest.mark.parametrize(
        ("status", "event", "said"),
        [
            (
                "FAILURE",
                {**STEP, "error": {"message": "Error occurred", "cause": {"message": STORE}}},
                "/home/warehouse.duckdb: is missing; restore it",
            ),
            ("FAILURE", {**STEP, "failureMetadata": {"description": "sums contradict rows"}}, "sums contradict rows"),
            ("FAILURE", {"__typename": "RunFailureEvent"}, "the run failed; Dagster's page of it says why"),
            ("CANCELED", {"__typename": "RunCanceledEvent"}, "the run was cancelled"),
        ],
    )
    def test_whose_run_fails_says_why_in_a_line(self, dagster, recompute, request_, status, event, said):
        dagster.events = [event]
        dagster.set(0, status)
        dagster.set(1, "SUCCESS")

        assert self.followed(recompute, request_) == ["failed", "failed", "done"]
        assert recompute.get(request_.id).pieces[0].errors == (said,)

    def test_whose_run_died_waits_for_the_run_in_its_place(self, dagster, recompute, request_):
        dagster.set(1, "SUCCESS")
        dagster.set(0, "FAILURE", dagster__will_retry="true")
        seen = [self.followed(recompute, request_)]
        dagster.retried(0)
        seen.append(self.followed(recompute, request_))
        dagster.set(2, "SUCCESS")
        seen.append(self.followed(recompute, request_))

        assert [one[:2] for one in seen] == [["running", "running"], ["running", "queued"], ["done", "done"]]
        assert recompute.get(request_.id).pieces[0].run_id == "run-2026-04-29-again"

    def test_whose_run_never_comes_is_over_after_a_while(self, dagster, recompute, clock, request_):
        dagster.runs.pop()
        dagster.set(0, "SUCCESS")
        seen = [self.followed(recompute, request_)]
        clock.instant += timedelta(minutes=6)
        seen.append(self.followed(recompute, request_))

        assert seen == [["running", "queued", "done"], ["failed", "failed", "done"]]
        assert recompute.get(request_.id).pieces[0].errors == ("Dagster has no such run",)

    def test_stays_open_while_dagster_is_silent_but_not_for_ever(self, dagster, recompute, clock, request_):
        dagster.broken["Runs"] = PlainTextResponse("", 503)
        with pytest.raises(AlreadyRunning):
            recompute.ask(Days([DAYS]))
        clock.instant += timedelta(hours=25)

        told = recompute.get(request_.id)
        assert (
            told.state,
            told.error.endswith(
                "answers 503: what became of its runs is not known; those that wait are done when it is back"
            ),
        ) == (Progress.FAILED, True)

    def test_whose_runs_never_end_is_not_followed_for_ever(self, dagster, recompute, clock, request_):
        clock.instant += timedelta(hours=25)

        assert recompute.get(request_.id).error == "its runs are still not done after a day; Dagster's UI says why"

    def test_where_its_dagster_is_gone_is_looked_at_in_vain_and_given_up_for_the_next(
        self, dagster, home, recompute, clock, request_
    ):
        dagster.broken["Runs"] = PlainTextResponse("", 404)
        assert self.followed(recompute, request_) == ["queued"] * 3
        assert recompute.get(request_.id).error.endswith("version: this is what was known last")

        second = recompute.ask(Days([DAYS]))

        assert second.id != request_.id
        assert "what became of its runs is not known" in recompute.get(request_.id).error

    def test_of_which_it_is_not_known_whether_it_was_taken_is_followed_by_its_tag(self, dagster, recompute, clock):
        dagster.broken["Launch"] = PlainTextResponse("", 504)
        request = recompute.ask(Days([DAYS]))
        assert (request.how, request.ended_at) == (How.DAGSTER, None)
        clock.instant += timedelta(minutes=6)

        assert self.followed(recompute, request)[0] == "failed"
