"""What is known of a scope's spend: the exact sum, and which figures it is made of."""

import shutil
import tempfile
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aispend_pipeline import money
from aispend_pipeline.caps.measure import measure, movers, troubles
from aispend_pipeline.caps.model import Period, Scope, Version
from aispend_pipeline.errors import StoreError
from aispend_pipeline.model import Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline_tests.warehouse.books import ANTHROPIC_COSTS, billed, charge, refused, used
from aispend_pipeline_tests.warehouse.building import complete, failed, line

from .measuring import (
    AN_HOUR,
    ANTHROPIC,
    BOTH,
    FIRST,
    NOVEMBER,
    NOW,
    OPENAI,
    TODAY,
    empty_store,
    november,
    whole,
    whole_month,
    world,
    world_at,
)

__all__ = ["empty_store", "whole", "whole_month", "world"]


def test_a_month_that_was_read_whole_is_measured_to_the_cent(whole):
    found = whole.measure()

    assert (found.scope, found.period, found.total) == ("openai", NOVEMBER, Decimal(1000))
    assert found.measured
    assert found.fresh
    assert (found.stale, found.unconfirmed) == (False, False)
    assert found.data_through == {"openai": NOW}
    assert found.billed_through == {"openai": TODAY}


amounts = st.one_of(
    st.decimals("-1000", "1000", places=2), st.decimals("-1", "1", places=18), st.decimals("0", "9999999999", places=9)
)
EDGES = [date(2026, 10, 31), FIRST, november(30), date(2026, 12, 1), date(2026, 12, 31), date(2027, 1, 1)]
LONG_AFTER = datetime(2027, 2, 1, tzinfo=UTC)
ROWS = st.lists(st.tuples(st.sampled_from(["default", "eu", "anthropic"]), st.sampled_from(EDGES), amounts), max_size=9)


@settings(max_examples=5, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_a_total_is_the_exact_sum_of_the_scopes_bills_in_the_period(empty_store, rows):
    lines, charges = defaultdict(list), defaultdict(list)
    for number, (account, day, amount) in enumerate(rows):
        if account == "anthropic":
            charges[day].append(charge(f"{money.EXACT.multiply(amount, Decimal(100)):f}"))
        else:
            lines[account, day].append(line(f"{amount:f}", f"model-{number}"))
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(empty_store, Path(folder) / "home")
        world = world_at(Path(folder) / "home")
        world.store(
            *(complete({day: of}, account=account, at=LONG_AFTER) for (account, day), of in lines.items()),
            *(billed({day: of}, at=LONG_AFTER) for day, of in charges.items()),
        )
        add_up(world.warehouse, Window(EDGES[0], EDGES[-1]), world.clock)
        periods = [Period.of(day) for day in EDGES[::2]]
        measured = measure(world.settings, [OPENAI, ANTHROPIC, BOTH], periods, NOW)

    def expected(scope: Scope, period: Period) -> Decimal:
        own = [
            amount for account, day, amount in rows if day in period.window and _provider(account) in scope.providers
        ]
        return money.add(own)

    pairs = [(scope, period) for scope in (OPENAI, ANTHROPIC, BOTH) for period in periods]
    assert [(one.scope, one.period) for one in measured] == [(scope.name, period) for scope, period in pairs]
    assert [one.total for one in measured] == [expected(*pair) for pair in pairs]


def _provider(account: str) -> str:
    return "anthropic" if account == "anthropic" else "openai"


def test_a_day_that_is_read_again_counts_once_and_a_credit_counts_negative(whole):
    whole.read({november(3): [line("5.00"), line("-0.25", "credit")]}, NOW + AN_HOUR)

    assert whole.measure().total == Decimal("904.75")


def test_money_of_an_account_that_was_removed_stays_and_nothing_more_is_expected_of_it(whole):
    whole.read({november(3): [line("7.00")]}, account="gone")

    found = whole.measure()

    assert found.total == 1007
    assert found.fresh


def test_asking_for_no_scope_or_no_period_gives_nothing(whole):
    assert measure(whole.settings, [], [NOVEMBER], NOW) == measure(whole.settings, [OPENAI], [], NOW) == []


def test_a_version_is_older_only_than_a_later_one_of_the_same_store():
    assert Version("a", 1).older_than(Version("a", 2))
    assert not Version("a", 2).older_than(Version("a", 2))
    assert not Version("a", 3).older_than(Version("a", 2))
    assert not Version("b", 1).older_than(Version("a", 2))


def test_a_measurement_says_which_figures_it_saw(whole):
    before = whole.measure().version
    whole.read({TODAY: [line("2.00")]})

    after = whole.measure().version

    assert before.older_than(after)
    assert before.store_id == after.store_id != ""


def test_only_a_newer_answer_in_the_period_makes_it_a_total_of_newer_fetches(whole):
    before = whole.measure().read_seq
    whole.read({date(2026, 10, 31): [line("1.00")]})
    ahead = Window(TODAY, TODAY + timedelta(days=1))
    whole.book(failed(ahead, at=NOW), refused(ANTHROPIC_COSTS, ahead, at=NOW))
    assert whole.measure().read_seq == before

    whole.book(used({TODAY: []}, at=NOW))
    of_usage = whole.measure().read_seq
    assert of_usage > before
    whole.read({november(2): [line("2.00")]})
    assert whole.measure().read_seq > of_usage


# What of a file is read when it is opened: its headers and first block.
OPENED = 3 * 4096 + 256 * 1024


@pytest.mark.parametrize(
    "ask",
    [
        lambda world: world.measure(),
        lambda world: movers(world.home, OPENAI, NOVEMBER, NOW),
        lambda world: troubles(world.settings, NOW),
    ],
    ids=["measure", "movers", "troubles"],
)
def test_a_snapshot_that_is_damaged_inside_is_told_in_one_line(whole, ask):
    snapshot = max((whole.home / "snapshots").iterdir())
    content = snapshot.read_bytes()
    snapshot.write_bytes(content[:OPENED] + b"\xff" * (len(content) - OPENED))

    with pytest.raises(StoreError, match=r"the published snapshot cannot be read \(.*\); run: aispend recompute"):
        ask(whole)
