"""`aispend backup`: all that a restore needs, as two files; it may be made while everything runs."""

import shlex
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from aispend_pipeline.cli import screen
from aispend_pipeline.clock import SystemClock, utc_text
from aispend_pipeline.errors import StoreError, Trouble, UsageError
from aispend_pipeline.health.stores import look_at_state
from aispend_pipeline.state.database import REMEDY
from aispend_pipeline.state.trouble import unusable
from aispend_pipeline.warehouse import folder
from aispend_pipeline.warehouse.snapshots import Published, missing, readable

_TRIES = 5


def backup(to: Path) -> int:
    """Copy the newest snapshot and the state database into `to`, which is made, or empty; and say how it is restored.

    Raises `UsageError` where `to` holds anything, `NothingPublished` where there is nothing to be kept.
    """
    settings = screen.load_settings()
    screen.refuse_demo(settings)
    home = settings.home.absolute()
    readable(home)
    _prepare(to)
    figures, state = to / "warehouse.duckdb", to / "state.sqlite"
    with folder.told_of_trouble(to):
        published = _copy_figures(home, figures)
        _tell(figures, f"the figures of {home}, as of {published.at}")
        now = SystemClock().now()
        if _copy_state(home, state):
            _tell(state, f"what people were told, as of {utc_text(now)}")
        else:
            screen.say("no state.sqlite: nobody was told anything yet")
    kept = shlex.quote(str(to))
    screen.say(f"restore it: install -d -m 700 HOME && cp {kept}/* HOME && AISPEND_HOME=HOME aispend ingest")
    return 0


def _prepare(to: Path) -> None:
    """Make `to`, for its owner alone; `UsageError` if that cannot be, or it holds anything."""
    try:
        to.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(to.iterdir()):
            raise UsageError(f"{to}: holds something already; name a new folder, or an empty one")
    except OSError as error:
        raise UsageError(f"{to}: cannot be used ({error.strerror}); name another folder") from None


def _copy_figures(home: Path, to: Path) -> Published:
    """Copy the newest snapshot; of one that is removed meanwhile there is a newer one."""
    for _ in range(_TRIES):
        published = readable(home)
        try:
            source = (home / "snapshots" / published.file).open("rb")
        except FileNotFoundError:
            continue
        unfinished = _private(to)
        with source, unfinished.open("wb") as target:
            shutil.copyfileobj(source, target)
        folder.settle(unfinished, to)
        return published
    raise StoreError(missing(home), Trouble.MISSING)


def _copy_state(home: Path, to: Path) -> bool:
    """Copy the state database as it is at one instant, whoever writes to it; false if there is none yet."""
    try:
        look_at_state(home)
    except StoreError as error:
        if error.trouble is Trouble.NOT_MADE:
            return False
        raise
    file, unfinished = home / "state.sqlite", _private(to)
    try:
        there = f"{file.as_uri()}?mode=rw"  # it is not made where it is missing
        with closing(sqlite3.connect(there, uri=True)) as source, closing(sqlite3.connect(unfinished)) as target:
            source.backup(target)
    except sqlite3.DatabaseError as error:
        raise unusable(file, error, REMEDY) from None
    folder.settle(unfinished, to)
    return True


def _private(to: Path) -> Path:
    """A new file beside `to` that only its owner reads, to be written and then given that name."""
    unfinished = to.with_name(f".{to.name}.tmp")
    unfinished.touch(mode=0o600)
    return unfinished


def _tell(file: Path, what: str) -> None:
    screen.say(f"{file}: {file.stat().st_size:,} bytes, {what}")
