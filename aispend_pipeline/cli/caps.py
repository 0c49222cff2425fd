"""`aispend caps`: how far every cap is used, by the newest figures, and what people were told of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from aispend_pipeline import money
from aispend_pipeline.alerts.channels import channels
from aispend_pipeline.alerts.details import billed_through, filled, moved
from aispend_pipeline.alerts.drafts import Readership
from aispend_pipeline.alerts.look import told
from aispend_pipeline.alerts.notify import timing_of
from aispend_pipeline.alerts.plain import plain
from aispend_pipeline.caps import policy
from aispend_pipeline.caps.ledger import Kept, Ledger
from aispend_pipeline.caps.measure import measure, movers
from aispend_pipeline.caps.model import Caps, Level, Measurement, Period, Scope, level_word
from aispend_pipeline.caps.outlook import outlook
from aispend_pipeline.caps.policy import Standing, Timing
from aispend_pipeline.cli import screen
from aispend_pipeline.cli.bars import CELLS, bar, percent
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.forecast.month_end import Forecast
from aispend_pipeline.model import PROVIDERS
from aispend_pipeline.settings import CHANNEL_SETTINGS, GLOBAL, Settings
from aispend_pipeline.state.database import state_of
from aispend_pipeline.warehouse import snapshots_of

_STYLES = {None: "magenta", Level.OK: "green", Level.SOFT: "yellow", Level.HARD: "bold red"}


def caps() -> int:
    """Show every cap; 1 if one cannot be measured. Of a demo's home it only says that it is one."""
    settings = screen.load_settings()
    if screen.is_demo(settings):
        screen.say(f"{screen.of_a_demo(settings)}; its dashboard shows the caps while it runs")
        return 0
    code = show(settings, SystemClock().now())
    if settings.scopes() and not Readership(tuple(channels(settings))).people:
        screen.say(f"no channel is configured, so nobody is told; set {CHANNEL_SETTINGS}")
    return code


def show(settings: Settings, now: datetime) -> int:
    """The same with settings at hand, at `now`. It decides as the next evaluation will, and keeps nothing of it.

    Raises `NothingPublished` before anything was read.
    """
    if not settings.scopes():
        screen.say(_NO_CAP)
        return 0
    published, cursor = snapshots_of(settings.home).current()
    cursor.close()
    period = Period.of(now.date())
    stands = list(_stands(settings, period, now))
    days = (period.window.last - now.date()).days
    left = "the last day of it" if not days else f"{days} day{'s' * (days > 1)} left"
    _table(f"caps of {period.name}, {left}; figures as of {published.at}", stands)
    for line in _beside(settings, stands, now):
        screen.say(line)
    return 0 if all(stand.found.measured for stand in stands) else 1


_NO_CAP = "no cap is set; set {}, to USD a month".format(
    ", ".join(f"{name.upper()}_SOFT_CAP or {name.upper()}_HARD_CAP" for name in (*PROVIDERS, GLOBAL))
)


@dataclass(frozen=True)
class _Stand:
    """How a scope stands: as an evaluation of `found` would keep it, and as the ledger has it."""

    scope: Scope
    found: Measurement
    standing: Standing
    kept: Standing
    mover: Mapping[str, str | None] | None
    forecast: Forecast | None


def _stands(settings: Settings, period: Period, now: datetime) -> Iterator[_Stand]:
    with state_of(settings.home).reading() as connection:
        kept = {one.standing.scope: one for one in Ledger(connection).standings() if one.standing.period == period}
    scopes = settings.scopes()
    forecasts = outlook(settings, scopes, period, now)
    for scope, found in zip(scopes, measure(settings, scopes, [period], now), strict=True):
        before = kept.get(scope.name)
        new = Standing.new(scope, period, now)
        standing = _decided(found, scope, before, new, timing_of(settings), now)
        top = movers(settings.home, scope, period, now)[:1]
        yield _Stand(
            scope,
            found,
            standing,
            before.standing if before else new,
            next(iter(top), None),
            forecasts.get(scope.name),
        )


def _decided(
    found: Measurement, scope: Scope, before: Kept | None, new: Standing, timing: Timing, now: datetime
) -> Standing:
    """What the next evaluation will keep; from figures older than those it knows it decides nothing."""
    if before is None:
        return policy.decide(found, scope.caps, new, timing, now).standing
    if found.version.older_than(before.version):
        return before.standing
    return policy.decide(found, scope.caps, before.standing, timing, now).standing


def _table(title: str, stands: Sequence[_Stand]) -> None:
    """With bars as long as there is room for."""
    made = (_filled(title, stands, cells) for cells in range(CELLS, -1, -1))
    screen.show(next((table for table in made if screen.fits(table)), _filled(title, stands, CELLS)))


