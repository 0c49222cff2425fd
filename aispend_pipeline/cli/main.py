"""The `aispend` command: what each subcommand takes. What it does is imported when it is called.

So `aispend --help` does not wait for Dagster. Exit codes: 0 done, 1 something failed, is partial or
will be retried, 2 wrong use or settings.
"""

import logging
import sys
import traceback
import warnings
from pathlib import Path
from typing import Annotated

import typer

from aispend_pipeline import __version__, log
from aispend_pipeline.errors import AispendError, UsageError

app = typer.Typer(
    help="What your organisation spends on AI, hourly, to the exact cent, with the receipts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

alerts = typer.Typer(help="What was said of caps, to whom, and what became of it.", no_args_is_help=True)
app.add_typer(alerts, name="alerts")

From = Annotated[str | None, typer.Option("--from", metavar="DAY", help="First day, YYYY-MM-DD, UTC.")]
To = Annotated[
    str | None,
    typer.Option("--to", metavar="DAY", help="Last day, YYYY-MM-DD, UTC; today if left out."),
]


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Options of the command itself."""
    if show:
        typer.echo(f"aispend {__version__}")
        raise typer.Exit


@app.command()
def ingest(
    first: From = None,
    last: To = None,
    source: Annotated[
        list[str] | None,
        typer.Option("--source", metavar="SOURCE", help="Only this source; repeatable."),
    ] = None,
) -> None:
    """Read the providers and add up: what one tick of the hourly schedule does, here and now.

    Without days: the look-back, and every day since AISPEND_START_DATE that is not complete.
    """
    from aispend_pipeline.cli import ingest as command

    raise typer.Exit(command.ingest(first, last, source or []))


@app.command()
def spend(
    first: From = None,
    last: To = None,
    group_by: Annotated[
        str,
        typer.Option(
            "--group-by", metavar="NAMES", help="Any of day, provider, account, model, project, ...; with commas."
        ),
    ] = "provider,model",
    output: Annotated[str, typer.Option("--format", metavar="FORMAT", help="table, json or csv.")] = "table",
) -> None:
    """Show what was billed; this month if no days are given."""
    from aispend_pipeline.cli import spend as command

    raise typer.Exit(command.spend(first, last, group_by, output))


@app.command()
def close(
    month: Annotated[str, typer.Argument(metavar="MONTH", help="Calendar month, YYYY-MM, UTC.")],
    invoice: Annotated[
        list[str] | None,
        typer.Option(
            "--invoice",
            metavar="INVOICE",
            help="An invoice, USD: PROVIDER/ACCOUNT=AMOUNT, or PROVIDER=AMOUNT for all its accounts; repeatable.",
        ),
    ] = None,
    output: Annotated[str, typer.Option("--format", metavar="FORMAT", help="table or json.")] = "table",
) -> None:
    """Hold a month against the invoices: what was billed, how final it is, and why the two differ.

    Exit code 0 if every account's month is settled and every invoice ties, 1 if not.
    """
    from aispend_pipeline.cli import close as command

    raise typer.Exit(command.close(month, invoice or [], output))


@app.command()
def recompute(
    first: From = None,
    last: To = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    output: Annotated[str, typer.Option("--format", metavar="FORMAT", help="text or json.")] = "text",
) -> None:
    """Make rows and sums again from stored pages, and say what changed; no provider is called."""
    from aispend_pipeline.cli import recompute as command

    raise typer.Exit(command.recompute(first, last, dry_run, output))


@app.command()
def status() -> None:
    """Show how fresh and how whole the figures are."""
    from aispend_pipeline.cli import status as command

    raise typer.Exit(command.status())


@app.command()
def caps() -> None:
    """Show how far every cap is used, and who moved it most."""
    from aispend_pipeline.cli import caps as command

    raise typer.Exit(command.caps())


Message = Annotated[str, typer.Argument(metavar="ID", help="A message's id, as `aispend alerts list` shows it.")]


@alerts.command("list")
def alerts_list(
    status: Annotated[
        str | None, typer.Option("--status", metavar="STATUS", help="Only pending, delivered, dead, ... ones.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that there are, not only the newest.")] = False,
) -> None:
    """Show the newest deliveries: to whom, what, and what became of it."""
    from aispend_pipeline.cli import alerts as command

    raise typer.Exit(command.list_(status, everything))


@alerts.command("test")
def alerts_test(
    hook: Annotated[bool, typer.Option("--hook", help="Also the hard-cap webhook, which has a machine act.")] = False,
) -> None:
    """Send a test message through every channel, and say what came of it."""
    from aispend_pipeline.cli import alerts as command

    raise typer.Exit(command.test(hook))


@alerts.command("retry")
def alerts_retry(message_id: Message) -> None:
    """Have a message tried again that was given up."""
    from aispend_pipeline.cli import alerts as command

    raise typer.Exit(command.retry(message_id))


@alerts.command("drop")
def alerts_drop(message_id: Message) -> None:
    """Give up a message that waits or is dead."""
    from aispend_pipeline.cli import alerts as command

    raise typer.Exit(command.drop(message_id))


@alerts.command("dispatch")
def alerts_dispatch() -> None:
    """Evaluate the caps and send what is due, once."""
    from aispend_pipeline.cli import alerts as command

    raise typer.Exit(command.dispatch())


@alerts.command("why")
def alerts_why(
    identity: Annotated[str, typer.Argument(metavar="ID", help="The id of an event, or of a message.")],
) -> None:
    """Show what an event was decided from."""
    from aispend_pipeline.cli import why as command

    raise typer.Exit(command.why(identity))


@app.command()
def config() -> None:
    """Show the settings that are set; secrets only as set."""
    from aispend_pipeline.cli import status as command

    raise typer.Exit(command.config())


@app.command()
def doctor() -> None:
    """Check settings, home, keys, reachability and clock: what is wrong, and what to do about it."""
    from aispend_pipeline.cli import doctor as command

    raise typer.Exit(command.doctor())


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Stop after the first run.")] = False,
    home: Annotated[
        Path | None, typer.Option("--home", metavar="DIR", help="Where to keep it; data/demo if left out.")
    ] = None,
    scenario: Annotated[
        str | None,
        typer.Option(
            "--scenario",
            metavar="NAME",
            help="Something goes wrong: outage, slow, rate-limited, restated, late or trailing.",
        ),
    ] = None,
) -> None:
    """Try it on a simulated organisation: no key needed, nothing leaves this machine."""
    from aispend_pipeline.cli import demo as command

    raise typer.Exit(command.demo(once, home, scenario))


Insecure = Annotated[
    bool, typer.Option("--insecure", help="Let everybody read who can reach it: listen beyond this machine openly.")
]


@app.command()
def up(insecure: Insecure = False) -> None:
    """Read every hour, watch the caps, tell people and answer questions, until Ctrl-C."""
    from aispend_pipeline.cli import up as command

    raise typer.Exit(command.up(insecure=insecure))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; AISPEND_HOST if left out.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; AISPEND_PORT if left out.")] = None,
    insecure: Insecure = False,
) -> None:
    """Serve the query service until Ctrl-C."""
    from aispend_pipeline.cli import serve as command

    raise typer.Exit(command.serve(host, port, insecure=insecure))


# What commands say on standard output, in their own words.
TOLD = frozenset({"fetch.done", "names.refused", "alert.failed"})
# What typer makes of Ctrl-C.
_CTRL_C = 130


def run() -> None:
    """Entry point: every failure is one line on standard error, never a traceback."""
    log.configure(logging.WARNING, told=TOLD)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    try:
        app()
    except UsageError as error:
        _end(error, 2)
    except AispendError as error:
        _end(error, 1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:  # a traceback would not help the person at the screen
        where = traceback.extract_tb(error.__traceback__)[-1]
        said = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        typer.echo(f"aispend failed where it should not: {said} ({Path(where.filename).name}:{where.lineno})", err=True)
        sys.exit(1)
    except SystemExit as ended:
        if ended.code != _CTRL_C:
            raise
        typer.echo("stopped; run the same command again to go on", err=True)
        sys.exit(1)


def _end(error: AispendError, code: int) -> None:
    typer.echo(str(error), err=True)
    sys.exit(code)
