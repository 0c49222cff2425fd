"""The file is written anew where that pays; until the new one is whole and checked, the old one is the store."""

import shutil
import signal
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
import structlog

from aispend_pipeline import points
from aispend_pipeline.errors import StoreError
from aispend_pipeline.model import Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.warehouse import Snapshots, Warehouse, fetches
from aispend_pipeline.warehouse.opening import WRITE_CONFIG
from aispend_pipeline.warehouse.retention import expire
from aispend_pipeline.warehouse.snapshots import pointer

from .building import LATER, SetClock, complete, corrupt, line, look
from .driver import started
from .retaining import EVEN_SMALL

FIRST = date(2026, 1, 1)
# In their order. A process takes a second to start: just before and just after are what differs.
KILLS = ["copied", "before_replaced", "replaced", "before_pointer"]
QUICK = {"before_replaced", "replaced"}
COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable, column_default
    FROM duckdb_columns() WHERE database_name = current_database() ORDER BY table_name, column_index
"""


@pytest.fixture(scope="module")
def expired_once(empty_store, tmp_path_factory) -> Path:
    """A store most of whose bodies were deleted."""
    home = tmp_path_factory.mktemp("expired") / "home"
    shutil.copytree(empty_store, home)
    warehouse = Warehouse(home, SetClock())
    with warehouse.write() as transaction:
        for number in range(6):
            day, age = FIRST + timedelta(days=number), timedelta(days=10 if number == 5 else 100)
            fetches.store(transaction, complete({day: [line(str(number)), line("2", "o3")]}, at=LATER - age))
    add_up(warehouse, Window(FIRST, FIRST + timedelta(days=5)), SetClock())
    expire(warehouse, LATER - timedelta(days=90))
    return home


@pytest.fixture
def expired(expired_once, home, clock) -> Warehouse:
    shutil.copytree(expired_once, home)
    return Warehouse(home, clock)


def contents(warehouse) -> dict[str, list]:
    """Every table's columns and rows, these in the order that they are read in; without the numbers of commits."""
    tables = [name for (name,) in look(warehouse, "SELECT table_name FROM duckdb_tables() ORDER BY ALL")]
    rows = {name: look(warehouse, f'FROM "{name}"') for name in tables if name != "store_meta"}
    return {**rows, "columns": look(warehouse, COLUMNS)}


def leftovers(home: Path) -> list[str]:
    return [file.name for file in home.iterdir() if "compacted" in file.name]


def test_the_new_file_holds_the_same_and_is_published_under_its_own_number(expired, home):
    before, was, (live, held) = contents(expired), pointer(home), _bodies(expired)
    assert live < held

    assert expired.compact(EVEN_SMALL)

    assert contents(expired) == before
    now = pointer(home)
    assert (now.seq, now.store_id) == (was.seq + 1, was.store_id)
    assert (home / "snapshots" / now.file).read_bytes() == expired.file.read_bytes()
    live, held = _bodies(expired)
    assert live == held
    assert leftovers(home) == []
    assert not expired.compact(EVEN_SMALL)
    corrupt(expired, "CREATE TABLE more AS SELECT 1 AS n")


def _bodies(warehouse) -> tuple[int, int]:
    """Bodies that there are, and bodies that the file holds."""
    held = "pragma_storage_info('body') WHERE column_name = 'bytes' AND segment_type <> 'VALIDITY'"
    [both] = look(warehouse, f"SELECT (SELECT count(*) FROM body), (SELECT sum(count) FROM {held})")
    return both


def test_a_small_file_and_one_that_is_mostly_in_use_are_left_alone(expired, home):
    was = expired.file.read_bytes()

    assert not expired.compact()
    assert not expired.compact(EVEN_SMALL._replace(live=0.01))
    assert expired.file.read_bytes() == was


def test_a_disk_without_room_for_a_second_file_is_left_alone_and_that_is_said(expired, home):
    with structlog.testing.capture_logs() as events:
        assert not expired.compact(EVEN_SMALL._replace(spare=1 << 60))

    [skipped] = [event for event in events if event["event"] == "compaction.skipped"]
    assert skipped["free"] < skipped["needed"]
    assert leftovers(home) == []


def test_a_copy_that_is_not_the_same_never_takes_the_place_of_the_store(expired, home, monkeypatch):
    def lose_a_row(point: str) -> None:
        if point == "copied":
            with duckdb.connect(str(expired.file), config=WRITE_CONFIG) as beside:
                beside.execute("DELETE FROM compacted.spend WHERE amount = 2")

    before = contents(expired)
    with monkeypatch.context() as patch:
        patch.setattr(points, "listener", lose_a_row)
        with pytest.raises(StoreError, match="the copy differs from the store in spend; nothing was changed"):
            expired.compact(EVEN_SMALL)

    assert leftovers(home) == []
    expired.publish()
    assert contents(expired) == before


@pytest.mark.parametrize(
    "point", [pytest.param(point, marks=[] if point in QUICK else pytest.mark.long) for point in KILLS]
)
def test_a_kill_leaves_the_old_file_or_the_new_one_whole_and_the_next_time_tidies_up(expired, home, point):
    before = contents(expired)

    with started("compact", home, point) as process:
        process.communicate(timeout=60)

    assert process.returncode == -signal.SIGKILL
    assert contents(expired) == before
    expired.publish()
    assert contents(expired) == before
    done = KILLS.index(point) >= KILLS.index("replaced")
    assert expired.compact(EVEN_SMALL) is not done
    assert contents(expired) == before
    assert leftovers(home) == []
    assert pointer(home).seq == Snapshots(home).current()[1].execute("SELECT max(seq) FROM store_meta").fetchone()[0]
