"""`aispend spend`."""

import csv
import json
import sys

from aispend_pipeline import money
from aispend_pipeline.cli import screen
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.errors import UsageError
from aispend_pipeline.service import answers
from aispend_pipeline.sources import feeds
from aispend_pipeline.warehouse import Published, Snapshots, reads
from aispend_pipeline.warehouse.reads import DIMENSIONS, Answer, Question

_TITLES = {
    "input_tokens": "input",
    "cached_input_tokens": "cached",
    "cache_write_tokens": "cache writes",
    "output_tokens": "output",
    "requests": "requests",
}
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
    if output not in FORMATS:
        raise UsageError(f"--format {output!r} is none of {', '.join(FORMATS)}")
    published, cursor = Snapshots(settings.home).current()
    question = Question(window, names)
    answer = reads.ask(cursor, question, feeds(settings))
    {"table": show, "json": _json, "csv": _csv}[output](question, answer, published)
    return 0


def show(question: Question, answer: Answer, published: Published) -> None:
    """The answer as a table, and below it what it does not rest on."""
    counts = [name for name in reads.TOKENS if any(row.counts[name] is not None for row in answer.rows)]
    title = f"billed {question.window}, as of {published.at}"
    table = screen.table(title, question.group_by, ["USD", *(_TITLES[name] for name in counts)])
    for row in answer.rows:
        keys = [str(row.keys[name]) if row.keys[name] is not None else "unknown" for name in question.group_by]
        usd = "not in USD" if row.usd is None else money.on_screen(row.usd)
        table.add_row(*keys, usd, *("" if row.counts[n] is None else f"{row.counts[n]:,}" for n in counts))
    if question.group_by and answer.rows:
        table.add_section()
        table.add_row("total", *[""] * (len(question.group_by) - 1), money.on_screen(answer.total_usd))
    console = screen.console()
    if answer.rows:
        screen.show(table)
    for line in _beside(answer):
        console.print(line)


def _beside(answer: Answer) -> list[str]:
    """What the figures leave out, a line each."""
    other = [
        f"not converted and not in the total: {money.text(amount)} {currency}"
        for currency, amount in answer.unconverted
    ]
    return other + gaps(answer)


def gaps(answer: Answer) -> list[str]:
    """What the figures do not rest on, a line for each feed and state."""
    if not answer.coverage:
        return ["nothing was read yet; set OPENAI_API_KEY and run: aispend ingest"]
    by_feed: dict[tuple[str, str, str], list[str]] = {}
    for day in answer.coverage:
        if day.state != "complete":
            by_feed.setdefault((day.source, day.account, day.state), []).append(str(day.day))
    return [
        f"not whole: {source} {account}: {len(days)} days {state}, {days[0]} to {days[-1]}"
        for (source, account, state), days in by_feed.items()
    ]


def _json(question: Question, answer: Answer, published: Published) -> None:
    print(json.dumps(answers.spend(question, answer, published), indent=2))


def _csv(question: Question, answer: Answer, published: Published) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow([*question.group_by, "cost_usd", *reads.TOKENS])
    for row in answer.rows:
        usd = "" if row.usd is None else money.text(row.usd)
        counts = ["" if row.counts[name] is None else row.counts[name] for name in reads.TOKENS]
        writer.writerow([*(row.keys[name] for name in question.group_by), usd, *counts])
    for line in _beside(answer):
        print(line, file=sys.stderr)
