"""`aispend spend`."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import date

from aispend_pipeline import money
from aispend_pipeline.budgets.model import LABEL
from aispend_pipeline.cli import screen, spend_table
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.counted import counted
from aispend_pipeline.errors import UsageError
from aispend_pipeline.model import CoverageState, Finality, windows_of
from aispend_pipeline.service import answers, forms
from aispend_pipeline.settings import KEY_SETTINGS
from aispend_pipeline.sources import feeds
from aispend_pipeline.warehouse import Published, Snapshots, reads
from aispend_pipeline.warehouse.coverage import Day
from aispend_pipeline.warehouse.reads import DIMENSIONS, Answer, Question

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

    def ask(question: Question) -> Answer:
        return reads.ask(cursor, question, feeds(settings), today)

    question = Question(window, names)
    answer = ask(question)
    match output:
        case "json":
            print(json.dumps(answers.spend(question, answer, published), indent=2))
        case "csv":
            sys.stdout.write(forms.csv_text(question, answer))
        case _:
            _table(question, answer, published, _daily(question, ask), today)
    if output != "json":
        for line in beside(answer):
            print(line, file=sys.stderr) if output == "csv" else screen.say(line)
    return 0


def _daily(question: Question, ask: Callable[[Question], Answer]) -> Answer | None:
    """The same groups by day, where a terminal shows them; none where there are too many for one answer."""
    window = question.window
    if not sys.stdout.isatty() or window.first == window.last or {"day", reads.HOUR} & {*question.group_by}:
        return None
    with suppress(UsageError):
        return ask(replace(question, group_by=(*question.group_by, "day")))
    return None


def _table(question: Question, answer: Answer, published: Published, daily: Answer | None, today: date) -> None:
    what = "billed and estimated" if answer.total_estimated_usd else "billed"
    if answer.rows:
        spend_table.show(question, answer, f"{what} {question.window}, as of {published.at}", daily, today)


def beside(answer: Answer) -> list[str]:
    """What the figures leave out, and what they were before, a line each."""
    other = [
        f"not converted and not in the total: {money.text(amount)} {currency}"
        for currency, amount in answer.unconverted
    ]
    told_of = [_budgets, _unpriced, _not_estimated, _restated, _not_settled, gaps]
    return other + [line for told in told_of for line in told(answer)]


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
    """What the figures do not rest on, a line for each state and the feeds that have it on the same days."""
    if not answer.coverage:
        return [] if answer.budgets else [f"nothing was read yet; set {KEY_SETTINGS} and run: aispend ingest"]
    by_feed: dict[tuple[str, str, str], list[date]] = {}
    for day in answer.coverage:
        if not day.whole:
            by_feed.setdefault((day.source, day.account, _word(day)), []).append(day.day)
    alike: dict[tuple[str, tuple[date, ...]], list[str]] = {}
    for (source, account, how), days in by_feed.items():
        alike.setdefault((how, tuple(days)), []).append(f"{source} {account}")
    return [
        f"not whole: {', '.join(feeds)}: {counted(len(days), 'day')} {how}: {_ranges(days)}"
        for (how, days), feeds in alike.items()
    ]


def _word(day: Day) -> str:
    """How a day is that is not whole."""
    if day.half_read:
        return "read only while running"
    if day.state is CoverageState.NOT_DUE:
        return "never asked for" if day.never_asked_for else "not known yet"
    return day.state


def _ranges(days: Iterable[date]) -> str:
    return screen.ranges(windows_of(days))
