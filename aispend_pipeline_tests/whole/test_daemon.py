"""The same climb with Dagster's daemon running and nothing else: its sensor asks, its runs evaluate, send and die."""

import pytest
from dagster import DagsterRunStatus

from aispend_pipeline.alerts.outbox import Status
from aispend_pipeline.alerts.tables import delivery

from ..alerts.receivers import DROP, SILENCE
from ..caps import promises
from ..waiting import until
from .daemon import daemon
from .outcome import assert_everybody_heard_of_both_caps
from .world import A_LEASE, HARD, HOOK, SOFT, Whole, whole

pytestmark = pytest.mark.long


def tried(of: Whole) -> bool:
    rows = of.rows(delivery)
    return bool(rows) and all(row.attempts for row in rows)


def done(of: Whole) -> bool:
    return tried(of) and all(row.status != Status.PENDING for row in of.rows(delivery))


def test_runs_die_at_every_point_and_in_the_end_everybody_heard_of_both_caps(tmp_path):
    """Dagster itself starts a run that died again, twice. All clocks are set ahead two times, by a lease each."""
    with whole(tmp_path / "whole") as installation, daemon(installation) as dagster:
        fate = installation.fate
        installation.down()
        installation.bills(SOFT)
        fate.doom("before_evaluated", "evaluated")
        installation.ingest()
        until(lambda: fate.died("before_evaluated", "evaluated") and tried(installation) and not dagster.under_way())

        installation.up()
        installation.at[HOOK].moods.append(DROP)
        installation.bills(HARD)
        fate.doom("claimed", "sent", "recorded")
        installation.ingest()
        until(lambda: fate.died("claimed", "sent"))
        fate.pass_time(A_LEASE)
        until(lambda: fate.died("recorded"))
        fate.pass_time(A_LEASE)
        until(lambda: done(installation) and not dagster.under_way())

        assert_everybody_heard_of_both_caps(installation)
        ended = [run.status for run in dagster.runs()]
        assert ended.count(DagsterRunStatus.FAILURE) >= 5, "each death is on record"


def test_a_daemon_that_is_asked_to_end_in_mid_send_ends_and_the_next_one_sends_it_again(tmp_path):
    with whole(tmp_path / "whole") as installation:
        installation.at["slack"].moods.append(SILENCE)
        installation.spends(SOFT)
        with daemon(installation) as dagster:
            until(lambda: installation.at["slack"].received and installation.at["email"].received)
            dagster.end(10)
        installation.fate.pass_time(A_LEASE)
        with daemon(installation) as dagster:
            until(lambda: done(installation) and not dagster.under_way())

        assert installation.receivers["slack"].attempts == [1, 2]
        promises.everybody_knows_everything(installation)


def test_a_run_that_died_with_its_daemon_holds_nothing_up(tmp_path):
    with whole(tmp_path / "whole") as installation:
        installation.at["slack"].moods.append(SILENCE)
        installation.spends(SOFT)
        with daemon(installation) as dagster:
            until(lambda: installation.at["slack"].received and installation.at["email"].received)
        assert dagster.under_way(), "nobody was left to say that it is over"
        installation.fate.pass_time(A_LEASE)
        with daemon(installation) as dagster:
            until(lambda: done(installation) and not dagster.under_way())

        assert installation.receivers["slack"].attempts == [1, 2]
