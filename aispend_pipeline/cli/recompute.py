"""`aispend recompute`."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import orjson

from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.cli import screen
from aispend_pipeline.cli.pace import Pace
from aispend_pipeline.due import DAYS_A_RUN, start_date
from aispend_pipeline.errors import NothingPublished, UsageError
from aispend_pipeline.model import Window, windows_of
from aispend_pipeline.recompute import making
from aispend_pipeline.recompute.days import days_of
from aispend_pipeline.recompute.on_dagster import days_made
from aispend_pipeline.rollup.add_up import Outcome
from aispend_pipeline.warehouse import snapshots_of

FORMATS = ("text", "json")


class Made(NamedTuple):
    """What came of some days, and a line for each step that failed."""

    outcome: Outcome
    errors: list[str]


def recompute(first: str | None, last: str | None, dry_run: bool, output: str) -> int:
    """Make rows and sums again from stored pages, or say what would change; 1 if something kept its old rows."""
    if output not in FORMATS:
        raise UsageError(f"--format {output!r} is not one of {', '.join(FORMATS)}")
    installation = Installation(screen.load_settings())
    today = installation.clock.now().date()
    asked = screen.asked_window(first, last, today, start_date(installation.settings, today))
    if not installation.warehouse.file.exists():
        raise NothingPublished(f"{installation.settings.home}: nothing was read yet; run: aispend ingest")
    windows = _that_were_read(installation, asked, explicit=bool(first or last))
    made = []
    pace = Pace(installation.clock, sum(len([*window.days()]) for window in windows), "days")
    with screen.progress() as progress:
        progress.follow(pace)
        progress.say(f"adding up {asked}")
        for one in _differences(installation, windows) if dry_run else _made(installation, windows):
            made.append(one)
            pace.did(len([*one.outcome.window.days()]))
            if output == "text":
                _tell(one)
    if output == "json":
        told = making.told(asked, [one.outcome for one in made])
        print(orjson.dumps({**told, "errors": [line for one in made for line in one.errors]}).decode())
    return 1 if any(one.outcome.not_remade or one.errors for one in made) else 0


def _that_were_read(installation: Installation, asked: Window, *, explicit: bool) -> list[Window]:
    """The days of `asked` without those that were never read; `UsageError` where just these were asked for."""
    try:
        _, cursor = snapshots_of(installation.settings.home).current()
    except NothingPublished:  # a restored home, say: what was read is in the warehouse alone
        return [asked]
    days = days_of(cursor, asked)._replace(expired=())
    read = windows_of(day for day in asked.days() if not any(day in window for window in days.unread))
    if days.unread and (explicit or not read):
        remedy = f"aispend ingest --from {asked.first} --to {asked.last}"
        raise UsageError(f"{days.refusal()}; nothing was begun; to read them, run: {remedy}")
    return read


def _differences(installation: Installation, windows: Sequence[Window]) -> Iterator[Made]:
    for outcome in making.differences(installation.settings, installation.clock, windows):
        yield Made(outcome, [])


def _made(installation: Installation, windows: Sequence[Window]) -> Iterator[Made]:
    with days_made(installation) as make:
        for piece in (piece for window in windows for piece in window.pieces(DAYS_A_RUN)):
            yield Made(*make(piece, None, None))


def _tell(made: Made) -> None:
    changes = made.outcome.changes
    print(f"{made.outcome.window}: {len(changes) or 'no'} changes")
    for change in changes:
        print(f"  {change}")
    for problem in [*made.outcome.not_remade, *made.errors]:
        print(f"  {problem}")
