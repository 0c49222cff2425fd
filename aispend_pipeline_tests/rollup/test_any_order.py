"""Whatever is fetched and added up, in whatever order, the newest complete answer of each day is what is shown."""

import shutil
import tempfile
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aispend_pipeline import money
from aispend_pipeline.model import Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.warehouse import Snapshots, Warehouse
from aispend_pipeline_tests.warehouse.building import DAY, SetClock, complete, failed, line, store
from aispend_pipeline_tests.warehouse.proof import Sums, assert_sound, rollup

DAYS = [DAY + timedelta(days=n) for n in range(4)]
EVERYTHING = Window(DAYS[0], DAYS[-1])

windows = st.sets(st.sampled_from(DAYS), min_size=1, max_size=2).map(lambda days: Window(min(days), max(days)))
amounts = st.one_of(
    st.decimals("-1000", "1000", places=2),
    st.decimals("-1", "1", places=18),
    st.decimals("-9999999999", "9999999999", places=9),
    st.just(Decimal(0)),
)


class Line(NamedTuple):
    model: str | None
    amount: Decimal


class Read(NamedTuple):
    """A fetch: what it says of the days it answers for; a day of its window that is left out had no bucket."""

    account: str
    window: Window
    days: dict[date, list[Line]]
    whole: bool


class AddUp(NamedTuple):
    window: Window


lines = st.lists(st.builds(Line, st.sampled_from(["gpt-4o", "o3", None]), amounts), max_size=3)


@st.composite
def reads(draw: st.DrawFn) -> Read:
    window = draw(windows)
    answered = draw(st.lists(st.sampled_from(list(window.days())), unique=True, min_size=1))
    days = {day: draw(lines) for day in sorted(answered)}
    return Read(
        draw(st.sampled_from(["default", "eu"])), window, days, draw(st.sampled_from([True, True, True, False]))
    )


steps = st.lists(st.one_of(reads(), reads(), st.builds(AddUp, windows)), max_size=9)


def newest_complete_answer_wins(steps: Iterable[Read | AddUp]) -> Sums:
    """The rule, in a few lines of Python."""
    answers: dict[tuple[str, date], list[Line]] = {}
    for step in steps:
        if isinstance(step, Read) and step.whole:
            answers |= {(step.account, day): said for day, said in step.days.items()}
    sums: Sums = {}
    for (account, day), said in answers.items():
        for one in said:
            key = account, day, one.model
            sums[key] = money.add((sums.get(key, Decimal(0)), one.amount))
    return sums


def fetch_of(step: Read):
    days = {day: [line(f"{one.amount:f}", one.model) for one in said] for day, said in step.days.items()}
    whole = complete(days, window=step.window, account=step.account)
    return whole if step.whole else failed(step.window, account=step.account, pages=whole.pages)


@settings(max_examples=6, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_any_fetches_added_up_in_any_order_come_out_as_the_rule_says(empty_store, steps):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(empty_store, Path(folder) / "home")
        clock = SetClock()
        warehouse = Warehouse(Path(folder) / "home", clock)
        for step in steps:
            clock.instant += timedelta(hours=1)
            if isinstance(step, AddUp):
                add_up(warehouse, step.window, clock)
            else:
                store(warehouse, fetch_of(step))

        add_up(warehouse, EVERYTHING, clock)

        with Snapshots(warehouse.home).current()[1] as cursor:
            assert rollup(cursor) == newest_complete_answer_wins(steps)
            assert_sound(cursor)
