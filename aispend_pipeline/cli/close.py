"""`aispend close`: a month held against the providers' invoices."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal

from aispend_pipeline import money
from aispend_pipeline.alerts.plain import plain
from aispend_pipeline.caps.known import newest
from aispend_pipeline.caps.model import Period
from aispend_pipeline.cli import screen
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.closing.billed import IN, Billed, Moved
from aispend_pipeline.closing.final import Unsettled
from aispend_pipeline.closing.invoices import Held, hold, parse
from aispend_pipeline.closing.model import Closing
from aispend_pipeline.closing.reading import closings
from aispend_pipeline.counted import counted
from aispend_pipeline.errors import UsageError
from aispend_pipeline.model import GRID_START, Finality, Window, parse_day
from aispend_pipeline.service import closing
from aispend_pipeline.settings import KEY_SETTINGS
from aispend_pipeline.warehouse import Published

FORMATS = ("table", "json")


def close(month: str, invoices: Sequence[str], output: str) -> int:
    """Print the month's closings and how the invoices tie; 0 if all of it is settled, and every invoice ties."""
    settings = screen.load_settings()
    today = SystemClock().now().date()
    period = _period(month, today)
    given = parse(invoices)
    if output not in FORMATS:
        raise UsageError(f"--format {output!r} is none of {', '.join(FORMATS)}")
    with newest(settings.home) as (published, cursor):
        found = closings(cursor, settings, period, today)
    held = hold(given, found)
    if output == "json":
        print(json.dumps(closing.body(period, found, held, published), indent=2))
    else:
        show(period, found, held, published)
    settled = bool(found) and all(one.finality is Finality.SETTLED for one in found)
    return 0 if settled and all(one.ties for one in held) else 1


def _period(text: str, today: date) -> Period:
    """The month that is asked for; `UsageError` for what is none, is to come, or is before the first there is."""
    try:
        first = parse_day(f"{text}-01")
    except ValueError:
        raise UsageError(f"{text!r} is not a month written YYYY-MM, for example aispend close 2026-10") from None
    if first > today:
        raise UsageError(f"{text} is still to come: today is {today} (UTC)")
    if first < GRID_START:
        raise UsageError(f"{text} is before {GRID_START:%Y-%m}, the first month there is")
    return Period.of(first)


def show(period: Period, found: Sequence[Closing], held: Sequence[Held], published: Published) -> None:
    """The accounts as a table; below it how the invoices tie, and all that explains a difference."""
    if not found:
        again = f"aispend ingest --from {period.window.first} --to {period.window.last}"
        screen.say(f"nothing of {period.name} was read; set {KEY_SETTINGS} and run: {again}")
        return
    title = f"close of {period.name} (UTC), USD net of credits, as of {published.at}"
    table = screen.table(title, ["provider", "account", "month"], ["billed", "credits", "on invoice"])
    for one in found:
        credits_ = money.on_screen(one.billed.credits_usd) if one.billed else ""
        table.add_row(one.provider, one.account, one.finality, _usd(one.billed), credits_, _usd(one.invoiced))
    table.add_section()
    table.add_row("total", "", "", *_totals(found))
    screen.show(table)
    for line in (*map(_invoice, held), *_explained(found)):
        screen.say(line)


def _totals(found: Sequence[Closing]) -> Iterator[str]:
    """What all that is known comes to."""
    billed = [one.billed for one in found if one.billed]
    yield money.on_screen(money.add(of.usd for of in billed if of.usd is not None))
    yield money.on_screen(money.add(of.credits_usd for of in billed))
    yield money.on_screen(money.add(one.invoiced.usd for one in found if one.invoiced and one.invoiced.usd is not None))


def _usd(billed: Billed | None) -> str:
    if billed is None:
        return "not read"
    return "not in USD" if billed.usd is None else money.on_screen(billed.usd)


def _invoice(held: Held) -> str:
    """How an invoice ties."""
    of = f"{held.invoice.provider} {' and '.join(held.accounts)}"
    invoice = f"invoice of {of}: {money.on_screen(held.invoice.usd)} USD"
    if held.billed_usd is None or held.difference_usd is None:
        return f"{invoice}: not compared, since not all of it was read in USD"
    billed = f"{invoice}, billed {money.on_screen(held.billed_usd)} USD"
    if held.ties:
        return f"{billed}: ties"
    return f"{billed}: differs by {money.on_screen(held.difference_usd)} USD (invoice minus billed)"


