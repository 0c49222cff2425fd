"""`aispend spend`."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal

from aispend_pipeline import money
from aispend_pipeline.budgets.model import LABEL
from aispend_pipeline.cli import screen
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.errors import UsageError
from aispend_pipeline.model import Finality, windows_of
from aispend_pipeline.service import answers, forms
from aispend_pipeline.settings import KEY_SETTINGS
from aispend_pipeline.sources import feeds
from aispend_pipeline.warehouse import Published, Snapshots, reads
from aispend_pipeline.warehouse.reads import DIMENSIONS, Answer, Question, Row

_TITLES = {
    "input_tokens": "input",
    "cached_input_tokens": "cached",
    "cache_write_tokens": "cache writes",
    "output_tokens": "output",
    "requests": "requests",
}
# What is said of a key that cannot be told.
_UNTOLD = {reads.HOUR: "not by hour", "api_key": "unattributed"}
FORMATS = ("table", "json", "csv")


def spend(first: str | None, last: str | None, group_by: str, output: str) -> int:
    """Answer from the newest snapshot and print it, with a line for whatever it does not rest on."""
    settings = screen.load_settings()
    today = SystemClock().now().date()
    window = screen.asked_window(first, last, today)
    names = tuple(name.strip() for name in group_by.split(",") if name.strip())
    unknown = [name for name in names if name not in DIMENSIONS]
    if unknown or len(set(names)) != len(names):
        raise UsageError(f"--group-by {group_by!r}: takes any of {', '.join(DIMENSIONS)}, each once, with commas")
    if wrong := reads.unfit(names):
        raise UsageError(f"--group-by {group_by!r}: {wrong}")
    if output not in FORMATS:
        raise UsageError(f"--format {output!r} is none of {', '.join(FORMATS)}")
    published, cursor = Snapshots(settings.home).current()
    question = Question(window, names)
    answer = reads.ask(cursor, question, feeds(settings), today)
    {"table": show, "json": _json, "csv": _csv}[output](question, answer, published)
    return 0


def show(question: Question, answer: Answer, published: Published) -> None:
    """The answer as a table, and below it what it does not rest on."""
    counts = [name for name in reads.TOKENS if any(row.counts[name] is not None for row in answer.rows)]
    amounts = _amounts(answer)
    what = "billed and estimated" if answer.total_estimated_usd else "billed"
    title = f"{what} {question.window}, as of {published.at}"
    table = screen.table(
        title, question.group_by, [*(title for title, _ in amounts), *(_TITLES[name] for name in counts)]
    )
    for row in answer.rows:
        keys = [_shown(row, name) for name in question.group_by]
        usd = [spelt(row) for _, spelt in amounts]
        table.add_row(*keys, *usd, *("" if row.counts[n] is None else f"{row.counts[n]:,}" for n in counts))
    if question.group_by and answer.rows:
        totals = {"USD": answer.total_usd, _ESTIMATED: answer.total_estimated_usd}
        table.add_section()
        spelt_totals = [money.on_screen(totals[title]) if title in totals else "" for title, _ in amounts]
        table.add_row("total", *[""] * (len(question.group_by) - 1), *spelt_totals)
    console = screen.console()
    if answer.rows:
        screen.show(table)
    for line in _beside(answer):
        console.print(line)


_ESTIMATED, _ALLOCATED = "estimated", "allocated"


def _amounts(answer: Answer) -> list[tuple[str, Callable[[Row], str]]]:
    """The columns of dollars: what is billed, and beside it what is estimated and allocated, if anything is."""
    columns: list[tuple[str, Callable[[Row], str]]] = [("USD", _usd)]
    if answer.total_estimated_usd:
        columns.append((_ESTIMATED, lambda row: _if_any(row.estimated_usd)))
    if any(row.allocated_usd is not None for row in answer.rows):
        columns.append((_ALLOCATED, lambda row: _if_any(row.allocated_usd)))
    return columns


def _if_any(usd: Decimal | None) -> str:
    return "" if usd is None else money.on_screen(usd)


def _shown(row: Row, name: str) -> str:
    """A key for people: by its name where it has one, which need not be unique, and so with the id."""
    key = row.keys[name]
    called = row.names.get(name)
    if key is None:
        return called or _UNTOLD.get(name, "unknown")
    if isinstance(key, datetime):
        return f"{key:%Y-%m-%d %H:%M}"
    return f"{called} ({key})" if called else str(key)


def _usd(row: Row) -> str:
    if row.usd is not None:
        return money.on_screen(row.usd)
    return "not in USD" if row.lines else "not billed"


def _beside(answer: Answer) -> list[str]:
    """What the figures leave out, and what they were before, a line each."""
    other = [
        f"not converted and not in the total: {money.text(amount)} {currency}"
        for currency, amount in answer.unconverted
    ]
    beside = [_budgets, _unpriced, _not_estimated, _restated, _not_settled, gaps]
    return other + [line for told in beside for line in told(answer)]


def _budgets(answer: Answer) -> list[str]:
    """A line for each month that only a budget of Google's tells of."""
    if any(day.source == "vertex_billing" for day in answer.coverage):
        return []
    return [
        f"not billed, {LABEL}: vertex {budget.billing_account} {spent.month}: {money.text(spent.amount)}"
        f" {spent.currency}, told {spent.published_at:%Y-%m-%d %H:%M} UTC"
        for budget, spent in answer.budgets
    ]


