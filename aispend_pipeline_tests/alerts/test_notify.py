"""One run of `notify` from a real store to real receivers: evaluate, send, and tell an outside watcher."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from aispend_pipeline.alerts.channels import SendLimits
from aispend_pipeline.alerts.notify import Notified, inputs_of, newest_snapshot, notify, timing_of
from aispend_pipeline.alerts.outbox import WAITS
from aispend_pipeline.caps.ledger import Ledger
from aispend_pipeline.caps.model import NO_VERSION, EventType, Level
from aispend_pipeline.caps.policy import Timing
from aispend_pipeline.errors import StoreError
from aispend_pipeline.model import Window
from aispend_pipeline.settings import Settings
from aispend_pipeline.state.database import state_of
from aispend_pipeline_tests.alerts.receivers import HttpReceiver, http_receiver, status
from aispend_pipeline_tests.caps.measuring import NOW, TODAY, World, empty_store, whole, whole_month
from aispend_pipeline_tests.warehouse.building import failed, line

__all__ = ["empty_store", "whole", "whole_month"]
HOUR = timedelta(hours=1)
LIMITS = SendLimits(connect_seconds=5, attempt_seconds=10)
HARD = "openai reached its hard cap: 1,000.00 of 1,000.00 USD in 2026-11"


class Installation:
    """A store with a thousand dollars of openai in November, caps, and a receiver for everything that goes out."""

    def __init__(self, world: World, receivers: dict[str, HttpReceiver]) -> None:
        self.world, self.receivers = world, receivers
        self.set()

    def set(self, **more: str) -> None:
        """Caps of 800 and 1,000 USD, every channel and a watcher; `more` changes that."""
        at = {name: receiver.url(f"/{name}") for name, receiver in self.receivers.items()}
        addresses = {
            "SLACK_WEBHOOK_URL": at["slack"],
            "ALERT_EMAIL_WEBHOOK": at["email"],
            "ON_HARDCAP_WEBHOOK": at["hook"],
            "AISPEND_HEARTBEAT_URL": at["watcher"],
        }
        caps = {"OPENAI_SOFT_CAP": "800", "OPENAI_HARD_CAP": "1000"}
        self.world.set(ANTHROPIC_API_KEY="", **(addresses | caps | more))

    def notify(self, after: timedelta = timedelta(0), **more: float) -> Notified:
        self.world.clock.instant += after
        return notify(self.world.settings, self.world.clock, LIMITS, **more)

    def got(self, name: str) -> list[dict]:
        return [json.loads(request.body) for request in self.receivers[name].received]

    def subjects(self) -> list[str]:
        return [body["subject"].removeprefix("[aispend] ") for body in self.got("email")]

    @property
    def beats(self) -> int:
        return len(self.receivers["watcher"].received)


@pytest.fixture
def installation(whole) -> Installation:
    with http_receiver() as slack, http_receiver() as email, http_receiver() as hook, http_receiver() as watcher:
        yield Installation(whole, {"slack": slack, "email": email, "hook": hook, "watcher": watcher})
    state_of(whole.home).close()


def test_a_hard_cap_that_is_reached_is_told_to_people_and_the_machine(installation):
    done = installation.notify()

    assert [event.type for event in done.events] == [EventType.BREACHED, EventType.TRIGGERED]
    assert sorted(one.channel for one in done.sent) == ["email", "hook", "slack"]
    assert installation.subjects() == [HARD]
    assert HARD in installation.got("slack")[0]["text"]
    (asked,) = installation.got("hook")
    assert (asked["type"], asked["data"]["scope"], asked["data"]["total_usd"]) == (
        "hardcap.triggered",
        "openai",
        "1000.00",
    )
    assert installation.receivers["hook"].received[0].headers["webhook-id"] == done.events[1].event_id
    assert asked["data"]["top"] == [
        {"project": "proj_1", "api_key": None, "model": "gpt-4o", "usd": "1000.00"},
    ]


def test_doing_it_again_says_nothing_and_a_day_later_it_reminds(installation):
    installation.notify()
    assert installation.notify() == Notified()
    installation.world.read({TODAY: [line("100.00")]}, NOW + 24 * HOUR)

    assert [event.type for event in installation.notify().events] == [EventType.REMINDER]


def test_what_a_channels_failure_makes_to_say_goes_out_over_the_others_in_the_same_run(installation):
    installation.receivers["slack"].moods = [status(404)]

    done = installation.notify()

    assert installation.subjects() == [HARD, "alerts to Slack do not get through"]
    assert done.events[-1].type is EventType.CHANNEL_FAILING
    assert len(installation.receivers["slack"].received) == 1


def test_what_did_not_get_through_goes_in_a_later_run(installation):
    installation.receivers["hook"].moods = [status(500), status(500)]
    assert len(installation.notify().sent) == 3
    assert installation.notify(WAITS[0] / 2).sent == []

    attempts = [one.attempt for after in WAITS[:2] for one in installation.notify(after * 1.1).sent]

    assert attempts == [2, 3]
    assert len({request.headers["webhook-id"] for request in installation.receivers["hook"].received}) == 1


def test_without_time_it_evaluates_and_sends_nothing(installation):
    done = installation.notify(seconds=0)

    assert (len(done.events), done.sent) == (2, [])
    assert len(installation.notify(seconds=60).sent) == 3


def test_what_is_due_is_sent_although_nothing_can_be_evaluated(installation):
    installation.notify(seconds=0)
    beats = installation.beats
    pointer = installation.world.home / "CURRENT"
    published = pointer.read_bytes()
    pointer.write_text("no pointer")

    with pytest.raises(StoreError, match="CURRENT: cannot be read"):
        installation.notify()

    assert installation.subjects() == [HARD]
    assert installation.beats == beats
    pointer.write_bytes(published)
    assert installation.notify() == Notified()


class TestAForecast:
    """Nine days of 100 USD and the running one come to 3,000; the first three weeks of that are 2,100."""

    CAPS = {"OPENAI_SOFT_CAP": "2100", "OPENAI_HARD_CAP": "3001"}  # noqa: RUF012 - never changed

    def test_nobody_is_told_of_one_who_did_not_ask_for_that(self, installation):
        for more in ({}, {"AISPEND_FORECAST_ALERTS": "false"}):
            installation.set(**self.CAPS, **more)
            assert installation.notify() == Notified()

    def test_a_cap_that_the_month_is_expected_to_reach_is_told_to_people_once_and_to_no_machine(self, installation):
        installation.set(**self.CAPS, AISPEND_FORECAST_ALERTS="true")

        (event,) = installation.notify().events

        said = "openai is heading for its soft cap: 3,000.00 expected of 2,100.00 USD in 2026-11, about 2026-11-21"
        assert installation.subjects() == [said]
        assert said in installation.got("slack")[0]["text"]
        assert installation.got("hook") == []
        assert (event.type, event.level, event.prev_level) == (EventType.FORECAST, Level.SOFT, Level.OK)
        assert event.facts["forecast"] == {
            "expected_usd": "3000.00",
            "low_usd": "2000.00",
            "high_usd": "5000.00",
            "hit_on": "2026-11-21",
            "filled_days": 0,
            "rests_on_days": 9,
            "tried_on_days": 0,
        }
        assert (event.facts["total_usd"], event.facts["cap_usd"], len(event.facts["top"])) == ("1000.00", "2100.00", 1)
        assert installation.notify() == installation.notify(2 * HOUR) == Notified()

    def test_only_the_running_month_has_one(self, installation):
        installation.set(**self.CAPS, AISPEND_FORECAST_ALERTS="true")
        installation.notify()
        installation.world.clock.instant = NOW.replace(month=12, day=1)

        measured = inputs_of(installation.world.settings, LIMITS, installation.world.clock.instant).measured

        assert [one.period.name for one in measured if one.forecast] == ["2026-12"]
        told = {event.type for event in installation.notify().events}
        assert EventType.FORECAST not in told  # December has a hole


class TestTheHeartbeat:
    def test_it_beats_after_every_run_with_fresh_data(self, installation):
        installation.notify()
        installation.notify()

        assert [request.method for request in installation.receivers["watcher"].received] == ["GET", "GET"]

    def test_it_does_not_beat_on_data_that_is_not_fresh(self, installation):
        installation.notify(4 * HOUR)

        assert installation.beats == 0
        assert "the spend of openai default cannot be read" in str(installation.got("slack"))

    def test_it_does_not_beat_while_an_account_is_in_trouble(self, installation):
        refused = replace(failed(Window(TODAY, TODAY), at=NOW), error_class="unauthorized")
        installation.world.show(refused)
        installation.notify()

        assert installation.beats == 0

    def test_a_watcher_that_does_not_answer_fails_nothing(self, installation):
        installation.receivers["watcher"].moods = [status(500)]

        assert len(installation.notify().sent) == 3

    def test_without_one_nothing_beats(self, installation):
        installation.set(AISPEND_HEARTBEAT_URL="")
        installation.notify()

        assert installation.beats == 0


def test_stale_figures_tell_of_no_recovery(installation):
    installation.notify()
    installation.set(OPENAI_SOFT_CAP="", OPENAI_HARD_CAP="1200")
    told = [event.type for event in installation.notify(4 * HOUR).events]

    assert EventType.INGEST_FAILING in told
    assert not {EventType.RECOVERED, EventType.STEPPED_DOWN} & set(told)
    with state_of(installation.world.home).reading() as connection:
        (kept,) = Ledger(connection).standings()
    assert (kept.standing.level, kept.stale) == (Level.HARD, True)


def test_before_anything_was_read_it_says_nothing_and_knows_nothing(installation, tmp_path):
    installation.world.home = tmp_path / "new"
    installation.set()

    assert installation.notify() == Notified()
    assert newest_snapshot(installation.world.home) == NO_VERSION
    with state_of(installation.world.home).reading() as connection:
        assert [kept.standing.level for kept in Ledger(connection).standings()] == [None]
    assert installation.beats == 0
    state_of(installation.world.home).close()


def test_what_was_evaluated_is_remembered_by_the_name_of_its_snapshot(installation):
    inputs = inputs_of(installation.world.settings, LIMITS, NOW)

    assert inputs.snapshot == newest_snapshot(installation.world.home)
    assert {one.version.seq for one in inputs.measured} == {inputs.snapshot.seq}
    assert list(inputs.readership.channels) == ["slack", "email", "hook"]


def test_times_are_as_they_are_set_and_naught_is_never():
    assert timing_of(Settings.load({}, None)) == Timing()
    settings = {
        "AISPEND_DEBOUNCE_SECONDS": "60",
        "AISPEND_REMIND_SOFT_SECONDS": "120",
        "AISPEND_REMIND_HARD_SECONDS": "0",
        "AISPEND_HOOK_HOLD_SECONDS": "0",
        "AISPEND_SETTLE_DAYS": "0",
        "AISPEND_MILESTONES": "50,90",
    }
    assert timing_of(Settings.load(settings, None)) == Timing(
        debounce=timedelta(minutes=1),
        remind_soft=timedelta(minutes=2),
        remind_hard=None,
        hook_hold=timedelta(0),
        settle=timedelta(0),
        milestones=(50, 90),
    )
