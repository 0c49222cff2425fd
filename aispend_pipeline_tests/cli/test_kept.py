"""Processes beside a command: started again when they die, given up loudly, and gone with it, with all they started."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from aispend_pipeline.cli.processes import Child, Patience, Place, kept
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.health.given_up import give_up, given_up, none_given_up
from aispend_pipeline.relay import ADDRESS
from aispend_pipeline.service.status import status
from aispend_pipeline.settings import Settings

from ..waiting import until
from .life import running

QUICK = Patience(waits=(0.01,) * 5, stop=0.3, look=0.01)
# Writes its number and a line on its output, and then does what it is told.
PROGRAM = """
import os, subprocess, sys, time
with open(sys.argv[1], "a") as file:
    file.write(f"{os.getpid()}\\n")
print("began", flush=True)
"""


@dataclass
class Told:
    """What was said of the children, in order."""

    lines: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)


@dataclass
class Nursery:
    """Where children run, and the numbers of those that did."""

    folder: Path

    def child(self, *then: str, shown: bool = False, once: bool = False) -> Child:
        """One that does `then` after its beginning."""
        program = "\n".join([PROGRAM, *then])
        return Child("the child", (sys.executable, "-c", program, str(self.pids)), "nothing is done", shown, once)

    @property
    def pids(self) -> Path:
        return self.folder / "pids"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def started(self) -> list[int]:
        return [int(line) for line in self.pids.read_text().split()] if self.pids.exists() else []

    @contextmanager
    def at_work(self, *children: Child, patience: Patience = QUICK, **environment: str) -> Iterator[Told]:
        told = Told()
        place = Place(environment, self.folder, self.log)
        with kept(children, place, SystemClock(), told.lines.append, told.given_up.append, patience):
            yield told


@pytest.fixture
def nursery(tmp_path) -> Nursery:
    return Nursery(tmp_path)


STAYS = "time.sleep(600)"


def test_one_that_is_killed_is_started_again_and_that_is_said(nursery):
    with nursery.at_work(nursery.child(STAYS)) as told:
        until(lambda: len(nursery.started()) == 1)
        (first,) = nursery.started()
        os.kill(first, signal.SIGKILL)
        until(lambda: len(nursery.started()) == 2)
        second = nursery.started()[-1]
        until(lambda: running([second]))

    assert told.lines == [f"the child ended (SIGKILL), and is started again in 0.01 s; {nursery.log} may say why"]
    assert told.given_up == []
    assert not running([second])


def test_one_that_always_ends_is_given_up_after_five_new_starts_and_the_others_stay(nursery):
    other = Nursery(nursery.folder / "other")
    other.folder.mkdir()
    with nursery.at_work(nursery.child("sys.exit(3)"), other.child(STAYS)) as told:
        until(lambda: told.given_up)
        assert len(running(other.started())) == 1

    assert len(nursery.started()) == 6
    assert len(told.lines) == 6
    assert (
        told.given_up
        == told.lines[-1:]
        == [
            "the child ended 6 times in a row (exit code 3) and is given up: nothing is done;"
            f" see {nursery.log}, mend it, start again"
        ]
    )


def test_one_that_ran_well_for_long_is_forgiven(nursery):
    patience = Patience(waits=(0.01,), well=0, stop=0.3, look=0.01)
    with nursery.at_work(nursery.child(), patience=patience) as told:
        until(lambda: len(nursery.started()) > 3)

    assert told.given_up == []


def test_one_that_cannot_be_started_is_given_up_too(nursery):
    with nursery.at_work(Child("the child", ("no-such-program",), "nothing is done")) as told:
        until(lambda: told.given_up)

    assert "given up" in told.lines[-1]


def test_waiting_for_a_new_start_ends_with_the_block(nursery):
    with nursery.at_work(nursery.child(), patience=Patience(waits=(600,), stop=0.3, look=0.01)) as told:
        until(lambda: told.lines)

    assert len(nursery.started()) == 1


def test_what_a_child_has_started_is_ended_before_it_is_started_again_and_at_the_end(nursery):
    """As a run that Dagster's code server has begun: it would else hold what the next one needs."""
    grandchild = f"subprocess.Popen([sys.executable, '-c', {PROGRAM + STAYS!r}, sys.argv[1]])"
    with nursery.at_work(nursery.child(grandchild, STAYS)):
        until(lambda: len(nursery.started()) == 2)
        first, below = nursery.started()
        os.kill(first, signal.SIGKILL)
        until(lambda: len(nursery.started()) == 4)
        assert not running([below])

    assert not running(nursery.started())


