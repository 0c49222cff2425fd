"""A bucket of calls that starts full, lets bursts through, refills evenly, and is never overdrawn by anybody."""

from contextlib import ExitStack
from datetime import timedelta

import pytest

from aispend_pipeline.state.call_budget import CallBudget
from aispend_pipeline.state.database import State

from .driver import NOW, started

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def state(home) -> State:
    return State(home)


@pytest.fixture
def budget(state) -> CallBudget:
    """A call a minute."""
    return CallBudget(state, "anthropic", "default", 60)


def burst(budget: CallBudget, at=NOW, tries: int = 200) -> int:
    """How many of so many calls at one instant may be made."""
    return sum(budget.take(at) is None for _ in range(tries))


@pytest.mark.parametrize("calls", [1, 2, 7, 11, 13, 59, 60, 61])
def test_it_starts_full_and_all_of_it_may_go_in_one_burst(state, calls):
    budget = CallBudget(state, "anthropic", "default", calls)
    assert budget.available(NOW) == calls
    assert burst(budget, tries=calls + 5) == calls
    assert budget.available(NOW) == 0


def test_it_refills_evenly(budget):
    burst(budget)

    assert burst(budget, NOW + MINUTE - timedelta(microseconds=1)) == 0
    assert burst(budget, NOW + MINUTE) == 1
    assert burst(budget, NOW + 16 * MINUTE) == 15
    assert burst(budget, NOW + 16 * MINUTE) == 0


def test_it_never_holds_more_than_an_hours_calls(budget):
    assert budget.take(NOW) is None
    assert burst(budget, NOW + timedelta(days=40)) == 60


def test_who_may_not_ask_is_told_when_the_next_call_may_be_made(budget):
    burst(budget)

    next_at = budget.take(NOW + MINUTE / 4)

    assert next_at == NOW + MINUTE
    assert budget.take(next_at - timedelta(microseconds=1)) == next_at
    assert budget.take(next_at) is None


def test_a_refused_call_costs_nothing(budget):
    burst(budget, tries=500)
    assert burst(budget, NOW + 3 * MINUTE) == 3


def test_no_hour_after_the_first_burst_sees_more_than_an_hours_calls(budget):
    made = []
    for second in range(0, 3 * 3600, 20):
        at = NOW + timedelta(seconds=second)
        made += [at] * burst(budget, at, 5)

    for start in range(61, 120):
        since = NOW + start * MINUTE
        assert sum(since <= at < since + HOUR for at in made) <= 60


@pytest.mark.parametrize("back", [timedelta(minutes=5), timedelta(hours=2), timedelta(days=40)])
def test_a_clock_that_went_back_neither_gives_calls_nor_blocks_for_longer_than_an_hour(budget, back):
    burst(budget)
    before = NOW - back

    assert burst(budget, before) == 0
    assert budget.take(before) <= before + MINUTE
    assert burst(budget, before + HOUR) == 60


def test_a_clock_that_was_forty_days_ahead_for_a_while_blocks_nothing(budget):
    burst(budget, NOW + timedelta(days=40))

    assert burst(budget, NOW + MINUTE) <= 60
    assert burst(budget, NOW + 2 * HOUR) == 60


LEFT = [(0, 0), (5, 5), (60, 60), (10_000, 60)]


@pytest.mark.parametrize(("said", "left"), LEFT)
def test_what_the_provider_says_is_left_is_believed_if_it_is_less(budget, said, left):
    budget.left(said, NOW)

    assert budget.available(NOW) == left
    assert burst(budget) == left


def test_what_the_provider_says_never_gives_back_calls(budget):
    burst(budget, tries=50)

    budget.left(60, NOW)

    assert burst(budget) == 10


def test_accounts_and_providers_have_budgets_of_their_own(state, budget):
    burst(budget)

    assert burst(CallBudget(state, "anthropic", "eu", 60)) == 60
    assert burst(CallBudget(state, "openai", "default", 60)) == 60
    assert burst(budget) == 0


def test_it_is_kept_when_the_process_is_gone_and_when_the_setting_changes(state, home):
    burst(CallBudget(state, "anthropic", "default", 60))

    assert burst(CallBudget(State(home), "anthropic", "default", 60)) == 0
    assert burst(CallBudget(State(home), "anthropic", "default", 120), NOW + MINUTE) == 2


@pytest.mark.long
def test_processes_that_race_never_make_more_calls_together_than_there_are(home):
    with ExitStack() as stack:
        racing = [stack.enter_context(started("take", home, "60", "25")) for _ in range(4)]
        for process in racing:
            process.stdin.close()
        told = [(process.wait(60), process.stdout.read(), process.stderr.read()) for process in racing]

    assert [(code, errors) for code, _, errors in told] == [(0, "")] * 4
    assert sum(int(made) for _, made, _ in told) == 60
