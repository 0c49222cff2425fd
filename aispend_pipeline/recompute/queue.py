"""Dagster's own queue, asked over the GraphQL of its UI. What it answers is input from outside."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import httpx
import msgspec

from aispend_pipeline.assets.tags import FIRST, HOME, MODULE, RECOMPUTE, REQUEST, range_tags, shown
from aispend_pipeline.errors import AispendError
from aispend_pipeline.model import Window
from aispend_pipeline.recompute import answers
from aispend_pipeline.recompute.requests import Piece, Progress

T = TypeVar("T")

# Queueing a run takes Dagster about half a second.
_SECONDS, _SECONDS_TO_QUEUE = 5.0, 60.0
_MOST_BYTES = 8_000_000
_MOST_RUNS = 500
# The daemon says every 30 s that it lives.
_HEARD_WITHIN = timedelta(seconds=120)
_REPOSITORY = {"repositoryLocationName": MODULE, "repositoryName": "__repository__"}

_HEALTH = """
query Health($job: PipelineSelector!) {
  instance { daemonHealth { daemonStatus(daemonType: "QUEUED_RUN_COORDINATOR") { healthy lastHeartbeatTime } } }
  pipelineOrError(params: $job) { ... on Pipeline { metadataEntries { label ... on TextMetadataEntry { text } } } }
}"""
_LAUNCH = """
mutation Launch($runs: [ExecutionParams!]!) {
  launchMultipleRuns(executionParamsList: $runs) {
    ... on LaunchMultipleRunsResult {
      launchMultipleRunsResult { ... on LaunchRunSuccess { run { runId } } ... on Error { message } }
    }
    ... on PythonError { message }
  }
}"""
_RUNS = """
query Runs($tags: [ExecutionTag!], $limit: Int) {
  runsOrError(filter: {tags: $tags}, limit: $limit) { ... on Runs { results { runId status tags { key value } } } }
}"""
_EVENTS = """
query Events($run: ID!) {
  runOrError(runId: $run) {
    ... on Run {
      eventConnection(limit: 1000) {
        events {
          __typename
          ... on ExecutionStepFailureEvent {
            failureMetadata { description } error { message cause { message cause { message } } }
          }
          ... on AssetCheckEvaluationEvent {
            evaluation { metadataEntries { label ... on JsonMetadataEntry { jsonString } } }
          }
        }
      }
    }
  }
}"""


class Silent(AispendError):
    """Something is there that may be Dagster, and does not answer."""


class Away(AispendError):
    """No Dagster is there, or not ours, or nobody takes runs from its queue."""


class QueuedRun(NamedTuple):
    """A run as Dagster knows it."""

    run_id: str
    first: date
    state: Progress


class Queue:
    """The queue of the Dagster at `host` and `port`, for the home whose runs it makes."""

    def __init__(self, host: str, port: int, home: Path, seconds: float = _SECONDS) -> None:
        self.address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        self._home, self._seconds = home, seconds

    def check(self, now: datetime) -> None:
        """Raises `Away` or `Silent` unless runs of this home's `recompute` would be taken from the queue."""
        found = self._ask(_HEALTH, answers.Health, job={**_REPOSITORY, "pipelineName": RECOMPUTE})
        daemon = found.instance.daemon_health.daemon_status
        if not daemon.healthy or now.timestamp() - (daemon.last_heartbeat_time or 0) > _HEARD_WITHIN.total_seconds():
            raise Away(f"the daemon of the Dagster at {self.address} does not run")
        homes = [entry.text for entry in found.pipeline_or_error.metadata_entries if entry.label == HOME]
        if homes != [shown(self._home)]:
            raise Away(f"the Dagster at {self.address} is not of {self._home}")

    def launch(self, request_id: str, windows: Sequence[Window]) -> None:
        """Queue a run for each window. Raises `Away` where none was taken, `Silent` where some may have been."""
        runs = [_parameters(request_id, window) for window in windows]
        found = self._ask(_LAUNCH, answers.Launched, runs=runs, seconds=_SECONDS_TO_QUEUE).launch_multiple_runs
        refusals = [one.message or "" for one in found.launch_multiple_runs_result if one.run is None]
        if found.message or len(refusals) == len(windows):
            said = (found.message or refusals[0]).strip().partition("\n")[0]
            raise Away(f"the Dagster at {self.address} takes no run: {said}")

    def runs(self, request_id: str) -> dict[date, QueuedRun]:
        """By their first day, the runs of a request; of one that was tried again the newest. Raises as `check`."""
        tags = [{"key": REQUEST, "value": request_id}]
        found = self._ask(_RUNS, answers.Runs, tags=tags, limit=_MOST_RUNS).runs_or_error.results
        runs = [_run(one) for one in reversed(found)]
        return {run.first: run for run in runs if run is not None}

    def ended(self, piece: Piece, run: QueuedRun) -> Piece:
        """The piece of a run that is over, with what it said of rows that were kept, and why it failed."""
        events = self._ask(_EVENTS, answers.Events, run=run.run_id).run_or_error.event_connection.events
        kept = [line for event in events for line in event.rows_kept()]
        errors = [error for event in events if (error := event.error_line())]
        if run.state is Progress.FAILED and not errors:
            errors = ["the run failed; Dagster's page of it says why"]
        return piece.done(run.run_id, kept, errors if run.state is Progress.FAILED else [])

    def _ask(self, query: str, kind: type[T], seconds: float | None = None, **variables: Any) -> T:
        asked = {"query": query, "variables": variables}
        try:
            status, body = asyncio.run(self._exchange(asked, seconds or self._seconds))
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise Away(f"no Dagster answers on {self.address}") from None
        except (httpx.HTTPError, TimeoutError) as error:
            raise Silent(f"the Dagster at {self.address} does not answer ({type(error).__name__})") from None
        if status >= 500:
            raise Silent(f"the Dagster at {self.address} answers {status}")
        try:
            return msgspec.json.decode(body, type=answers.Answer[kind]).data  # type: ignore[valid-type]
        except msgspec.MsgspecError:
            raise Away(f"what answers on {self.address} is no Dagster of this version") from None

    async def _exchange(self, asked: Mapping[str, Any], seconds: float) -> tuple[int, bytes]:
        """Status and body, all of it within `seconds`: httpx itself bounds each read, and there may be many."""
        # No proxy: it would be asked for this machine's own loopback.
        async with (
            asyncio.timeout(seconds),
            httpx.AsyncClient(timeout=httpx.Timeout(seconds, connect=self._seconds), trust_env=False) as client,
            client.stream("POST", f"{self.address}/graphql", json=asked) as answer,
        ):
            return answer.status_code, await _read(answer)


