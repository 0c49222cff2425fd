"""Each command of the pages, as a reader types it, over simulated providers and with the service running."""

import re
import shlex
import subprocess

import pytest

from .pages import ROOT, Command, commands
from .stage import Stage, stage

# What cannot be run in a test, by the mark of its block, and why.
ONLY_READ = {
    "checkout": "it makes this checkout's own .venv, or runs these very tests: make is asked with -n what it would do",
    "systemd": "it needs root, and systemd as the first process",
    "dagster": "it stays until Ctrl-C, or is for an instance of one's own",
    "container": "it needs a container engine, and a registry of images",
}
STAYS = ("aispend up", "aispend serve")  # until Ctrl-C
# These may end with 1 here, and why.
ENDS_WITH_ONE = {
    "aispend close": "no invoice ties, and no month was read whole",
    "aispend status": "one of the two receivers is no more, so that there is a message to be tried again",
    "aispend doctor": "the same",
    "aispend alerts test": "the same",
    "aispend alerts dispatch": "the same",
    "aispend caps": "the days before the few that are read here are missing, so that no cap can be measured",
}


@pytest.mark.long
def test_every_command_of_the_pages_does_what_it_is_there_for(tmp_path):
    """One after the other, since what a page begins with is there for what follows."""
    with stage(tmp_path) as reader:
        failed = [wrong for command in commands() if not command.mark and (wrong := _wrong(reader, command))]
    assert failed == []


def _wrong(reader: Stage, command: Command) -> str | None:
    """What is wrong with how a command ended; none if nothing is."""
    code, said = reader.interrupted(command.text) if command.text in STAYS else reader.tried(command.text)
    allowed = {0, 1} if any(one in command.text for one in ENDS_WITH_ONE) else {0}
    return None if code in allowed and "Traceback" not in said else f"{command}: {code}: {said}"


@pytest.mark.parametrize("command", [one for one in commands() if one.mark], ids=str)
def test_what_is_not_run_is_what_the_shell_understands_and_says_why(command):
    assert command.mark in ONLY_READ
    subprocess.run(["bash", "-n", "-c", command.text], check=True)
    for name in re.findall(r"\bdeploy/[\w.-]+", command.text):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("command", [one for one in commands() if one.text.startswith("make ")], ids=str)
def test_make_knows_what_it_is_asked_for(command):
    _, *words = shlex.split(command.text)
    told = subprocess.run(["make", "-n", *words], cwd=ROOT, capture_output=True, text=True)
    assert (told.returncode, told.stderr) == (0, "")
