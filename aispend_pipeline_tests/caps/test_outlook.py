"""What a month is expected to come to, from a real store: which days count as known, and which scopes have none."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from aispend_pipeline.caps.model import Caps, Period, Scope
from aispend_pipeline.caps.outlook import outlook
from aispend_pipeline.errors import StoreError
from aispend_pipeline.forecast.month_end import Forecast
from aispend_pipeline.model import Window
from aispend_pipeline_tests.closing import october
from aispend_pipeline_tests.warehouse.books import charge, completions, used
from aispend_pipeline_tests.warehouse.building import failed, line

from .measuring import (
    ANTHROPIC,
    BOTH,
    DECEMBER,
    NOVEMBER,
    NOW,
    OCTOBER,
    OPENAI,
    TODAY,
    YESTERDAY,
    World,
    dollars,
    empty_store,
    november,
    whole,
    whole_month,
    world,
)

__all__ = ["empty_store", "whole", "whole_month", "world"]
A_DAY = timedelta(days=1)
LONG_AGO = date(2026, 8, 3)


def expected(
    world: World, scope: Scope = OPENAI, period: Period = NOVEMBER, at: datetime | None = None
) -> Forecast | None:
    """The forecast of one scope, now unless an instant is given; another one is asked for beside it."""
    beside = Scope("beside", ("openai",), Caps())
    return outlook(world.settings, [beside, scope], period, at or world.clock.instant).get(scope.name)


def weeks(first: date, last: date, usd: str = "10.00", weekend: str = "2.00") -> Mapping[date, list]:
    """Working days of one amount, and Saturdays and Sundays of another."""
    return {day: [line(weekend if day.weekday() >= 5 else usd)] for day in Window(first, last).days()}


def of_anthropic(world: World, first: date, last: date, usd: int, asked: date | None = None) -> None:
    """So much every day at Anthropic; it may be asked for more days than it has."""
    days = {day: [charge(f"{usd}00")] for day in Window(first, last).days()}
    world.read_anthropic(days, Window(first, asked or last))


def test_a_history_of_weekdays_is_expected_to_go_on_to_the_cent(world):
    """November has 21 working days and 9 others; from the 10th on, 15 and 6. The 10th counts 10, 4 of them known."""
    world.read({**weeks(LONG_AGO, YESTERDAY), TODAY: [line("4.00")]})

    found = expected(world)

    assert (found.low, found.expected, found.high) == (228, 228, 228)
    assert found.so_far == 6 * 10 + 3 * 2 + 4
    assert (found.filled, found.rests_on, found.tried) == (0, 56, 56)
    assert found.path[0] == (TODAY, Decimal(76))
    assert found.hit(Decimal(80)) == november(11)


def test_what_is_used_today_and_not_billed_yet_is_known_of_it_too(world):
    """A million tokens at 2.50, where a day is expected at 2.00."""
    world.read({**dollars(LONG_AGO, YESTERDAY, "2.00"), TODAY: []})
    world.book(used({TODAY: [completions("gpt-4o", 1_000_000, 0)]}, at=NOW))

    found = expected(world)

    assert (found.so_far, found.path[0]) == (Decimal("20.50"), (TODAY, Decimal("20.50")))
    assert found.expected == Decimal("60.50")


def test_days_that_were_not_read_are_filled_and_read_days_without_spend_cost_nothing(world):
    days = {**dollars(LONG_AGO, YESTERDAY, "10.00"), november(5): []}
    for day in (november(3), november(7)):
        del days[day]
    world.read(days)
    world.book(failed(Window(november(7), november(7)), at=NOW))

    found = expected(world)

    assert (found.filled, found.so_far, found.expected, found.rests_on) == (2, 60, 290, 54)


def test_a_day_whose_money_cannot_all_be_understood_was_read(world):
    world.read({**dollars(LONG_AGO, TODAY, "10.00")})
    odd = [line("8.00"), line("3.00", "o3", currency=None)]
    world.read({november(8): odd}, faulty=[november(8)])

    found = expected(world)

    assert (found.filled, found.so_far, found.expected) == (0, 98, 298)


def test_a_day_that_was_read_only_while_it_ran_is_not_known(world):
    world.read(dollars(LONG_AGO, november(7), "10.00"), datetime(2026, 11, 7, 23, 5, tzinfo=UTC))
    world.read(dollars(november(8), TODAY, "10.00"), NOW)

    found = expected(world)

    assert (found.filled, found.so_far, found.expected) == (1, 90, 300)


def test_what_comes_after_the_last_day_that_is_whole_is_forecast_though_some_of_it_is_known(world):
    """The 9th was read while it ran, with 4 of the 10 that are expected, and the 10th, now, was not read."""
    world.read({**dollars(LONG_AGO, november(8), "10.00"), YESTERDAY: [line("4.00")]}, NOW - A_DAY)

    found = expected(world, at=NOW)

    assert (found.so_far, found.filled) == (84, 0)
    assert found.path[:2] == [(YESTERDAY, Decimal(90)), (TODAY, Decimal(100))]
    assert expected(world, at=NOW + 5 * A_DAY) == found


class TestSeveralBills:
    def test_a_scope_has_the_spend_of_all_of_its_providers(self, world):
        world.set()
        world.read(dollars(LONG_AGO, TODAY, "10.00"))
        of_anthropic(world, LONG_AGO, TODAY, 5)

        assert expected(world).expected == 300
        assert expected(world, ANTHROPIC).expected == 150
        assert (expected(world, BOTH).so_far, expected(world, BOTH).expected) == (150, 450)

    def test_the_slowest_says_from_which_day_on_it_is_a_forecast(self, world):
        """Anthropic has the 7th whole; of the 8th, 9th and 10th OpenAI's 30 are more than the 15 expected of a day."""
        world.set()
        world.read({**dollars(LONG_AGO, november(7), "10.00"), **dollars(november(8), TODAY, "30.00")})
        of_anthropic(world, LONG_AGO, november(7), 5, asked=YESTERDAY)

        found = expected(world, BOTH)

        assert found.so_far == 7 * 15 + 3 * 30
        assert found.path[:4] == [(november(8 + n), Decimal(usd)) for n, usd in enumerate((135, 165, 195, 210))]
        assert expected(world).path[0][0] == TODAY

    def test_a_day_that_one_of_them_lacks_is_not_known_though_the_other_has_it(self, world):
        world.set()
        world.read(dollars(LONG_AGO, TODAY, "10.00"))
        of_anthropic(world, LONG_AGO, november(3), 5)
        of_anthropic(world, november(5), YESTERDAY, 5)

        found = expected(world, BOTH)

        assert (found.filled, found.so_far, found.expected) == (1, 8 * 15 + 10, 450)

    def test_an_account_is_not_asked_for_days_before_its_first(self, world):
        world.set(ANTHROPIC_API_KEY="", OPENAI_API_KEY__EU="sk-admin-2")
        world.read(dollars(LONG_AGO, TODAY, "10.00"))
        world.read(dollars(november(4), TODAY, "1.00"), account="eu")

        found = expected(world)

        assert (found.filled, found.so_far) == (0, 10 * 10 + 7)

    def test_an_account_that_was_first_read_today_holds_nothing_up(self, world):
        world.set(ANTHROPIC_API_KEY="", OPENAI_API_KEY__EU="sk-admin-2")
        world.read(dollars(LONG_AGO, TODAY, "10.00"))
        world.read(dollars(TODAY, TODAY, "1.00"), account="eu")

        assert expected(world).path[0] == (TODAY, Decimal(101))

    def test_days_before_the_first_of_all_are_not_known(self, world):
        world.read(dollars(november(4), TODAY, "10.00"))

        found = expected(world)

        assert (found.filled, found.rests_on, found.expected) == (3, 6, 300)

    def test_money_of_an_account_that_was_removed_is_in_what_was_spent(self, world):
        world.read(dollars(LONG_AGO, TODAY, "10.00"))
        world.read(dollars(LONG_AGO, TODAY, "1.00"), account="gone")

        assert expected(world).expected == 330


