"""Runs the assets in this process, on the installation's own Dagster instance, so that the UI shows it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import dagster as dg
import sqlalchemy as sa
from dagster import DagsterInstance
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.execution.api import execute_run
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster_shared.error import SerializableErrorInfo

from aispend_pipeline.assets.compute_logs import in_a_terminal
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.orphans import PROCESS, end_orphans, this_process
from aispend_pipeline.assets.tags import MODULE
from aispend_pipeline.definitions import product
from aispend_pipeline.health.dagster_files import PREPARED, PREPARING, dagster_folder, files_of
from aispend_pipeline.health.stores import WITHOUT_DAGSTER
from aispend_pipeline.settings import Settings
from aispend_pipeline.sql import packaged
from aispend_pipeline.state.trouble import unusable
from aispend_pipeline.warehouse import folder, lock

_STEP_FAILED = dg.DagsterEventType.STEP_FAILURE
# A run can fail beside its steps, before the first of them: that must not look as if nothing was to be done.
_FAILURES = (_STEP_FAILED, dg.DagsterEventType.RUN_FAILURE)
# Where Dagster's UI has our jobs: it lists a run with its job, and on the timeline, by this only.
_REPOSITORY = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(MODULE), SINGLETON_REPOSITORY_NAME)
# Whoever ran it here runs it again; the daemon would, by itself, what ended with its process.
_NOT_AGAIN = {"dagster/max_retries": "0"}
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def prepare_instance(settings: Settings) -> Path:
    """Dagster's folder, with `dagster.yaml` written and its schema of this version, before anything else meets it.

    Two processes that first meet an empty folder can stamp its schema twice, and nothing loads after.
    """
    folder.prepare(settings.home)
    at = dagster_folder(settings)
    at.mkdir(mode=0o700, parents=True, exist_ok=True)
    prepared = at / PREPARED
    with lock.held(settings.home / PREPARING, timeout=120):
        if not prepared.exists() or prepared.read_text() != dg.__version__ or not all(map(Path.exists, files_of(at))):
            if not (at / "dagster.yaml").exists():
                folder.write_durably(at / "dagster.yaml", packaged("assets", "dagster.yaml"))
            with redirect_stdout(StringIO()), DagsterInstance.from_config(str(at)) as instance:
                instance.upgrade()
            folder.write_durably(prepared, dg.__version__)
    return at


@contextmanager
def instance_of(settings: Settings) -> Iterator[DagsterInstance]:
    """The installation's instance, with the runs of processes that died marked as failed.

    Raises `StoreError` where Dagster's storage cannot be used.
    """
    try:
        with DagsterInstance.from_ref(in_a_terminal(prepare_instance(settings))) as instance:
            end_orphans(instance)
            yield instance
    except sa.exc.DatabaseError as error:
        raise unusable(dagster_folder(settings), error.orig, WITHOUT_DAGSTER) from error


class Run(NamedTuple):
    """A run that is over; `errors` has a line for each step that failed."""

    run_id: str
    errors: list[str]


def run_here(
    instance: DagsterInstance,
    installation: Installation,
    job: str,
    keys: Sequence[dg.AssetKey],
    tags: Mapping[str, str],
    run_id: str | None = None,
) -> Run:
    """Run `keys` of a job with `tags` here and now, or all of one that has none; under `run_id` if it is given.

    Ctrl-C and a request to end, of which Dagster makes a failed step, cancel the run and are raised again.
    """
    made = _job(installation, job)
    run = instance.create_run_for_job(
        made,
        asset_selection=frozenset(keys),
        tags={**made.run_tags, **tags, **_NOT_AGAIN, PROCESS: this_process()},
        run_config=_QUIET,
        run_id=run_id,
        remote_job_origin=RemoteJobOrigin(_REPOSITORY, job),
    )
    result = execute_run(InMemoryJob(made), run, instance)
    failures = [event for event in result.all_events if event.event_type in _FAILURES]
    if any(_interrupted(event) for event in failures):
        instance.report_run_canceled(result.dagster_run, "whoever ran it was asked to end")
        raise KeyboardInterrupt
    of_steps = [event for event in failures if event.event_type is _STEP_FAILED]
    return Run(result.run_id, [_reason(event) for event in of_steps or failures])


@lru_cache(maxsize=4)
def _job(installation: Installation, name: str) -> dg.JobDefinition:
    """A job of the product on `installation`, made once for all the windows of a command."""
    return product(installation, str(installation.settings.home)).resolve_job_def(name)


def _error(event: dg.DagsterEvent) -> SerializableErrorInfo | None:
    """Why a step failed, or a run beside its steps."""
    return event.step_failure_data.error if event.event_type is _STEP_FAILED else event.job_failure_data.error


def _interrupted(event: dg.DagsterEvent) -> bool:
    error = _error(event)
    return error is not None and error.cls_name in ("KeyboardInterrupt", "DagsterExecutionInterruptedError")


def _reason(event: dg.DagsterEvent) -> str:
    told = event.step_failure_data.user_failure_data if event.event_type is _STEP_FAILED else None
    if told and told.description:
        return told.description
    error = _error(event)
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip().splitlines()[0] if error else f"{event.step_key or 'the run'} failed"
