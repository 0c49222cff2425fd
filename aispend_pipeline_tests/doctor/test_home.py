"""The home: one line for each thing that is wrong with it, and nothing is changed in it."""

import shutil

import pytest

from aispend_pipeline.doctor import home
from aispend_pipeline.settings import Settings
from aispend_pipeline.state.database import State
from aispend_pipeline.warehouse import Warehouse

from .conftest import Usage
from .world import BILLED, NOW, OCTOBER, about, examined

OPENAI = BILLED["openai"]


def lines_of(folder) -> list[str]:
    settings = Settings.load({"AISPEND_HOME": str(folder)}, dotenv=None)
    return [finding.line for finding in home.examine(settings, NOW)]


@pytest.fixture
def filled(world):
    """The home of a store with data."""
    world.with_openai()
    world.fill(OCTOBER, "openai_costs")
    return world.home


def test_a_home_that_is_a_file(world, capsys):
    world.with_openai()
    world.home.write_text("not a folder")

    code, lines = examined(world, capsys)

    assert code == 1
    assert about(lines, "home") == [f"FAIL home: {world.home}: is a file, not a folder; set AISPEND_HOME to a folder"]
    assert lines[-1] == f" openai    default  not compared  USD       {OPENAI:>15}"
    assert world.home.read_text() == "not a folder"


def test_a_home_that_cannot_be_made(world):
    (world.folder / "file").touch()

    (line,) = lines_of(world.folder / "file" / "home")

    assert line == (
        f"FAIL home: {world.folder / 'file' / 'home'}: cannot be written (Not a directory);"
        " set AISPEND_HOME to another folder"
    )


def test_little_space_is_a_note(world, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(2**35, 2**35, 2**29))

    assert lines_of(world.home)[0] == (
        f"note home: {world.home}: can be written, 0.5 GiB free; free some space, or set AISPEND_HOME to another disk"
    )


def test_a_state_database_that_is_none(world):
    State(world.home).file.write_text("not a database, " * 100)

    assert lines_of(world.home)[1] == (
        f"FAIL home: {world.home / 'state.sqlite'}: cannot be used (file is not a database); restore the"
        " file; without it, what people were told is forgotten"
    )


def test_a_broken_state_database_does_not_keep_anyone_from_asking(world, capsys):
    world.with_anthropic()
    State(world.home).file.write_text("not a database, " * 100)

    code, lines = examined(world, capsys)

    assert code == 1
    assert [line[:4] for line in about(lines, "anthropic default")] == ["ok  "] * 3


def test_a_warehouse_that_is_missing_or_none(filled):
    file, (snapshot,) = filled / "warehouse.duckdb", (filled / "snapshots").glob("*.duckdb")
    restore = f"restore it: cp {snapshot} {file} && rm -f {file}.wal"

    file.write_text("not a warehouse")
    damaged = lines_of(filled)
    file.unlink()
    missing = lines_of(filled)

    assert damaged[2] == f"FAIL home: {file}: is no DuckDB file; {restore}"
    assert missing[2] == f"FAIL home: {file}: is missing; {restore}"
    assert not file.exists()


def test_a_snapshot_that_is_damaged(filled):
    (snapshot,) = (filled / "snapshots").glob("*.duckdb")
    snapshot.write_text("not a snapshot, " * 1000)

    assert lines_of(filled)[3] == f"FAIL home: {snapshot}: the snapshot is damaged; run: aispend recompute"


def test_it_does_not_wait_for_a_writer_and_changes_nothing(world, filled, capsys):
    with Warehouse(filled, world.clock).write() as transaction:
        transaction.execute("DELETE FROM spend")
        before = {path: path.read_bytes() for path in filled.rglob("*.duckdb")}

        code, lines = examined(world, capsys)

        assert {path: path.read_bytes() for path in filled.rglob("*.duckdb")} == before
    assert (code, lines[-1]) == (
        0,
        f" openai    default  same      USD       {OPENAI:>15}  {OPENAI}               0",
    )


def test_a_demos_home_is_not_held_against_a_real_bill(world, capsys):
    world.with_openai()
    world.home.mkdir()
    (world.home / "this-is-a-demo").touch()

    code, lines = examined(world, capsys)

    told = "is a demo's, whose caps and keys are in its own process; set AISPEND_HOME to another folder"
    assert (code, lines) == (1, [f"FAIL home: {world.home}: {told}"])
