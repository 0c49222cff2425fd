"""Every store is looked at without being opened for writing, waited for or changed; trouble is named in a word."""

import json
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from aispend_pipeline.errors import Trouble
from aispend_pipeline.health import stores
from aispend_pipeline.health.reasons import Kind
from aispend_pipeline.health.stores import LONG_WRITE, NO_ROOM, ROOM_TO_WRITE, Store, look
from aispend_pipeline.settings import Settings
from aispend_pipeline.warehouse import Warehouse, lock

from ..service.faults import RUNS, with_every_store
from ..warehouse.building import DAY, SetClock, complete, line, store
from ..warehouse.driver import started

NOW = datetime(2026, 11, 25, 13, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A home in which everything was made."""
    home = tmp_path_factory.mktemp("stores") / "home"
    warehouse = Warehouse(home, SetClock())
    store(warehouse, complete({DAY: [line("1.5")]}))
    warehouse.publish()
    store(warehouse, complete({DAY: [line("2.5")]}))
    warehouse.publish()
    with_every_store(home)
    return home


@pytest.fixture
def made(template, home):
    shutil.copytree(template, home)
    return home


def found(home, now=NOW, **settings: str) -> dict[Store, stores.Looked]:
    asked = Settings.load({"AISPEND_HOME": str(home), **settings}, dotenv=None)
    return {one.store: one for one in look(asked, now)}


def troubles(home, **settings: str) -> dict[str, str]:
    return {one.store.value: one.trouble.value for one in found(home, **settings).values() if one.trouble}


def test_a_home_in_order_has_no_trouble(made):
    before = {path: path.stat().st_mtime_ns for path in made.rglob("*")}

    assert troubles(made) == {}
    assert {path: path.stat().st_mtime_ns for path in made.rglob("*") if path in before} == before


def test_of_a_home_that_is_not_there_yet_only_figures_are_missed_and_nothing_is_made(home):
    seen = found(home)

    assert troubles(home) == dict.fromkeys(("snapshot", "warehouse", "state", "dagster"), "not_made")
    assert [one.store for one in seen.values() if one.reason()] == [Store.SNAPSHOT]
    assert not home.exists()


def newest(home):
    return max((home / "snapshots").glob("*.duckdb"))


def cut(path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGE: dict[str, tuple[Callable, str, str, str]] = {
    "no pointer": (lambda home: (home / "CURRENT").unlink(), "snapshot", "missing", "CURRENT: is missing"),
    "a pointer of rubbish": (lambda home: (home / "CURRENT").write_text("?"), "snapshot", "damaged", "cannot be read"),
    "no snapshot": (lambda home: newest(home).unlink(), "snapshot", "missing", "the published snapshot is missing"),
    "an empty snapshot": (lambda home: newest(home).write_bytes(b""), "snapshot", "damaged", "snapshot is damaged"),
    "no warehouse": (lambda home: (home / "warehouse.duckdb").unlink(), "warehouse", "missing", "restore it: cp "),
    "an empty warehouse": (
        lambda home: (home / "warehouse.duckdb").write_bytes(b""),
        "warehouse",
        "damaged",
        "is no DuckDB file; restore it: cp ",
    ),
    "half a warehouse": (lambda home: cut(home / "warehouse.duckdb"), "warehouse", "damaged", "has lost its end"),
    "a state of rubbish": (
        lambda home: (home / "state.sqlite").write_bytes(b"no database" * 1000),
        "state",
        "damaged",
        "restore the file",
    ),
    "a state that is a folder": (
        lambda home: ((home / "state.sqlite").unlink(), (home / "state.sqlite").mkdir()),
        "state",
        "damaged",
        "restore the file",
    ),
    "only the log of the state": (
        lambda home: (home / "state.sqlite").rename(home / "state.sqlite-wal"),
        "state",
        "missing",
        "its log is left",
    ),
    "no runs": (lambda home: (home / RUNS).unlink(), "dagster", "missing", "no figure depends on it"),
    "no history": (
        lambda home: shutil.rmtree(home / "dagster/history"),
        "dagster",
        "missing",
        "start aispend up again",
    ),
    "runs of rubbish": (lambda home: (home / RUNS).write_bytes(b"?" * 5000), "dagster", "damaged", "no figure is lost"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_what_is_missing_or_damaged_is_named_with_a_remedy_and_is_failing(made, name):
    do, where, trouble, said = DAMAGE[name]
    do(made)

    (one,) = [each for each in found(made).values() if each.trouble]

    assert (one.store, one.trouble) == (where, trouble)
    assert one.detail.startswith(str(made))
    assert said in one.detail
    assert "\n" not in one.detail
    assert one.reason() == (Kind.UNUSABLE, one.detail)


def test_a_home_that_is_a_file_is_said(home):
    home.write_text("a file")

    (reason,) = [reason for one in found(home).values() if (reason := one.reason())]

    assert reason == (Kind.UNUSABLE, f"{home}: is a file, not a folder; set AISPEND_HOME to a folder")


@pytest.mark.parametrize("name", ["state.sqlite", RUNS])
def test_a_database_that_is_locked_is_not_waited_for(made, name, monkeypatch):
    monkeypatch.setattr(stores, "PATIENCE_SECONDS", 0.01)
    with closing(sqlite3.connect(made / name, isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode=EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        locked = found(made)

    (one,) = [each for each in locked.values() if each.trouble]
    assert (one.trouble, "is locked by another process" in one.detail) == (Trouble.LOCKED, True)
    assert one.reason().kind == (Kind.UNUSABLE if one.store is Store.STATE else Kind.WAITS)
    assert troubles(made) == {}


def test_a_writer_at_work_is_no_trouble_unless_it_takes_very_long(made):
    (made / "warehouse.duckdb").write_bytes(b"half a change, perhaps")
    with lock.held(made / "writer.lock", 1):
        began = datetime.fromtimestamp((made / "writer.lock").stat().st_mtime, UTC)
        assert found(made, began + LONG_WRITE)[Store.WAREHOUSE].trouble is None
        stuck = found(made, began + LONG_WRITE + timedelta(seconds=1))[Store.WAREHOUSE]

    assert (stuck.trouble, stuck.reason().kind) == (Trouble.LOCKED, Kind.WAITS)
    assert "has been writing for 10 minutes" in stuck.detail
    assert found(made)[Store.WAREHOUSE].trouble is Trouble.DAMAGED


def test_a_look_while_this_process_writes_does_not_let_another_one_in(made):
    """Closing a file drops every lock that the process has on it, DuckDB's own included."""
    with Warehouse(made, SetClock()).write() as transaction:
        transaction.execute("CREATE TABLE half AS SELECT 1 AS n")
        found(made)
        other = f"import duckdb; duckdb.connect({str(made / 'warehouse.duckdb')!r})"
        done = subprocess.run([sys.executable, "-c", other], capture_output=True, text=True)
    assert "Conflicting lock is held" in done.stderr


@pytest.mark.parametrize("key", ["storage", "run_storage"])
def test_what_dagster_keeps_on_a_server_is_not_looked_for_in_files(made, key):
    shutil.rmtree(made / "dagster/history")
    (made / "dagster/dagster.yaml").write_text(f"telemetry:\n  enabled: false\n{key}:\n  postgres: {{}}\n")

    assert troubles(made) == {}


def test_dagster_may_have_a_home_of_its_own(made, tmp_path):
    (made / "dagster").rename(tmp_path / "own")

    assert troubles(made) == {"dagster": "missing"}
    assert troubles(made, DAGSTER_HOME=str(tmp_path / "own")) == {}


@pytest.mark.parametrize(
    ("left", "trouble", "kind"),
    [
        (NO_ROOM - 1, "full", Kind.UNUSABLE),
        (NO_ROOM, "nearly_full", Kind.WAITS),
        (-1, "nearly_full", Kind.WAITS),
        (0, None, None),
    ],
)
def test_a_disk_must_have_room_for_a_copy_of_the_warehouse(made, monkeypatch, left, trouble, kind):
    needed = (made / "warehouse.duckdb").stat().st_size + ROOM_TO_WRITE
    free = left if left >= NO_ROOM - 1 else needed + left
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": free}))

    disk = found(made)[Store.DISK]

    assert disk.trouble == trouble
    assert (disk.reason() and disk.reason().kind) == kind


def test_a_snapshot_of_another_version_says_whether_this_one_is_too_old(made):
    current = json.loads((made / "CURRENT").read_text())
    for by, trouble, said in ((1, "newer", "upgrade aispend"), (-1, "older", "run: aispend ingest")):
        (made / "CURRENT").write_text(json.dumps({**current, "schema_version": current["schema_version"] + by}))
        one = found(made)[Store.SNAPSHOT]
        assert (one.trouble, one.reason().kind) == (trouble, Kind.UNUSABLE)
        assert said in one.detail


def test_another_process_that_writes_is_no_trouble(made):
    with started("hold", made) as writer:
        assert writer.stdout.readline() == "held\n"
        assert troubles(made) == {}


def test_without_a_file_handle_no_store_is_to_blame(made):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        looks = found(made)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert {one.detail for one in looks.values()} == {"the service has no file handle or thread left; ask again"}
    assert min(one.reason() for one in looks.values()).kind is Kind.UNUSABLE
    assert troubles(made) == {}
