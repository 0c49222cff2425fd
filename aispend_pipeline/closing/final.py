"""How final a month is: whether every day of it was read, whole and settled, and else which were not, and why."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

from aispend_pipeline.caps.model import Period
from aispend_pipeline.model import CoverageState, Finality, Window, windows_of
from aispend_pipeline.sources.google import PROVIDER as GOOGLE
from aispend_pipeline.warehouse.coverage import Day

A_DAY = timedelta(days=1)


class Unsettled(NamedTuple):
    """Days that leave a month open, or provisional: how they are, in a word of coverage's if that has one, and why."""

    finality: Finality
    source: str
    how: str
    why: str
    days: tuple[Window, ...]


def days_of(provider: str, period: Period) -> Window:
    """The UTC days that a month's invoice rests on: Google's months end hours into the first of the next one."""
    return Window(period.window.first, period.window.last + A_DAY) if provider == GOOGLE else period.window


def unsettled(days: Iterable[Day], today: date) -> list[Unsettled]:
    """All that keeps a month of these days from being settled at `today`, what leaves it open first."""
    found: dict[tuple[bool, str, Finality, str, str], list[date]] = {}
    for day in days:
        final, how, why = _lack(day, today)
        if final is not Finality.SETTLED:
            found.setdefault((final is not Finality.OPEN, day.source, final, how, why), []).append(day.day)
    return [
        Unsettled(final, source, how, why, tuple(windows_of(of)))
        for (_, source, final, how, why), of in sorted(found.items())
    ]


def finality_of(lacking: Iterable[Unsettled]) -> Finality:
    """How final a month is that lacks this."""
    return next((one.finality for one in lacking), Finality.SETTLED)


def _lack(day: Day, today: date) -> tuple[Finality, str, str]:
    """How final a day is, and where it is not, how it is and why."""
    if day.day >= today:
        return Finality.OPEN, "not over", ""
    if day.half_read:
        return Finality.OPEN, "read before they were over", ""
    if day.state is CoverageState.PARTIAL:
        return Finality.OPEN, day.state, "some records cannot be understood"
    if day.state is not CoverageState.COMPLETE:
        return Finality.OPEN, day.state, str(day.detail.get("error") or day.detail.get("reason") or "never asked for")
    if day.finality is not Finality.SETTLED:
        return Finality.PROVISIONAL, Finality.PROVISIONAL, "over for less than 48 hours when they were read"
    if "last_attempt" in day.detail:
        return Finality.PROVISIONAL, "not read again", str(day.detail["last_attempt"])
    return Finality.SETTLED, "", ""
