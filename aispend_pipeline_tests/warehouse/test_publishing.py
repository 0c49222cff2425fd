"""Readers see published copies and nothing else: new names, the newest three, never a step back."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aispend_pipeline import points
from aispend_pipeline.errors import NothingPublished, StoreError
from aispend_pipeline.warehouse import Snapshots, Warehouse
from aispend_pipeline.warehouse.snapshots import known_schema, pointer

from .building import corrupt, look

TABLES = {
    "store",
    "store_meta",
    "fetch",
    "answer",
    "page",
    "body",
    "spend",
    "quarantine",
    "usage",
    "usage_model",
    "unconverted_daily",
    "unpriced_daily",
    "spend_daily",
    "spend_hourly",
    "estimate",
    "estimate_daily",
    "allocated",
    "restatement",
    "coverage",
    "name",
    "names_read",
    "budget",
    "budget_figure",
    "budget_read",
}


def files(home) -> list[str]:
    return sorted(file.name for file in (home / "snapshots").iterdir())


def note(warehouse: Warehouse, word: object, *, publish: bool = True) -> None:
    with warehouse.write(publish=publish) as transaction:
        transaction.execute("CREATE TABLE IF NOT EXISTS note (word VARCHAR)")
        transaction.execute("INSERT INTO note VALUES (?)", [word])


def test_before_the_first_publish_a_reader_is_told_what_to_do(home, clock):
    Warehouse(home, clock)

    with pytest.raises(NothingPublished, match="nothing was read yet; run: aispend ingest"):
        Snapshots(home).current()


def test_the_first_publish_makes_an_empty_schema_that_can_be_read(home, clock):
    published = Warehouse(home, clock).publish()

    assert (published.seq, published.schema_version, published.at) == (1, known_schema(), "2026-06-01T09:30:00Z")
    found, cursor = Snapshots(home).current()
    with cursor:
        assert found == published
        found_tables = {name for (name,) in cursor.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        assert found_tables == TABLES
        assert cursor.execute("SELECT count(*) FROM spend").fetchone() == (0,)


def test_publishing_again_without_a_commit_changes_nothing(warehouse, home):
    first = warehouse.publish()
    stamp = (home / "snapshots" / first.file).stat().st_mtime_ns

    assert warehouse.publish() == first
    assert files(home) == [first.file]
    assert (home / "snapshots" / first.file).stat().st_mtime_ns == stamp


def test_a_commit_that_is_not_published_is_not_seen_until_it_is(warehouse):
    note(warehouse, "first")
    note(warehouse, "second", publish=False)
    assert look(warehouse, "FROM note") == [("first",)]

    warehouse.publish()

    assert look(warehouse, "FROM note") == [("first",), ("second",)]


def test_a_start_beside_a_writer_does_not_wait_for_it_if_there_is_something_to_read(warehouse, home, clock):
    note(warehouse, "before")
    with warehouse.write(publish=True) as transaction:
        transaction.execute("INSERT INTO note VALUES ('after')")
        Warehouse(home, clock).publish_at_start(timeout=0)
        seen = look(warehouse, "SELECT word FROM note")

    assert seen == [("before",)]
    assert look(warehouse, "SELECT count(*) FROM note") == [(2,)]


def test_a_start_shows_what_was_committed_and_not_published(warehouse, home, clock):
    note(warehouse, "seen", publish=False)

    Warehouse(home, clock).publish_at_start(timeout=0)

    assert look(warehouse, "SELECT word FROM note") == [("seen",)]


def test_every_snapshot_has_a_new_name_and_only_the_newest_three_stay(warehouse, home):
    names = []
    for word in range(6):
        note(warehouse, word)
        names.append(pointer(home).file)

    assert len(set(names)) == 6
    assert names == sorted(names)
    assert files(home) == names[-3:]


def test_a_cursor_goes_on_reading_its_own_snapshot_while_newer_ones_come_and_it_is_removed(warehouse, home):
    note(warehouse, "old")
    snapshots = Snapshots(home)
    published, cursor = snapshots.current()
    with cursor:
        for word in range(5):
            note(warehouse, word)
            with snapshots.current()[1] as newer:
                assert newer.execute("SELECT count(*) FROM note").fetchone() == (word + 2,)
        assert published.file not in files(home)
        assert cursor.execute("FROM note").fetchall() == [("old",)]


def test_a_reader_opens_each_snapshot_once(warehouse, home):
    snapshots = Snapshots(home)
    first, one = snapshots.current()
    again, other = snapshots.current()
    with one, other:
        assert again is first
        one.execute("CREATE TEMP TABLE mine AS SELECT 1 AS n")
        assert other.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'mine'").fetchone() == (0,)


def test_nothing_can_be_written_to_a_snapshot(warehouse, home):
    with Snapshots(home).current()[1] as cursor, pytest.raises(Exception, match="read-only mode"):
        cursor.execute("DELETE FROM spend")


def test_no_question_to_a_snapshot_can_reach_another_file(warehouse, home, tmp_path):
    (tmp_path / "secret.csv").write_text("a\n1\n")

    with Snapshots(home).current()[1] as cursor, pytest.raises(Exception, match="disabled by configuration"):
        cursor.execute(f"FROM read_csv('{tmp_path}/secret.csv')")


def test_what_an_earlier_publish_left_half_done_is_cleared_away(warehouse, home):
    (home / "snapshots" / ".000000000002-dead.duckdb.tmp").write_bytes(b"half")

    note(warehouse, "whole")

    assert [name for name in files(home) if name.startswith(".")] == []


def test_a_pointer_that_cannot_be_read_is_named_with_its_remedy(warehouse, home):
    (home / "CURRENT").write_text("{half")

    with pytest.raises(StoreError, match=r"CURRENT: cannot be read \(.*\); remove it and run: aispend recompute"):
        Snapshots(home).current()

    (home / "CURRENT").unlink()
    warehouse.publish()
    assert look(warehouse, "SELECT count(*) FROM spend") == [(0,)]


def test_a_damaged_snapshot_is_named_with_its_remedy(warehouse, home):
    file = home / "snapshots" / pointer(home).file
    file.write_bytes(b"\x99" * 4096)

    with pytest.raises(StoreError, match=rf"{file.name}: the snapshot is damaged; run: aispend recompute"):
        Snapshots(home).current()

    note(warehouse, "mended")
    assert look(warehouse, "FROM note") == [("mended",)]


def test_a_snapshot_that_was_removed_comes_back_with_the_next_publish(warehouse, home):
    (home / "snapshots" / pointer(home).file).unlink()
    with pytest.raises(StoreError):
        Snapshots(home).current()

    warehouse.publish()

    with Snapshots(home).current()[1] as cursor:
        assert cursor.execute("SELECT count(*) FROM spend").fetchone() == (0,)


def test_a_restored_snapshot_is_a_new_commit_so_that_no_reader_goes_back(warehouse, home):
    words = ["a", "b", "c"]
    for word in words:
        note(warehouse, word)
    newest, reader = pointer(home), Snapshots(home)
    with reader.current()[1] as cursor:
        assert cursor.execute("FROM note").fetchall() == [("a",), ("b",), ("c",)]
    oldest = sorted((home / "snapshots").glob("*.duckdb"))[0]
    warehouse.file.write_bytes(oldest.read_bytes())

    restored = warehouse.publish()

    assert restored.seq > newest.seq
    published, cursor = reader.current()
    with cursor:
        assert published == restored
        assert cursor.execute("FROM note").fetchall() == [("a",)]


@pytest.mark.parametrize("commits_after", [1, 2, 3, 4])
def test_commits_after_a_restore_are_seen(warehouse, home, commits_after):
    for word in ("a", "b", "c"):
        note(warehouse, word)
    newest, reader = pointer(home), Snapshots(home)
    reader.current()[1].close()
    oldest = sorted((home / "snapshots").glob("*.duckdb"))[0]
    warehouse.file.write_bytes(oldest.read_bytes())

    for number in range(commits_after):
        note(warehouse, f"after {number}", publish=number == commits_after - 1)

    published, cursor = reader.current()
    with cursor:
        assert published.seq > newest.seq
        assert len(cursor.execute("FROM note").fetchall()) == 1 + commits_after


def test_another_store_in_the_same_folder_is_told_apart(warehouse, home, tmp_path, clock):
    for word in range(5):
        note(warehouse, word)
    other = Warehouse(tmp_path / "other", clock)
    other.publish()
    warehouse.file.write_bytes(other.file.read_bytes())

    published = warehouse.publish()

    assert published.store_id == other.publish().store_id
    assert look(warehouse, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'note'") == [(0,)]


def test_the_pointer_says_which_commit_its_snapshot_shows(warehouse, home, clock):
    corrupt(warehouse, "CREATE TABLE note AS SELECT 1 AS n")
    warehouse.publish()

    told = json.loads((home / "CURRENT").read_text())

    assert told["seq"] == look(warehouse, "SELECT max(seq) FROM store_meta")[0][0] == 2
    assert told["store_id"] == look(warehouse, "SELECT store_id FROM store")[0][0]


def test_a_publish_that_ends_before_its_pointer_is_made_good_by_the_next(warehouse, home, monkeypatch):
    def stop(point: str) -> None:
        if point == "before_pointer":
            raise KeyboardInterrupt

    monkeypatch.setattr(points, "listener", stop)
    with pytest.raises(KeyboardInterrupt):
        note(warehouse, "late")
    assert look(warehouse, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'note'") == [(0,)]

    monkeypatch.setattr(points, "listener", None)
    warehouse.publish()

    assert look(warehouse, "FROM note") == [("late",)]


def test_readers_in_many_threads_see_whole_snapshots_while_new_ones_come(warehouse, home):
    note(warehouse, 0)
    snapshots = Snapshots(home)
    done = threading.Event()

    def read() -> int:
        newest = looks = 0
        while not done.is_set():
            published, cursor = snapshots.current()
            with cursor:
                assert cursor.execute("SELECT max(seq) FROM store_meta").fetchone() == (published.seq,)
                assert cursor.execute("SELECT count(*) FROM note").fetchone() == (published.seq - 1,)
            assert published.seq >= newest
            newest, looks = published.seq, looks + 1
        return looks

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        for word in range(1, 8):
            note(warehouse, word)
        done.set()
        assert all(reader.result() > 0 for reader in readers)


def test_no_file_stays_open_behind_writes_publishes_and_reads(warehouse, home):
    snapshots = Snapshots(home)

    def go_on() -> int:
        for word in range(4):
            note(warehouse, word)
            snapshots.current()[1].close()
        return len(list(Path("/proc/self/fd").iterdir()))

    assert go_on() == go_on() == go_on()
