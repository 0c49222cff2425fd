"""Options that several commands have, and what a shell completes for them."""

from collections.abc import Callable
from typing import Annotated

import typer

# Typer finds what is to be completed by the parameter's name.
Complete = Callable[[str], list[str]]


def one_of(*names: str) -> Complete:
    """Completes one of these."""
    return lambda incomplete: [name for name in names if name.startswith(incomplete)]


def several_of(names: Callable[[], tuple[str, ...]]) -> Complete:
    """Completes the last of a list with commas, by a name that is not there yet."""

    def complete(incomplete: str) -> list[str]:
        *given, last = incomplete.split(",")
        before = "".join(f"{name}," for name in given)
        return [before + name for name in names() if name.startswith(last) and name not in given]

    return complete


def _dimensions() -> tuple[str, ...]:
    from aispend_pipeline.warehouse.questions import DIMENSIONS

    return DIMENSIONS


def _sources(incomplete: str) -> list[str]:
    from aispend_pipeline.budgets.model import SOURCE as BUDGETS
    from aispend_pipeline.sources import SOURCES

    return one_of(*SOURCES, BUDGETS)(incomplete)


def _format(*names: str) -> typer.models.OptionInfo:
    told = f"{', '.join(names[:-1])} or {names[-1]}."
    found: typer.models.OptionInfo = typer.Option(
        "--format", metavar="FORMAT", help=told, autocompletion=one_of(*names)
    )
    return found


From = Annotated[str | None, typer.Option("--from", metavar="DAY", help="First day, YYYY-MM-DD, UTC.")]
To = Annotated[str | None, typer.Option("--to", metavar="DAY", help="Last day, YYYY-MM-DD, UTC; today if left out.")]
Sources = Annotated[
    list[str] | None,
    typer.Option("--source", metavar="SOURCE", help="Only this source; repeatable.", autocompletion=_sources),
]
GroupBy = Annotated[
    str,
    typer.Option(
        "--group-by",
        metavar="NAMES",
        help="Any of day, provider, account, model, project, ...; with commas.",
        autocompletion=several_of(_dimensions),
    ),
]
Rows = Annotated[str, _format("table", "json", "csv")]
Report = Annotated[str, _format("table", "json")]
Lines = Annotated[str, _format("text", "json")]
Insecure = Annotated[
    bool, typer.Option("--insecure", help="Let everybody read who can reach it: listen beyond this machine openly.")
]
Message = Annotated[str, typer.Argument(metavar="ID", help="A message's id, as `aispend alerts list` shows it.")]
