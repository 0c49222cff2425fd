"""`aispend doctor`."""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

from aispend_pipeline import due
from aispend_pipeline.cli import screen
from aispend_pipeline.clock import Clock, SystemClock
from aispend_pipeline.doctor import accounts, channels, configured, google, heard, home
from aispend_pipeline.doctor.accounts import Examined
from aispend_pipeline.doctor.findings import Finding, Level
from aispend_pipeline.doctor.last_month import Total
from aispend_pipeline.model import Window
from aispend_pipeline.settings import Settings


def doctor() -> int:
    """Say what is wrong and what to do about it, a line each, and last month's totals; 1 if anything is wrong."""
    return examine(Settings.load(), SystemClock())


def examine(settings: Settings, clock: Clock) -> int:
    """Settings and home first, then what the providers say; of a demo's home only that it is one."""
    if screen.is_demo(settings):
        _tell([Finding(Level.FAIL, "home", f"{screen.of_a_demo(settings)}; set AISPEND_HOME to another folder")])
        return 1
    month = due.last_month(clock.now().date())
    well = _tell_at_hand(settings, clock)
    with screen.progress() as progress:
        progress.say("asking the providers")
        examined = asyncio.run(_asked(settings, clock, month))
    well &= _tell_heard(examined)
    totals = [total for one in examined for total in one.totals]
    if totals:
        _show(totals)
    differing = [total.finding(clock.now()) for total in totals]
    well &= _tell(one for one in differing if one is not None)
    return 0 if well else 1


def before_start(settings: Settings, clock: Clock, patience_seconds: float = 20) -> None:
    """The same lines before a command stays, which they do not keep from starting, nor for longer than that."""
    month = due.last_month(clock.now().date())
    _tell_at_hand(settings, clock)

    async def asked() -> list[Examined]:
        async with asyncio.timeout(patience_seconds):
            return await _asked(settings, clock, month)

    try:
        _tell_heard(asyncio.run(asked()))
    except TimeoutError:
        late = f"not all have answered within {patience_seconds:g} s; run aispend doctor, which waits for them"
        _tell([Finding(Level.NOTE, "providers", late)])


def _tell_at_hand(settings: Settings, clock: Clock) -> bool:
    """What nobody has to be asked for: settings, home, and how the channels did last."""
    well = _tell(configured.examine(settings, Path(".env")))
    well &= _tell(home.examine(settings, clock.now()))
    return _tell(channels.examine(settings)) and well


def _tell_heard(examined: Sequence[Examined]) -> bool:
    """What the providers said, and how far apart the clocks are."""
    well = True
    for one in examined:
        well &= _tell(one.findings)
    return _tell([heard.of_clock(one.ahead for one in examined)]) and well


async def _asked(settings: Settings, clock: Clock, month: Window) -> list[Examined]:
    """What all providers say, asked side by side."""
    asked = (kind.examine(settings, clock, month) for kind in (accounts, google))
    return [one for examined in await asyncio.gather(*asked) for one in examined]


def _tell(findings: Iterable[Finding]) -> bool:
    """Print each; whether nothing is wrong."""
    well = True
    for finding in findings:
        print(finding.line, flush=True)
        well &= finding.level is not Level.FAIL
    return well


def _show(totals: Sequence[Total]) -> None:
    month = totals[0].month
    names, numbers = ("provider", "account", "compared", "currency"), ("by the provider", "stored", "days not whole")
    table = screen.table(f"last month, {month}; hold it against the invoice", names, numbers)
    for total in totals:
        for currency, theirs, ours in total.rows():
            table.add_row(total.provider, total.account, total.word, currency, theirs, ours, total.not_whole)
    screen.show(table)
