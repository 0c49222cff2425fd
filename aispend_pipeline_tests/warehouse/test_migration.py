"""A file of an older version is brought up to date once, with everything that was in it."""

import shutil
from importlib.resources import files
from pathlib import Path

import duckdb
import pytest

from aispend_pipeline.clock import utc_text
from aispend_pipeline.errors import NothingPublished, StoreError
from aispend_pipeline.model import Fetch, Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.warehouse import Snapshots, Warehouse, coverage, fetches, folder, reads
from aispend_pipeline.warehouse.opening import WRITE_CONFIG
from aispend_pipeline.warehouse.snapshots import Published, known_schema

from .books import completions, used
from .building import DAY, LATER, SetClock, complete, failed, line, look, store
from .proof import detail, rollup

FIRST = files("aispend_pipeline.warehouse") / "migrations" / "0001_first.sql"
TABLES = ["store", "fetch", "answer", "page", "body", "quarantine", "restatement", "coverage"]
OF_SPEND = "source, account, day, model, line_item, quantity, unit, amount, amount_usd, fetch_id, page_id, row_no"
OF_SUMS = 'day, account, provider, model, billed_usd, input_tokens, output_tokens, "rows"'


def made_with() -> list[Fetch]:
    """Two days of a bill, one of them restated, with a credit, a record that cannot be booked, and a failed fetch."""
    counted = {"quantity": 1000, "quantity_unit": "tokens"}
    return [
        complete({DAY: [line("10", **counted), line("-0.75", "o3")]}),
        complete({DAY: [line("12.5", **counted), line("-0.75", "o3")]}),
        complete({DAY: [line("1"), line("oops")]}, account="eu", faulty=[DAY]),
        failed(Window(DAY, DAY), account="us"),
    ]


@pytest.fixture(scope="module")
def older_home(tmp_path_factory) -> Path:
    """A home as version 1 left it: its own schema, with what today's code says of the same fetches in its columns."""
    home, now = tmp_path_factory.mktemp("older") / "home", Warehouse(tmp_path_factory.mktemp("now"), SetClock())
    for fetch in made_with():
        store(now, fetch)
        add_up(now, Window(DAY, DAY), SetClock())
    folder.prepare(home)
    with duckdb.connect(str(home / "warehouse.duckdb"), config=WRITE_CONFIG) as connection:
        connection.execute(FIRST.read_text())
        connection.execute(f"ATTACH '{now.file}' AS now (READ_ONLY)")
        own = connection.execute(
            "SELECT table_name, string_agg('\"' || column_name || '\"', ', ' ORDER BY column_index)"
            " FROM duckdb_columns() WHERE database_name = 'warehouse' AND table_name <> 'store_meta' GROUP BY ALL"
        ).fetchall()
        for table, columns in own:
            connection.execute(f'DELETE FROM "{table}"')
            connection.execute(f'INSERT INTO "{table}" ({columns}) SELECT {columns} FROM now."{table}"')
        connection.execute("INSERT INTO store_meta SELECT range, ?, 1 FROM range(1, 9)", [LATER.replace(tzinfo=None)])
        connection.execute("DETACH now")
    return home


@pytest.fixture
def older(older_home, home) -> Warehouse:
    shutil.copytree(older_home, home)
    return Warehouse(home, SetClock())


def everything(connection) -> dict[str, list]:
    found = {table: connection.execute(f'FROM "{table}" ORDER BY ALL').fetchall() for table in TABLES}
    found["spend"] = connection.execute(f"SELECT {OF_SPEND} FROM spend ORDER BY ALL").fetchall()
    return found | {"sums": connection.execute(f"SELECT {OF_SUMS} FROM spend_daily ORDER BY ALL").fetchall()}


@pytest.fixture
def before(older):
    with duckdb.connect(str(older.file), read_only=True) as connection:
        return everything(connection)


def test_everything_that_was_there_is_there(older, before):
    assert all(before.values())

    published = older.publish()

    assert published.schema_version == known_schema()
    with Snapshots(older.home).current()[1] as cursor:
        assert everything(cursor) == before
        assert rollup(cursor) == detail(cursor)
        assert cursor.execute("SELECT max(seq), max(schema_version) FROM store_meta").fetchone() == (9, known_schema())


def test_the_older_file_stays_beside_it_as_it_was(older, before):
    older.publish()

    with duckdb.connect(f"{older.file}.schema1", read_only=True) as connection:
        assert everything(connection) == before
        assert connection.execute("SELECT max(schema_version) FROM store_meta").fetchone() == (1,)


