"""Can the home be used? Nothing is made in it but the folder itself, and no lock of a writer is needed."""

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from aispend_pipeline.caps.known import newest
from aispend_pipeline.doctor.findings import Finding, Level
from aispend_pipeline.errors import NothingPublished, StoreError, Trouble
from aispend_pipeline.health import stores
from aispend_pipeline.health.totals import shortfall
from aispend_pipeline.settings import Settings
from aispend_pipeline.state.database import state_of
from aispend_pipeline.warehouse import folder

_ABOUT = "home"
_GIB = 1024**3
# The warehouse is copied whole at each publishing, so that room for some copies is needed.
LEAST_FREE = 1 * _GIB


def examine(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Folder, free space, every store, and whether all is still there; only the first where that fails."""
    home = settings.home
    try:
        folder.prepare(home)
        yield _free_space(home)
    except StoreError as error:
        yield Finding(Level.FAIL, _ABOUT, str(error))
        return
    except OSError as error:
        yield Finding(Level.FAIL, _ABOUT, f"{home}: {error.strerror}; set AISPEND_HOME to another folder")
        return
    yield _found(lambda: _state(home))
    yield _found(lambda: _warehouse(home, now))
    yield from _figures(home)
    yield _found(lambda: _dagster(settings))


def _found(look: Callable[[], str]) -> Finding:
    try:
        return Finding(Level.OK, _ABOUT, look())
    except StoreError as error:
        if error.trouble is Trouble.NOT_MADE:
            return Finding(Level.OK, _ABOUT, str(error))
        return Finding(Level.FAIL, _ABOUT, str(error))
    except OSError as error:
        return Finding(Level.FAIL, _ABOUT, str(error))


def _free_space(home: Path) -> Finding:
    free = shutil.disk_usage(home).free
    text = f"{home}: can be written, {free / _GIB:.1f} GiB free"
    if free < LEAST_FREE:
        return Finding(Level.NOTE, _ABOUT, f"{text}; free some space, or set AISPEND_HOME to another disk")
    return Finding(Level.OK, _ABOUT, text)


def _state(home: Path) -> str:
    """Open the state database if there is one."""
    stores.look_at_state(home)
    with state_of(home).transaction():
        return "the state database opens"


def _warehouse(home: Path, now: datetime) -> str:
    """Look at the warehouse's first bytes: opening it would get in a writer's way."""
    stores.look_at_warehouse(home, now)
    return "the warehouse is there"


def _dagster(settings: Settings) -> str:
    stores.look_at_dagster(settings)
    return "Dagster's storage opens"


def _figures(home: Path) -> Iterator[Finding]:
    """Read from the newest snapshot, and whether all that was read is still in it."""
    try:
        stores.look_at_snapshot(home)
        with newest(home) as (published, cursor):
            lacking = shortfall(cursor)
    except NothingPublished as error:
        made = error.trouble is not Trouble.NOT_MADE
        told = str(error) if made else "nothing was read yet; the next step is: aispend ingest, or aispend up"
        yield Finding(Level.FAIL if made else Level.OK, _ABOUT, told)
    except (StoreError, OSError) as error:
        yield Finding(Level.FAIL, _ABOUT, str(error))
    else:
        yield Finding(Level.OK, _ABOUT, f"the figures can be read, as of {published.at}")
        yield from (Finding(Level.FAIL, _ABOUT, line) for line in lacking)
