"""What the command says of itself: help with examples that work, completion, and wrong use in one line."""

import shlex

import pytest
import typer

from aispend_pipeline.cli import examples
from aispend_pipeline.cli.main import app
from aispend_pipeline.warehouse.questions import DIMENSIONS

from .conftest import Shell, one_line

COMMANDS = {
    " ".join(path): command
    for path, command in (
        ((*name, one), command)
        for name, group in [((), typer.main.get_command(app))]
        for one, of_it in group.commands.items()
        for name, one, command in (
            [((one,), each, inner) for each, inner in of_it.commands.items()]
            if hasattr(of_it, "commands")
            else [((), one, of_it)]
        )
    )
}


def lines_of(command: str) -> list[str]:
    """The examples of a command, without what is said of them and where their output goes."""
    shown = [line.strip() for line in COMMANDS[command].epilog.splitlines()]
    return [
        line.partition("#")[0].partition(" | ")[0].partition(" > ")[0].partition(" < ")[0].strip() for line in shown[2:]
    ]


def test_every_command_has_examples():
    assert set(examples.EXAMPLES) == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_example_is_one_that_the_command_takes(command):
    for line in lines_of(command):
        program, *words = shlex.split(line)
        assert program == "aispend"
        name, options = words[: len(command.split())], words[len(command.split()) :]
        assert " ".join(name) == command
        COMMANDS[command].make_context(command, options)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_eighty_columns_and_shows_the_examples_as_they_are(shell, command):
    done = shell.run(*command.split(), "--help", COLUMNS="80")

    assert done.code == 0
    assert "Examples:\n" in done.out
    text, _, shown = done.out.partition("Examples:\n")
    assert max(map(len, text.splitlines())) <= 80
    assert [line.strip() for line in shown.splitlines()] == [
        line.strip() for line in COMMANDS[command].epilog.splitlines()[2:]
    ]


def test_the_list_of_commands_cuts_none_short(shell):
    for group in ((), ("alerts",), ("snapshot",)):
        assert "..." not in shell.run(*group, "--help").out.partition("Commands:")[2]


def completed(shell: Shell, *words: str) -> list[str]:
    done = shell.run(
        COMP_WORDS=shlex.join(["aispend", *words]), COMP_CWORD=str(len(words)), _AISPEND_COMPLETE="complete_bash"
    )
    return done.out.split()


def test_commands_options_and_values_are_completed(shell):
    assert completed(shell, "sp") == ["spend"]
    assert completed(shell, "spend", "--gr") == ["--group-by"]
    assert completed(shell, "spend", "--group-by", "day,pro") == ["day,provider", "day,project"]
    assert completed(shell, "spend", "--group-by", "day,provider,") == [
        f"day,provider,{name}" for name in DIMENSIONS if name not in ("day", "provider")
    ]
    assert completed(shell, "spend", "--format", "c") == ["csv"]
    assert completed(shell, "recompute", "--format", "t") == ["text"]
    assert completed(shell, "ingest", "--source", "openai") == ["openai_costs", "openai_usage"]
    assert completed(shell, "ingest", "--source", "vertex") == ["vertex_billing", "vertex_budget"]


def test_completion_is_shown_for_a_shell_s_own_file(shell):
    done = shell.run("--show-completion", "bash", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")

    assert done.code == 0
    assert "_AISPEND_COMPLETE=complete_bash" in done.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["spent"], "aispend: no such command 'spent'. Did you mean 'spend'?"),
        (["nothing"], "aispend: no such command 'nothing'; see: aispend --help"),
        (["alerts", "nothing"], "aispend alerts: no such command 'nothing'; see: aispend alerts --help"),
        (["ingest", "--form", "x"], "aispend ingest: no such option: --form (Possible options: --from"),
        (["spend", "extra"], "aispend spend: got unexpected extra argument"),
        (["close"], "aispend close: missing argument 'MONTH'; see: aispend close --help"),
        (["serve", "--port", "x"], "aispend serve: invalid value for '--port': it is not a whole number"),
        (["spend", "--from"], "aispend: option '--from' requires an argument; see: aispend --help"),
        (["status", "--verbose"], "aispend status: no such option: --verbose; see: aispend status --help"),
    ],
    ids=" ".join,
)
def test_what_the_command_line_does_not_know_is_said_in_one_line(shell, arguments, said):
    done = shell.run(*arguments)

    assert (done.code, done.out) == (2, "")
    assert one_line(done.err).startswith(said)


@pytest.mark.parametrize("arguments", [[], ["alerts"], ["snapshot"]])
def test_who_asks_nothing_is_shown_the_help(shell, arguments):
    done = shell.run(*arguments)

    assert done.code == 2
    assert done.err.startswith(f"Usage: {' '.join(['aispend', *arguments])} ")


@pytest.mark.parametrize(
    ("setting", "text", "said"),
    [
        ("AISPEND_RATE_LIMIT", "abc", "'abc' is not a whole number"),
        ("AISPEND_RATE_LIMIT", "-1", "'-1' is less than 0"),
        ("AISPEND_PORT", "70000", "'70000' is more than 65535"),
    ],
)
def test_a_setting_that_is_no_fit_number_is_said_plainly(shell, setting, text, said):
    done = shell.run("config", **{setting: text})

    assert done.code == 2
    assert one_line(done.err).startswith(f"{setting}: {said}; for example {setting}=")
