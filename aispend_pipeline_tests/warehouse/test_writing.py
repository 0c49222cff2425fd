"""A commit happens whole or not at all, one process at a time, and its number only ever grows."""

import os
import re
import signal
from contextlib import suppress

import pytest

from aispend_pipeline.errors import StoreBusy, StoreError
from aispend_pipeline.warehouse import Warehouse

from .building import DAY, complete, corrupt, line, look, store
from .driver import started


def commits(warehouse: Warehouse) -> list[int]:
    warehouse.publish()
    return [seq for (seq,) in look(warehouse, "SELECT seq FROM store_meta ORDER BY seq")]


def test_a_write_is_there_when_its_block_has_ended(warehouse):
    with warehouse.write(publish=True) as transaction:
        transaction.execute("CREATE TABLE note AS SELECT 'kept' AS word")

    assert look(warehouse, "SELECT word FROM note") == [("kept",)]


class Ended(BaseException):
    """What a handler of signals may raise, as Dagster's does."""


def test_a_signal_inside_a_query_is_what_its_handler_raised(warehouse):
    def raising(*_: object) -> None:
        raise Ended

    before = signal.signal(signal.SIGALRM, raising)
    try:
        with pytest.raises(Ended), warehouse.write() as transaction:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            transaction.execute("SELECT count(*) FROM range(10_000_000_000) AS a, range(1_000_000) AS b").fetchall()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_a_write_that_raises_leaves_nothing_behind(warehouse, error):
    corrupt(warehouse, "CREATE TABLE note (word VARCHAR)")
    before = commits(warehouse)

    with pytest.raises(error), warehouse.write(publish=True) as transaction:
        transaction.execute("INSERT INTO note VALUES ('half')")
        raise error

    assert commits(warehouse) == before
    assert look(warehouse, "FROM note") == []


def test_a_statement_that_fails_is_one_line_and_leaves_nothing_behind(warehouse):
    corrupt(warehouse, "CREATE TABLE note (word VARCHAR)")

    with pytest.raises(StoreError) as raised, warehouse.write(publish=True) as transaction:
        transaction.execute("INSERT INTO note VALUES ('half')")
        transaction.execute("SELECT * FROM nowhere")

    assert "\n" not in str(raised.value)
    assert "nowhere" in str(raised.value)
    warehouse.publish()
    assert look(warehouse, "FROM note") == []


def test_each_commit_adds_one_number_and_a_rolled_back_one_adds_none(warehouse):
    seen = []
    for fails in (False, False, True, False):
        with suppress(ZeroDivisionError), warehouse.write() as transaction:
            seen.append(transaction.seq)
            if fails:
                raise ZeroDivisionError

    assert seen == [2, 3, 4, 4]
    assert commits(warehouse) == [1, 2, 3, 4]


def test_the_store_keeps_its_own_name_for_good(warehouse, home, clock):
    with warehouse.write() as transaction:
        first = transaction.store_id
    with Warehouse(home, clock).write() as transaction:
        assert transaction.store_id == first
    assert len(first) == 32


@pytest.mark.long
def test_two_processes_that_write_at_once_are_serialised(warehouse, home):
    corrupt(warehouse, "CREATE TABLE counter AS SELECT 0 AS n")
    before = commits(warehouse)[-1]

    with started("count", home, "8") as one, started("count", home, "8") as other:
        assert [process.wait(60) for process in (one, other)] == [0, 0]

    assert commits(warehouse)[-1] == before + 16
    assert look(warehouse, "SELECT n FROM counter") == [(16,)]


def test_a_busy_store_names_the_process_that_holds_it(warehouse, home):
    with started("hold", home) as holder:
        assert holder.stdout.readline() == "held\n"
        named = rf"process {holder.pid} has been writing"
        with pytest.raises(StoreBusy, match=named) as raised, warehouse.write(timeout=0.2):
            pass
        assert "\n" not in str(raised.value)


def test_readers_and_publishing_wait_their_turn_and_then_go_on(warehouse, home):
    with started("hold", home) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreBusy):
            warehouse.publish(timeout=0.1)
        assert look(warehouse, "SELECT count(*) FROM spend") == [(0,)]
        holder.stdin.close()
        assert holder.wait(10) == 0
    assert warehouse.publish(timeout=0).seq == 2


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_of_a_process_that_was_killed_is_free_at_once(warehouse, home, end):
    with started("hold", home) as holder:
        assert holder.stdout.readline() == "held\n"
        holder.send_signal(end)
        assert holder.wait(10) == -end

        with warehouse.write(timeout=0, publish=True) as transaction:
            transaction.execute("CREATE TABLE note AS SELECT 1 AS n")

    assert look(warehouse, "SELECT table_name FROM duckdb_tables() WHERE table_name IN ('note', 'half')") == [("note",)]


def test_a_child_of_the_writer_does_not_keep_the_lock_alive(warehouse, home):
    with started("hold-with-child", home) as holder:
        held, child = holder.stdout.readline().split()
        assert held == "held"
        holder.kill()
        holder.wait(10)
        os.kill(int(child), 0)  # raises if the child is gone

        with warehouse.write(timeout=0):
            pass


def test_an_identical_body_is_stored_once(warehouse):
    twice = [complete({DAY: [line("1.5"), line("2.5", "o3")]}) for _ in range(2)]
    store(warehouse, *twice)
    warehouse.publish()

    assert look(warehouse, "SELECT count(*), count(DISTINCT body_sha256) FROM page") == [(6, 3)]
    assert look(warehouse, "SELECT count(*) FROM body") == [(3,)]


def test_a_file_of_another_duckdb_than_ours_is_never_risked(home, clock, monkeypatch):
    monkeypatch.setattr("duckdb.__version__", "2.0.0")

    with pytest.raises(StoreError, match=re.escape("DuckDB 2.0.0 is installed, 1.5.5 is needed")):
        Warehouse(home, clock)
    assert not home.exists()
