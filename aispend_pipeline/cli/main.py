"""The `aispend` command: what each subcommand takes. What it does is imported when it is called.

So `aispend --help` does not wait for Dagster. Exit codes: 0 done, 1 something failed, is partial or
will be retried, 2 wrong use or settings.
"""

from pathlib import Path
from typing import Annotated

import typer

from aispend_pipeline import __version__
from aispend_pipeline.cli import ending, examples
from aispend_pipeline.cli.options import From, GroupBy, Insecure, Lines, Message, Report, Rows, Sources, To

app = typer.Typer(
    help="What your organisation spends on AI, hourly, to the exact cent, with the receipts.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

alerts = typer.Typer(help="What was said of caps, to whom, and what became of it.", no_args_is_help=True)
app.add_typer(alerts, name="alerts")

snapshot = typer.Typer(help="The newest snapshot of all figures, as a file.", no_args_is_help=True)
app.add_typer(snapshot, name="snapshot")


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Options of the command itself."""
    if show:
        typer.echo(f"aispend {__version__}")
        raise typer.Exit


@app.command(epilog=examples.of("ingest"))
def ingest(
    first: From = None,
    last: To = None,
    source: Sources = None,
) -> None:
    """Read the providers and add up, here and now.

    It is what one tick of the hourly schedule does. Without days: the look-back, and every day since AISPEND_START_DATE
    that is not complete.
    """
    from aispend_pipeline.cli import ingest as command

    raise typer.Exit(command.ingest(first, last, source or []))


@app.command(epilog=examples.of("spend"))
def spend(
    first: From = None,
    last: To = None,
    group_by: GroupBy = "provider,model",
    output: Rows = "table",
) -> None:
    """Show what was billed; this month if no days are given."""
    from aispend_pipeline.cli import spend as command

    raise typer.Exit(command.spend(first, last, group_by, output))


@app.command(epilog=examples.of("close"))
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
    output: Report = "table",
) -> None:
    """Hold a month against the invoices, and say why the two differ.

    Exit code 0 if every account's month is settled and every invoice ties, 1 if not.
    """
    from aispend_pipeline.cli import close as command

    raise typer.Exit(command.close(month, invoice or [], output))


@app.command(epilog=examples.of("recompute"))
def recompute(
    first: From = None,
    last: To = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    output: Lines = "text",
) -> None:
    """Make rows and sums again from stored pages; say what changed.

    No provider is called.
    """
    from aispend_pipeline.cli import recompute as command

    raise typer.Exit(command.recompute(first, last, dry_run, output))


@app.command(epilog=examples.of("status"))
def status() -> None:
    """Show how fresh and how whole the figures are."""
    from aispend_pipeline.cli import status as command

    raise typer.Exit(command.status())


@app.command(epilog=examples.of("caps"))
def caps() -> None:
    """Show how far every cap is used, and who moved it most."""
    from aispend_pipeline.cli import caps as command

    raise typer.Exit(command.caps())


@app.command(epilog=examples.of("sql"))
def sql(
    question: Annotated[
        str | None,
        typer.Argument(metavar="QUESTION", help="One SELECT, in DuckDB's SQL; - reads it from standard input."),
    ] = None,
    views: Annotated[
        bool, typer.Option("--views", help="List what can be asked for: views, columns, meanings.")
    ] = False,
    output: Rows = "table",
) -> None:
    """Answer a question in SQL from the newest snapshot.

    It is one statement that reads; nothing can be changed by it.
    """
    from aispend_pipeline.cli import sql as command

    raise typer.Exit(command.sql(question, views, output))


@snapshot.command("path", epilog=examples.of("snapshot path"))
def snapshot_path() -> None:
    """Print where the newest snapshot is, for notebooks.

    It is a file of DuckDB's that never changes, with all tables, and the views that `aispend sql --views` lists.
    """
    from aispend_pipeline.cli import snapshot as command

    raise typer.Exit(command.path())


@app.command(epilog=examples.of("backup"))
def backup(
    to: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder, or an empty one.")],
) -> None:
    """Copy all that a restore needs into a folder.

    It is the newest snapshot and the state database, and may be done while everything runs. Settings are no part of it.
    """
    from aispend_pipeline.cli import backup as command

    raise typer.Exit(command.backup(to))


@alerts.command("list", epilog=examples.of("alerts list"))
def alerts_list(
    status: Annotated[
        str | None, typer.Option("--status", metavar="STATUS", help="Only pending, delivered, dead, ... ones.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that there are, not only the newest.")] = False,
) -> None:
    """Show the newest deliveries, and what became of them."""
    from aispend_pipeline.cli import alerts as command

    raise typer.Exit(command.list_(status, everything))


@alerts.command("test", epilog=examples.of("alerts test"))
def alerts_test(
    hook: Annotated[bool, typer.Option("--hook", help="Also the hard-cap webhook, which has a machine act.")] = False,
) -> None:
    """Send a test through every channel; say what came of it."""
    from aispend_pipeline.cli import alerts as command

    raise typer.Exit(command.test(hook))


@alerts.command("retry", epilog=examples.of("alerts retry"))
def alerts_retry(message_id: Message) -> None:
    """Have a message tried again that was given up."""
    from aispend_pipeline.cli import alerts as command

    raise typer.Exit(command.retry(message_id))


@alerts.command("drop", epilog=examples.of("alerts drop"))
def alerts_drop(message_id: Message) -> None:
    """Give up a message that waits or is dead."""
    from aispend_pipeline.cli import alerts as command

    raise typer.Exit(command.drop(message_id))


@alerts.command("dispatch", epilog=examples.of("alerts dispatch"))
def alerts_dispatch() -> None:
    """Evaluate the caps and send what is due, once."""
    from aispend_pipeline.cli import alerts as command

    raise typer.Exit(command.dispatch())


@alerts.command("why", epilog=examples.of("alerts why"))
def alerts_why(
    identity: Annotated[str, typer.Argument(metavar="ID", help="The id of an event, or of a message.")],
) -> None:
    """Show what an event was decided from."""
    from aispend_pipeline.cli import why as command

    raise typer.Exit(command.why(identity))


@app.command(epilog=examples.of("config"))
def config() -> None:
    """Show the settings that are set; secrets only as set."""
    from aispend_pipeline.cli import status as command

    raise typer.Exit(command.config())


@app.command(epilog=examples.of("doctor"))
def doctor() -> None:
    """Say what is wrong, and what to do about it.

    Settings, home, keys, reachability and clock are checked, and last month is held against the providers' own sums.
    """
    from aispend_pipeline.cli import doctor as command

    raise typer.Exit(command.doctor())


@app.command(epilog=examples.of("demo"))
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
            help="Instead of the story: outage, slow, rate-limited, restated, late or trailing.",
        ),
    ] = None,
) -> None:
    """Try it on a simulated organisation; no key is needed.

    Nothing leaves this machine.
    """
    from aispend_pipeline.cli import demo as command

    raise typer.Exit(command.demo(once, home, scenario))


@app.command(epilog=examples.of("up"))
def up(insecure: Insecure = False) -> None:
    """Read every hour, watch the caps, tell people, answer questions.

    Until Ctrl-C: Dagster's UI and daemon, the query service and the sending of alerts, in one terminal.
    """
    from aispend_pipeline.cli import up as command

    raise typer.Exit(command.up(insecure=insecure))


@app.command(epilog=examples.of("serve"))
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; AISPEND_HOST if left out.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; AISPEND_PORT if left out.")] = None,
    insecure: Insecure = False,
) -> None:
    """Serve the query service until Ctrl-C."""
    from aispend_pipeline.cli import serve as command

    raise typer.Exit(command.serve(host, port, insecure=insecure))


def run() -> None:
    """Entry point."""
    ending.run(app)
