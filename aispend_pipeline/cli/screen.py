"""What commands share on the screen: settings with their warnings, days, tables, progress."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date

from rich.box import HEAVY_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.status import Status
from rich.table import Table

from aispend_pipeline import log
from aispend_pipeline.errors import UsageError
from aispend_pipeline.model import GRID_START, Window, parse_day
from aispend_pipeline.settings import Settings

# Restatements, and ranges of days, that are printed.
SHOWN = 5
# A column of names is folded to this and no further.
NARROWEST_NAME = 12


def load_settings() -> Settings:
    """The settings; each warning on standard error."""
    settings = Settings.load()
    for warning in settings.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    return settings


DEMO_MARK = "this-is-a-demo"


def refuse_demo(settings: Settings) -> None:
    """`UsageError` where a real bill would be added to a demo's."""
    if (settings.home / DEMO_MARK).exists():
        raise UsageError(f"{settings.home}: holds a demo's simulated bill; set AISPEND_HOME to another folder")


def asked_window(first: str | None, last: str | None, today: date, default_first: date | None = None) -> Window:
    """The days that `--from` and `--to` name; `UsageError` when they make no sense.

    Without `--from` they begin at `default_first`, or with the month of the last day.
    """
    end = _day("--to", last) if last else today
    start = _day("--from", first) if first else min(default_first or end.replace(day=1), end)
    if end < start:
        raise UsageError(f"--from {start} is after --to {end}")
    if end > today:
        raise UsageError(f"--to {end} is after today, {today} (UTC)")
    if start < GRID_START:
        raise UsageError(f"--from {start} is before {GRID_START}, the first day there is")
    return Window(start, end)


def _day(option: str, text: str) -> date:
    try:
        return parse_day(text)
    except ValueError as error:
        raise UsageError(f"{option} {text!r} {error}, for example {option} 2026-11-01") from None


def table(title: str, names: Sequence[str], numbers: Sequence[str]) -> Table:
    """An empty table whose names may fold and whose numbers never do; without lines when nobody watches."""
    made = Table(title=title, box=HEAVY_HEAD if sys.stdout.isatty() else None)
    for name in names:
        made.add_column(name, overflow="fold")
    for name in numbers:
        made.add_column(name, justify="right", no_wrap=True)
    return made


def show(made: Table) -> None:
    """Print a table, or its rows as lines of their own where it is too wide for the terminal: no number is ever cut."""
    out = console()
    if made.title:
        out.print(made.title, highlight=False)
        made.title = None
    if _width(made) <= out.width:
        out.print(made)
        return
    for cells in zip(*(column.cells for column in made.columns), strict=True):
        out.print()
        for column, cell in zip(made.columns, cells, strict=True):
            if cell:
                say(f"{column.header}: {cell}")
    out.print()


def _width(made: Table) -> int:
    """The least columns of a terminal that a table needs, with its names folded."""
    longest = [max(cell_len(str(cell)) for cell in (c.header, *c.cells)) for c in made.columns]
    kept = [n if c.no_wrap else min(n, NARROWEST_NAME) for n, c in zip(longest, made.columns, strict=True)]
    return sum(kept) + 3 * len(kept) + 1


def say(line: str) -> None:
    """Print a line of words, which a terminal that is too narrow gets whole; elsewhere it stays one line."""
    out = console()
    out.print(line, highlight=False, markup=False, soft_wrap=not out.is_terminal)


def ranges(windows: Sequence[Window]) -> str:
    """The first few runs of days, and whether there are more."""
    more = ", ..." if len(windows) > SHOWN else ""
    return ", ".join(str(window) for window in windows[:SHOWN]) + more


def console() -> Console:
    """Standard output; as wide as it likes when it is not a terminal."""
    return Console() if sys.stdout.isatty() else Console(width=240)


class Progress:
    """One line on a terminal's standard error that says what is going on; nothing elsewhere."""

    def __init__(self, status: Status | None) -> None:
        self._status = status

    def say(self, text: str) -> None:
        """Replace the line."""
        if self._status is not None:
            self._status.update(text)


@contextmanager
def progress() -> Iterator[Progress]:
    """A `Progress` for a block. It writes to a descriptor of its own: Dagster redirects the usual ones."""
    if not sys.stderr.isatty():
        yield Progress(None)
        return
    with os.fdopen(os.dup(2), "w") as stream, Console(file=stream).status("starting") as status:
        shown = Progress(status)
        with log.listened(shown.say):
            yield shown