@pytest.fixture
def old_snapshot(older) -> None:
    """What version 1 had published of it."""
    with duckdb.connect(str(older.file), read_only=True) as connection:
        seq, store_id = connection.execute("SELECT max(seq), any_value(store_id) FROM store_meta, store").fetchone()
    published = Published(f"{seq:012d}-{store_id[:8]}.duckdb", seq, utc_text(LATER), 1, store_id)
    shutil.copy(older.file, older.home / "snapshots" / published.file)
    (older.home / "CURRENT").write_text(published.text())


def test_a_snapshot_of_the_older_version_is_not_read_and_is_published_anew(older, before, old_snapshot):
    with pytest.raises(NothingPublished, match="published by an older version of aispend; run: aispend ingest"):
        Snapshots(older.home).current()

    for _ in range(2):
        older.publish_if_outdated()

    published, cursor = Snapshots(older.home).current()
    with cursor:
        assert everything(cursor) == before
    assert (published.seq, published.schema_version) == (9, known_schema())
    assert len(list((older.home / "snapshots").iterdir())) == 2


def test_it_is_migrated_once(older):
    first = older.publish()
    kept = (older.home / "warehouse.duckdb.schema1").stat().st_mtime_ns

    assert older.publish() == first
    assert first.at == utc_text(LATER)
    assert (older.home / "warehouse.duckdb.schema1").stat().st_mtime_ns == kept


def test_days_of_the_older_file_are_asked_about_as_before(older):
    older.publish()

    with Snapshots(older.home).current()[1] as cursor:
        answer = reads.ask(cursor, reads.Question(Window(DAY, DAY), ("account", "model")), [], LATER.date())
        in_detail = reads.ask(cursor, reads.Question(Window(DAY, DAY), ("line_item",)), [], LATER.date())
        hours = reads.ask(cursor, reads.Question(Window(DAY, DAY), ("hour", "account", "model")), [], LATER.date())
        done = coverage.complete_days(cursor)
    assert {row.keys["hour"] for row in hours.rows} == {None}
    assert [(row.keys["account"], row.usd) for row in hours.rows] == [
        (row.keys["account"], row.usd) for row in answer.rows
    ]
    assert [(row.keys["account"], row.keys["model"], str(row.usd)) for row in answer.rows] == [
        ("default", "gpt-4o", "12.500000000000000000"),
        ("default", "o3", "-0.750000000000000000"),
        ("eu", "gpt-4o", "1.000000000000000000"),
    ]
    assert in_detail.total_usd == answer.total_usd
    assert answer.tokens_from == ["costs"]
    assert len(answer.restatements) == 1
    assert set(done) == {("openai_costs", "default")}


def test_money_of_the_older_file_that_no_rate_is_known_for_is_listed(older):
    with duckdb.connect(str(older.file)) as connection:
        connection.execute("UPDATE spend SET currency = 'EUR', amount_usd = NULL WHERE account = 'eu'")
    older.publish()

    with Snapshots(older.home).current()[1] as cursor:
        answer = reads.ask(cursor, reads.Question(Window(DAY, DAY)), [], LATER.date())
    assert [(currency, str(amount)) for currency, amount in answer.unconverted] == [("EUR", "1.000000000000000000")]


def test_it_can_be_made_again_from_its_pages_and_takes_usage_from_then_on(older, before):
    older.publish()
    again = add_up(older, Window(DAY, DAY), SetClock())
    with Snapshots(older.home).current()[1] as cursor:
        assert everything(cursor) == before
    assert (again.changes, again.not_remade) == ([], [])

    store(older, used({DAY: [completions("gpt-4o", 7, 3)]}))
    add_up(older, Window(DAY, DAY), SetClock())

    assert look(older, "SELECT input_tokens, counted_by FROM spend_daily WHERE model = 'gpt-4o' ORDER BY account") == [
        (7, "usage"),
        (None, None),
    ]


def test_the_first_thing_that_happens_may_be_a_write(older, before):
    with older.write(publish=True) as transaction:
        fetches.store(transaction, used({DAY: [completions("gpt-4o", 7, 3)]}))

    with Snapshots(older.home).current()[1] as cursor:
        assert cursor.execute('SELECT count(*) FROM "fetch"').fetchone() == (len(before["fetch"]) + 1,)
        assert cursor.execute("SELECT count(*) FROM answer WHERE rows_usd IS NULL").fetchone() == (1,)


def test_a_migration_that_cannot_be_done_leaves_the_older_file_as_it_was(older, before):
    with duckdb.connect(str(older.file), config=WRITE_CONFIG) as connection:
        connection.execute("CREATE TABLE usage AS SELECT 'somebody else made this' AS word")

    with pytest.raises(StoreError, match=r"warehouse.duckdb: .*usage"):
        older.publish()

    with duckdb.connect(str(older.file), read_only=True) as connection:
        assert everything(connection) == before
        assert connection.execute("SELECT max(schema_version) FROM store_meta").fetchone() == (1,)
