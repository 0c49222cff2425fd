"""Old pages go, in whole fetches, with the bodies that were theirs alone; what was made of them stays as it is."""

import shutil
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from itertools import islice
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as some

from aispend_pipeline import points
from aispend_pipeline.model import Fetch, Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.warehouse import Snapshots, Transaction, Warehouse, fetches
from aispend_pipeline.warehouse.pages import stored_pages
from aispend_pipeline.warehouse.retention import Removed, expire, expire_some
from aispend_pipeline.warehouse.snapshots import pointer

from .building import LATER, PROVIDER, SetClock, complete, failed, line, look, store
from .driver import started

BEFORE = LATER - timedelta(days=90)
FIRST = date(2026, 1, 1)
ALL = Window(FIRST, FIRST + timedelta(days=9))
# All that was made of pages, and all that says how.
FACTS = ["spend", "usage", "spend_daily", "quarantine", "restatement", "coverage", "fetch", "answer", "store"]


def facts(warehouse) -> dict[str, list]:
    return {table: look(warehouse, f'FROM "{table}" ORDER BY ALL') for table in FACTS}


def pages_left(warehouse) -> Counter[str]:
    return Counter(fetch_id for (fetch_id,) in look(warehouse, "SELECT fetch_id FROM page"))


def orphans_and_gaps(warehouse) -> list:
    """Bodies without a page, and pages without a body."""
    return look(
        warehouse, "FROM page FULL OUTER JOIN body ON body_sha256 = sha256 WHERE sha256 IS NULL OR page_id IS NULL"
    )


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def read(number: int, usd: str = "1", *, days_old: float = 100, account: str = "default") -> Fetch:
    """One day's answer, fetched so many days before `LATER`."""
    return complete({day(number): [line(usd), line(usd, "o3")]}, at=LATER - timedelta(days=days_old), account=account)


def fetched(made: Fetch, hours: list[int]) -> Fetch:
    """The same with its pages fetched so many hours after `BEFORE`."""
    at = [BEFORE + timedelta(hours=n) for n in hours]
    return replace(made, pages=[replace(one, fetched_at=when) for one, when in zip(made.pages, at, strict=True)])


HOURS = some.lists(some.sampled_from([-2000, -48, -1, 0, 1, 700]), min_size=3, max_size=3)
ASKED = some.tuples(some.integers(0, 8), some.integers(1, 2), some.sampled_from("12"), some.sampled_from(["eu", "us"]))


# What adding up notes of each day: which answer is in use.
KNOWN = """
    INSERT INTO coverage
    SELECT source, account, any_value(provider), answer.day, 'complete', 'settled', NULL, arg_max(fetch_id, seq), '{}'
    FROM answer INNER JOIN "fetch" AS read USING (fetch_id) GROUP BY source, account, answer.day
"""


@pytest.fixture
def schema(empty_store) -> Iterator[duckdb.DuckDBPyConnection]:
    """A store without data, in which every example is rolled back."""
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{empty_store / 'warehouse.duckdb'}' AS empty (READ_ONLY)")
        connection.execute("COPY FROM DATABASE empty TO memory")
        connection.execute("DETACH empty")
        yield connection


@contextmanager
def rolled_back(schema) -> Iterator[Transaction]:
    schema.begin()
    try:
        yield Transaction(schema, 2, "store")
    finally:
        schema.rollback()


@some.composite
def any_fetch(draw) -> Fetch:
    first, length, usd, account = draw(ASKED)
    window = Window(day(first), day(first + length - 1))
    made = complete({one: [line(usd), line(usd, "o3")] for one in window.days()}, account=account)
    if draw(some.integers(0, 5)) == 0:
        made = failed(window, account=account, pages=made.pages)
    return fetched(made, draw(HOURS))


