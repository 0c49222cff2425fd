"""The end of a month over the real ledger: what is told of the old one, and how the new one begins."""

from datetime import date, timedelta

from aispend_pipeline.alerts.evaluate import periods_to_measure
from aispend_pipeline.alerts.tables import delivery, message, message_event
from aispend_pipeline.caps import tables
from aispend_pipeline.caps.model import Event, EventType, Level, Period, Reason

from .world import world

__all__ = ["world"]
OCTOBER, NOVEMBER, DECEMBER = (Period.of(date(2026, month, 1)) for month in (10, 11, 12))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EVERY_TABLE = (tables.cap_state, tables.event, tables.arming, tables.incident, message, message_event, delivery)


def types(events: list[Event]) -> list[EventType]:
    return [event.type for event in events]


class TestTheMonthRoll:
    def test_at_midnight_exactly_the_old_month_ends_and_the_new_one_is_clean(self, world):
        world.at("11-30 23:59").spent("openai", "101").evaluate()
        world.at("12-01 00:00")

        assert types(world.evaluate()) == [EventType.PERIOD_RESET, EventType.RELEASED]

        assert world.standing("openai", NOVEMBER).closed
        assert (world.standing("openai").level, world.standing("openai").announced) == (Level.OK, Level.OK)

    def test_the_hold_of_the_old_month_holds_nothing_in_the_new_one(self, world):
        world.at("11-30 23:59").spent("openai", "101").evaluate()
        world.at("12-01 00:01").spent("openai", "120")

        events = world.evaluate()

        assert [(event.type, event.period) for event in events] == [
            (EventType.PERIOD_RESET, "2026-11"),
            (EventType.RELEASED, "2026-11"),
            (EventType.BREACHED, "2026-12"),
            (EventType.TRIGGERED, "2026-12"),
        ]
        assert [event.facts["arming"] for event in events if "arming" in event.facts] == [1, 1]

    def test_without_figures_of_it_the_new_month_is_unknown(self, world):
        world.at("11-30 23:59").spent("openai", "10").evaluate()
        world.doubtful["openai"] = "hole"
        world.at("12-01 00:05").evaluate()
        assert world.standing("openai").level is None

        world.doubtful.clear()
        assert world.evaluate() == []
        assert world.standing("openai").level is Level.OK

    def test_what_was_spent_in_the_last_minutes_and_read_after_them_is_late_data(self, world):
        world.at("11-30 23:50").spent("openai", "79").evaluate()
        world.at("12-01 00:05").spent("openai", "81", NOVEMBER)

        (late,) = world.evaluate()
        assert (late.type, late.period, late.reason) == (EventType.BREACHED, "2026-11", Reason.LATE_DATA)

    def test_a_backfill_that_reveals_last_months_breach_is_told_to_people_alone(self, world):
        world.at("11-30 23:50").evaluate()
        world.at("12-01 00:05").evaluate()
        world.at("12-03 12:05").spent("openai", "500", NOVEMBER).notify()

        assert set(world.news()) == {"slack", "email"}
        assert world.rows(tables.arming) == []

    def test_a_month_that_was_never_looked_at_is_not_told_of(self, world):
        world.evaluate()

        assert world.spent("openai", "500", OCTOBER).evaluate() == []

    def test_a_service_that_slept_for_five_days_wakes_to_one_message(self, world):
        world.at("11-28 09:05").spent("openai", "10").notify()
        world.at("12-03 09:05").spent("openai", "250", NOVEMBER).spent("openai", "101").notify()

        assert [len(lines) for lines in world.news().values()] == [2, 1, 1]
        assert len(world.receivers["slack"].taken) == 1

    def test_months_that_still_settle_are_measured_and_others_are_not(self, world):
        world.at("11-30 23:50").evaluate()
        assert periods_to_measure(world.kept(), world.timing, world.now) == [NOVEMBER]
        world.at("12-02 00:05").evaluate()
        assert periods_to_measure(world.kept(), world.timing, world.now) == [NOVEMBER, DECEMBER]
        world.at("12-06 00:05").evaluate()
        assert periods_to_measure(world.kept(), world.timing, world.now) == [DECEMBER]


class TestTheClock:
    def test_two_hours_back_and_forth_is_no_storm(self, world):
        world.spent("openai", "101").evaluate()
        told = []
        for jump in (-2 * HOUR, 2 * HOUR, -2 * HOUR, 2 * HOUR):
            world.clock.instant += jump
            told += types(world.evaluate())

        assert told.count(EventType.REMINDER) <= 1
        assert set(told) <= {EventType.REMINDER}

    def test_back_over_the_end_of_a_month_opens_it_again(self, world):
        world.at("11-30 23:30").spent("openai", "101").evaluate()
        world.at("12-01 00:30").evaluate()

        world.at("11-30 22:30")
        assert [(event.type, event.facts.get("arming")) for event in world.evaluate()][-1] == (EventType.TRIGGERED, 2)
        assert not world.standing("openai").closed
        world.at("12-01 00:35")
        assert EventType.RELEASED in types(world.evaluate())
