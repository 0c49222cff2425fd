"""The table of `aispend spend`: on a terminal as much as fits, dollars first; elsewhere every figure."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text

from aispend_pipeline import money
from aispend_pipeline.cli import marks, screen
from aispend_pipeline.cli.spend_lines import Line, all_together, by_day, of_days
from aispend_pipeline.warehouse import reads
from aispend_pipeline.warehouse.reads import Answer, Question

_TITLES = {
    "input_tokens": "input",
    "cached_input_tokens": "cached",
    "cache_write_tokens": "cache writes",
    "output_tokens": "output",
    "requests": "requests",
}
# The order in which columns of counts are left out where there is no room, the last one first.
_WANTED = ("input_tokens", "output_tokens", "requests", "cached_input_tokens", "cache_write_tokens")
# What is said of a key that cannot be told.
_UNTOLD = {reads.HOUR: "not by hour", "api_key": "unattributed"}
# A name is not wider than this where another column would not fit for it.
_NAME = 36
_FEWEST_DAYS, _MOST_DAYS = 7, 62


class Column(NamedTuple):
    """A column; `wanted` is 0 where it must be there, else the less, the higher."""

    title: str
    cells: Sequence[str | Text]
    number: bool = False
    wanted: int = 0

    @property
    def width(self) -> int:
        """Of its cells, and of the space to the next."""
        longest = max(cell_len(str(cell)) for cell in (self.title, *self.cells))
        return (longest if self.number else min(longest, _NAME)) + screen.BETWEEN


def show(question: Question, answer: Answer, title: str, daily: Answer | None, today: date) -> None:
    """Print it; on a terminal with a mark for each day if there is room: `daily` has the same groups by day."""
    out = screen.console()
    unicode = not out.options.ascii_only
    lines = of_days(question, answer) if _is_daily(question) else [Line(row.keys, row) for row in answer.rows]
    found, below = _columns(question, answer, lines), []
    if out.is_terminal and _is_daily(question):
        found.append(_levels(lines, unicode=unicode, today=today))
    elif out.is_terminal and daily is not None:
        room = out.width - sum(column.width for column in found if not column.wanted)
        every = [*question.window.days()]
        days = every[-max(min(room, _MOST_DAYS), 1) :]
        if len(days) >= min(_FEWEST_DAYS, len(every)):
            column, legend = _sparks(answer, daily, days, unicode=unicode, today=today)
            found.append(column)
            below.append(legend)
    shown = _fitting(found, out.width) if out.is_terminal else found
    _print(title, shown, total=bool(question.group_by) and bool(lines))
    if left_out := [column.title for column in found if column not in shown]:
        below.append(f"not shown in {out.width} columns: {', '.join(left_out)}")
    for line in below:
        screen.say(line)


def _is_daily(question: Question) -> bool:
    return "day" in question.group_by and reads.HOUR not in question.group_by


def _fitting(found: Sequence[Column], room: int) -> list[Column]:
    """Those that must be there, and of the others what still fits, the most wanted first."""
    shown = [column for column in found if not column.wanted]
    for column in sorted((column for column in found if column.wanted), key=lambda column: column.wanted):
        if sum(one.width for one in [*shown, column]) - screen.BETWEEN <= room:
            shown.append(column)
    return [column for column in found if column in shown]


def _print(title: str, shown: Sequence[Column], *, total: bool) -> None:
    table = screen.blank(title)
    for column in shown:
        screen.add_column(table, column.title, number=column.number)
    *rows, last = zip(*(column.cells for column in shown), strict=True)
    for row in rows:
        table.add_row(*row)
    if total:
        table.add_section()
    table.add_row(*last)
    screen.show(table)


def _levels(lines: Sequence[Line], *, unicode: bool, today: date) -> Column:
    """A bar for each line's own day, and none for the total."""
    figures = [(line.day, line.keys["day"] == today) for line in lines if line.day is not None]
    most = max((of.usd for of, _ in figures if of.usd is not None), default=Decimal(0))
    return Column("", [*(marks.level(of, most, unicode=unicode, running=running) for of, running in figures), Text("")])


def _sparks(answer: Answer, daily: Answer, days: Sequence[date], *, unicode: bool, today: date) -> tuple[Column, str]:
    """A mark for each day of each line, and what the marks mean."""
    groups = [*by_day(answer, daily, days)]
    if answer.rows and answer.rows[0].keys:
        groups.append(all_together(answer, daily, days))
    used = {figure.known for group in groups for figure in group}
    until = f"{days[-1]:%m-%d}{' (running)' if days[-1] == today else ''}"
    legend = f"{days[0]:%m-%d}..{until}: {marks.legend(used, unicode=unicode)}"
    return Column("days", [marks.spark(group, unicode=unicode) for group in groups], wanted=1), legend


def _columns(question: Question, answer: Answer, lines: Sequence[Line]) -> list[Column]:
    """Keys, dollars and counts, with a line for the total if there are groups."""
    total = [""] if question.group_by else []
    found = [
        Column(name, [*(_shown(line, name) for line in lines), *(["total"] if not number else total)])
        for number, name in enumerate(question.group_by)
    ]
    totals = {"USD": answer.total_usd, _ESTIMATED: answer.total_estimated_usd}
    for title, spelt in _amounts(answer):
        summed = [money.on_screen(totals[title]) if title in totals else "" for _ in total]
        found.append(Column(title, [*map(spelt, lines), *summed], number=True))
    for name in reads.TOKENS:
        counts = [line.row.counts[name] if line.row else None for line in lines]
        if any(count is not None for count in counts):
            cells = ["" if count is None else f"{count:,}" for count in counts]
            found.append(Column(_TITLES[name], [*cells, *total], number=True, wanted=_WANTED.index(name) + 2))
    return found


_ESTIMATED, _ALLOCATED = "estimated", "allocated"


def _amounts(answer: Answer) -> list[tuple[str, Callable[[Line], str]]]:
    """The columns of dollars: what is billed, and beside it what is estimated and allocated, if anything is."""
    found: list[tuple[str, Callable[[Line], str]]] = [("USD", _usd)]
    if answer.total_estimated_usd:
        found.append((_ESTIMATED, lambda line: _if_any(line.row and line.row.estimated_usd)))
    if any(row.allocated_usd is not None for row in answer.rows):
        found.append((_ALLOCATED, lambda line: _if_any(line.row and line.row.allocated_usd)))
    return found


def _if_any(usd: Decimal | None) -> str:
    return "" if usd is None else money.on_screen(usd)


def _usd(line: Line) -> str:
    if line.row is None:
        return line.day.known.word if line.day else ""
    if line.row.usd is not None:
        return money.on_screen(line.row.usd)
    return "not in USD" if line.row.lines else "not billed"


def _shown(line: Line, name: str) -> str:
    """A key for people: by its name where it has one, which need not be unique, and so with the id."""
    if name not in line.keys:
        return ""
    key = line.keys[name]
    called = line.row.names.get(name) if line.row else None
    if key is None:
        return called or _UNTOLD.get(name, "unknown")
    if isinstance(key, datetime):
        return f"{key:%Y-%m-%d %H:%M}"
    return f"{called} ({key})" if called else str(key)
