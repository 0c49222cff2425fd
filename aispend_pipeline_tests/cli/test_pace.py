"""How fast it goes and how long it takes yet, without a provider that is asked."""

from datetime import timedelta

from aispend_pipeline.cli.pace import Pace, Reading
from aispend_pipeline.due import Due
from aispend_pipeline.model import Window
from aispend_pipeline.settings import Settings

from ..service.world import StandingClock


class Ticking(StandingClock):
    """A clock on which as much time passes as a test says."""

    passed = 0.0

    def monotonic(self) -> float:
        return self.passed


def test_a_pace_has_a_rate_and_a_time_left_once_something_is_done():
    clock = Ticking()
    pace = Pace(clock, 120, "pages", about=True)
    assert str(pace) == "0 of about 120 pages"

    clock.passed = 20.0
    pace.did(40)
    assert str(pace) == "40 of about 120 pages, 120 a minute, about 40 s left"

    clock.passed = 300.0
    assert str(pace) == "40 of about 120 pages, 8 a minute, about 10 min left"

    clock.passed = 6000.0
    assert str(pace) == "40 of about 120 pages, 0.4 a minute, about 3 h left"

    pace.did(80)
    assert str(pace) == "120 of about 120 pages"


def test_more_than_was_thought_is_no_more_than_all():
    pace = Pace(Ticking(), 1, "days")
    pace.did(3)
    assert str(pace) == "3 of 3 days"


def asked(settings: Settings, clock: StandingClock, days: int) -> list[Due]:
    last = clock.now().date() - timedelta(days=10)
    feeds = tuple(
        (source, "default") for source in ("anthropic_costs", "openai_costs") if settings.accounts(source[:-6])
    )
    return [Due(Window(last - timedelta(days=days - 1), last), feeds)]


def test_calls_that_are_counted_count_down_and_no_more_is_expected_than_they_allow(home):
    clock = Ticking()
    keys = {"ANTHROPIC_API_KEY": "sk-ant-admin01-pace", "OPENAI_API_KEY": "sk-admin-pace", "AISPEND_HOME": str(home)}
    settings = Settings.load({**keys, "AISPEND_ANTHROPIC_CALLS_PER_HOUR": "1"}, None)
    reading = Reading(settings, clock, asked(settings, clock, 20))

    before = str(reading)
    reading.page("anthropic_costs", "default")
    reading.page("openai_costs", "default")

    unlimited = Reading(
        Settings.load({**keys, "AISPEND_ANTHROPIC_CALLS_PER_HOUR": "100"}, None), clock, asked(settings, clock, 20)
    )
    assert before.endswith("pages; calls left: anthropic default 1")
    assert str(reading).endswith("; calls left: anthropic default 0")
    assert pages(before) < pages(str(unlimited))


def test_where_no_calls_are_counted_none_are_told(home):
    settings = Settings.load({"OPENAI_API_KEY": "sk-admin-pace", "AISPEND_HOME": str(home)}, None)

    assert str(Reading(settings, Ticking(), asked(settings, Ticking(), 3))).endswith(" pages")


def test_what_holds_it_up_is_told_until_a_page_comes(home):
    settings = Settings.load({"OPENAI_API_KEY": "sk-admin-pace", "AISPEND_HOME": str(home)}, None)
    reading = Reading(settings, Ticking(), asked(settings, Ticking(), 3))

    reading.failed("broken_off")
    assert str(reading).endswith(" pages; the last call failed: broken off")
    reading.page("openai_costs", "default")
    assert "failed" not in str(reading)


def pages(told: str) -> int:
    return int(told.split(" of about ")[1].split()[0])
