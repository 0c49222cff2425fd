"""What is wrong with reading an account: one thing each, the worst, and what to do about it."""

from dataclasses import replace
from datetime import date, timedelta

from aispend_pipeline.caps.measure import Trouble, troubles
from aispend_pipeline.model import Window
from aispend_pipeline_tests.warehouse.books import ANTHROPIC_COSTS, OPENAI_USAGE, charge, refused, used
from aispend_pipeline_tests.warehouse.building import failed, line

from .measuring import (
    AN_HOUR,
    NOW,
    TODAY,
    YESTERDAY,
    World,
    empty_store,
    minutes,
    november,
    whole,
    whole_month,
    world,
)

__all__ = ["empty_store", "whole", "whole_month", "world"]
RUNNING = Window(TODAY, TODAY)
SCHEDULE = "see that aispend runs, or run: aispend ingest"


def found(world: World, **more: object) -> list[Trouble]:
    """What somebody is told of."""
    accounts = troubles(world.settings, NOW + timedelta(**more))
    return [one for one in accounts.troubles if one.opens] if accounts else []


def test_where_all_is_well_there_is_no_trouble(whole):
    assert found(whole, minutes=180) == []


def test_before_anything_was_read_there_is_no_trouble_to_tell(world, tmp_path):
    world.home = tmp_path / "new"
    world.set()

    assert found(world) == []


def test_an_account_that_was_never_asked_is_in_no_trouble(whole):
    whole.set(OPENAI_API_KEY__EU="sk-admin-2")

    assert found(whole) == []


def test_a_feed_that_was_read_and_is_read_no_more_is_stale(whole):
    told = f"openai_costs: last read completely 2026-11-10 12:05 UTC; {SCHEDULE}"
    assert found(whole, minutes=181) == [Trouble("openai default", "stale", told)]


def test_an_account_is_read_well_if_it_was_read_and_nothing_is_wrong(whole):
    whole.set(OPENAI_API_KEY__EU="sk-admin-2")
    assert troubles(whole.settings, NOW).well == {"openai default"}

    whole.show(failed(RUNNING, at=NOW + minutes(1)))

    assert troubles(whole.settings, NOW).well == set()


def test_before_anything_was_read_nothing_is_known_of_any_account(world, tmp_path):
    world.home = tmp_path / "new"
    world.set()

    assert troubles(world.settings, NOW) is None


def test_one_refused_key_is_enough(whole):
    whole.show(replace(failed(RUNNING, at=NOW), error_class="unauthorized"))

    assert found(whole) == [Trouble("openai default", "unauthorized", "openai_costs: answered 500")]


def test_three_failed_runs_in_a_row_are_trouble_until_one_succeeds(whole):
    whole.show(*(failed(RUNNING, at=NOW + minutes(n)) for n in (1, 2)))
    assert found(whole) == []

    whole.show(failed(RUNNING, at=NOW + minutes(3)))
    assert found(whole)[0].detail == (
        "openai_costs: 3 runs failed in a row, the last one with: answered 500; run: aispend doctor"
    )

    whole.read({TODAY: [line("1")]}, NOW + AN_HOUR)

    assert found(whole) == []


def test_a_run_that_failed_opens_nothing_and_keeps_what_is_open(whole):
    whole.show(failed(RUNNING, at=NOW + minutes(1)))

    small = troubles(whole.settings, NOW).troubles
    assert [(one.subject, one.reason, one.opens) for one in small] == [("openai default", "unwell", False)]


def test_an_account_that_waits_for_its_call_budget_is_in_no_trouble(whole):
    whole.show(*(replace(failed(RUNNING, at=NOW + minutes(n)), error_class="out_of_budget") for n in (1, 2, 3)))

    assert troubles(whole.settings, NOW) == ([], {"openai default"})


def test_a_feed_that_never_came_is_failing_too(world):
    world.show(*(failed(RUNNING, at=NOW + minutes(n)) for n in (1, 2, 3)))

    assert [(one.subject, one.reason) for one in found(world)] == [("openai default", "failing")]


def test_every_feed_of_an_account_counts_and_the_worst_is_told_of_those_that_have_it(whole):
    whole.book(
        used({TODAY: []}, at=NOW),
        *(failed(RUNNING, at=NOW + minutes(n)) for n in (1, 2, 3)),
        *(refused(OPENAI_USAGE, RUNNING, at=NOW + minutes(n)) for n in (1, 2, 3, 4)),
    )

    (trouble,) = found(whole, hours=4)

    assert (trouble.subject, trouble.reason) == ("openai default", "failing")
    assert trouble.detail == (
        "openai_costs: 3 runs failed in a row, the last one with: answered 500;"
        " openai_usage: 4 runs failed in a row, the last one with: answered 500; run: aispend doctor"
    )


def test_the_worst_account_comes_first_and_one_that_was_removed_is_not_told_of(whole):
    whole.set(OPENAI_API_KEY__EU="sk-admin-2", OPENAI_API_KEY__US="sk-admin-3")
    at = NOW + minutes(1)
    whole.read({TODAY: [line("1")]}, NOW + minutes(200), account="us")
    whole.show(
        *(failed(RUNNING, account="eu", at=NOW + minutes(n)) for n in (1, 2, 3)),
        *(replace(failed(RUNNING, account=of, at=at), error_class="unauthorized") for of in ("us", "gone")),
        replace(refused(ANTHROPIC_COSTS, RUNNING, at=at), error_class="unauthorized"),
    )

    assert [(one.subject, one.reason) for one in found(whole, hours=4)] == [
        ("anthropic default", "unauthorized"),
        ("openai us", "unauthorized"),
        ("openai eu", "failing"),
        ("openai default", "stale"),
    ]


def test_a_provider_that_does_not_give_the_running_day_yet_is_in_no_trouble(world):
    world.set(OPENAI_API_KEY="")
    world.read_anthropic({YESTERDAY: [charge("100")]}, Window(YESTERDAY, YESTERDAY))
    world.read_anthropic({}, RUNNING)

    assert found(world) == []


def test_money_without_a_rate_is_trouble_of_its_own_in_the_month_it_is_of(whole):
    euros = {november(4): [line("12.50", currency="eur"), line("3", "o3", currency="gbp")]}
    whole.read(euros | {date(2026, 10, 31): [line("7", currency="chf")]})

    told = "12.50 EUR, 3.00 GBP have no rate, and are in no total and under no cap"
    assert found(whole) == [Trouble("openai default currency", "currency", told)]
    assert [one.reason for one in found(whole, days=30)] == ["stale"]


def test_money_without_a_rate_of_a_provider_that_is_not_read_is_not_told_of(whole):
    whole.read({november(4): [line("12.50", currency="eur")]})
    whole.set(OPENAI_API_KEY="")

    assert found(whole) == []
