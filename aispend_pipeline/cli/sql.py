"""`aispend sql`: a question of one's own to the newest snapshot, and the views that it may be put to."""

import csv
import json
import sys

from aispend_pipeline.cli import rows, screen
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.errors import UsageError
from aispend_pipeline.warehouse import Snapshots, warehouse
from aispend_pipeline.warehouse.own_question import answered
from aispend_pipeline.warehouse.views import View, declared

FORMATS = ("table", "json", "csv")


def sql(question: str | None, views: bool, output: str) -> int:
    """Answer it, or one on standard input if it is `-`; or list the views."""
    if output not in FORMATS:
        raise UsageError(f"--format {output!r} is none of {', '.join(FORMATS)}")
    if views:
        list_views(output)
        return 0
    if question is None:
        raise UsageError('nothing is asked; for example: aispend sql "FROM spend_by_day LIMIT 5"')
    published, cursor = Snapshots(screen.load_settings().home).current()
    told = answered(cursor, sys.stdin.read() if question == "-" else question)
    match output:
        case "json":
            rows.write_json(told, published.at)
        case "csv":
            rows.write_csv(told)
        case _:
            rows.show_table(told, f"figures as of {published.at}")
    return 0


def list_views(output: str) -> None:
    """All views with their columns; they are words and no figures, and so no store is needed."""
    with warehouse.empty(SystemClock().now()) as connection:
        found = declared(connection)
    match output:
        case "json":
            print(json.dumps([_as_json(view) for view in found], indent=2))
        case "csv":
            writer = csv.writer(sys.stdout)
            writer.writerow(("view", "column", "type", "meaning"))
            writer.writerows((view.name, *column) for view in found for column in view.columns)
        case _:
            for view in found:
                _show(view)


def _as_json(view: View) -> dict[str, object]:
    return {**view._asdict(), "columns": [column._asdict() for column in view.columns]}


def _show(view: View) -> None:
    screen.say(f"{view.name}: {view.meaning}")
    width = max(len(column.name) for column in view.columns)
    for name, kind, meaning in view.columns:
        screen.say(f"  {name:<{width}}  {kind.lower()}: {meaning}")
    screen.say("")
