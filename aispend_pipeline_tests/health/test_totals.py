"""What is lost behind our back is found and said, with whose it is, which days, and what to run."""

import shutil
from datetime import timedelta

import pytest

from aispend_pipeline.health.totals import LOOK_EVERY, Totals, shortfall
from aispend_pipeline.model import Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.warehouse import Snapshots, Warehouse
from aispend_pipeline.warehouse.retention import expire
from aispend_pipeline.warehouse.snapshots import pointer

from ..warehouse.books import completions, used
from ..warehouse.building import DAY, LATER, SetClock, complete, corrupt, failed, line, store

NEXT = DAY + timedelta(days=1)
DAYS = Window(DAY, NEXT)
SUMS = f"run: aispend recompute --from {DAY} --to {NEXT}"


def lines(amount: str, currency: str = "usd") -> dict:
    return {day: [line(amount, currency=currency), line("0.5", "o3")] for day in DAYS.days()}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Two accounts' bill of two days, read twice, with usage, another currency, an odd record and a failed fetch."""
    made = Warehouse(tmp_path_factory.mktemp("totals") / "home", SetClock())
    for amount in ("1.25", "2.5"):
        store(made, complete(lines(amount)), complete(lines(amount, "eur"), account="eu"))
        store(made, used({day: [completions("gpt-4o", 7, 3)] for day in DAYS.days()}))
        store(made, complete({DAY: [line("oops"), line("3")]}, account="odd", faulty=[DAY]), failed(DAYS, account="us"))
        add_up(made, DAYS, SetClock())
    return made


@pytest.fixture
def whole(template, home) -> Warehouse:
    shutil.copytree(template.home, home)
    return Warehouse(home, SetClock())


def lacks(warehouse: Warehouse) -> list[str]:
    warehouse.publish()
    with Snapshots(warehouse.home).current()[1] as cursor:
        return shortfall(cursor)


def test_a_whole_store_lacks_nothing(whole):
    assert lacks(whole) == []


def test_pages_that_expired_are_not_lost(whole):
    removed = expire(whole, LATER + timedelta(days=1))

    assert removed.fetches > 0
    assert lacks(whole) == []


def test_pages_that_expired_an_hour_before_the_oldest_that_are_left_are_not_lost(whole):
    for hours, account in enumerate(("default", "eu"), start=1):
        store(whole, complete(lines("2.5"), account=account, at=LATER + timedelta(hours=hours)))
    add_up(whole, DAYS, SetClock(LATER + timedelta(hours=3)))

    expire(whole, LATER + timedelta(hours=1, minutes=30))

    assert lacks(whole) == []


LOST = {
    "rows": (
        "DELETE FROM spend WHERE account = 'default' AND model = 'o3'",
        [
            f"openai default: the sums of 2 days are not those of their rows; {SUMS}",
            f"openai_costs default: the rows of 2 days are not what was read; {SUMS}",
        ],
    ),
    "a sum": (
        f"DELETE FROM spend_daily WHERE account = 'default' AND model = 'o3' AND day = '{NEXT}'",
        [
            "openai default: the sums of 1 day are not those of their rows;"
            f" run: aispend recompute --from {NEXT} --to {NEXT}"
        ],
    ),
    "money without a rate": (
        f"DELETE FROM unconverted_daily WHERE day = '{NEXT}'",
        [f"openai eu: the sums of 1 day are not those of their rows; run: aispend recompute --from {NEXT} --to {NEXT}"],
    ),
    "a digit": (
        "UPDATE spend_daily SET billed_usd = billed_usd + 0.000000000000000001 WHERE account = 'default'",
        [f"openai default: the sums of 2 days are not those of their rows; {SUMS}"],
    ),
    "a page": (
        "DELETE FROM page WHERE page_id = (SELECT min(page_id) FROM page WHERE fetch_id ="
        " (SELECT min(fetch_id) FROM coverage WHERE source = 'openai_costs' AND account = 'default'))",
        [f"openai_costs default: pages of 2 days are lost; read them again: aispend ingest --from {DAY} --to {NEXT}"],
    ),
    "a body": (
        "DELETE FROM body WHERE sha256 IN (SELECT body_sha256 FROM page INNER JOIN coverage USING (fetch_id)"
        " WHERE source = 'openai_usage')",
        [f"openai_usage default: pages of 2 days are lost; read them again: aispend ingest --from {DAY} --to {NEXT}"],
    ),
    "a fetch": (
        "DELETE FROM \"fetch\" WHERE fetch_id IN (SELECT fetch_id FROM coverage WHERE source = 'openai_usage')",
        [f"openai_usage default: pages of 2 days are lost; read them again: aispend ingest --from {DAY} --to {NEXT}"],
    ),
}


@pytest.mark.parametrize("what", LOST)
def test_what_is_lost_is_said_and_recomputing_mends_what_it_is_said_to(whole, what):
    statement, said = LOST[what]
    corrupt(whole, statement)

    assert lacks(whole) == said

    if "recompute" in said[0]:
        add_up(whole, DAYS, SetClock())
        assert lacks(whole) == []


def test_all_pages_of_a_fetch_are_lost_if_older_ones_are_there(whole):
    later = LATER + timedelta(days=2)
    store(whole, complete(lines("2.5"), at=later))
    add_up(whole, DAYS, SetClock(later))
    corrupt(whole, "DELETE FROM page WHERE fetch_id IN (SELECT fetch_id FROM coverage WHERE account = 'default')")

    assert [one for one in lacks(whole) if "openai_costs" in one] == [
        f"openai_costs default: pages of 2 days are lost; read them again: aispend ingest --from {DAY} --to {NEXT}"
    ]


class TestHowOftenItIsLookedFor:
    """Of a process that is asked again and again."""

    def told(self, totals: Totals, warehouse: Warehouse, now) -> int:
        warehouse.publish()
        with Snapshots(warehouse.home).current()[1] as cursor:
            return len(totals.shortfall(pointer(warehouse.home), cursor, now))

    def test_at_first_then_once_an_hour_and_until_it_is_mended(self, whole):
        totals = Totals()
        assert self.told(totals, whole, LATER) == 0
        corrupt(whole, "DELETE FROM spend_daily WHERE account = 'default'")

        assert self.told(totals, whole, LATER + LOOK_EVERY - timedelta(seconds=1)) == 0
        assert self.told(totals, whole, LATER + LOOK_EVERY) == 1
        add_up(whole, DAYS, SetClock())
        assert self.told(totals, whole, LATER + LOOK_EVERY) == 0

    @pytest.mark.parametrize("by", [timedelta(days=-1), timedelta(days=1)])
    def test_whatever_the_clock_does(self, whole, by):
        totals = Totals()
        self.told(totals, whole, LATER)
        corrupt(whole, "DELETE FROM spend_daily WHERE account = 'default'")

        assert self.told(totals, whole, LATER + by) == 1

    def test_of_another_store_at_once(self, whole):
        totals = Totals()
        self.told(totals, whole, LATER)
        corrupt(whole, "DELETE FROM spend_daily WHERE account = 'default'", "UPDATE store SET store_id = 'other-store'")

        assert self.told(totals, whole, LATER) == 1