def test_one_that_does_not_want_to_end_is_made_to(nursery):
    with nursery.at_work(nursery.child("import signal", "signal.signal(signal.SIGTERM, signal.SIG_IGN)", STAYS)):
        until(lambda: len(nursery.started()) == 1)

    assert not running(nursery.started())


def test_it_gets_its_environment_and_its_folder_and_writes_to_the_log(nursery):
    with nursery.at_work(nursery.child("print(os.environ['OWN'], os.getcwd(), flush=True)", STAYS), OWN="mine"):
        until(lambda: nursery.log.exists() and "mine" in nursery.log.read_text())

    assert nursery.log.read_text() == f"began\nmine {nursery.folder}\n"


def test_one_that_is_shown_writes_on_the_screen(nursery, capfd):
    with nursery.at_work(nursery.child("print('seen', flush=True)", STAYS, shown=True)):
        until(lambda: "seen" in capfd.readouterr().out)

    assert nursery.log.read_text() == ""


def test_one_that_is_shown_says_itself_what_others_have_the_command_say(nursery, capfd):
    said = f"print('relay', [os.environ['{ADDRESS}']], flush=True)"
    with nursery.at_work(nursery.child(said, STAYS), nursery.child(said, STAYS, shown=True), **{ADDRESS: "there"}):
        until(lambda: "relay ['there']" in nursery.log.read_text())
        until(lambda: "relay ['']" in capfd.readouterr().out)


@pytest.mark.parametrize(
    ("then", "said"), [("", []), ("sys.exit(1)", ["the child ended (exit code 1): nothing is done"])]
)
def test_what_is_done_once_is_neither_started_again_nor_given_up(nursery, then, said):
    other = Nursery(nursery.folder / "other")
    other.folder.mkdir()
    with nursery.at_work(nursery.child(then, once=True), other.child("sys.exit(3)")) as told:
        until(lambda: told.given_up)  # of the other

    assert len(nursery.started()) == 1
    assert [line for line in told.lines if "exit code 3" not in line] == said
    assert all("exit code 3" in line for line in told.given_up)


def test_what_is_done_once_ends_with_the_block(nursery):
    with nursery.at_work(nursery.child(STAYS, once=True)) as told:
        until(lambda: len(nursery.started()) == 1)

    assert not running(nursery.started())
    assert told.lines == []


def test_a_block_that_fails_ends_them(nursery):
    with pytest.raises(ZeroDivisionError), nursery.at_work(nursery.child(STAYS)):
        until(lambda: len(nursery.started()) == 1)
        raise ZeroDivisionError

    assert not running(nursery.started())


def test_what_was_given_up_is_remembered_until_there_is_a_new_start(tmp_path):
    assert given_up(tmp_path) == []
    threads = [threading.Thread(target=give_up, args=(tmp_path, f"line {n}")) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(given_up(tmp_path)) == [f"line {n}" for n in range(8)]
    none_given_up(tmp_path)
    assert given_up(tmp_path) == []


def test_the_status_says_what_was_given_up(tmp_path):
    settings = Settings.load({"AISPEND_HOME": str(tmp_path), "OPENAI_API_KEY": "sk-admin-1"}, None)
    give_up(tmp_path, "Dagster's daemon is given up")

    body = status(settings, SystemClock().now())

    assert body["status"] == "failing"
    assert "Dagster's daemon is given up" in body["reasons"]
