"""The tables of docs/, from where commands, settings, routes, views, events and metrics are declared.

`python -m aispend_pipeline_tests.readme` writes them; a test holds the files to them.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import typer

from aispend_pipeline.cli.main import app
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.log import EVENTS
from aispend_pipeline.service.app import create_app
from aispend_pipeline.service.metrics_declared import METRICS
from aispend_pipeline.settings import ACCOUNT_TYPES, Settings
from aispend_pipeline.sql import packaged
from aispend_pipeline.warehouse.views import NAMES

DOCS = Path(__file__).parents[1] / "docs"
WRITTEN = [DOCS / "reference.md", DOCS / "sql.md"]


def commands() -> list[str]:
    return list(_commands(typer.main.get_command(app), "aispend"))


def _commands(group, named: str) -> Iterator[str]:
    """A line for each command of a group, and of the groups in it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{named} {name}")
        else:
            taken = [_taken(parameter) for parameter in command.params if parameter.name != "help"]
            yield f"| `{' '.join([named, name, *taken])}` | {command.help.splitlines()[0]} |"


def _taken(parameter) -> str:
    if parameter.param_type_name == "argument":
        return parameter.metavar
    return f"[{parameter.opts[0]}{'' if parameter.is_flag else ' ...'}]"


def settings() -> list[str]:
    lines = []
    for model in (*ACCOUNT_TYPES, Settings):
        for field in model.model_fields.values():
            if field.alias:
                default = "" if field.is_required() or field.default in (None, ()) else f"`{field.default}`"
                lines.append(f"| `{field.alias}` | {field.description} | {default} |")
    return lines


def routes() -> list[str]:
    document = create_app(Settings.load({}, None), SystemClock()).openapi()
    lines = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            names = [p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"]
            query = "?" + "&".join(names) if names else ""
            lines.append(f"| `{method.upper()} {path}{query}` | {operation['summary']} |")
    return lines


def views() -> list[str]:
    lines = []
    for name in NAMES:
        lead, _, _ = packaged("warehouse", f"views/{name}.sql").partition("CREATE ")
        lines.append(f"| `{name}` | {' '.join(line.removeprefix('-- ') for line in lead.splitlines())} |")
    return lines


def metrics() -> list[str]:
    return [f"| `{one.full_name}` | {one.kind} | {_code(one.labels)} | {one.help} |" for one in METRICS]


def events() -> list[str]:
    return [f"| `{name}` | {event.meaning} | {_code(event.fields.split())} |" for name, event in EVENTS.items()]


def _code(names: Iterable[str]) -> str:
    return " ".join(f"`{name}`" for name in names)


def written(text: str) -> str:
    """`text` with its tables as they should be."""
    for name, lines in {
        "commands": commands(),
        "settings": settings(),
        "routes": routes(),
        "views": views(),
        "metrics": metrics(),
        "events": events(),
    }.items():
        body = "\n".join(lines).replace("\\", "\\\\")
        text = re.sub(
            rf"<!-- {name} -->\n.*?<!-- /{name} -->", f"<!-- {name} -->\n{body}\n<!-- /{name} -->", text, flags=re.S
        )
    return text


if __name__ == "__main__":
    for page in WRITTEN:
        page.write_text(written(page.read_text()))