TABLE = {"GCP_BQ_PROJECT": "p-one", "GCP_BQ_DATASET": "d", "GCP_BQ_TABLE": "t"}


@pytest.mark.parametrize(("through", "growing"), [("2026-11-10T03", TODAY), ("2026-11-09T22", YESTERDAY)])
def test_of_an_export_a_day_is_whole_once_the_export_has_gone_beyond_it(world, through, growing):
    """The 9th was read when it was over, with 5 of the 10 that are expected; the rest may be exported yet."""
    world.set(OPENAI_API_KEY="", ANTHROPIC_API_KEY="", **TABLE)
    days = Window(date(2026, 10, 1), YESTERDAY)
    lines = [october.charge(day, "10" if day < YESTERDAY else "5") for day in days.days()]
    made = october.exported(days, *lines, at=datetime(2026, 11, 10, 4, tzinfo=UTC))
    world.book(replace(made, detail={**made.detail, "exported_through": f"{through}:00:00.000000Z"}))

    found = expected(world, Scope("vertex", ("vertex",), Caps()))

    assert found.so_far == 8 * 10 + 5
    assert found.path[0][0] == growing


class TestTheFirstDaysOfAMonth:
    @pytest.mark.parametrize("last", [28, 29, 30])
    def test_it_is_forecast_from_its_first_day_on_though_the_last_month_is_not_billed_to_its_end(self, world, last):
        world.read(dollars(LONG_AGO, november(last), "10.00"), datetime(2026, 12, 1, 0, 5, tzinfo=UTC))

        found = expected(world, period=DECEMBER, at=datetime(2026, 12, 2, 12, tzinfo=UTC))

        assert (found.so_far, found.expected, found.filled) == (0, 310, 0)
        assert found.path[0] == (date(2026, 12, 1), Decimal(10))

    def test_what_is_known_only_in_part_of_the_last_month_is_no_history(self, world):
        world.read({**dollars(LONG_AGO, november(29), "10.00"), november(30): [line("1.00")]}, NOW + 20 * A_DAY)

        found = expected(world, period=DECEMBER, at=datetime(2026, 12, 1, 0, 5, tzinfo=UTC))

        assert (found.expected, found.rests_on) == (310, 55)


