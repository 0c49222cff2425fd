"""The README's tables, from where commands, settings and routes are declared.

`python -m aispend_pipeline_tests.readme` writes them; a test holds the file to them.
"""

import re
from pathlib import Path

import typer

from aispend_pipeline.cli.main import app
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.service.app import create_app
from aispend_pipeline.settings import ACCOUNT_TYPES, UNUSED, Settings

README = Path(__file__).parents[1] / "README.md"


def commands() -> list[str]:
    group = typer.main.get_command(app)
    lines = []
    for name, command in group.commands.items():
        options = " ".join(f"[{option.opts[0]}{'' if option.is_flag else ' ...'}]" for option in _options(command))
        lines.append(f"| `{' '.join(['aispend', name, options]).strip()}` | {command.help.splitlines()[0]} |")
    return lines


def _options(command) -> list:
    return [parameter for parameter in command.params if parameter.name != "help"]


def settings() -> list[str]:
    lines = []
    for model in (*ACCOUNT_TYPES, Settings):
        for field in model.model_fields.values():
            if field.alias:
                default = "" if field.is_required() or field.default is None else f"`{field.default}`"
                later = " (not used yet)" if field.alias in UNUSED else ""
                lines.append(f"| `{field.alias}` | {field.description}{later} | {default} |")
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


def written(text: str) -> str:
    """`text` with its tables as they should be."""
    for name, lines in {"commands": commands(), "settings": settings(), "routes": routes()}.items():
        body = "\n".join(lines).replace("\\", "\\\\")
        text = re.sub(
            rf"<!-- {name} -->\n.*?<!-- /{name} -->", f"<!-- {name} -->\n{body}\n<!-- /{name} -->", text, flags=re.S
        )
    return text


if __name__ == "__main__":
    README.write_text(written(README.read_text()))
