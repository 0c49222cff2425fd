"""`aispend recompute`."""

from collections.abc import Sequence

from dagster import DagsterInstance

from aispend_pipeline import money
from aispend_pipeline.assets import in_process
from aispend_pipeline.assets.grid import range_tags
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.spend import ADDED_UP
from aispend_pipeline.cli import screen
from aispend_pipeline.due import DAYS_A_RUN, start_date
from aispend_pipeline.errors import NothingPublished
from aispend_pipeline.model import Window
from aispend_pipeline.rollup.add_up import Change, Outcome, add_up


def recompute(first: str | None, last: str | None, dry_run: bool) -> int:
    """Make rows and sums again from stored pages, or say what would change; 1 if something kept its old rows."""
    installation = Installation(screen.load_settings())
    today = installation.clock.now().date()
    asked = screen.asked_window(first, last, today, start_date(installation.settings, today))
    if not installation.warehouse.file.exists():
        raise NothingPublished(f"{installation.settings.home}: nothing was read yet; run: aispend ingest")
    whole = True
    with screen.progress() as progress, in_process.instance_of(installation.settings) as instance:
        for window in asked.pieces(DAYS_A_RUN):
            progress.say(f"adding up {window}")
            outcome, errors = _add_up(instance, installation, window, dry_run)
            _tell(window, outcome.changes, [*outcome.not_remade, *errors])
            whole &= not (outcome.not_remade or errors)
    return 0 if whole else 1


def _add_up(
    instance: DagsterInstance, installation: Installation, window: Window, dry_run: bool
) -> tuple[Outcome, list[str]]:
    if dry_run:
        calibrated = installation.settings.calibrate_estimates
        return add_up(installation.warehouse, window, installation.clock, dry_run=True, calibrated=calibrated), []
    installation.outcomes.clear()
    errors = in_process.run_here(instance, installation, "recompute", ADDED_UP, range_tags(window)).errors
    return (installation.outcomes or [Outcome(window)])[0], errors


def _tell(window: Window, changes: Sequence[Change], problems: Sequence[str]) -> None:
    print(f"{window}: {len(changes) or 'no'} changes")
    for change in changes:
        was, now = money.text(change.was_usd), money.text(change.is_usd)
        print(f"  {change.day} {change.source} {change.account} {change.model or 'unknown'}: was {was}, is {now} USD")
    for problem in problems:
        print(f"  {problem}")
