"""The log: events with fields, one JSON object a line when nobody watches, readable otherwise.

`EVENTS` declares every event with its fields, `IDS` what ties the lines of one piece of work together. No event
carries a credential, a value of a request's parameters, or what a provider or a receiver said: that is in the store,
under the ids. Should a secret of the settings get into a line all the same, it is taken out.
"""

import json
import logging
import sys
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from aispend_pipeline.relay import relayed


class Event(NamedTuple):
    """What an event means, and the names of the fields that it may have."""

    meaning: str
    fields: str


IDS = {
    "run_id": "Dagster's run",
    "fetch_id": "the reading of one window; `/status`, the raw pages and the table `fetch` have it too",
    "request_id": "one HTTP request",
}

EVENTS = {
    "page.read": Event("a page of a provider came", "source account reading page bytes"),
    "attempt.failed": Event("a call to a provider failed; it may be made again", "error_class status attempt"),
    "fetch.done": Event(
        "a window was read completely, or failed", "source account window state pages bytes seconds error_class error"
    ),
    "fetch.not_stored": Event("what was read cannot be kept", "accounts error where"),
    "fault": Event("aispend's own mistake befell one piece of work; the others go on", "what error where"),
    "names.read": Event("the names of an account's ids were read", "provider account names errors seconds"),
    "names.refused": Event("one list of names was not read", "provider account error_class error"),
    "budgets.read": Event("the budgets of an account were read", "account budgets messages errors seconds"),
    "budgets.rejected": Event("a notification of a budget says nothing", "account message why"),
    "budgets.not_acknowledged": Event("Pub/Sub gives notifications again", "account error_class error"),
    "answer.set_aside": Event("what was read cannot be booked; its days keep what they were", "fetch check"),
    "days.added_up": Event(
        "rows and sums were made, of these fetches, in commit `seq`",
        "window rows usd changes not_remade fetches seq seconds",
    ),
    "assertion.failed": Event("sums contradict their rows; nothing was changed", "check error"),
    "published": Event("readers see commit `seq` from now on", "file seq seconds"),
    "pages.expired": Event("old pages were deleted", "before fetches pages bodies"),
    "compacted": Event("the store's file was written anew", "bytes_before bytes_after"),
    "compaction.skipped": Event("the disk has no room to write the file anew", "free needed"),
    "recompute.asked": Event("days are to be made again; `error` is why not by the daemon", "recompute how error"),
    "recompute.ended": Event("a process that made days again is done", "recompute error"),
    "runs.deleted": Event("Dagster's old records of runs were deleted", "runs"),
    "run.lost": Event("the process of a run is gone; the run is marked as failed", "run job"),
    "caps.evaluated": Event("every cap was looked at, by the figures of commit `seq`", "scopes events seq seconds"),
    "event.new": Event("something is to be said", "id type scope period reached"),
    "movers.unknown": Event("a message goes out without what moved the cap most", "scope error"),
    "alert.sent": Event("a delivery was taken", "id channel events attempt seconds"),
    "alert.failed": Event(
        "an attempt to deliver failed; `dead` is not tried again",
        "id channel events attempt seconds outcome error_class status",
    ),
    "heartbeat.failed": Event("whoever waits for the heartbeat does not have it", "error_class status"),
    "dispatch.failed": Event("a round of sending broke off", "error where"),
    "state.unusable": Event("the state database cannot be used", "error"),
    "settings.unusable": Event("settings were changed and are wrong; the last good ones hold", "error"),
    "request.done": Event(
        "a request was answered, or its client went away", "method route status seconds bytes broken_off"
    ),
    "request.failed": Event("a request was answered with 500", "id route error where"),
    "store.unusable": Event("a request was answered with 503", "error"),
    "metrics.incomplete": Event("the figures cannot be read; their metrics are absent", "error"),
}

log: structlog.stdlib.BoundLogger = structlog.get_logger("aispend")

# Adds ids to every event inside a block; threads and tasks that are begun there have them too.
bound = structlog.contextvars.bound_contextvars

