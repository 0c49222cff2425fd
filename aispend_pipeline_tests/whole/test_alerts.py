"""A soft and then a hard cap is crossed while receivers are down and processes are killed: what everybody heard.

The figures are read from the simulated provider, `aispend alerts dispatch` is a process, and receivers are on loopback.
"""

import random
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from aispend_pipeline.alerts.outbox import LOST
from aispend_pipeline.alerts.tables import attempt
from aispend_pipeline.caps.model import EventType

from ..alerts.receivers import BREAK, DROP, OK, RESET, SILENCE, status
from ..caps import promises
from ..waiting import until
from .outcome import assert_everybody_heard_of_both_caps, assert_promises_hold
from .world import A_LEASE, BELOW, CHANNELS, HARD, HOOK, SOFT, Whole, whole

# The month's second day: what is read is the whole of it.
NOW = datetime(2026, 6, 2, 13, 20, tzinfo=UTC)
POINTS = ("before_evaluated", "evaluated", "claimed", "sent", "recorded")


@pytest.fixture
def installation(tmp_path) -> Iterator[Whole]:
    with whole(tmp_path / "whole", at=NOW) as made:
        made.spends(BELOW)
        yield made


def climb_killed_at(point: str, of: Whole) -> None:
    """Every second process dies at `point`, whatever the receivers do meanwhile."""
    of.spends(SOFT)
    of.dispatch_to_death(point)
    of.fate.pass_time(A_LEASE)
    of.down()
    assert of.dispatch() == 1
    of.spends(HARD)
    of.fate.pass_time(A_LEASE)
    of.dispatch_to_death(point)
    of.up()
    of.at[HOOK].moods.append(DROP)
    of.fate.pass_time(A_LEASE)
    of.dispatch_to_death(point)
    assert_promises_hold(of)
    of.fate.pass_time(A_LEASE)
    of.heal()


@pytest.mark.long
@pytest.mark.parametrize("point", POINTS)
def test_whoever_dies_at_a_named_point_the_receivers_end_up_with_what_was_to_be_said(installation, point):
    climb_killed_at(point, installation)

    assert_everybody_heard_of_both_caps(installation)
    assert len(installation.events()) == 3


@pytest.mark.long
def test_of_two_that_send_at_once_one_sends_each_delivery(installation):
    installation.spends(HARD)

    with installation.fate.meeting("evaluated", 2):
        both = [installation.start_dispatch() for _ in range(2)]
    ended = [installation.shell.finish(one) for one in both]

    assert 0 in [one.code for one in ended], "the last one knows that nothing waits"
    assert {name: heard.attempts for name, heard in installation.receivers.items()} == {name: [1] for name in CHANNELS}
    assert sum(one.out.count(": delivered") for one in ended) == len(CHANNELS)
    promises.everybody_knows_everything(installation)


@pytest.mark.long
def test_who_is_asked_to_end_in_mid_send_ends_and_the_next_one_sends_it_again(installation):
    installation.at["slack"].moods.append(SILENCE)
    installation.spends(SOFT)
    sending = installation.start_dispatch()
    until(lambda: all(installation.at[people].received for people in promises.PEOPLE))
    sending.send_signal(signal.SIGTERM)

    sending.communicate(timeout=10)

    assert sending.returncode != 0
    installation.fate.pass_time(A_LEASE)
    assert installation.dispatch() == 0
    heard = installation.receivers["slack"]
    assert (heard.attempts, len(heard.ids), len(heard.bodies[heard.ids[0]])) == ([1, 2], 1, 1)
    assert [one.outcome for one in installation.rows(attempt) if one.channel == "slack"] == [LOST, "delivered"]
    promises.everybody_knows_everything(installation)


@pytest.mark.long
def test_twenty_rounds_of_two_senders_killed_at_random_while_the_cap_moves_and_receivers_fail(tmp_path):
    """The hard cap is lowered and raised in turn, so that each round has something to say to people and machines."""
    chance = random.Random()
    with whole(tmp_path / "whole", at=NOW, AISPEND_DEBOUNCE_SECONDS="60") as installation:
        installation.spends(SOFT)
        low, high = (f"{installation.total * percent / 100:.2f}" for percent in (90, 110))
        for number in range(20):
            for receiver in installation.at.values():
                receiver.moods[:] = [chance.choice([OK, OK, OK, DROP, RESET, BREAK, status(503)])]
            with installation.fate.meeting("evaluated", 2):
                both = [installation.start_dispatch(OPENAI_HARD_CAP=low if number % 2 else high) for _ in range(2)]
            time.sleep(chance.uniform(0, 0.1))
            for one in chance.sample(both, chance.randint(1, 2)):
                one.kill()
            for one in both:
                installation.shell.finish(one)
            assert_promises_hold(installation)
            installation.fate.pass_time(A_LEASE)

        installation.heal()

        assert_promises_hold(installation)
        promises.everybody_knows_everything(installation)
        said = [event.type for event in installation.events()]
        assert said.count(EventType.TRIGGERED) == said.count(EventType.RELEASED) == 10
