"""What must hold of the ledger and the receivers at every moment: section by section, as plain assertions."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from aispend_pipeline.alerts.channels import HOOK
from aispend_pipeline.alerts.drafts import concerns
from aispend_pipeline.alerts.outbox import Status
from aispend_pipeline.alerts.tables import attempt, delivery, message_event
from aispend_pipeline.caps import tables
from aispend_pipeline.caps.ledger import as_event
from aispend_pipeline.caps.model import Caps, Event, EventType, Level, Measurement, Reason
from aispend_pipeline_tests.caps.world import Receiver, World

PEOPLE = ("slack", "email")
TOLD = (EventType.BREACHED, EventType.REMINDER, EventType.STEPPED_DOWN, EventType.RECOVERED)
DOWN = (EventType.STEPPED_DOWN, EventType.RECOVERED, EventType.RELEASED)


def always(world: World, events: Sequence[Event], epoch_of: Mapping[str, int]) -> None:
    """Everything that holds at every moment; `epoch_of` an event counts how often the clock had gone back."""
    deliveries = world.rows(delivery)
    hard_is_armed_and_closed_is_not(world, events)
    of_debounce(world, events, epoch_of)
    nothing_is_said_twice_within_the_debounce(events, epoch_of, world.timing.debounce)
    nothing_is_forecast_twice(events)
    deliveries_end_as_they_say(deliveries, world.receivers)
    every_attempt_carries_the_same_bytes(world.receivers)
    no_release_overtakes_its_trigger(deliveries, world.receivers[HOOK])
    every_attempt_is_written_down(deliveries, world.rows(attempt))


def hard_is_armed_and_closed_is_not(world: World, events: Sequence[Event]) -> None:
    armed: dict[tuple[str, str], int] = defaultdict(int)
    for row in world.rows(tables.arming):
        armed[row.scope, row.period] += row.state == "armed"
    breached = {(e.scope, e.period) for e in events if (e.type, e.level) == (EventType.BREACHED, Level.HARD)}
    for kept in world.kept():
        standing = kept.standing
        key = (standing.scope, standing.period.name)
        if standing.closed:
            assert armed[key] == 0
        elif standing.level is Level.HARD:
            assert armed[key] == 1
            assert key in breached
        else:
            assert armed[key] <= 1


def nothing_is_said_twice_within_the_debounce(
    events: Sequence[Event], epoch_of: Mapping[str, int], debounce: timedelta
) -> None:
    last: dict[Any, Event] = {}
    for event in events:
        if event.type in (EventType.BREACHED, EventType.REMINDER) and event.reason is not Reason.LATE_DATA:
            key = (event.scope, event.period, event.level, epoch_of[event.event_id])
            assert key not in last or event.created_at - last[key].created_at >= debounce
            last[key] = event
        assert not (event.type is EventType.TRIGGERED and event.reason is Reason.LATE_DATA)


def nothing_is_forecast_twice(events: Sequence[Event]) -> None:
    """Each cap once a period, whatever the clock did."""
    told = [(one.scope, one.period, one.level) for one in events if one.type is EventType.FORECAST]
    assert len(told) == len(set(told))


def deliveries_end_as_they_say(deliveries: Sequence[Any], receivers: Mapping[str, Receiver]) -> None:
    taken = {name: set(receiver.ids) for name, receiver in receivers.items()}
    newest = {row.lane: row.seq for row in sorted(deliveries, key=lambda row: row.seq)}
    for row in deliveries:
        if row.status == Status.DELIVERED:
            assert row.message_id in taken[row.channel]
        elif row.status == Status.CANCELLED:
            assert row.message_id not in taken[row.channel]
        elif row.status == Status.SUPERSEDED:
            assert row.channel != HOOK
            assert row.seq < newest[row.lane]


def every_attempt_carries_the_same_bytes(receivers: Mapping[str, Receiver]) -> None:
    for receiver in receivers.values():
        assert all(len(bodies) == 1 for bodies in receiver.bodies.values())


def no_release_overtakes_its_trigger(deliveries: Sequence[Any], hook: Receiver) -> None:
    """Of a lane, one goes out after the other: nothing is begun while an older one waits."""
    lanes: dict[str, list[Any]] = defaultdict(list)
    for row in sorted(deliveries, key=lambda row: row.seq):
        if row.channel == HOOK:
            lanes[row.lane].append(row)
    for rows in lanes.values():
        for number, row in enumerate(rows):
            if row.attempts:
                assert all(one.status != Status.PENDING for one in rows[:number])
        seq = {row.message_id: row.seq for row in rows}
        came = [seq[event_id] for event_id in hook.ids if event_id in seq]
        assert came == sorted(came)


def every_attempt_is_written_down(deliveries: Sequence[Any], attempts: Sequence[Any]) -> None:
    counted: dict[tuple[str, str], int] = defaultdict(int)
    for row in attempts:
        counted[row.message_id, row.channel] += 1
    for row in deliveries:
        assert counted[row.message_id, row.channel] == row.attempts


def of_new_events(
    world: World,
    new: Sequence[Event],
    people: Sequence[str],
    found: Mapping[str, Measurement],
    caps: Mapping[str, Caps],
) -> None:
    """What holds of events that one evaluation made from what was `found` under these caps."""
    told: dict[str, set[str]] = defaultdict(set)
    queued = {(row.message_id, row.channel) for row in world.rows(delivery)}
    for row in world.rows(message_event):
        if not row.carried and (row.message_id, row.channel) in queued:
            told[row.event_id].add(row.channel)
    for event in new:
        for channel in people:
            assert not concerns(event, channel) or channel in told[event.event_id], f"{channel} is not told"
        if event.type is EventType.BREACHED and event.reason is not Reason.LATE_DATA:
            assert found[event.scope].total >= caps[event.scope].at(event.level)
        if event.type is EventType.FORECAST:
            assert found[event.scope].measured
            assert found[event.scope].forecast.expected >= caps[event.scope].at(event.level)
        if event.type in DOWN and event.reason is not Reason.PERIOD_ROLL:
            gone = caps.get(event.scope, Caps()).at(event.prev_level) is None
            assert gone or found[event.scope].fresh, f"{event.type} from figures that are not fresh"


def of_debounce(world: World, events: Sequence[Event], epoch_of: Mapping[str, int]) -> None:
    """Nobody hears that a level was left before what they heard last has stood for a while."""
    last: dict[Any, Event] = {}
    for event in events:
        key = (event.scope, event.period, epoch_of[event.event_id])
        if event.type in (EventType.STEPPED_DOWN, EventType.RECOVERED) and key in last:
            assert event.created_at - last[key].created_at >= world.timing.debounce
        if event.type in TOLD:
            last[key] = event


def of_holds(world: World, new: Sequence[Event], epoch_of: Mapping[str, int]) -> None:
    """An action stands for a while, unless the cap is raised or removed or the period is over."""
    armings = {(one.scope, one.period, one.n): one for one in world.rows(tables.arming)}
    for event in new:
        if event.type is EventType.RELEASED and event.reason in (Reason.CORRECTION, Reason.RECOMPUTE):
            own = armings[event.scope, event.period, event.facts["arming"]]
            if epoch_of[own.event_id] == epoch_of[event.event_id]:
                assert event.created_at - own.armed_at >= world.timing.hook_hold


def everybody_knows_everything(world: World) -> None:
    """People were told every event, and the machine stands where the armings do."""
    told = world.rows(message_event)
    for channel in PEOPLE:
        taken = set(world.receivers[channel].ids)
        owed = {row.event_id for row in told if row.channel == channel}
        known = {row.event_id for row in told if row.channel == channel and row.message_id in taken}
        assert owed <= known, f"{channel} never heard of {owed - known}"
    events = {row.id: as_event(row) for row in world.rows(tables.event)}
    acted = {(events[one].scope, events[one].period): events[one].type for one in world.receivers[HOOK].ids}
    armed = {(one.scope, one.period) for one in world.rows(tables.arming) if one.state == "armed"}
    given_up = {
        (events[row.message_id].scope, events[row.message_id].period)
        for row in world.rows(delivery)
        if row.channel == HOOK and row.status == Status.DEAD  # a retry that would overtake is refused
    }
    begun = [row for row in world.rows(tables.cap_state) if row.first_day <= world.now.date()]
    for row in begun:  # a clock that was ahead may have opened others, which nobody looks at yet
        key = (row.scope, row.period)
        assert key in given_up or (acted.get(key) is EventType.TRIGGERED) == (key in armed)
