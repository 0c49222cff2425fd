"""The questions of the checks that warn, asked of a real store."""

from datetime import timedelta

from aispend_pipeline.model import Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse import Snapshots

from .building import DAY, LATER, complete, line, store

ONE_DAY = Window(DAY, DAY)


def found(warehouse) -> list[str]:
    with Snapshots(warehouse.home).current()[1] as cursor:
        return [text for (text,) in cursor.execute(statement("assets", "recent_restatements")).fetchall()]


def test_a_day_that_became_another_sum_is_told_for_a_day(warehouse, clock):
    store(warehouse, complete({DAY: [line("10"), line("3", None)]}))
    add_up(warehouse, ONE_DAY, clock)
    assert found(warehouse) == []
    store(warehouse, complete({DAY: [line("12.5"), line("3", None)]}, at=LATER + timedelta(hours=1)))
    add_up(warehouse, ONE_DAY, clock)
    (told,) = found(warehouse)
    assert told.startswith(f"openai default {DAY} gpt-4o: was 10, is 12.5 USD since ")

    clock.instant += timedelta(hours=25)
    store(warehouse, complete({DAY: [line("12.5"), line("3", None)]}, at=LATER + timedelta(hours=2)))
    add_up(warehouse, ONE_DAY, clock)
    assert found(warehouse) == []
