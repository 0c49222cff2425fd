"""What is missing in a total: who is not read, which days are not, and which need not be yet."""

from datetime import UTC, date, datetime, timedelta

import pytest

from aispend_pipeline.caps.model import Caps, Scope, Version
from aispend_pipeline.errors import StoreError
from aispend_pipeline.model import Window
from aispend_pipeline_tests.warehouse.books import charge
from aispend_pipeline_tests.warehouse.building import failed, line

from .measuring import (
    AN_HOUR,
    ANTHROPIC,
    BOTH,
    DECEMBER,
    FIRST,
    NOW,
    OPENAI,
    TODAY,
    YESTERDAY,
    dollars,
    empty_store,
    minutes,
    november,
    whole,
    whole_month,
    world,
)

__all__ = ["empty_store", "whole", "whole_month", "world"]


def test_before_anything_was_published_nothing_is_known(world, tmp_path):
    world.home = tmp_path / "new"
    world.set()

    found = world.measure(BOTH)

    assert (found.total, found.version, found.read_seq) == (0, Version("", 0), 0)
    assert found.holes == ("nothing was read yet; run: aispend ingest",)
    assert (found.doubts, found.data_through) == ((), {})
    assert found.billed_through == {"openai": None, "anthropic": None}


def test_a_pointer_that_cannot_be_read_is_an_error(whole):
    (whole.home / "CURRENT").write_text("what is this")

    with pytest.raises(StoreError, match="cannot be read"):
        whole.measure()


@pytest.mark.parametrize(
    ("scope", "more", "hole"),
    [
        (Scope("vertex", ("vertex",), Caps()), {}, "vertex: is not read; set its credentials, or remove the cap"),
        (OPENAI, {"ENABLE_ANTHROPIC": "true"}, "openai: is not read; set its credentials, or remove the cap"),
        (ANTHROPIC, {"ENABLE_ANTHROPIC": "true"}, "anthropic: is not read; set its credentials, or remove the cap"),
        (
            Scope("global", (), Caps()),
            {},
            "global: no provider is read; set OPENAI_API_KEY, ANTHROPIC_API_KEY or GCP_BQ_TABLE, or remove the cap",
        ),
    ],
    ids=["unknown to this version", "switched off", "without a key", "nothing at all"],
)
def test_a_provider_that_nothing_reads_is_a_hole(whole, scope, more, hole):
    whole.set(ANTHROPIC_API_KEY="", **more)

    found = whole.measure(scope)

    assert found.holes == (hole,)
    assert not found.measured


def test_an_account_that_was_never_read_is_a_hole_and_not_stale(whole):
    whole.set(ANTHROPIC_API_KEY="", OPENAI_API_KEY__EU="sk-admin-2")

    found = whole.measure()

    assert found.holes == ("openai eu: was never read completely; run: aispend ingest",)
    assert not found.stale
    assert found.billed_through == {"openai": None}
    assert found.data_through == {"openai": NOW}


def test_where_the_first_reading_failed_the_doctor_is_asked_and_not_the_same_again(whole):
    whole.set(ANTHROPIC_API_KEY="", OPENAI_API_KEY__EU="sk-admin-2")
    whole.show(failed(Window(TODAY, TODAY), account="eu", at=NOW))

    assert whole.measure().holes == ("openai eu: was never read completely; run: aispend doctor",)


def test_days_that_were_not_read_are_told_together(world):
    world.read({**dollars(FIRST, november(2)), **dollars(november(6), november(7)), **dollars(YESTERDAY, TODAY)})

    found = world.measure()

    assert found.holes == ("openai default: 2026-11-03..2026-11-05 not read", "openai default: 2026-11-08 not read")
    assert found.total == 6


def test_a_day_that_could_not_be_read_is_a_hole(world):
    days = dollars(FIRST, TODAY)
    del days[november(3)], days[YESTERDAY]
    world.read(days)
    world.book(*(failed(Window(day, day), at=NOW) for day in (november(3), YESTERDAY)))

    assert world.measure().holes == (
        "openai default: 2026-11-03 could not be read",
        "openai default: 2026-11-09 could not be read",
    )


def test_a_day_with_money_that_cannot_be_understood_is_a_hole_even_while_it_runs(whole):
    odd = [line("1.00"), line("3.00", "o3", currency=None)]
    whole.read({november(3): odd, YESTERDAY: odd, TODAY: odd}, faulty=[november(3), YESTERDAY, TODAY])

    why = "read, but some of its money cannot be understood"
    assert whole.measure().holes == (
        f"openai default: 2026-11-03 {why}",
        f"openai default: 2026-11-09..2026-11-10 {why}",
    )