Line = MutableMapping[str, Any]
# A shorter word is no secret, and would be found in others.
_SHORTEST_SECRET = 6
_listeners: list[Callable[[str], None]] = []
_secrets: set[str] = set()


class _Stderr:
    """Standard error of now. What cannot be written is lost: no work fails because of its log."""

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()


_STDERR: Any = _Stderr()


def configure(level: int = logging.INFO, *, told: Collection[str] = ()) -> None:
    """Send events of `level` and above to standard error, but for those that a command has `told` in its own words.

    Listeners hear all of them, and so does whoever takes the lines of this process, but for the finest.
    """

    def filtered(logger: Any, method: str, event: Line) -> Line:
        if logging.getLevelNamesMapping()[method.upper()] < level or event["event"] in told:
            raise structlog.DropEvent
        return event

    structlog.configure(
        processors=[_heard, *_completed(), _relayed, filtered, *_rendered()],
        logger_factory=structlog.WriteLoggerFactory(file=_STDERR),
        cache_logger_on_first_use=False,
    )


def configure_process(level: int = logging.INFO) -> None:
    """The same for a process of our own: warnings, and what libraries log, come out as such lines too."""
    configure(level)
    handler = logging.StreamHandler(_STDERR)
    handler.addFilter(lambda record: record.msg != _TOLD_BY_REQUEST_FAILED)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_of_a_library, *_completed()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendered()],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)


# What uvicorn says of an exception, with a traceback in which the values of parameters may be.
_TOLD_BY_REQUEST_FAILED = "Exception in ASGI application\n"


def _completed() -> list[structlog.typing.Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


_JSON = structlog.processors.JSONRenderer()


def _heard(logger: Any, method: str, event: Line) -> Line:
    for listener in _listeners:
        listener(_short(event))
    return event


def _relayed(logger: Any, method: str, event: Line) -> Line:
    if method != "debug":
        relayed(_without_secrets(logger, method, _JSON(logger, method, event)))
    return event


def tell(line: str) -> None:
    """Say a line of a process under this one as if it were of this one; a terminal is not told of every page."""
    event: Any = json.loads(line)
    method = event["level"]
    if event["event"] != "page.read" or not on_terminal():
        for processor in _rendered():
            event = processor(None, method, event)
        _STDERR.write(f"{event}\n")


def on_terminal() -> bool:
    """Whether somebody watches the log."""
    return sys.stderr.isatty()


def _rendered() -> list[structlog.typing.Processor]:
    renderer = structlog.dev.ConsoleRenderer() if on_terminal() else structlog.processors.JSONRenderer()
    return [renderer, _without_secrets]


def _of_a_library(logger: Any, method: str, event: Line) -> Line:
    """Whose line it is; of an exception its type and where it was raised, not its text, which may have values."""
    event["logger"] = event["_record"].name
    error = (event.pop("exc_info", None) or (None, None))[1]
    if error is not None:
        event.update(fault(error), event=event["event"].partition("\n")[0])  # asyncio repeats the text below
    return event


def fault(error: BaseException) -> dict[str, str]:
    """The fields `error` and `where` of an exception that nobody foresaw: its type, and the lines, innermost first."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames)]
    return {"error": type(error).__name__, "where": " < ".join(lines[:12])}


def conceal(secrets: Iterable[str]) -> None:
    """Take `secrets` out of every line from now on, as they are and as JSON writes them."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            _secrets.update((secret, json.dumps(secret)[1:-1]))


def _without_secrets(logger: Any, method: str, line: Any) -> Any:
    for secret in tuple(_secrets):
        if secret in line:
            line = line.replace(secret, "[key]")
    return line


@contextmanager
def listened(listener: Callable[[str], None]) -> Iterator[None]:
    """Tell `listener` of every event inside the block, as a few words."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def _short(event: Line) -> str:
    fields = " ".join(str(value) for name, value in event.items() if name != "event" and value is not None)
    return f"{event['event']} {fields}"


# Dagster's own processes call no function of ours at their start.
configure()