def _unpriced(answer: Answer) -> list[str]:
    """A line for each reason why what was used has no money."""
    counted: Counter[tuple[str, str, str]] = Counter()
    for used in answer.unpriced:
        what = "tokens" if used.other_units is None else "units"
        how = "never billed" if used.never_billed else "not estimated"
        subject = f"{how}: {used.provider} {used.account}"
        counted[subject, used.why or "unknown", what] += used.tokens + int(used.other_units or 0)
    return [f"{subject}: {count:,} {what}: {why}" for (subject, why, what), count in counted.items()]


def _not_estimated(answer: Answer) -> list[str]:
    """A line for each account of which neither a bill nor usage is known."""
    return [
        f"not estimated: {provider} {account}: {_ranges(days)}: its usage comes only with its bill"
        for provider, account, days in answer.not_estimated
    ]


def _not_settled(answer: Answer) -> list[str]:
    """Which days may still change."""
    young = {day.day for day in answer.coverage if day.whole and day.finality is not Finality.SETTLED}
    return [f"may still change: {_ranges(young)}"] if young else []


def _restated(answer: Answer) -> list[str]:
    """The newest changes of days that had been over."""
    lines = [
        f"restated: {change.day} {change.provider} {change.account} {change.model or 'unknown'}: was"
        f" {money.text(change.was_usd)}, is {money.text(change.is_usd)} USD since {change.at:%Y-%m-%d %H:%M} UTC"
        for change in answer.restatements[: screen.SHOWN]
    ]
    more = len(answer.restatements) - len(lines)
    return lines + ([f"restated: {more} more; --format json has them"] if more else [])


def gaps(answer: Answer) -> list[str]:
    """What the figures do not rest on, a line for each feed and state."""
    if not answer.coverage:
        return [] if answer.budgets else [f"nothing was read yet; set {KEY_SETTINGS} and run: aispend ingest"]
    by_feed: dict[tuple[str, str, str], list[date]] = {}
    for day in answer.coverage:
        if not day.whole:
            how = "read before they were over" if day.half_read else str(day.state)
            by_feed.setdefault((day.source, day.account, how), []).append(day.day)
    return [
        f"not whole: {source} {account}: {len(days)} days {state}: {_ranges(days)}"
        for (source, account, state), days in by_feed.items()
    ]


def _ranges(days: Iterable[date]) -> str:
    return screen.ranges(windows_of(days))


def _json(question: Question, answer: Answer, published: Published) -> None:
    print(json.dumps(answers.spend(question, answer, published), indent=2))


def _csv(question: Question, answer: Answer, published: Published) -> None:
    sys.stdout.write(forms.csv_text(question, answer))
    for line in _beside(answer):
        print(line, file=sys.stderr)