def _explained(found: Sequence[Closing]) -> Iterator[str]:
    """A line for everything that leaves a figure in doubt or makes an invoice differ, the most important first."""
    yield from _said(found, "open", lambda one: _unsettled(one, Finality.OPEN))
    yield from _said(found, "provisional", lambda one: _unsettled(one, Finality.PROVISIONAL))
    yield from _said(found, "not checked", _unchecked)
    yield from _said(found, "not converted and not in the total", _unconverted)
    yield from _said(found, "converted at Google's rates", _converted)
    yield from _said(found, "tax in it, of all services", _tax)
    yield from _said(found, "moved", _moved)
    yield from _said(found, "not read", _not_read_before)
    yield from _said(found, "restated", _restated)
    yield from _said(found, "not priced by the bill", _unpriced)
    yield from _said(found, "not in it", lambda one: one.lacks)


def _said(found: Sequence[Closing], kind: str, lines: Callable[[Closing], Iterable[str]]) -> Iterator[str]:
    """Each line once, with the accounts of a provider that it is said of."""
    whose: dict[tuple[str, str], list[str]] = {}
    for one in found:
        for line in lines(one):
            whose.setdefault((one.provider, line), []).append(one.account)
    for (provider, line), accounts in whose.items():
        yield f"{kind}: {provider} {', '.join(accounts)}: {line}"


def _unsettled(of: Closing, finality: Finality) -> Iterator[str]:
    for one in of.unsettled:
        if one.finality is finality:
            yield _lacking(one)


def _lacking(one: Unsettled) -> str:
    how = "" if one.how == one.finality else f" {one.how}"
    why = f" ({plain(one.why)})" if one.why else ""
    return f"{_days(one.days)}{how}: {screen.ranges(one.days)}{why}"


def _days(windows: Sequence[Window]) -> str:
    return counted(sum(len(list(window.days())) for window in windows), "day")


def _unchecked(of: Closing) -> list[str]:
    days = counted(len(of.unchecked), "day")
    return [f"{days} could not be held against the provider's own sum"] if of.unchecked else []


def _unconverted(of: Closing) -> list[str]:
    return [f"{money.text(amount)} {currency}" for currency, amount in (of.billed.unconverted if of.billed else ())]


def _converted(of: Closing) -> list[str]:
    by_day, by_invoice = (dict(sums.converted) if sums else {} for sums in (of.billed, of.invoiced))
    return [
        f"{_amount(by_day, currency)} billed, {_amount(by_invoice, currency)} on invoice"
        for currency in sorted({*by_day, *by_invoice})
    ]


def _amount(sums: Mapping[str, Decimal], currency: str) -> str:
    return f"{money.on_screen(sums.get(currency, Decimal(0)))} {currency}"


def _tax(of: Closing) -> list[str]:
    return [f"{money.on_screen(of.billed.tax_usd)} USD"] if of.billed and of.billed.tax_usd else []


def _moved(of: Closing) -> list[str]:
    return [f"{money.on_screen(one.usd)} USD in {counted(one.rows, 'row')} {_where(one)}" for one in of.moved]


def _where(one: Moved) -> str:
    """Which rows they are, and on which invoice."""
    if one.used == IN:
        return f"of the month's days, on the invoice of {one.invoice_month}"
    return f"of days {one.used} the month, on this invoice"


def _not_read_before(of: Closing) -> list[str]:
    if not of.not_read_before:
        return []
    return [f"{screen.ranges(of.not_read_before)}, so that what this invoice has of these days is missing"]


def _restated(of: Closing) -> Iterator[str]:
    changes, net, newest = of.restated
    if changes:
        yield f"{counted(changes, 'change')} since the month ended, {money.text(net)} USD in all"
    for one in newest[: screen.SHOWN]:
        yield (
            f"{one.day} {plain(one.model) or 'unknown'}: was {money.text(one.was_usd)}, is {money.text(one.is_usd)} USD"
            f" since {one.at:%Y-%m-%d %H:%M} UTC"
        )


def _unpriced(of: Closing) -> Iterator[str]:
    for one in of.unpriced:
        yield f"{one.tokens:,} tokens of tier {one.service_tier or 'unknown'}"
