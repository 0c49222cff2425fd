"""Looking: why it is time to evaluate or to send, how every cap stands, and that nothing changes by it."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from aispend_pipeline.alerts.channels import Attempted, Outcome, SendLimits
from aispend_pipeline.alerts.evaluate import evaluate
from aispend_pipeline.alerts.look import look, told
from aispend_pipeline.alerts.notify import inputs_of
from aispend_pipeline.alerts.outbox import WAITS, Outbox
from aispend_pipeline.caps.model import Caps, Level
from aispend_pipeline.caps.policy import Standing, Timing
from aispend_pipeline.service.alerting import watch
from aispend_pipeline.settings import Settings
from aispend_pipeline.state.database import state_of
from aispend_pipeline_tests.caps.measuring import NOW, World, empty_store, whole, whole_month
from aispend_pipeline_tests.caps.world import START
from aispend_pipeline_tests.caps.world import world as figures

__all__ = ["empty_store", "figures", "whole", "whole_month"]
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NEW, DUE, LONG_AGO = "new figures", "a delivery is due", "the caps were not looked at for ten minutes"


@pytest.fixture
def looked(whole) -> World:
    """A thousand dollars of openai, evaluated now; nothing is sent."""
    whole.set(ANTHROPIC_API_KEY="", OPENAI_SOFT_CAP="800", OPENAI_HARD_CAP="1500")
    evaluated(whole, NOW)
    yield whole
    state_of(whole.home).close()


def evaluated(world: World, now: datetime) -> None:
    evaluate(state_of(world.home), inputs_of(world.settings, SendLimits(), now), now)


class TestWhy:
    def reason(self, world: World, now: datetime = NOW) -> str | None:
        return look(world.settings, now).reason

    def test_where_nothing_was_ever_evaluated_figures_are_new(self, whole, home):
        assert self.reason(whole) == NEW
        whole.home = home / "empty"
        whole.set()
        assert look(whole.settings, NOW) == (NEW, [])

    def test_right_after_an_evaluation_there_is_no_reason(self, looked):
        assert self.reason(looked) is None
        assert self.reason(looked, NOW + 10 * MINUTE - timedelta(seconds=1)) is None

    def test_every_ten_minutes_there_is(self, looked):
        assert self.reason(looked, NOW + 10 * MINUTE) == LONG_AGO

    def test_a_clock_that_was_set_back_is_a_reason_and_not_a_reason_to_wait(self, looked):
        assert self.reason(looked, NOW - HOUR) == LONG_AGO

    def test_figures_that_were_published_since_are_a_reason(self, looked):
        looked.read({NOW.date(): []}, NOW + MINUTE)
        assert self.reason(looked, NOW + MINUTE) == NEW

        evaluated(looked, NOW + MINUTE)
        assert self.reason(looked, NOW + MINUTE) is None

    def test_caps_that_were_changed_since_are_a_reason(self, looked):
        looked.set(ANTHROPIC_API_KEY="", OPENAI_SOFT_CAP="800", OPENAI_HARD_CAP="1600")
        assert self.reason(looked) == "caps were changed"

        evaluated(looked, NOW)
        assert self.reason(looked) is None
        looked.set(ANTHROPIC_API_KEY="", SLACK_WEBHOOK_URL="https://hooks.example/x")
        assert self.reason(looked) == "caps were changed"

    def test_a_delivery_that_was_given_up_since_is_a_reason_to_tell_the_others(self, looked):
        looked.set(ANTHROPIC_API_KEY="", OPENAI_HARD_CAP="900", SLACK_WEBHOOK_URL="https://hooks.example/x")
        evaluated(looked, NOW)
        with state_of(looked.home).transaction() as connection:
            outbox = Outbox(connection)
            outbox.record(outbox.claim(NOW, ["slack"]), Attempted(Outcome.DEAD), NOW + MINUTE, lambda: 1.0)

        assert self.reason(looked, NOW + MINUTE) == "a delivery was given up"
        evaluated(looked, NOW + 2 * MINUTE)
        assert self.reason(looked, NOW + 2 * MINUTE) is None

    def test_a_delivery_is_a_reason_when_it_is_due(self, looked):
        looked.set(ANTHROPIC_API_KEY="", OPENAI_HARD_CAP="900", SLACK_WEBHOOK_URL="https://hooks.example/x")
        evaluated(looked, NOW)
        assert self.reason(looked) == DUE

        with state_of(looked.home).transaction() as connection:
            outbox = Outbox(connection)
            outbox.record(outbox.claim(NOW, ["slack"]), Attempted(Outcome.RETRY), NOW, lambda: 1.0)
        assert self.reason(looked) is None
        assert self.reason(looked, NOW + WAITS[0]) == DUE


class TestHow:
    def test_caps_that_are_set_are_shown_with_their_figures(self, looked):
        assert look(looked.settings, NOW).lines == ["openai 1,000.00 of 800.00 soft: told soft 12:05"]

    def test_a_cap_that_was_removed_is_shown_until_those_who_were_told_of_it_know(self, looked):
        looked.set(ANTHROPIC_API_KEY="", SLACK_WEBHOOK_URL="https://hooks.example/x")
        evaluated(looked, NOW)
        assert look(looked.settings, NOW).lines == [
            "openai 1,000.00, no cap: told soft 12:05, now ok, not told before 13:05"
        ]

        evaluated(looked, NOW + HOUR)
        assert look(looked.settings, NOW + HOUR).lines == []

    def test_only_the_running_month_is_shown(self, looked):
        assert look(looked.settings, NOW + timedelta(days=30)).lines == []

    @pytest.mark.parametrize(
        ("changes", "line"),
        [
            ({}, "openai 10.00 of 80.00 soft: nothing to tell"),
            ({"level": None}, "openai 10.00 of 80.00 soft, unknown: nothing to tell"),
            ({"caps": Caps(None, Decimal(100))}, "openai 10.00 of 100.00 hard: nothing to tell"),
            ({"caps": Caps()}, "openai 10.00, no cap: nothing to tell"),
            ({"total": Decimal("79.999999")}, "openai 79.999999 of 80.00 soft: nothing to tell"),
            (
                {"level": Level.HARD, "total": Decimal(101), "announced": Level.HARD, "announced_at": START},
                "openai 101.00 of 100.00 hard: told hard 09:05, next reminder 2026-11-11 09:05",
            ),
            (
                {"announced": Level.SOFT, "announced_at": START},
                "openai 10.00 of 80.00 soft: told soft 09:05, now ok, not told before 10:05",
            ),
            (
                {"announced": Level.OK, "announced_at": START - timedelta(days=1)},
                "openai 10.00 of 80.00 soft: told ok 2026-11-09 09:05",
            ),
        ],
    )
    def test_a_line_says_how_much_of_what_what_was_told_and_what_comes_next(self, figures, changes, line):
        standing = Standing(
            "openai", figures.period, Level.OK, START, Caps(Decimal(80), Decimal(100)), total=Decimal(10), read_seq=1
        )

        assert told(replace(standing, **changes), Timing(), START + 10 * MINUTE) == line


def test_looking_changes_not_a_byte_and_commits_nothing(looked):
    file = state_of(looked.home).file
    before = kept(looked.home)
    with closing(sqlite3.connect(file)) as watching:
        version = watching.execute("PRAGMA data_version").fetchone()
        for minutes in (0, 5, 20, 60 * 24 * 40):
            look(looked.settings, NOW + minutes * MINUTE)
        assert watching.execute("PRAGMA data_version").fetchone() == version
        assert kept(looked.home) == before

        evaluated(looked, NOW + MINUTE)
        assert watching.execute("PRAGMA data_version").fetchone() != version


def kept(home: Path) -> dict[str, bytes]:
    """Every file there is, but for the index of readers, which is no data."""
    return {file.name: file.read_bytes() for file in home.rglob("*") if file.is_file() and file.suffix != ".sqlite-shm"}


def test_where_nothing_was_read_no_amount_is_said(home):
    settings = Settings.load(
        {"AISPEND_HOME": str(home), "OPENAI_API_KEY": "sk-admin-1", "OPENAI_HARD_CAP": "100"}, None
    )
    evaluate(state_of(home), inputs_of(settings, SendLimits(), NOW), NOW)

    assert look(settings, NOW).lines == ["openai unknown, nothing was read: nothing to tell"]
    assert [(cap["level"], cap["total_usd"]) for cap in watch(settings, NOW).body["caps"]] == [("unknown", None)]
