"""`aispend ingest`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date

import dagster as dg
import duckdb

from aispend_pipeline import log, money
from aispend_pipeline.assets import in_process, retention
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.schedules import BUDGETS_STEP, NAMES_STEP, Step, steps
from aispend_pipeline.assets.spend import NEVER_READ
from aispend_pipeline.budgets.kept import attempts
from aispend_pipeline.budgets.model import SOURCE as BUDGETS
from aispend_pipeline.cli import screen
from aispend_pipeline.cli.pace import Reading
from aispend_pipeline.due import DAYS_A_RUN, Due, again, start_date
from aispend_pipeline.errors import ENDS_THE_ACCOUNT, ErrorClass, UsageError
from aispend_pipeline.model import CoverageState, Feed, FetchState, Window, windows_of
from aispend_pipeline.names.kept import names_read
from aispend_pipeline.settings import KEY_SETTINGS, Settings
from aispend_pipeline.sources import SOURCES
from aispend_pipeline.tick import backlogs_now, begun_now, due_now, feeds_asked, names_due_now
from aispend_pipeline.warehouse import coverage, runs, snapshots_of

# What can be read alone.
KNOWN = (*SOURCES, BUDGETS)
# Quarantined records of a window that are printed; all are in the table `quarantine`.
SHOWN = 5


def ingest(first: str | None, last: str | None, sources: Sequence[str]) -> int:
    """Run what is due, or the asked days, and say what came of it; the exit code."""
    installation = Installation(screen.load_settings())
    settings, now = installation.settings, installation.clock.now()
    screen.refuse_demo(settings)
    if unknown := set(sources) - {*KNOWN}:
        raise UsageError(f"--source {min(unknown)!r} is none of {', '.join(KNOWN)}")
    feeds = tuple(feeds_asked(settings, sources))
    budgets = bool(settings.budgets()) and (not sources or BUDGETS in sources)
    if not feeds and not budgets:
        raise UsageError(_NO_PROVIDER)
    if not (first or last):
        installation.warehouse.publish_if_outdated()
        asked = due_now(settings, now, sources) if feeds else []
        return run(installation, asked, names=not sources and bool(names_due_now(settings, now)), budgets=budgets)
    if not feeds:
        raise UsageError("budgets are of no day: leave --from and --to out")
    window = screen.asked_window(first, last, now.date(), start_date(settings, now.date()))
    return run(installation, [Due(piece, feeds) for piece in window.pieces(DAYS_A_RUN)], names=False)


_NO_PROVIDER = f"no provider to read: set {KEY_SETTINGS}, as the README says"


def run(installation: Installation, asked: Sequence[Due], *, names: bool, budgets: bool = False) -> int:
    """Read and add up what is due, and budgets, whatever became of the one before; 1 if anything is not whole.

    The names, where they are due too, come last: no figure depends on them, and so neither does the exit code.
    """
    installation.warehouse.publish()
    asked = begun_now(installation.settings, installation.clock.now(), asked)
    whole = True
    with (
        _failures_told(installation.settings) as failures,
        screen.progress() as progress,
        in_process.instance_of(installation.settings) as instance,
        _followed(progress, Reading(installation.settings, installation.clock, asked)),
    ):
        for number, due in enumerate(asked, start=1):
            of = f" ({number} of {len(asked)})" if len(asked) > 1 else ""
            worth_asking = failures.without_the_unreached(due)
            if worth_asking.feeds or not due.feeds:
                whole &= _run_window(instance, installation, worth_asking, progress, of, failures)
        for due in again(asked, installation.clock.now().date()):
            progress.say(f"adding up {due.window}")
            errors = [error for step in steps(due) for error in _run(instance, installation, step).errors]
            for error in (error for error in errors if not failures.explain(error)):
                print(f"{due.window}: failed: {error}")
                whole = False
        if budgets:
            progress.say("reading budgets")
            whole &= _run_budgets(instance, installation)
        if names and names_due_now(installation.settings, installation.clock.now()):
            progress.say("reading names")
            _run_names(instance, installation)
        if retention.is_due(instance, installation):
            progress.say("deleting what is old")
            in_process.run_here(instance, installation, retention.retention_job.name, [], {})
    return 0 if _tell_what_waits(installation) and whole else 1


# Whoever could not be reached, or refused the key, would do so again a moment later.
_LASTING = ENDS_THE_ACCOUNT - {ErrorClass.RATE_LIMITED, ErrorClass.OUT_OF_TIME, ErrorClass.OUT_OF_BUDGET}


class _Failures:
    """What could not be read: by feed and error the windows that it befell, and what was not asked for after that."""

    def __init__(self) -> None:
        self.windows: dict[tuple[Feed, str], list[Window]] = {}
        self._not_asked: dict[Feed, list[Window]] = {}

    def hear(self, lines: Sequence[runs.FetchLine]) -> None:
        """Note what became of some due days: a feed of which nothing was read is not asked for other days."""
        failed = [line for line in lines if line.state is FetchState.FAILED]
        read = {(line.source, line.account) for line in lines if line not in failed}
        for line in failed:
            feed, error = (line.source, line.account), str(line.error)
            self.windows.setdefault((feed, error), []).append(line.window)
            if line.error_class in _LASTING and feed not in read:
                self._not_asked.setdefault(feed, [])

    def without_the_unreached(self, due: Due) -> Due:
        """`due` as far as there is a point in asking."""
        for feed in due.feeds:
            if feed in self._not_asked:
                self._not_asked[feed].append(due.window)
        return Due(due.window, tuple(feed for feed in due.feeds if feed not in self._not_asked))

    def explain(self, error: str) -> bool:
        """Whether a step only failed because of them: there are days of which nothing is known."""
        return bool(self.windows) and NEVER_READ in error

    def __str__(self) -> str:
        """A line for each feed and what became of which days."""
        failed = [(feed, of, f"failed: {error}") for (feed, error), of in self.windows.items()]
        left = [(feed, of, "not asked for: it would fail of the same") for feed, of in self._not_asked.items() if of]
        return "\n".join(f"{' '.join(feed)} {_days_of(of)}: {what}" for feed, of, what in [*failed, *left])


def _days_of(windows: Sequence[Window]) -> str:
    return screen.ranges(windows_of({day for window in windows for day in window.days()}))


@contextmanager
def _failures_told(settings: Settings) -> Iterator[_Failures]:
    """Take what failed in the block, and say each error of an account once, with all its days; and what to do then."""
    failures = _Failures()
    try:
        yield failures
    finally:
        if failures.windows:
            print(failures)
        if failures.windows and not screen.is_demo(settings):
            print("not all could be read; run: aispend doctor")


@contextmanager
def _followed(progress: screen.Progress, reading: Reading) -> Iterator[None]:
    """Say how far reading is with every page that comes in the block, and every call that fails."""

    def heard(event: str) -> None:
        name, *fields = event.split(maxsplit=3)
        if name == "page.read":
            reading.page(*fields[:2])
        elif name == "attempt.failed":
            reading.failed(fields[0])

    progress.follow(reading)
    with log.listened(heard):
        yield


def _tell_what_waits(installation: Installation) -> bool:
    """Say which days wait for a call budget, and how long they will; true if none does."""
    waits = backlogs_now(installation.settings, installation.clock.now())
    for backlog in waits:
        print(backlog)
    return not waits


def _run(instance: dg.DagsterInstance, installation: Installation, step: Step) -> in_process.Run:
    return in_process.run_here(instance, installation, "hourly_ingest", step.keys, step.tags)


def _run_budgets(instance: dg.DagsterInstance, installation: Installation) -> bool:
    """Read the budgets of all accounts and say what could not be; true if all was."""
    _run(instance, installation, BUDGETS_STEP)
    names = [account.name for account in installation.settings.budgets()]
    read = attempts(snapshots_of(installation.settings.home).current()[1], names)
    for account in read:
        print(f"{BUDGETS} {account.account}: {account.error or 'read'}")
    return len(read) == len(names) and not any(account.error for account in read)


def _run_names(instance: dg.DagsterInstance, installation: Installation) -> None:
    _run(instance, installation, NAMES_STEP)
    for account in names_read(snapshots_of(installation.settings.home).current()[1]):
        if account.error:
            print(f"names {account.provider} {account.account}: {account.error}")


def _run_window(
    instance: dg.DagsterInstance,
    installation: Installation,
    due: Due,
    progress: screen.Progress,
    of: str,
    failures: _Failures,
) -> bool:
    """Run the steps of some due days, `of` so many, and say what came of them; true if all is whole.

    What could not be read is told to `failures`, and not said yet.
    """
    installation.outcomes.clear()
    asked, done = steps(due), []
    for step in asked:
        progress.say(f"{step.key}{of}")
        done.append(_run(instance, installation, step))
    kept = [line for outcome in installation.outcomes[-1:] for line in outcome.not_remade]
    _, cursor = snapshots_of(installation.settings.home).current()
    read = [run for step, run in zip(asked, done, strict=True) if step.reads]
    lines = runs.fetches_of(cursor, [run.run_id for run in read])
    refused = [line for line in lines if line.state is FetchState.FAILED]
    failures.hear(lines)
    for line in lines:
        if line not in refused:
            print(f"{line.source} {line.account} {line.window}: {line.state}: {_told(line)}")
    whole = _tell_days(cursor, due.window, installation.clock.now().date())
    _tell_changes(cursor, [run.run_id for run in read])
    told = read if refused else []  # what a failed step says, its fetches say
    errors = [error for run in done if run not in told for error in run.errors if not failures.explain(error)]
    for error in [*errors, *kept]:
        print(f"{due.window}: failed: {error}")
    return whole and not (refused or kept or errors)


def _tell_days(cursor: duckdb.DuckDBPyConnection, window: Window, today: date) -> bool:
    """Say which days are not whole, and why; true if none is but the running one that is not known yet."""
    gaps = [gap for gap in coverage.not_whole(cursor, window) if (gap.state, gap.day) != (CoverageState.NOT_DUE, today)]
    for gap in gaps:
        if gap.state is not CoverageState.FAILED:
            print(f"{gap.source} {gap.account} {gap.day}: {gap.state}: {_why(gap.detail)}")
    for source, account, shown_on, reason, record in runs.quarantined_in(cursor, window)[:SHOWN]:
        print(f"{source} {account} {shown_on}: {reason}: {record[:160]}")
    for day in coverage.disagreeing(cursor, window):
        print(f"{day.source} {day.account} {day.day}: {_apart(day.detail)}")
    return not gaps


def _tell_changes(cursor: duckdb.DuckDBPyConnection, run_ids: Sequence[str]) -> None:
    for source, account, changed, model, was, now_is in runs.restatements_of(cursor, run_ids):
        figures = f"was {money.text(was)}, is {money.text(now_is)} USD"
        print(f"{source} {account} {changed}: restated: {model or 'unknown'} {figures}")


def _told(line: runs.FetchLine) -> str:
    return f"{line.pages} pages" if line.usd is None else f"{line.pages} pages, {money.on_screen(line.usd)} USD"


def _apart(detail: dict[str, object]) -> str:
    rows, control = detail["rows_usd"], detail["control_usd"]
    return f"the rows add up to {rows} USD, the provider's own sum is {control} USD; accepted for now, and read again"


def _why(detail: dict[str, object]) -> str:
    if "quarantined" in detail:
        return f"{detail['quarantined']} of its records cannot be understood and are kept apart"
    return str(detail.get("reason", "not known yet"))
