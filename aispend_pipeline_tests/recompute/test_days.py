"""What can be made again is what has pages, as adding up decides."""

from datetime import timedelta

from aispend_pipeline.model import Window
from aispend_pipeline.recompute.days import days_of
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.warehouse import Snapshots
from aispend_pipeline_tests.rollup.conftest import ALL, NEXT, THIRD
from aispend_pipeline_tests.warehouse.building import DAY, complete, corrupt, line, store
from aispend_pipeline_tests.warehouse.conftest import clock, empty_store, warehouse

__all__ = ["clock", "empty_store", "warehouse"]


def looked(warehouse, window: Window = ALL):
    warehouse.publish()
    with Snapshots(warehouse.home).current()[1] as cursor:
        return days_of(cursor, window)


def test_days_are_ready_expired_or_never_read_and_a_feed_that_keeps_its_rows_beside_another_is_named(warehouse, clock):
    old = complete({DAY: [line("1")], NEXT: [line("2")]})
    store(warehouse, old, complete({NEXT: [line("5")]}, account="eu"))
    corrupt(warehouse, f"DELETE FROM page WHERE fetch_id = '{old.fetch_id}'")

    days = looked(warehouse)

    assert days == (
        [Window(NEXT, NEXT)],
        [Window(DAY, DAY)],
        [Window(THIRD, THIRD)],
        ["openai_costs default 2026-05-05: its pages have expired"],
    )
    assert days.refusal() == "pages have expired, and figures stay: 2026-05-04; never read: 2026-05-06"
    assert [line.partition(": ")[0] for line in add_up(warehouse, ALL, clock).not_remade] == [
        "openai_costs default 2026-05-04..2026-05-05"
    ]


def test_whole_days_are_not_refused(warehouse):
    store(warehouse, complete({DAY: [line("1")], NEXT: [], THIRD: [line("3")]}))

    days = looked(warehouse)

    assert (days.ready, days.refusal()) == ([ALL], None)


def test_a_newer_answer_without_pages_counts_and_not_the_older_that_has_them(warehouse):
    newer = complete({DAY: [line("2")]})
    store(warehouse, complete({DAY: [line("1")]}), newer)
    corrupt(warehouse, f"DELETE FROM page WHERE fetch_id = '{newer.fetch_id}'")

    assert looked(warehouse, Window(DAY, DAY)).expired == [Window(DAY, DAY)]


def test_many_holes_are_named_in_a_short_line(warehouse):
    days = [DAY + timedelta(days=2 * number) for number in range(8)]
    store(warehouse, *(complete({day: [line("1")]}) for day in days))

    said = looked(warehouse, Window(days[0], days[-1])).refusal()

    assert said.startswith("never read: 2026-05-05, 2026-05-07, ")
    assert said.endswith(", 2026-05-13 and 2 ranges more")
