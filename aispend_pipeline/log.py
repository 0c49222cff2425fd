"""The log: events with fields, one JSON object a line when nobody watches, readable otherwise.

Events: `page.read` (source, account, reading, page), `fetch.done` (source, account, window, state,
pages, error), `names.read` (provider, account, names, error), `budgets.read` (account, budgets, messages by what
became of them, error), `budgets.rejected` (account, message, why), `budgets.not_acknowledged` (account, error),
`attempt.failed` (error_class, attempt),
`days.added_up` (window, rows, usd), `alert.sent` and `alert.failed` (id, channel, attempt, error),
`heartbeat.failed` (error), `dispatch.failed` (error), `state.unusable` (error), `settings.unusable` (error),
`published` (file, seq), `pages.expired` (before, fetches, pages, bodies), `compacted` (bytes_before, bytes_after),
`compaction.skipped` (free, needed), `runs.deleted` (runs), `request.failed` (id, path, error). No event carries a
credential or the values of a request's parameters.
"""

import logging
import sys
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog

log: structlog.stdlib.BoundLogger = structlog.get_logger("aispend")

_listeners: list[Callable[[str], None]] = []


def configure(level: int = logging.INFO) -> None:
    """Send events of `level` and above to standard error; listeners hear all of them."""
    on_terminal = sys.stderr.isatty()
    renderer = structlog.dev.ConsoleRenderer() if on_terminal else structlog.processors.JSONRenderer()

    def filtered(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for listener in _listeners:
            listener(_short(event))
        if logging.getLevelNamesMapping()[method.upper()] < level:
            raise structlog.DropEvent
        return event

    structlog.configure(
        processors=[
            filtered,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


@contextmanager
def listened(listener: Callable[[str], None]) -> Iterator[None]:
    """Tell `listener` of every event inside the block, as a few words."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def _short(event: MutableMapping[str, Any]) -> str:
    fields = " ".join(str(value) for name, value in event.items() if name != "event" and value is not None)
    return f"{event['event']} {fields}"


# Dagster's own processes call no function of ours at their start.
configure()
