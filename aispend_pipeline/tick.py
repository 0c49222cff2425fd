"""What one tick of the hourly schedule is about on this installation, from what it has read so far."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime

from aispend_pipeline.due import Backlog, Due, affordable, backlogs, due
from aispend_pipeline.errors import NothingPublished, StoreError
from aispend_pipeline.ingest import call_budget
from aispend_pipeline.log import log
from aispend_pipeline.model import Account, Feed
from aispend_pipeline.names.kept import names_due
from aispend_pipeline.names.reading import accounts as named
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources import SOURCES, feeds
from aispend_pipeline.state.database import state_of
from aispend_pipeline.state.waiting import WaitingDays
from aispend_pipeline.warehouse import coverage, snapshots_of


def feeds_asked(settings: Settings, only: Collection[str] = ()) -> list[Feed]:
    """The feeds that have credentials; of `only` these sources, if it names any."""
    return [(source, account) for source, account, _ in feeds(settings) if not only or source in only]


def due_now(settings: Settings, now: datetime, only: Collection[str] = ()) -> list[Due]:
    """What a tick at `now` asks for; without a snapshot, nothing counts as read."""
    complete: dict[Feed, dict[date, datetime]] = {}
    unadded: list[date] = []
    with suppress(NothingPublished):
        _, cursor = snapshots_of(settings.home).current()
        complete, unadded = coverage.complete_days(cursor), coverage.unadded_days(cursor)
    return due(settings, now, feeds_asked(settings, only), complete, _waiting(settings), unadded)


def begun_now(settings: Settings, now: datetime, asked: Sequence[Due]) -> list[Due]:
    """`asked` without the days that some account has no calls left for: those wait, and are asked for again."""
    left = {}
    with _state_may_fail():
        for source, account in {feed for one in asked for feed in one.feeds}:
            budget = call_budget(SOURCES[source], settings, account)
            if budget is not None:
                left[source, account] = budget.available(now)
    begun, waits = affordable(settings, now, asked, left)
    if waits:
        WaitingDays(state_of(settings.home)).add((feed, one.window) for one in waits for feed in one.feeds)
    return begun


def backlogs_now(settings: Settings, now: datetime) -> list[Backlog]:
    """What waits for a call budget at `now`, and how long it will; `StoreError` if that cannot be told."""
    if not _counted(settings):
        return []
    waiting = WaitingDays(state_of(settings.home)).all()
    return backlogs(settings, now, due_now(settings, now), _known(waiting)) if waiting else []


def waiting_now(settings: Settings) -> set[date]:
    """The days that some feed waits with for its account's call budget."""
    return {day for days in _waiting(settings).values() for day in days}


def names_due_now(settings: Settings, now: datetime) -> set[Account]:
    """The accounts whose ids' names a tick at `now` also reads: each once a day."""
    accounts = set(named(settings))
    try:
        return names_due(snapshots_of(settings.home).current()[1], accounts, now)
    except NothingPublished:
        return accounts


def _waiting(settings: Settings) -> dict[Feed, set[date]]:
    """The days that wait; none where no account's calls are counted, or the state database cannot tell."""
    waiting: dict[Feed, set[date]] = {}
    with _state_may_fail():
        if _counted(settings):
            waiting = WaitingDays(state_of(settings.home)).all()
    return _known(waiting)


def _known(waiting: Mapping[Feed, set[date]]) -> dict[Feed, set[date]]:
    """Without sources that this version does not have."""
    return {feed: days for feed, days in waiting.items() if feed[0] in SOURCES}


def _counted(settings: Settings) -> bool:
    """Whether some account that is read has its calls counted."""
    return any(SOURCES[source].endpoint(settings, account).calls_per_hour for source, account in feeds_asked(settings))


@contextmanager
def _state_may_fail() -> Iterator[None]:
    """Go on without the state database: it is told by `/status`, and those whose calls are counted fail alone."""
    try:
        yield
    except StoreError as error:
        log.warning("state.unusable", error=str(error))