def test_money_in_another_currency_is_a_hole_of_its_own_month_and_never_added(whole):
    euros = {november(4): [line("12.50", currency="eur"), line("2.50", "o3", currency="eur"), line("4", "o1")]}
    whole.read({**euros, november(5): [line("3", currency="gbp"), line("1", "o1", currency="eur")]})

    assert whole.measure().total == 800 + 4
    assert whole.measure().holes == (
        "openai default: 16.00 EUR, 3.00 GBP of 2026-11 have no rate, and are in no total",
    )
    assert whole.measure(period=DECEMBER).holes == ()


def test_a_hole_is_one_of_every_scope_that_its_provider_is_in(whole):
    whole.set()

    assert whole.measure(OPENAI).holes == ()
    assert whole.measure(ANTHROPIC).holes == whole.measure(BOTH).holes != ()


MIDNIGHT = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("read_at", "holes", "stale"),
    [
        (MIDNIGHT - minutes(55), (), False),
        (MIDNIGHT - minutes(181), ("openai default: nothing of 2026-12 was read",), True),
    ],
    ids=["fresh", "stale"],
)
def test_a_new_month_begins_with_zero_if_the_feed_is_fresh_and_with_a_hole_if_it_is_stale(world, read_at, holes, stale):
    world.read(dollars(FIRST, november(30)), read_at)

    found = world.measure(period=DECEMBER, at=MIDNIGHT + minutes(5))

    assert (found.total, found.holes, found.stale) == (0, holes, stale)


def test_a_new_month_is_measured_from_its_first_complete_reading_on(world):
    world.read(dollars(FIRST, november(30)), MIDNIGHT - timedelta(days=1))
    world.read(dollars(november(29), date(2026, 12, 1)), MIDNIGHT + minutes(5))

    found = world.measure(period=DECEMBER)

    assert (found.total, found.holes) == (1, ())


def test_reading_old_days_only_does_not_begin_a_month(world):
    world.read(dollars(FIRST, november(5)), MIDNIGHT)

    assert world.measure(period=DECEMBER).holes == ("openai default: nothing of 2026-12 was read",)


def test_a_month_that_is_over_must_be_whole_to_its_last_day(world):
    world.read(
        {**dollars(FIRST, november(29)), **dollars(date(2026, 12, 1), date(2026, 12, 3))}, MIDNIGHT + 60 * AN_HOUR
    )

    assert world.measure().holes == ("openai default: 2026-11-30 not read",)


def test_a_day_that_was_running_when_it_was_read_has_until_the_next_run(world):
    world.read(dollars(FIRST, TODAY), datetime(2026, 11, 10, 23, 5, tzinfo=UTC))

    def holes(day: int, hour: int, minute: int) -> tuple[str, ...]:
        return world.measure(at=datetime(2026, 11, day, hour, minute, tzinfo=UTC)).holes

    half = "openai default: 2026-11-10 read only while it was running"
    assert holes(11, 0, 5) == ()
    assert holes(11, 3, 0) == (half,)
    assert holes(13, 0, 5) == (half, "openai default: 2026-11-11..2026-11-12 not read")


def test_a_day_before_yesterday_that_was_only_read_while_it_ran_is_a_hole_however_fresh_the_feed_is(world):
    world.read(dollars(FIRST, november(8)), datetime(2026, 11, 8, 23, 5, tzinfo=UTC))
    world.read({TODAY: [line("1.00")]}, NOW)

    assert world.measure().holes == ("openai default: 2026-11-08 read only while it was running",)


@pytest.mark.parametrize(
    ("asked_at", "holes"),
    [
        (datetime(2026, 11, 10, 5, 55, tzinfo=UTC), ()),
        (
            datetime(2026, 11, 10, 6, 5, tzinfo=UTC),
            ("anthropic default: 2026-11-09 over, and the provider gives no figures",),
        ),
    ],
    ids=["by 06:00 of the next day", "later"],
)
def test_a_day_that_the_provider_does_not_give_while_it_runs_is_overdue_six_hours_after_its_end(world, asked_at, holes):
    world.set(OPENAI_API_KEY="")
    before = {day: [charge("250")] for day in Window(FIRST, november(8)).days()}
    world.read_anthropic(before, Window(FIRST, YESTERDAY), asked_at)
    world.read_anthropic({}, Window(TODAY, TODAY))

    found = world.measure(ANTHROPIC)

    assert (found.total, found.holes) == (20, holes)
    assert found.data_through == {"anthropic": datetime(2026, 11, 9, tzinfo=UTC)}
    assert found.billed_through == {"anthropic": november(8)}


def test_a_running_day_without_figures_yet_is_no_hole_until_it_is_long_over(world):
    world.set(OPENAI_API_KEY="")
    world.read_anthropic({day: [charge("250")] for day in Window(FIRST, YESTERDAY).days()}, Window(FIRST, YESTERDAY))
    world.read_anthropic({}, Window(TODAY, TODAY))

    assert world.measure(ANTHROPIC).holes == ()
    assert world.measure(ANTHROPIC, at=NOW + timedelta(days=2)).holes == (
        "anthropic default: 2026-11-10..2026-11-11 not read",
    )
