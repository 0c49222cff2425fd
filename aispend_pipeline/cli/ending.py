"""How the `aispend` command ends: with an exit code, and one line on standard error where it failed."""

import logging
import sys
import traceback
import warnings
from pathlib import Path
from typing import NoReturn

import typer
from typer.exceptions import TyperException

from aispend_pipeline import log
from aispend_pipeline.errors import AispendError, UsageError

# What commands say on standard output, in their own words.
TOLD = frozenset({"fetch.done", "names.refused", "alert.failed"})
# What typer says of a port that is none.
_NO_NUMBER = "Input should be a valid integer, unable to parse string as an integer"
# What typer makes of Ctrl-C.
_CTRL_C = 130
_STOPPED = "stopped; run the same command again to go on"


def run(app: typer.Typer) -> NoReturn:
    """Run the command that was typed: every failure is one line on standard error, never a traceback."""
    log.configure(logging.WARNING, told=TOLD)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    try:
        code = app(standalone_mode=False, prog_name="aispend")
    except TyperException as error:
        _end(_wrong_use(error), 2)
    except UsageError as error:
        _end(str(error), 2)
    except AispendError as error:
        _end(str(error), 1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:  # a traceback would not help the person at the screen
        if isinstance(error.__cause__, KeyboardInterrupt):  # DuckDB makes an error of its own of it
            _end(_STOPPED, 1)
        where = traceback.extract_tb(error.__traceback__)[-1]
        said = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        _end(f"aispend failed where it should not: {said} ({Path(where.filename).name}:{where.lineno})", 1)
    if code == _CTRL_C:
        _end(_STOPPED, 1)
    sys.exit(code)


def _end(line: str, code: int) -> NoReturn:
    typer.echo(line, err=True)
    sys.exit(code)


def _wrong_use(error: TyperException) -> str:
    """What the command line does not know, in one line, and where help is; the help itself where nothing was asked."""
    said = error.format_message().strip().replace(_NO_NUMBER, "it is not a whole number")
    if "\n" in said:
        return said
    context = getattr(error, "ctx", None)
    asked = context.command_path if context else "aispend"
    said = f"{asked}: {said[0].lower()}{said[1:].rstrip('.')}"
    return said if said.endswith("?") else f"{said}; see: {asked} --help"
