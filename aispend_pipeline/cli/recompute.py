"""`aispend recompute`."""

from collections.abc import Iterator
from typing import NamedTuple

import orjson

from aispend_pipeline import money
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.cli import screen
from aispend_pipeline.cli.pace import Pace
from aispend_pipeline.due import DAYS_A_RUN, start_date
from aispend_pipeline.errors import NothingPublished, UsageError
from aispend_pipeline.model import Window
from aispend_pipeline.recompute import making
from aispend_pipeline.recompute.on_dagster import days_made
from aispend_pipeline.rollup.add_up import Outcome

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
    made = []
    pace = Pace(installation.clock, len([*asked.days()]), "days")
    with screen.progress() as progress:
        progress.follow(pace)
        progress.say(f"adding up {asked}")
        for one in _differences(installation, asked) if dry_run else _made(installation, asked):
            made.append(one)
            pace.did(len([*one.outcome.window.days()]))
            if output == "text":
                _tell(one)
    if output == "json":
        told = making.told(asked, [one.outcome for one in made])
        print(orjson.dumps({**told, "errors": [line for one in made for line in one.errors]}).decode())
    return 1 if any(one.outcome.not_remade or one.errors for one in made) else 0


def _differences(installation: Installation, asked: Window) -> Iterator[Made]:
    for outcome in making.differences(installation.settings, installation.clock, [asked]):
        yield Made(outcome, [])


def _made(installation: Installation, asked: Window) -> Iterator[Made]:
    with days_made(installation) as make:
        for window in asked.pieces(DAYS_A_RUN):
            yield Made(*make(window, None, None))


def _tell(made: Made) -> None:
    changes = made.outcome.changes
    print(f"{made.outcome.window}: {len(changes) or 'no'} changes")
    for change in changes:
        was, now = money.text(change.was_usd), money.text(change.is_usd)
        print(f"  {change.day} {change.source} {change.account} {change.model or 'unknown'}: was {was}, is {now} USD")
    for problem in [*made.outcome.not_remade, *made.errors]:
        print(f"  {problem}")