class TestNone:
    def test_from_two_full_days(self, world):
        world.read(dollars(november(8), TODAY, "10.00"))

        assert expected(world) is None
        world.read(dollars(november(7), november(7), "10.00"))
        assert expected(world).expected == 300

    def test_of_a_month_that_is_over_or_has_not_begun(self, whole):
        assert expected(whole) is not None
        assert expected(whole, period=OCTOBER) is None
        assert expected(whole, period=DECEMBER) is None
        assert expected(whole, at=datetime(2026, 12, 1, tzinfo=UTC)) is None

    def test_where_a_provider_is_not_read_or_an_account_never_was(self, whole):
        assert expected(whole, BOTH) is None
        assert expected(whole, Scope("global", (), Caps())) is None
        whole.set()
        assert expected(whole, BOTH) is None
        assert expected(whole) is not None
        whole.set(ANTHROPIC_API_KEY="", OPENAI_API_KEY__EU="sk-admin-2")
        assert expected(whole) is None

    def test_where_nothing_was_published_or_asked_for(self, whole, tmp_path):
        assert outlook(whole.settings, [], NOVEMBER, NOW) == {}
        whole.home = tmp_path / "new"
        whole.set()
        assert expected(whole) is None

    def test_a_pointer_that_cannot_be_read_is_an_error(self, whole):
        (whole.home / "CURRENT").write_text("what is this")

        with pytest.raises(StoreError, match="cannot be read"):
            expected(whole)
