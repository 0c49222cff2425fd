"""The ledger: what is remembered over a restart, ids that follow from what they name, and who has seen what."""

import base64
import hashlib
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from aispend_pipeline.caps.incidents import Incident
from aispend_pipeline.caps.ledger import INSTANCE, Kept, Ledger
from aispend_pipeline.caps.model import NO_VERSION, Caps, EventType, Level, Period, Reason, Version
from aispend_pipeline.caps.policy import Armed, Standing
from aispend_pipeline.state.database import State

from .world import START, World, world

__all__ = ["world"]
NOVEMBER = Period.of(date(2026, 11, 1))


@pytest.fixture
def reopened(world) -> State:
    """The same file, as the next process finds it."""
    return world.beside().state


def id_of(instance: str, named: str) -> str:
    """As the pages say: 26 letters of the hash of the installation and what is named."""
    return base64.b32encode(hashlib.sha256(f"{instance}|{named}".encode()).digest()).decode().lower()[:26]


def add(ledger: Ledger, level: Level = Level.SOFT, period: str = "2026-11"):
    facts = {"total_usd": "80.00", "doubts": ["one", "two"]}
    reason = {"prev_level": Level.OK, "reason": Reason.SPEND}
    return ledger.add(EventType.BREACHED, "openai", period, facts, START, "evaluation", level=level, **reason)


def test_a_standing_comes_back_as_it_was_kept_to_the_last_digit(world, reopened):
    standing = Standing(
        "openai",
        NOVEMBER,
        Level.HARD,
        START,
        Caps(None, Decimal("0.1")),
        certain=Caps(None, Decimal("0.2")),
        reason=Reason.RECOMPUTE,
        announced=Level.HARD,
        announced_at=START,
        peak=Level.HARD,
        total=Decimal("0.100000000000000001"),
        read_seq=7,
        milestone=90,
        forecast=Level.SOFT,
        armings=2,
        armed=Armed(2, START, Decimal("0.1")),
    )
    found = replace(world.measurement("openai", NOVEMBER), stale=True, version=Version("a", 3))
    with world.state.transaction() as connection:
        Ledger(connection).keep(standing, found)
        Ledger(connection).arm(standing, standing.armed, "evt_1")

    with reopened.reading() as connection:
        assert Ledger(connection).standings() == [Kept(standing, Version("a", 3), stale=True)]
        assert Ledger(connection).triggered_by(standing, 2) == "evt_1"
        assert Ledger(connection).triggered_by(standing, 1) is None
    reopened.close()


def test_a_level_that_nobody_knows_comes_back_as_none(world):
    standing = Standing("openai", NOVEMBER, None, START, Caps())
    with world.state.transaction() as connection:
        Ledger(connection).keep(standing, world.measurement("openai", NOVEMBER))

    assert world.standing("openai") == standing


def test_a_file_from_before_there_were_forecasts_tells_of_none_and_takes_them(world):
    world.spent("openai", "90").evaluate()
    before = world.standing("openai")
    with world.state.transaction() as connection:
        connection.exec_driver_sql("ALTER TABLE cap_state DROP COLUMN forecast")

    world.restart()

    assert world.standing("openai") == before
    standing = replace(before, forecast=Level.HARD)
    with world.state.transaction() as connection:
        Ledger(connection).keep(standing, world.measurement("openai", NOVEMBER))
    assert world.standing("openai") == standing


def test_only_what_can_still_change_is_looked_at_again(world):
    older = Period.of(date(2026, 10, 1))
    with world.state.transaction() as connection:
        ledger = Ledger(connection)
        for period, over in ((NOVEMBER, False), (older, True)):
            standing = Standing("openai", period, Level.OK, START, Caps(), closed=over, final=over)
            ledger.keep(standing, world.measurement("openai", period))
        assert [kept.standing.period for kept in ledger.standings()] == [older, NOVEMBER]
        assert [kept.standing.period for kept in ledger.standings(START)] == [older, NOVEMBER]
        assert [kept.standing.period for kept in ledger.standings(START + timedelta(days=30))] == [NOVEMBER]


