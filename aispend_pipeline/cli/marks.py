"""A day as one mark: how much it cost beside others, and how sure that is. What is missing never looks like zero."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import Enum
from typing import NamedTuple

from rich.text import Text

from aispend_pipeline import money
from aispend_pipeline.model import CoverageState, Finality
from aispend_pipeline.warehouse.coverage import Day


class Known(Enum):
    """How sure a day's figure is: in a word, its mark with Unicode and without, from the lowest to the highest."""

    BILLED = "billed", "▁▂▃▄▅▆▇█", "12345678"
    MAY_CHANGE = "may change", "⣀⣤⣶⣿", "abcd"
    ESTIMATED = "estimated", "⡀⡄⡆⡇", "ABCD"
    PARTLY = "partly read", "!", "!"
    NOTHING = "nothing", "_", "_"
    CREDIT = "below 0", "-", "-"
    NOT_READ = "not read", "\N{MULTIPLICATION SIGN}", "x"
    NOT_DUE = "not due", "·", "."

    @property
    def word(self) -> str:
        """What a person is told."""
        return self.value[0]

    def marks(self, *, unicode: bool) -> str:
        """The lowest mark first."""
        return self.value[1] if unicode else self.value[2]


_STYLES = {Known.MAY_CHANGE: "yellow", Known.ESTIMATED: "magenta", Known.PARTLY: "red", Known.NOT_READ: "red"}


class Figure(NamedTuple):
    """What is known of a day: USD, billed and estimated together, none if there is no figure."""

    usd: Decimal | None
    known: Known


def figure(billed: Decimal | None, estimated: Decimal | None, read: Iterable[Day]) -> Figure:
    """A day's, by what is `read` of the bills that it rests on."""
    days = list(read)
    if billed is None and estimated is None:
        return Figure(None, _without(days))
    usd = money.add(part for part in (billed, estimated) if part is not None)
    return Figure(usd, _with(usd, bool(estimated), days))


def _without(days: Sequence[Day]) -> Known:
    if all(day.whole for day in days) and days:
        return Known.NOTHING
    return Known.NOT_DUE if all(day.whole or _is_not_due(day) for day in days) and days else Known.NOT_READ


def _is_not_due(day: Day) -> bool:
    return day.state is CoverageState.NOT_DUE and not day.never_asked_for


def _with(usd: Decimal, is_estimated: bool, days: Sequence[Day]) -> Known:
    if not all(day.whole or _is_not_due(day) for day in days):
        return Known.PARTLY
    if usd < 0:
        return Known.CREDIT
    if is_estimated:
        return Known.ESTIMATED
    return Known.BILLED if all(day.finality is Finality.SETTLED for day in days) else Known.MAY_CHANGE


def mark(of: Figure, most: Decimal, *, unicode: bool) -> Text:
    """One character, as high as the figure is beside `most`."""
    marks = of.known.marks(unicode=unicode)
    if of.usd is None or len(marks) == 1:
        return Text(marks[0], style=_style(of.known))
    if not of.usd and of.known is Known.BILLED:
        return Text(Known.NOTHING.marks(unicode=unicode))
    high = _share(of.usd, most, len(marks))
    return Text(marks[min(high, len(marks) - 1)], style=_style(of.known))


def _style(known: Known) -> str:
    return _STYLES.get(known, "")


def spark(days: Sequence[Figure], *, unicode: bool) -> Text:
    """A mark for each day; the highest is that of the most."""
    most = max((day.usd for day in days if day.usd is not None), default=Decimal(0))
    return Text.assemble(*(mark(day, most, unicode=unicode) for day in days))


# The cells of a bar that stands for the most.
CELLS = 10


def level(of: Figure, most: Decimal, *, unicode: bool, running: bool) -> Text:
    """A bar that is as long as the figure is beside `most`, with words where it is not final or not known."""
    marks = of.known.marks(unicode=unicode)
    words = [*(["running"] if running else []), *([of.known.word] if of.known is not Known.BILLED else [])]
    if of.usd is None or of.usd <= 0:
        return Text(f"{marks[0]} {of.known.word}", style=_style(of.known))
    full = marks[-1] if unicode else "#"
    bar = full * max(_share(of.usd, most, CELLS), 1)
    return Text(f"{bar:<{CELLS}} {', '.join(words)}".rstrip(), style=_style(of.known))


def _share(usd: Decimal, most: Decimal, steps: int) -> int:
    """How many of so many steps towards the most it is."""
    return int(money.EXACT.divide(money.EXACT.multiply(usd, Decimal(steps)), most)) if most > 0 else 0


def legend(used: Iterable[Known], *, unicode: bool) -> str:
    """What the marks that are used mean."""
    there = set(used)
    return " ".join(f"{known.marks(unicode=unicode)[-1]} {known.word}" for known in Known if known in there)