def _filled(title: str, stands: Sequence[_Stand], cells: int) -> Table:
    table = screen.table(title, ["scope", "level", "told"], ["used", "USD", "soft cap", "hard cap"])
    out = screen.console()
    for stand in stands:
        level = Text(level_word(stand.standing.level), style=_STYLES[stand.standing.level])
        used = _used(stand, out, cells)
        table.add_row(stand.scope.name, level, _told(stand.kept), used, _total(stand), *_caps(stand))
    return table


def _told(kept: Standing) -> str:
    return f"{kept.announced.word} {kept.announced_at:%m-%d %H:%M}" if kept.announced_at else "nothing"


def _used(stand: _Stand, out: Console, cells: int) -> Text:
    """How much of the hard cap, or the soft one where there is no other; nothing of what was not read."""
    caps, spent = stand.scope.caps, stand.standing.spent
    counted = spent.total if caps.hard is None else spent.towards(Level.HARD)
    used = percent(counted, caps.hard or caps.soft or Decimal(1)) if _read(stand) else None
    return bar(used, out, _STYLES[stand.standing.level], cells)


def _read(stand: _Stand) -> bool:
    """Whether there is any figure of the period: one that is missing is not zero."""
    return stand.standing.read_seq > 0


def _total(stand: _Stand) -> str:
    """In cents, or exactly where that would look to be on another side of a cap."""
    if not _read(stand):
        return "not read"
    total, caps = stand.standing.total, stand.scope.caps
    spelt = {money.against(total, cap)[0] for cap in (caps.soft, caps.hard) if cap is not None}
    return spelt.pop() if len(spelt) == 1 else f"{total:,f}".rstrip("0")


def _estimated(stands: Sequence[_Stand]) -> Iterator[str]:
    """The part of each total that no bill has yet."""
    parts = [
        f"{stand.scope.name} {money.on_screen(stand.standing.estimated)}"
        for stand in stands
        if _read(stand) and stand.standing.estimated
    ]
    if parts:
        uncounted = any(stand.scope.caps.hard and not stand.standing.hard_on_estimates for stand in stands)
        yield f"estimated, and in no bill yet: {', '.join(parts)} USD{'; no hard cap counts it' if uncounted else ''}"


def _caps(stand: _Stand) -> list[str]:
    total, caps = stand.standing.total, stand.scope.caps
    return ["" if cap is None else money.against(total, cap)[1] for cap in (caps.soft, caps.hard)]


def _beside(settings: Settings, stands: Sequence[_Stand], now: datetime) -> Iterator[str]:
    """What is estimated and expected, what moved each scope most, how far bills go, and what is doubtful or untold."""
    yield from _estimated(stands)
    for stand in stands:
        if stand.forecast:
            told_of = "; ".join(_expected(stand.forecast, stand.scope.caps))
            yield f"expected of {stand.scope.name} by {stand.forecast.month.last}: {told_of}"
    for stand in stands:
        if stand.mover:
            yield f"most of {stand.scope.name}: {moved(stand.mover, stand.mover['recent_usd'])}"
    through = {of: str(day) if day else None for stand in stands for of, day in stand.found.billed_through.items()}
    basis = {of: label for stand in stands for of, label in stand.found.basis.items()}
    yield from billed_through(through, basis, now.date())
    for kind, lines in (
        ("unknown", [line for stand in stands for line in stand.found.holes]),
        ("doubtful", [line for stand in stands for line in stand.found.doubts]),
        ("not priced", [line for stand in stands for line in stand.found.unpriced]),
    ):
        yield from (f"{kind}: {plain(line)}" for line in dict.fromkeys(lines))
    yield from _untold(settings, stands, now)


def _expected(forecast: Forecast, caps: Caps) -> Iterator[str]:
    """What the month comes to and between which bounds; when that reaches which cap, and what of it was not read."""
    figure, low, high = (money.on_screen(usd) for usd in (forecast.expected, forecast.low, forecast.high))
    yield f"{figure} USD ({low} to {high})"
    asked = [(level, caps.at(level)) for level in (Level.SOFT, Level.HARD)]
    days = {level: forecast.hit(cap) for level, cap in asked if cap is not None}
    reached = [f"its {level.word} cap about {day}" for level, day in days.items() if day]
    if reached:
        yield f"reaches {' and '.join(reached)}"
    if forecast.filled:
        yield filled(forecast.filled)


def _untold(settings: Settings, stands: Sequence[_Stand], now: datetime) -> Iterator[str]:
    for stand in stands:
        standing = stand.standing
        if standing.announced != stand.kept.announced:
            name, word = stand.scope.name, standing.announced.word
            yield f"{name}: {word} is not told yet; aispend up tells it, or run: aispend alerts dispatch"
        elif standing.level is not None and standing.level < standing.announced:
            yield told(standing, timing_of(settings), now)
