"""`aispend doctor`."""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

from aispend_pipeline import due
from aispend_pipeline.cli import screen
from aispend_pipeline.clock import Clock, SystemClock
from aispend_pipeline.doctor import accounts, configured, google, heard, home
from aispend_pipeline.doctor.accounts import Examined
from aispend_pipeline.doctor.findings import Finding, Level
from aispend_pipeline.doctor.last_month import Total
from aispend_pipeline.errors import UsageError
from aispend_pipeline.model import Window
from aispend_pipeline.settings import Settings


def doctor() -> int:
    """Say what is wrong and what to do about it, a line each, and last month's totals; 1 if anything is wrong."""
    return examine(Settings.load(), SystemClock())


def examine(settings: Settings, clock: Clock) -> int:
    """Settings and home first, then what the providers say."""
    month = due.last_month(clock.now().date())
    well = _tell(configured.examine(settings, Path(".env")))
    well &= _tell(home.examine(settings, clock.now()))
    well &= _tell(_demo(settings))
    with screen.progress() as progress:
        progress.say("asking the providers")
        examined = asyncio.run(_asked(settings, clock, month))
    for one in examined:
        well &= _tell(one.findings)
    well &= _tell([heard.of_clock(one.ahead for one in examined)])
    totals = [total for one in examined for total in one.totals]
    if totals:
        _show(totals)
    differing = [total.finding(clock.now()) for total in totals]
    well &= _tell(one for one in differing if one is not None)
    return 0 if well else 1


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


def _demo(settings: Settings) -> list[Finding]:
    try:
        screen.refuse_demo(settings)
    except UsageError as error:
        return [Finding(Level.FAIL, "home", str(error))]
    except OSError:  # said of the home already
        pass
    return []


def _show(totals: Sequence[Total]) -> None:
    month = totals[0].month
    names, numbers = ("provider", "account", "compared", "currency"), ("by the provider", "stored", "days not whole")
    table = screen.table(f"last month, {month}; hold it against the invoice", names, numbers)
    for total in totals:
        for currency, theirs, ours in total.rows():
            table.add_row(total.provider, total.account, total.word, currency, theirs, ours, total.not_whole)
    screen.show(table)
