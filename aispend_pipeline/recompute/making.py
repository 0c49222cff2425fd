"""Makes days again, a month at a time, or says what would change; and how that is told."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from aispend_pipeline import money
from aispend_pipeline.clock import Clock
from aispend_pipeline.due import DAYS_A_RUN
from aispend_pipeline.model import Window
from aispend_pipeline.rollup.add_up import Change, Outcome, add_up
from aispend_pipeline.settings import Settings
from aispend_pipeline.warehouse import Warehouse

# A dry run holds the writer's lock, and waits for it no longer than a person does.
DRY_RUN_WAITS_SECONDS = 20.0


def differences(
    settings: Settings, clock: Clock, windows: Iterable[Window], patience: float = DRY_RUN_WAITS_SECONDS
) -> Iterator[Outcome]:
    """What would become of `windows`, piece by piece; nothing is changed.

    Raises `StoreBusy` where another process writes for longer than `patience` seconds, `AssertionFailed` where adding
    up would fail.
    """
    warehouse = Warehouse(settings.home, clock)
    calibrated = settings.calibrate_estimates
    for piece in (piece for window in windows for piece in window.pieces(DAYS_A_RUN)):
        yield add_up(warehouse, piece, clock, dry_run=True, calibrated=calibrated, patience=patience)


def told(window: Window, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What changed, or would, as JSON has it: USD as exact text, and a line for each answer whose rows are kept."""
    return {
        "from": str(window.first),
        "to": str(window.last),
        "changes": [_shown(change) for outcome in outcomes for change in outcome.changes],
        "not_remade": [line for outcome in outcomes for line in outcome.not_remade],
    }


def _shown(change: Change) -> dict[str, str | None]:
    return {
        "day": str(change.day),
        "source": change.source,
        "account": change.account,
        "provider": change.provider,
        "model": change.model,
        "was_usd": money.text(change.was_usd),
        "is_usd": money.text(change.is_usd),
    }
