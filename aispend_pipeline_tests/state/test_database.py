"""The state file: made by whoever comes first, whole after a kill, one clear line where it cannot be used."""

import shutil
import signal
import sqlite3
from contextlib import ExitStack, closing
from datetime import date

import pytest
import sqlalchemy as sa
from sqlalchemy.pool import Pool

from aispend_pipeline.errors import StoreError, Trouble
from aispend_pipeline.model import Window
from aispend_pipeline.state.call_budget import CallBudget
from aispend_pipeline.state.database import State
from aispend_pipeline.state.waiting import WaitingDays

from ..conftest import hasty
from .driver import FEED, NOW, started

DAY = Window(date(2026, 11, 2), date(2026, 11, 2))
LATER = Window(date(2026, 11, 3), date(2026, 11, 3))


@pytest.fixture
def used(home) -> State:
    """A state in which one call was made and one day waits."""
    state = State(home)
    CallBudget(state, "anthropic", "default", 60).take(NOW)
    WaitingDays(state).add([(FEED, DAY)])
    return state


def test_it_is_made_in_a_home_for_its_owner_alone_and_every_write_is_durable(used, home, request):
    assert home.stat().st_mode & 0o777 == 0o700
    sa.event.remove(Pool, "checkout", hasty)
    request.addfinalizer(lambda: sa.event.listen(Pool, "checkout", hasty))
    used.close()
    with used.transaction() as connection:
        pragmas = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    assert pragmas == ["wal", 2]


@pytest.mark.long
def test_processes_that_meet_an_empty_home_together_all_find_it_usable(home):
    with ExitStack() as stack:
        racing = [stack.enter_context(started("take", home, "60", "3")) for _ in range(4)]
        for process in racing:
            process.stdin.close()
        assert [(process.wait(60), process.stderr.read()) for process in racing] == [(0, "")] * 4


def test_a_kill_in_the_middle_of_a_change_changes_nothing(used, home):
    with started("die", home) as process:
        process.stdin.close()
        assert process.wait(60) == -signal.SIGKILL

    again = State(home)
    assert WaitingDays(again).all() == {FEED: {DAY.first}}
    assert CallBudget(again, "anthropic", "default", 60).available(NOW) == 59


def test_a_block_that_raises_changes_nothing(used):
    with pytest.raises(ZeroDivisionError), used.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM waiting")
        raise ZeroDivisionError

    assert WaitingDays(used).all() == {FEED: {DAY.first}}


DAMAGE = {
    "another kind of file": lambda content: b"hello world\n" * 2000,
    "a garbage header": lambda content: b"\x99" * 100 + content[100:],
    "half its length": lambda content: content[: len(content) // 2],
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_file_is_one_line_that_names_it_and_says_what_to_do(used, home, name):
    used._engine.dispose()
    damaged = DAMAGE[name](used.file.read_bytes())
    used.file.write_bytes(damaged)

    with pytest.raises(StoreError) as raised:
        WaitingDays(State(home)).all()

    told = str(raised.value)
    assert "\n" not in told
    assert told.startswith(f"{used.file}: cannot be used (")
    assert "restore the file; without it, what people were told is forgotten" in told
    assert used.file.read_bytes() == damaged


def test_removing_the_damaged_file_is_all_it_takes(used, home):
    used._engine.dispose()
    used.file.write_bytes(b"hello world\n" * 2000)
    with pytest.raises(StoreError):
        WaitingDays(State(home)).all()

    used.file.unlink()

    assert WaitingDays(State(home)).all() == {}


@pytest.mark.parametrize("exclusive", [False, True])
def test_a_file_that_somebody_holds_for_too_long_is_one_line(used, home, exclusive):
    used.close()
    with closing(sqlite3.connect(used.file, isolation_level=None)) as holder:
        holder.execute(f"PRAGMA locking_mode={'EXCLUSIVE' if exclusive else 'NORMAL'}")
        holder.execute("BEGIN IMMEDIATE")

        with pytest.raises(StoreError, match=r"state.sqlite: is locked by another process; .*when it is") as raised:
            WaitingDays(State(home, patience_seconds=0.05)).add([(FEED, LATER)])

    assert "\n" not in str(raised.value)
    assert raised.value.trouble is Trouble.LOCKED
    assert WaitingDays(used).all() == {FEED: {DAY.first}}


def remove(home) -> None:
    """What a person removes: the file and what SQLite keeps beside it."""
    for file in home.glob("state.sqlite*"):
        file.unlink()


def test_a_file_that_is_replaced_or_removed_under_a_process_is_followed(used, home, tmp_path):
    assert WaitingDays(used).all() == {FEED: {DAY.first}}
    used.close()
    shutil.copy(used.file, tmp_path / "backup")
    WaitingDays(used).add([(FEED, LATER)])
    remove(home)
    assert WaitingDays(used).all() == {}
    remove(home)
    shutil.copy(tmp_path / "backup", used.file)

    assert WaitingDays(used).all() == {FEED: {DAY.first}}
    WaitingDays(used).add([(FEED, LATER)])
    assert WaitingDays(State(home)).all() == {FEED: {DAY.first, LATER.first}}


def test_a_home_that_is_a_file_is_one_line(tmp_path):
    (tmp_path / "used").write_text("a file")

    with pytest.raises(StoreError, match="is a file, not a folder"):
        State(tmp_path / "used")
