"""What commands share on the screen: settings with their warnings, days, tables, progress."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from aispend_pipeline.errors import UsageError
from aispend_pipeline.model import GRID_START, Window, parse_day
from aispend_pipeline.settings import Settings

# Restatements, and ranges of days, that are printed.
SHOWN = 5
# Spaces between two columns.
BETWEEN = 2
# A column of names is folded to this and no further.
NARROWEST_NAME = 12


def load_settings() -> Settings:
    """The settings; each warning on standard error."""
    settings = Settings.load()
    for warning in settings.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    return settings


DEMO_MARK = "this-is-a-demo"


def is_demo(settings: Settings) -> bool:
    """Whether the home is a demo's; of one that cannot be looked into others say what is wrong."""
    with suppress(OSError):
        return (settings.home / DEMO_MARK).exists()
    return False


def of_a_demo(settings: Settings) -> str:
    """Why a demo's home cannot be held against the settings here."""
    return f"{settings.home}: is a demo's, whose caps and keys are in its own process"


def refuse_demo(settings: Settings) -> None:
    """`UsageError` where a real bill would be added to a demo's."""
    if is_demo(settings):
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
    made = blank(title)
    for name in names:
        add_column(made, name)
    for name in numbers:
        add_column(made, name, number=True)
    return made


def blank(title: str) -> Table:
    """A table without a column."""
    if not sys.stdout.isatty():
        return Table(title=title, box=None)
    return Table(title=title, box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, BETWEEN - 1, 0, 0))


def add_column(to: Table, name: str, *, number: bool = False) -> None:
    """Another column of names, or of numbers."""
    if number:
        to.add_column(name, justify="right", no_wrap=True)
    else:
        to.add_column(name, overflow="fold")


def show(made: Table) -> None:
    """Print a table, or its rows as lines of their own where it is too wide for the terminal: no number is ever cut."""
    out = console()
    if made.title:
        out.print(made.title, highlight=False)
        made.title = None
    if not out.is_terminal:
        out.width = max(out.width, sum(_longest(made)) + BETWEEN * len(made.columns))
    if _narrowest(made) <= out.width:
        out.print(made)
        return
    for cells in zip(*(column.cells for column in made.columns), strict=True):
        out.print()
        for column, cell in zip(made.columns, cells, strict=True):
            if cell:
                say(f"{column.header}: {cell}")
    out.print()


def fits(made: Table) -> bool:
    """Whether it is shown as a table, without a name that is folded."""
    out = console()
    return not out.is_terminal or sum(_longest(made)) + BETWEEN * (len(made.columns) - 1) <= out.width


def _narrowest(made: Table) -> int:
    """The least columns of a terminal that a table needs, with its names folded."""
    kept = [n if c.no_wrap else min(n, NARROWEST_NAME) for n, c in zip(_longest(made), made.columns, strict=True)]
    return sum(kept) + BETWEEN * (len(kept) - 1)


def _longest(made: Table) -> list[int]:
    return [max(cell_len(str(cell)) for cell in (column.header, *column.cells)) for column in made.columns]


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
    """What is going on and how far it is, looked at again with every turn of the spinner before it."""

    def __init__(self) -> None:
        self._what = "starting"
        self._far: object = None

    def say(self, text: str) -> None:
        """Say what is going on from now on."""
        self._what = text

    def follow(self, far: object) -> None:
        """Say from now on how far it is: what this spells whenever it is asked."""
        self._far = far

    def __rich__(self) -> Text:
        return Text(self._what if self._far is None else f"{self._what}: {self._far}")


@contextmanager
def progress() -> Iterator[Progress]:
    """A `Progress` for a block, shown on a terminal's standard error and nowhere else.

    It writes to a descriptor of its own: Dagster redirects the usual ones.
    """
    told = Progress()
    if not sys.stderr.isatty():
        yield told
        return
    with os.fdopen(os.dup(2), "w") as stream, Console(file=stream).status(told):
        yield told