async def _read(answer: httpx.Response) -> bytes:
    """The body; cut off where no answer of Dagster's ends."""
    body = b""
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > _MOST_BYTES:
            break
    return body


def _parameters(request_id: str, window: Window) -> dict[str, Any]:
    tags: Mapping[str, str] = {**range_tags(window), REQUEST: request_id}
    return {
        "selector": {**_REPOSITORY, "jobName": RECOMPUTE},
        "mode": "default",
        "runConfigData": json.dumps({}),
        "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
    }


_STATES = {
    "QUEUED": Progress.QUEUED,
    "NOT_STARTED": Progress.QUEUED,
    "SUCCESS": Progress.DONE,
    "FAILURE": Progress.FAILED,
    "CANCELED": Progress.FAILED,
}


def _run(found: answers.FoundRun) -> QueuedRun | None:
    """A run with its days; none where its tags are not ours."""
    tags = {tag.key: tag.value for tag in found.tags}
    state = _STATES.get(found.status, Progress.RUNNING)
    if state is Progress.FAILED and tags.get("dagster/will_retry") == "true":
        state = Progress.RUNNING  # a run in its place is on its way
    try:
        return QueuedRun(found.run_id, date.fromisoformat(tags[FIRST]), state)
    except (KeyError, ValueError):
        return None
