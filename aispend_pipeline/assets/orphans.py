"""Runs whose process is gone: they would count as under way until Dagster's longest run time is over."""

import os
from pathlib import Path

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from aispend_pipeline.log import log

# The tag by which a run names the process that it is in; Dagster's UI shows none that begins like this.
PROCESS = ".dagster/aispend_process"
# The tag that Dagster gives to the runs that its daemon has begun.
_LAUNCHED = ".dagster/grpc_info"
_UNDER_WAY = [DagsterRunStatus.STARTED, DagsterRunStatus.STARTING]


def this_process() -> str:
    """A name for this process that no later one has."""
    return f"{os.getpid()} {_started(os.getpid())}"


def end_orphans(instance: DagsterInstance, job: str | None = None) -> None:
    """Mark the runs, of `job` only if given, whose process died on this machine as failed."""
    for run in instance.get_runs(RunsFilter(job_name=job, statuses=_UNDER_WAY)):
        process = run.tags.get(PROCESS)
        if process and not _alive(process):
            instance.report_run_failed(run, "the process that ran it is gone")
            log.info("run.lost", run=run.run_id, job=run.job_name)


def cancel_launched(instance: DagsterInstance) -> None:
    """Say of the runs that the daemon has begun that they are meant to end: else they would count as failed."""
    for run in instance.get_runs(RunsFilter(statuses=_UNDER_WAY)):
        if _LAUNCHED in run.tags:
            instance.report_run_canceling(run, "aispend up was asked to end")


def _alive(process: str) -> bool:
    pid, _, started = process.partition(" ")
    return _started(int(pid)) == started


def _started(pid: int) -> str:
    """When a process started, in the kernel's ticks, so that a reused pid is told apart; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
