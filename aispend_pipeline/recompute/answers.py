"""What Dagster's GraphQL answers to the questions of `queue`, as far as they read it."""

from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct, field

T = TypeVar("T")


class Answer(Struct, Generic[T]):
    """Any answer; an error has no data."""

    data: T


class DaemonStatus(Struct, rename="camel"):
    """When the queue's daemon was last heard of, in seconds since 1970."""

    healthy: bool | None
    last_heartbeat_time: float | None


class DaemonHealth(Struct, rename="camel"):
    """Of all daemons only that of the queue."""

    daemon_status: DaemonStatus


class Instance(Struct, rename="camel"):
    """Of the instance only its daemons."""

    daemon_health: DaemonHealth


class Entry(Struct, rename="camel"):
    """One piece of metadata."""

    label: str
    text: str | None = None
    json_string: str | None = None


class Job(Struct, rename="camel"):
    """A job's metadata; none where there is no such job."""

    metadata_entries: list[Entry] = field(default_factory=list)


class Health(Struct, rename="camel"):
    """Whether the queue is worked off, and what for."""

    instance: Instance
    pipeline_or_error: Job


class RunId(Struct, rename="camel"):
    """A run that was queued."""

    run_id: str


class LaunchedRun(Struct, rename="camel"):
    """A run, or why there is none."""

    run: RunId | None = None
    message: str | None = None


class LaunchedRuns(Struct, rename="camel"):
    """A result for each run that was asked for, or why there is none at all."""

    launch_multiple_runs_result: list[LaunchedRun] = field(default_factory=list)
    message: str | None = None


class Launched(Struct, rename="camel"):
    """What came of asking for runs."""

    launch_multiple_runs: LaunchedRuns


class Tag(Struct, rename="camel"):
    """A tag of a run."""

    key: str
    value: str


class FoundRun(Struct, rename="camel"):
    """A run, with its state in Dagster's words."""

    run_id: str
    status: str
    tags: list[Tag]


class FoundRuns(Struct, rename="camel"):
    """The newest first."""

    results: list[FoundRun]


class Runs(Struct, rename="camel"):
    """Runs that were looked for."""

    runs_or_error: FoundRuns


class Error(Struct, rename="camel"):
    """An error: the text of the exception, its class in front, and what it came from."""

    message: str
    cause: "Error | None" = None


class FailureMetadata(Struct, rename="camel"):
    """What a step said itself when it failed."""

    description: str | None = None


class Evaluation(Struct, rename="camel"):
    """A check that was made."""

    metadata_entries: list[Entry] = field(default_factory=list)


class Event(Struct, rename="camel"):
    """One event of a run."""

    kind: str = field(name="__typename")
    failure_metadata: FailureMetadata | None = None
    error: Error | None = None
    evaluation: Evaluation | None = None

    def error_line(self) -> str | None:
        """Why a step failed or the run was cancelled, in a line."""
        if self.kind == "RunCanceledEvent":
            return "the run was cancelled"
        if self.kind != "ExecutionStepFailureEvent":
            return None
        if self.failure_metadata and self.failure_metadata.description:
            return self.failure_metadata.description
        error = self.error
        while error is not None and error.cause is not None:
            error = error.cause
        text = error.message.strip().partition("\n")[0] if error else "a step failed"
        name, _, said = text.partition(": ")
        return said if said and " " not in name else text

    def rows_kept(self) -> Sequence[str]:
        """The lines of a check that tell which rows were kept."""
        entries = self.evaluation.metadata_entries if self.evaluation else []
        texts = [entry.json_string for entry in entries if entry.label == "rows kept" and entry.json_string]
        return [line for text in texts for line in _lines(text)]


class Connection(Struct, rename="camel"):
    """The oldest events first."""

    events: list[Event]


class RunEvents(Struct, rename="camel"):
    """The events of a run."""

    event_connection: Connection


class Events(Struct, rename="camel"):
    """What happened in a run."""

    run_or_error: RunEvents


def _lines(text: str) -> list[str]:
    """A list of lines in JSON; whatever else it is, as it is."""
    try:
        return msgspec.json.decode(text, type=list[str])
    except msgspec.MsgspecError:
        return [text]
