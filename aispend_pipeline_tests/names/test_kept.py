"""What is kept of names over time, what things are called now, and when names are read again."""

from datetime import UTC, datetime, timedelta

import pytest

from aispend_pipeline.names.kept import Named, names_due, newest_names, store
from aispend_pipeline.names.lists import Kind
from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse import Snapshots, Warehouse

from .conftest import MORNING, OPENAI_KEY, item, look

DAY = timedelta(days=1)
KEYS = "/organization/projects/proj_1/api_keys"
PROJECT = Named("openai", "default", "project", "proj_1")


def sights(home, kind: str) -> list[tuple]:
    columns = 'id, "name", first_seen_at, last_seen_at'
    return look(home, f"SELECT {columns} FROM \"name\" WHERE provider = 'openai' AND kind = '{kind}' ORDER BY ALL")


def newest(home) -> dict[Named, str]:
    with Snapshots(home).current()[1] as cursor:
        return newest_names(cursor)


@pytest.mark.long
def test_a_renamed_thing_keeps_both_names_with_first_and_last_sight(provider, read, home, clock):
    days = [(MORNING + n * DAY).replace(tzinfo=None) for n in range(4)]
    for n, name in enumerate(("search", "search", "find", "find")):
        clock.instant = MORNING + n * DAY
        provider.lists[OPENAI_KEY, "/organization/projects"] = [item("proj_1", name)]
        read()

    assert sights(home, "project") == [("proj_1", "find", days[2], days[3]), ("proj_1", "search", days[0], days[1])]
    assert newest(home)[PROJECT] == "find"

    clock.instant = MORNING + 4 * DAY
    provider.lists[OPENAI_KEY, "/organization/projects"] = [item("proj_1", "search")]
    read()

    assert len(sights(home, "project")) == 2
    assert newest(home)[PROJECT] == "search"


def test_a_deleted_key_keeps_its_name(provider, read, home, clock):
    read()
    clock.instant += DAY
    provider.lists[OPENAI_KEY, KEYS] = []
    assert read()["openai default"].complete

    first = MORNING.replace(tzinfo=None)
    assert sights(home, "api_key") == [("key_1", "ci", first, first)]
    assert newest(home)["openai", "default", "api_key", "key_1"] == "ci"


def test_reading_again_at_the_same_time_changes_nothing(read, home):
    read()
    before = look(home, 'FROM "name" ORDER BY ALL')
    read()
    assert look(home, 'FROM "name" ORDER BY ALL') == before


def test_a_reading_that_began_earlier_and_is_stored_later_does_not_win(home, clock):
    warehouse = Warehouse(home, clock)
    account = ("openai", "default")
    for name, at in (("new", MORNING + DAY), ("old", MORNING), ("new", MORNING - DAY)):
        with warehouse.write() as transaction:
            store(transaction, account, {(Kind.PROJECT, "proj_1"): name}, at, None)
    warehouse.publish()

    assert newest(home)[PROJECT] == "new"
    naive = MORNING.replace(tzinfo=None)
    assert sights(home, "project") == [
        ("proj_1", "new", naive - DAY, naive + DAY),
        ("proj_1", "old", naive, naive),
    ]


def test_accounts_do_not_share_names(home, clock):
    warehouse = Warehouse(home, clock)
    with warehouse.write(publish=True) as transaction:
        for account in ("default", "eu"):
            store(transaction, ("openai", account), {(Kind.PROJECT, "proj_1"): f"of {account}"}, MORNING, None)

    assert newest(home) == {PROJECT: "of default", PROJECT._replace(account="eu"): "of eu"}


def test_the_newest_names_can_be_joined_as_a_common_table_expression(read, home):
    read()
    joined = f"""WITH newest AS ({statement("names", "newest")})
        SELECT "name" FROM (VALUES ('proj_1'), ('proj_2')) AS spend (project_id)
        LEFT JOIN newest ON newest.id = spend.project_id AND newest.kind = 'project' ORDER BY project_id"""
    assert look(home, joined) == [("search",), (None,)]


def test_ten_thousand_names_are_kept_in_one_statement(home, clock):
    warehouse = Warehouse(home, clock)
    names = {(Kind.API_KEY, f"key_{n}"): f"key {n % 7}" for n in range(10_000)}
    for at in (MORNING, MORNING + DAY):
        with warehouse.write(publish=True) as transaction:
            store(transaction, ("openai", "default"), names, at, None)

    assert look(home, 'SELECT count(*), max(first_seen_at) FROM "name"') == [(10_000, MORNING.replace(tzinfo=None))]


NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
MIDNIGHT = NOON.replace(hour=0)


@pytest.mark.parametrize(
    ("attempts", "now", "due"),
    [
        pytest.param([], NOON, True, id="never tried"),
        pytest.param([(MIDNIGHT, None)], NOON, False, id="read whole today"),
        pytest.param([(MIDNIGHT, None)], NOON + 12 * timedelta(hours=1), True, id="read whole yesterday"),
        pytest.param([(MIDNIGHT - timedelta(seconds=1), None)], MIDNIGHT, True, id="read whole just before midnight"),
        pytest.param([(NOON - timedelta(minutes=54), "x")], NOON, False, id="failed within the hour"),
        pytest.param([(NOON - timedelta(minutes=55), "x")], NOON, True, id="failed an hour ago"),
        pytest.param([(MIDNIGHT - DAY, None), (NOON, "x")], NOON, False, id="failed just now, whole yesterday"),
        pytest.param([(MIDNIGHT, None), (NOON, "x")], NOON + DAY, True, id="failed yesterday"),
        pytest.param([(MIDNIGHT, None), (MIDNIGHT + DAY / 4, "x")], NOON, False, id="whole today, failed since"),
        pytest.param([(NOON + DAY, None)], NOON, True, id="read by a clock that was a day ahead"),
        pytest.param([(NOON + DAY, "x")], NOON, True, id="failed by a clock that was a day ahead"),
    ],
)
def test_names_are_due_once_a_day_and_a_failure_is_repeated_once_an_hour(home, clock, attempts, now, due):
    warehouse = Warehouse(home, clock)
    for at, error in attempts:
        with warehouse.write() as transaction:
            store(transaction, ("openai", "default"), {}, at, error)
    warehouse.publish()

    with Snapshots(home).current()[1] as cursor:
        assert names_due(cursor, [("openai", "default")], now) == ({("openai", "default")} if due else set())


def test_names_are_due_for_any_account_that_should_be_read_and_for_no_other(home, clock):
    warehouse = Warehouse(home, clock)
    with warehouse.write(publish=True) as transaction:
        store(transaction, ("openai", "default"), {}, NOON, None)
        store(transaction, ("openai", "gone"), {}, NOON - DAY, "revoked")

    with Snapshots(home).current()[1] as cursor:
        assert names_due(cursor, [("openai", "default")], NOON) == set()
        assert names_due(cursor, [("openai", "default"), ("anthropic", "default")], NOON) == {("anthropic", "default")}
        assert names_due(cursor, [], NOON) == set()