@given(
    added_up=some.lists(any_fetch(), max_size=8),
    only_read=some.lists(any_fetch(), max_size=2),
    a_step=some.sampled_from([1, 3, 500]),
)
@examples(max_examples=25, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_fetch_goes_whole_when_every_page_is_older_and_stays_whole_when_one_is_not(
    schema, added_up, only_read, a_step
):
    everything = [*added_up, *only_read]
    in_no_sum = {answer.day for made in only_read for answer in made.answers}
    kept = {
        made.fetch_id
        for made in everything
        if max(one.fetched_at for one in made.pages) >= BEFORE
        or not in_no_sum.isdisjoint(answer.day for answer in made.answers)
    }
    with rolled_back(schema) as transaction:
        for made in added_up:
            fetches.store(transaction, made)
        transaction.execute(KNOWN)
        for made in only_read:
            fetches.store(transaction, made)
        steps = list(iter(lambda: expire_some(transaction, BEFORE, a_step), Removed()))
        pages = schema.execute("SELECT fetch_id, body_sha256 FROM page").fetchall()
        bodies = schema.execute("SELECT sha256 FROM body").fetchall()

    assert Counter(fetch_id for fetch_id, _ in pages) == Counter(dict.fromkeys(kept, 3))
    assert sorted(sha256 for (sha256,) in bodies) == sorted({sha256 for _, sha256 in pages})
    removed = sum(steps, Removed())
    assert (removed.fetches, removed.pages) == (len(everything) - len(kept), 3 * (len(everything) - len(kept)))
    assert removed.bodies == len({one.sha256 for made in everything for one in made.pages}) - len(bodies)


def store_together(warehouse, made: list[Fetch]) -> None:
    with warehouse.write() as transaction:
        for fetch in made:
            fetches.store(transaction, fetch)


@pytest.fixture(scope="module")
def filled_once(empty_store, tmp_path_factory) -> Path:
    """Six days that were fetched a hundred days ago and one of a month ago, all added up."""
    home = tmp_path_factory.mktemp("filled") / "home"
    shutil.copytree(empty_store, home)
    warehouse = Warehouse(home, SetClock())
    store_together(warehouse, [*(read(number, str(number + 1)) for number in range(6)), read(6, days_old=30)])
    add_up(warehouse, ALL, SetClock())
    return home


@pytest.fixture
def filled(filled_once, home, clock) -> Warehouse:
    shutil.copytree(filled_once, home)
    return Warehouse(home, clock)


def test_a_backfill_of_last_year_keeps_its_pages_as_long_as_any_other(schema):
    last_year = complete({date(2025, 1, 1): [line("1")]}, at=LATER - timedelta(days=89))
    with rolled_back(schema) as transaction:
        fetches.store(transaction, last_year)
        transaction.execute(KNOWN)

        assert expire_some(transaction, BEFORE, 500).pages == 0
        assert expire_some(transaction, LATER, 500).pages == 3


def test_expired_pages_are_served_no_more(filled):
    expire(filled, BEFORE)

    with Snapshots(filled.home).current()[1] as cursor:
        served, more = stored_pages(cursor, PROVIDER, ALL, None, 100)
    assert ({one.window for one in served}, more) == ({Window(day(6), day(6))}, None)


def test_pages_that_are_in_no_sum_yet_stay_until_they_are(schema):
    with rolled_back(schema) as transaction:
        fetches.store(transaction, read(0))
        assert expire_some(transaction, BEFORE, 500).pages == 0

        transaction.execute(KNOWN)
        assert expire_some(transaction, BEFORE, 500).pages == 3


def test_recomputing_a_day_without_pages_is_refused_and_reading_it_again_is_not(filled, clock):
    expire(filled, BEFORE)
    before = facts(filled)

    for dry_run in (True, False):
        outcome = add_up(filled, ALL, clock, dry_run=dry_run)
        assert outcome.not_remade == [
            f"openai_costs default {day(n)}..{day(n)}: rows kept as they are: its pages have expired" for n in range(6)
        ]
        assert outcome.changes == []
    assert facts(filled) == before

    store(filled, read(0, "5", days_old=0))
    add_up(filled, ALL, clock)
    assert look(filled, "SELECT DISTINCT was_usd, is_usd FROM restatement") == [(1, 5)]


def test_an_answer_that_was_set_aside_stays_so_when_its_pages_have_expired(filled, clock):
    odd = read(0, "8")
    store(filled, replace(odd, pages=[replace(odd.pages[0], packed=b"no zlib"), *odd.pages[1:]]))
    add_up(filled, ALL, clock)
    before = facts(filled)["coverage"]
    assert any('"set_aside"' in str(row) for row in before)

    expire(filled, BEFORE)
    add_up(filled, ALL, clock)

    assert facts(filled)["coverage"] == before


def test_a_kill_between_two_steps_loses_nothing_and_the_next_run_goes_on(filled, home):
    before = facts(filled)

    with started("expire", home, BEFORE.isoformat(), "pages_expired", "2") as process:
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    filled.publish()
    assert sum(pages_left(filled).values()) == 3 * 3
    assert orphans_and_gaps(filled) == []

    assert expire(filled, BEFORE).fetches == 2
    assert sum(pages_left(filled).values()) == 3
    assert facts(filled) == before


def test_what_there_was_no_time_for_goes_the_next_time(filled):
    times = islice([True, True, False], 3)

    removed = expire(filled, BEFORE, more=lambda: next(times), fetches_a_step=2, turn_of_others=0)

    assert removed.fetches == 4
    assert look(filled, "SELECT count(*) FROM page") == [(9,)]
    assert expire(filled, BEFORE).fetches == 2


def test_nothing_is_committed_where_nothing_is_old(filled):
    expire(filled, BEFORE)
    before = pointer(filled.home)

    assert expire(filled, BEFORE).fetches == 0
    assert pointer(filled.home) == before


def test_another_writer_gets_its_turn_between_two_steps(filled, home, monkeypatch):
    seqs: list[int] = []

    def write() -> None:
        with Warehouse(home, SetClock()).write(timeout=60) as transaction:
            seqs.append(transaction.seq)

    other = threading.Thread(target=write)
    monkeypatch.setattr(
        points, "listener", lambda point: point == "pages_expired" and not other.ident and other.start()
    )
    expire(filled, BEFORE, fetches_a_step=1)
    other.join(timeout=60)

    assert seqs[0] < pointer(home).seq
    with Snapshots(home).current()[1] as cursor:
        assert cursor.execute("SELECT count(*) FROM page").fetchone() == (3,)
