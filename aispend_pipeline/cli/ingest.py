"""`aispend ingest`."""

from collections.abc import Sequence
from datetime import date

import dagster as dg

from aispend_pipeline import money
from aispend_pipeline.assets import in_process
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.schedules import steps, windows_due
from aispend_pipeline.cli import screen
from aispend_pipeline.errors import UsageError
from aispend_pipeline.ingest import DAYS_A_RUN, start_date
from aispend_pipeline.model import CoverageState, FetchState, Window
from aispend_pipeline.sources import SOURCES
from aispend_pipeline.warehouse import Snapshots, reads

# Quarantined records of a window that are printed; all are in the table `quarantine`.
SHOWN = 5


def ingest(first: str | None, last: str | None, sources: Sequence[str]) -> int:
    """Run what is due, or the asked days, and say what came of it; the exit code."""
    installation = Installation(screen.load_settings())
    settings, now = installation.settings, installation.clock.now()
    screen.refuse_demo(settings)
    unknown = set(sources) - set(SOURCES)
    if unknown:
        raise UsageError(f"--source {min(unknown)!r} is none of {', '.join(SOURCES)}")
    if first or last:
        asked = screen.asked_window(first, last, now.date(), start_date(settings, now.date()))
        windows = list(asked.pieces(DAYS_A_RUN))
    else:
        windows = windows_due(settings, now)
    return run_windows(installation, windows, sources)


def run_windows(installation: Installation, windows: Sequence[Window], sources: Sequence[str] = ()) -> int:
    """Read and add up each window, whatever became of the one before; 1 if anything is not whole."""
    asked = steps(installation.settings, sources)
    if not asked:
        raise UsageError("no provider to read: set OPENAI_API_KEY to an admin key of your organisation")
    installation.warehouse.publish()
    whole = True
    with (
        screen.progress() as progress,
        in_process.instance_of(installation.settings) as instance,
    ):
        for window in windows:
            progress.say(f"reading {window}")
            whole &= _run_window(instance, installation, asked, window, installation.clock.now().date())
    return 0 if whole else 1


def _run_window(
    instance: dg.DagsterInstance,
    installation: Installation,
    asked: dict[str, list[dg.AssetKey]],
    window: Window,
    today: date,
) -> bool:
    fetched, added_up = (
        in_process.run_range(instance, installation, "hourly_ingest", keys, window) for keys in asked.values()
    )
    _, cursor = Snapshots(installation.settings.home).current()
    lines = reads.fetches_of(cursor, fetched.run_id)
    for line in lines:
        told = (
            f"{line.pages} pages, {money.on_screen(line.usd)} USD" if line.state is FetchState.COMPLETE else line.error
        )
        print(f"{line.source} {line.account} {line.window}: {line.state}: {told}")
    gaps = [gap for gap in reads.not_whole(cursor, window) if (gap.state, gap.day) != (CoverageState.NOT_DUE, today)]
    for gap in gaps:
        if gap.state is not CoverageState.FAILED:
            print(f"{gap.source} {gap.account} {gap.day}: {gap.state}: {_why(gap.detail)}")
    for account, changed, model, was, now_is in reads.restatements_of(cursor, fetched.run_id):
        figures = f"was {money.text(was)}, is {money.text(now_is)} USD"
        print(f"{account} {changed}: restated: {model or 'unknown'} {figures}")
    for account, shown_on, reason, record in reads.quarantined_in(cursor, window)[:SHOWN]:
        print(f"{account} {shown_on}: {reason}: {record[:160]}")
    for day in reads.disagreeing(cursor, window):
        print(f"{day.source} {day.account} {day.day}: {_apart(day.detail)}")
    failed = [line for line in lines if line.state is FetchState.FAILED]
    for error in [*([] if failed else fetched.errors), *added_up.errors]:
        print(f"{window}: failed: {error}")
    return not (gaps or failed or fetched.errors or added_up.errors)


def _apart(detail: dict[str, object]) -> str:
    rows, control = detail["rows_usd"], detail["control_usd"]
    return f"the rows add up to {rows} USD, the provider's own sum is {control} USD; accepted for now, and read again"


def _why(detail: dict[str, object]) -> str:
    if "quarantined" in detail:
        return f"{detail['quarantined']} of its records cannot be understood and are kept apart"
    return str(detail.get("reason", "not known yet"))
