"""A log that a dead process has left: read if it is whole, stepped over if it is torn, refused if it is damaged."""

import shutil
from collections.abc import Callable
from decimal import Decimal

import duckdb
import pytest

from aispend_pipeline.errors import StoreError
from aispend_pipeline.model import Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.warehouse import Warehouse
from aispend_pipeline.warehouse.opening import WRITE_CONFIG
from aispend_pipeline.warehouse.snapshots import pointer

from .building import DAY, SetClock, complete, line, look, store

ADDED = 3
# Of these nothing at all can be read, and a copy stays.
UNREADABLE = ("torn in its first change", "its start unreadable", "rubbish")
TOTAL = "SELECT sum(billed_usd) FROM spend_daily"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A store that was published, and then written to by a process that died before it could tidy up."""
    made = Warehouse(tmp_path_factory.mktemp("torn") / "home", SetClock())
    store(made, complete({DAY: [line("1.5")]}))
    add_up(made, Window(DAY, DAY), SetClock())
    with duckdb.connect(str(made.file), config=WRITE_CONFIG) as connection:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        for _ in range(ADDED):
            connection.execute("INSERT INTO store_meta SELECT max(seq) + 1, now(), max(schema_version) FROM store_meta")
    return made


@pytest.fixture
def left(template, home) -> Warehouse:
    shutil.copytree(template.home, home)
    return Warehouse(home, SetClock())


def log_of(warehouse: Warehouse):
    return warehouse.file.with_name("warehouse.duckdb.wal")


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes(byte ^ 0xFF for byte in content[at : at + 20]) + content[at + 20 :]


TORN: dict[str, Callable[[bytes], bytes]] = {
    "whole": lambda content: content,
    "its end torn off": lambda content: content[:-10],
    "half of it": lambda content: content[: len(content) // 2],
    "torn in its first change": lambda content: content[: len(content) // 6],
    "its start unreadable": lambda content: flipped(content, 0),
    "rubbish": lambda content: b"rubbish" * 100,
    "empty": lambda content: b"",
}


@pytest.mark.parametrize("name", TORN)
@pytest.mark.parametrize("action", ["publish", pytest.param("write", marks=pytest.mark.long)])
def test_what_can_be_read_of_it_counts_and_no_hand_is_needed(left, name, action):
    before, log = pointer(left.home).seq, log_of(left)
    torn = TORN[name](log.read_bytes())
    log.write_bytes(torn)

    for _ in range(2):
        if action == "write":
            store(left, complete({DAY: [line("1.5")]}))
        left.publish()

    assert not log.exists()
    assert look(left, TOTAL) == [(Decimal("1.5"),)]
    assert look(left, "SELECT count(*) = max(seq) - min(seq) + 1 FROM store_meta") == [(True,)]
    assert pointer(left.home).seq >= before + (ADDED if name == "whole" else 0)
    unread = log.with_name("warehouse.duckdb.wal.unread")
    assert unread.exists() == (name in UNREADABLE)
    assert not unread.exists() or unread.read_bytes() == torn


def test_what_is_written_after_it_is_there_though_nobody_could_tidy_up(left):
    """A commit behind a torn end would be as lost as that."""
    log = log_of(left)
    log.write_bytes(log.read_bytes()[:-10])
    left.publish()
    with duckdb.connect(str(left.file), config=WRITE_CONFIG) as connection:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute("CREATE TABLE much AS SELECT 'kept' AS word")
    assert log.exists()

    store(left, complete({DAY: [line("2.5")]}))
    left.publish()

    assert look(left, "FROM much") == [("kept",)]


def test_a_log_that_is_lost_takes_with_it_what_nobody_had_seen(left):
    before = pointer(left.home).seq
    log_of(left).unlink()

    left.publish()

    assert pointer(left.home).seq == before
    assert look(left, TOTAL) == [(Decimal("1.5"),)]


@pytest.mark.parametrize("action", ["publish", "write"])
def test_a_log_that_is_damaged_in_the_middle_is_refused_and_left_as_evidence(left, action):
    log = log_of(left)
    damaged = flipped(log.read_bytes(), len(log.read_bytes()) // 2)
    log.write_bytes(damaged)
    content = left.file.read_bytes()

    with pytest.raises(StoreError, match=r"Corrupt WAL file.*restore it: cp ") as raised:
        left.publish() if action == "publish" else store(left, complete({DAY: [line("1")]}))

    assert "\n" not in str(raised.value)
    assert (log.read_bytes(), left.file.read_bytes()) == (damaged, content)
