"""What everybody must have heard in the end, whatever was killed or down on the way there."""

from collections import defaultdict

from aispend_pipeline.alerts.channels import HOOK
from aispend_pipeline.alerts.outbox import Status
from aispend_pipeline.alerts.tables import delivery
from aispend_pipeline.caps import tables
from aispend_pipeline.caps.model import EventType, Level

from ..caps import promises
from .world import Whole

_OF_CHANNELS = (EventType.CHANNEL_FAILING, EventType.CHANNEL_RECOVERED)


def assert_promises_hold(of: Whole) -> None:
    """What holds at every moment, also between a death and the next process."""
    promises.always(of, of.events(), defaultdict(int))


def assert_everybody_heard_of_both_caps(of: Whole) -> None:
    """Each event once, one action, nothing that waits or was given up; what came again came under its id as it was.

    If it took long enough, it was also said that a channel failed.
    """
    assert_promises_hold(of)
    promises.everybody_knows_everything(of)
    assert {row.status for row in of.rows(delivery)} <= {Status.DELIVERED, Status.SUPERSEDED}
    assert [(event.type, event.level) for event in of.events() if event.type not in _OF_CHANNELS] == [
        (EventType.BREACHED, Level.SOFT),
        (EventType.BREACHED, Level.HARD),
        (EventType.TRIGGERED, Level.HARD),
    ]
    assert [(one.n, one.state) for one in of.rows(tables.arming)] == [(1, "armed")]
    heard = of.receivers
    for people in promises.PEOPLE:
        assert "openai reached its soft cap" in heard[people].text
        assert "openai reached its hard cap" in heard[people].text
    assert heard[HOOK].acted == [EventType.TRIGGERED]
