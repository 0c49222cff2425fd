"""`aispend backup`: what it keeps is whole, private and restorable; and it never looks like one where there is none."""

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aispend_pipeline.alerts.by_hand import of_message
from aispend_pipeline.alerts.outbox import Draft, Outbox
from aispend_pipeline.cli.screen import DEMO_MARK
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.state.database import State
from aispend_pipeline.warehouse import Snapshots, Warehouse
from aispend_pipeline.warehouse.snapshots import pointer

from .conftest import Shell, one_line


@pytest.fixture
def kept(shell) -> Shell:
    """A home with figures, and with a message to somebody that only SQLite's log has yet."""
    warehouse = Warehouse(shell.home, SystemClock())
    with warehouse.write(publish=True) as transaction:
        transaction.execute("CREATE TABLE note AS SELECT 'published' AS word")
    with warehouse.write() as transaction:
        transaction.execute("UPDATE note SET word = 'not published yet'")
    return shell


@pytest.fixture
def told(kept) -> State:
    state = State(kept.home)
    with state.transaction() as connection:
        Outbox(connection).queue(Draft("msg_1", "slack", "slack", "something", b"{}", ("evt",)), datetime.now(UTC))
    assert (kept.home / "state.sqlite-wal").stat().st_size > 0
    return state


def words(folder: Path) -> list[tuple[str]]:
    _, cursor = Snapshots(folder).current()
    return cursor.execute("FROM note").fetchall()


def test_the_newest_snapshot_and_the_state_are_kept_for_their_owner_alone_and_each_is_said(kept, told):
    to = kept.folder / "backups" / "today"

    done = kept.run("backup", str(to))

    assert (done.code, done.err) == (0, "")
    figures, state, restore = done.out.splitlines()
    assert figures.startswith(f"{to / 'warehouse.duckdb'}: ")
    assert figures.endswith(f"bytes, the figures of {kept.home}, as of {pointer(kept.home).at}")
    assert state.startswith(f"{to / 'state.sqlite'}: ")
    assert f"cp {to}/* HOME" in restore
    assert {file.name: file.stat().st_mode & 0o777 for file in (to, *to.iterdir())} == {
        "today": 0o700,
        "warehouse.duckdb": 0o600,
        "state.sqlite": 0o600,
    }


def test_what_is_restored_is_what_was_published_and_said(kept, told):
    kept.run("backup", "kept")
    restored = kept.folder / "restored"
    shutil.copytree(kept.folder / "kept", restored)

    Warehouse(restored, SystemClock()).publish()

    assert words(restored) == [("published",)]
    with State(restored).reading() as connection:
        assert [one.subject for one in of_message(connection, "msg_1")] == ["something"]


def test_a_home_that_is_restored_says_how_its_figures_can_be_read_again(kept, told):
    kept.run("backup", "kept")
    shutil.copytree(kept.folder / "kept", kept.folder / "restored")

    spend, status = (kept.run(command, AISPEND_HOME="restored") for command in ("spend", "status"))

    said = "restored: the figures are there, but not published yet; run: aispend recompute"
    assert (spend.code, one_line(spend.err)) == (1, said)
    assert f"  {said}" in status.out.splitlines()


def test_a_writer_in_the_middle_of_a_transaction_holds_nothing_up_and_is_not_in_it(kept, told):
    with told.transaction() as connection, Warehouse(kept.home, SystemClock()).write():
        Outbox(connection).queue(Draft("msg_2", "slack", "slack", "late", b"{}", ("evt",)), datetime.now(UTC))
        assert kept.run("backup", "kept").code == 0

    with closing(sqlite3.connect(kept.folder / "kept" / "state.sqlite")) as copy:
        assert copy.execute("SELECT id FROM message").fetchall() == [("msg_1",)]


def test_where_nobody_was_told_anything_there_is_no_state_to_keep(kept):
    done = kept.run("backup", "kept")

    assert done.code == 0
    assert "no state.sqlite: nobody was told anything yet" in done.out
    assert [file.name for file in (kept.folder / "kept").iterdir()] == ["warehouse.duckdb"]


def test_a_folder_that_holds_anything_is_refused_and_left_as_it_is(kept):
    (kept.folder / "full").mkdir()
    (kept.folder / "full" / "something").touch()

    done = kept.run("backup", "full")

    assert (done.code, done.out) == (2, "")
    assert one_line(done.err) == "full: holds something already; name a new folder, or an empty one"
    assert [file.name for file in (kept.folder / "full").iterdir()] == ["something"]


@pytest.mark.parametrize(("mark", "said"), [("", "nothing was read yet"), (DEMO_MARK, "holds a demo's simulated bill")])
def test_a_home_without_a_bill_is_refused_and_no_folder_is_made(shell, mark, said):
    shell.home.mkdir()
    if mark:
        (shell.home / mark).touch()

    done = shell.run("backup", "kept")

    assert (done.code != 0, done.out) == (True, "")
    assert said in one_line(done.err)
    assert not (shell.folder / "kept").exists()


def test_a_state_database_that_is_none_is_said_and_not_kept(kept):
    (kept.home / "state.sqlite").write_text("not a database, " * 100)

    done = kept.run("backup", "kept")

    assert done.code == 1
    assert "state.sqlite: cannot be used" in one_line(done.err)
    assert not (kept.folder / "kept" / "state.sqlite").exists()