def test_the_installation_has_a_name_of_its_own_for_good(world, reopened, tmp_path):
    with world.state.transaction() as connection:
        name = Ledger(connection).instance()
    with reopened.transaction() as connection:
        assert Ledger(connection).instance() == Ledger(connection).noted(INSTANCE) == name
    other = World(tmp_path / "other").state
    with other.transaction() as connection:
        assert Ledger(connection).instance() != name
    for state in (reopened, other):
        state.close()


def test_an_id_follows_from_the_installation_and_how_many_there_were_of_its_kind(world):
    with world.state.transaction() as connection:
        ledger = Ledger(connection)
        made = [
            add(ledger),
            add(ledger),
            add(ledger, Level.HARD),
            add(ledger, period="2026-12"),
            ledger.add(EventType.TEST, "test", "-", {"by": "api"}, START, "evaluation"),
        ]
        instance = ledger.instance()

    named = [
        "openai/2026-11/cap.breached/soft/0",
        "openai/2026-11/cap.breached/soft/1",
        "openai/2026-11/cap.breached/hard/0",
        "openai/2026-12/cap.breached/soft/0",
        "test/-/test/-/0",
    ]
    assert [event.event_id for event in made] == [f"evt_{id_of(instance, one)}" for one in named]


def test_a_message_is_named_after_its_events_whatever_channel_it_goes_to(world):
    world.caps["global"] = world.caps["openai"]
    events = world.spent("openai", "90").evaluate()
    world.dispatch()
    with world.state.reading() as connection:
        instance = Ledger(connection).instance()

    expected = f"msg_{id_of(instance, ','.join(sorted(event.event_id for event in events)))}"
    assert len(events) == 2
    assert world.receivers["slack"].ids == world.receivers["email"].ids == [expected]


def test_what_was_rolled_back_is_said_again_under_the_same_id(world):
    assert world.kept() == []
    made = []
    for _ in range(2):
        with pytest.raises(InterruptedError), world.state.transaction() as connection:
            ledger = Ledger(connection)
            ledger.note(INSTANCE, "b7c1")
            made.append(add(ledger))
            raise InterruptedError
    assert made[0] == made[1]


def test_an_event_comes_back_as_it_was_stored(world):
    with world.state.transaction() as connection:
        ledger = Ledger(connection)
        made = [add(ledger), add(ledger, Level.HARD)]
    with world.state.reading() as connection:
        ledger = Ledger(connection)
        assert ledger.newest_events(5) == [made[1], made[0]]
        assert ledger.newest_events(1) == [made[1]]
        assert ledger.events([made[1].event_id, made[0].event_id]) == made
        assert ledger.events([]) == []


def test_of_every_subject_the_newest_incident_is_known(world):
    first = Incident("ingest", "openai default", 1, START, "refused", START, START)
    second = replace(first, n=2, told_at=None, closed_at=None)
    with world.state.transaction() as connection:
        ledger = Ledger(connection)
        for one in (first, second, replace(first, subject="anthropic default"), replace(first, kind="channel")):
            ledger.keep_incident(one)
        ledger.keep_incident(replace(second, detail="stale"))

        assert ledger.newest_incidents("ingest") == [
            replace(first, subject="anthropic default"),
            replace(second, detail="stale"),
        ]
        assert ledger.newest_incidents("channel") == [replace(first, kind="channel")]


@pytest.mark.parametrize(
    ("version", "other", "older"),
    [
        (Version("a", 1), Version("a", 2), True),
        (Version("a", 2), Version("a", 2), False),
        (Version("a", 3), Version("a", 2), False),
        (Version("b", 1), Version("a", 2), False),
        (NO_VERSION, NO_VERSION, False),
    ],
)
def test_figures_are_older_if_they_are_of_the_same_warehouse_and_saw_less(version, other, older):
    assert version.older_than(other) is older
