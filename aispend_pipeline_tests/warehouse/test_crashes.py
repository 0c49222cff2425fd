"""A process that dies at any point leaves a store that the next one simply goes on with."""

import json
import random
import shutil
import signal
import time
from contextlib import ExitStack
from decimal import Decimal

import pytest

from aispend_pipeline import points
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.warehouse import Snapshots, Warehouse
from aispend_pipeline.warehouse.snapshots import pointer

from .driver import started
from .ingesting import WINDOW, read_and_add_up
from .proof import assert_sound, rollup

# A point, and which of its times in one round: storing the costs comes first, then the usage, adding up after both.
# Then the figures that readers see after a kill there, at once and after the next publish.
OLD, NEW = "1.5", "2.75"
POINTS = [
    pytest.param("fetched", 1, OLD, OLD, marks=pytest.mark.long),
    pytest.param("after_commit", 1, OLD, OLD, marks=pytest.mark.long),
    ("before_commit", 3, OLD, OLD),
    ("after_commit", 3, OLD, NEW),
    pytest.param("before_pointer", 1, OLD, NEW, marks=pytest.mark.long),
    pytest.param("published", 1, NEW, NEW, marks=pytest.mark.long),
]


def round_of(home, figure: str, point: str = "", nth: int = 1) -> tuple[int, list[str]]:
    """One round in a process of its own: how it ended, and what it had told by then."""
    with started("read-and-add-up", home, figure, point, str(nth)) as process:
        told, _ = process.communicate(timeout=60)
    return process.returncode, told.splitlines()


def totals(home) -> set[Decimal]:
    """The sums of the days, after checking all that must hold."""
    with Snapshots(home).current()[1] as cursor:
        assert_sound(cursor)
        days = [day for _, day, _ in rollup(cursor)]
        assert len(days) == 2 * len(list(WINDOW.days()))
        daily = "SELECT sum(billed_usd), sum(input_tokens), min(counted_by) FROM spend_daily GROUP BY day"
        found = cursor.execute(daily).fetchall()
        assert {(tokens, book) for _, tokens, book in found} == {(usd * 1000, "usage") for usd, _, _ in found}
        return {usd for usd, _, _ in found}


def stored(home) -> list[str]:
    with Snapshots(home).current()[1] as cursor:
        return [
            f"stored {name} {state}" for name, state in cursor.execute('SELECT fetch_id, state FROM "fetch"').fetchall()
        ]


def round_here(home, figure: str, capsys) -> list[str]:
    """One round in this process, where nothing kills it: what it told."""
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(points, "listener", points.listener)
        read_and_add_up(home, figure)
    return [told for told in capsys.readouterr().out.splitlines() if told.startswith(("stored", "added-up"))]


@pytest.fixture(scope="module")
def first_round(tmp_path_factory):
    """The home after one round without a crash, and what it told."""
    home = tmp_path_factory.mktemp("crashes") / "home"
    ended, told = round_of(home, OLD)
    assert (ended, told[-1]) == (0, f"added-up {OLD}")
    return home, told


@pytest.mark.long
@pytest.mark.parametrize(("point", "nth", "at_once", "next_publish"), POINTS)
def test_a_kill_at_a_named_point_is_made_good_by_the_next_run(
    first_round, home, capsys, point, nth, at_once, next_publish
):
    shutil.copytree(first_round[0], home)
    before = pointer(home)

    ended, told = round_of(home, NEW, point, nth)

    assert ended == -signal.SIGKILL
    assert totals(home) == {Decimal(at_once)}
    Warehouse(home, SystemClock()).publish()
    assert totals(home) == {Decimal(next_publish)}

    told_again = round_here(home, NEW, capsys)

    assert told_again[-1] == f"added-up {NEW}"
    assert totals(home) == {Decimal(NEW)}
    assert pointer(home).seq > before.seq
    acknowledged = [line for line in first_round[1] + told + told_again if line.startswith("stored")]
    assert set(acknowledged) <= set(stored(home))
    assert [name for name in (home / "snapshots").iterdir() if name.suffix != ".duckdb"] == []


@pytest.mark.long
def test_a_kill_in_the_very_first_round_is_made_good_too(home, capsys):
    assert round_of(home, OLD, "before_pointer")[0] == -signal.SIGKILL

    assert round_here(home, OLD, capsys)[-1] == f"added-up {OLD}"
    assert totals(home) == {Decimal(OLD)}


@pytest.mark.long
def test_two_ingests_of_one_window_at_the_same_time_come_out_as_one(first_round, home):
    shutil.copytree(first_round[0], home)

    with started("read-and-add-up", home, NEW) as one, started("read-and-add-up", home, NEW) as other:
        told = [process.communicate(timeout=60)[0].splitlines() for process in (one, other)]

    assert [process.returncode for process in (one, other)] == [0, 0]
    assert totals(home) == {Decimal(NEW)}
    assert {line for lines in told for line in lines if line.startswith("stored")} <= set(stored(home))
    with Snapshots(home).current()[1] as cursor:
        assert (
            cursor.execute("SELECT count(*), min(was_usd), min(is_usd) FROM restatement GROUP BY day, model").fetchall()
            == [(1, Decimal("0.75"), Decimal("1.375"))] * 6
        )


@pytest.mark.long
def test_fifty_kills_or_more_under_load_tear_nothing_and_lose_nothing(home, tmp_path):
    """Two writers are killed at random while two readers check every snapshot that comes by."""
    warehouse = Warehouse(home, SystemClock())
    warehouse.publish()
    stop = tmp_path / "stop"
    acknowledged: list[str] = []
    seqs: list[int] = []
    with ExitStack() as stack:
        readers = [stack.enter_context(started("read-on", home, str(stop))) for _ in range(2)]
        writers = {account: stack.enter_context(started("write-on", home, account)) for account in ("eu", "us")}
        for kills in range(200):
            if kills >= 50 and len(stored_by(acknowledged)) > 50:
                break
            time.sleep(random.uniform(0.3, 2.5))
            account = random.choice(list(writers))
            killed = writers[account]
            killed.kill()
            acknowledged += _whole_lines(killed.communicate(timeout=30)[0])
            seqs.append(pointer(home).seq)
            writers[account] = stack.enter_context(started("write-on", home, account))
        for last in writers.values():
            last.kill()
            acknowledged += _whole_lines(last.communicate(timeout=30)[0])
        stop.touch()
        reports = [json.loads(reader.communicate(timeout=60)[0]) for reader in readers]

    assert [report["wrong"] for report in reports] == [[], []]
    assert min(report["looks"] for report in reports) > 50
    assert max(report["longest"] for report in reports) < 5
    assert seqs == sorted(seqs)
    warehouse.publish()
    with Snapshots(home).current()[1] as cursor:
        kept = {fetch_id for (fetch_id,) in cursor.execute('SELECT fetch_id FROM "fetch"').fetchall()}
    told = stored_by(acknowledged)
    assert len(told) > 50
    assert told <= kept


def stored_by(lines: list[str]) -> set[str]:
    """The fetches that the writers said they had stored."""
    return {line.split()[1] for line in lines if line.startswith("stored")}


def _whole_lines(text: str) -> list[str]:
    return text[: text.rfind("\n") + 1].splitlines()
