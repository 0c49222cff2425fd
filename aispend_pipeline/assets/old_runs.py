"""Dagster's own records of runs, which it never deletes: they go by what they hold, not by age alone.

Deleting a run un-materialises the days that it made: the run that made a day last stays however old it is.
"""

import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from pathlib import Path

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable as Checks
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from sqlalchemy import func, select

from aispend_pipeline.log import log

OVER = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_A_PAGE = 1000


def prune(
    instance: dg.DagsterInstance,
    before: datetime,
    tags: Mapping[str, str | Sequence[str]],
    *,
    more: Callable[[], bool] = lambda: True,
) -> int:
    """Delete the runs with `tags` that were over, began before `before` and hold nothing newest; say how many.

    The oldest go first. What an earlier call left behind, because it died, goes too.
    """
    needed = still_needed(instance)
    old = instance.get_run_ids(dg.RunsFilter(statuses=OVER, created_before=before, tags=tags))
    deleted = delete(instance, (run_id for run_id in reversed(old) if run_id not in needed and more()))
    _sweep(instance)
    if deleted:
        log.info("runs.deleted", runs=deleted)
    return deleted


def still_needed(instance: dg.DagsterInstance) -> set[str]:
    """The runs that made some day of some asset last, or evaluated some check last."""
    made = chain.from_iterable(_made_last(instance, key) for key in instance.all_asset_keys())
    return {*made, *_evaluated_last(instance)}


def delete(instance: dg.DagsterInstance, run_ids: Iterable[str]) -> int:
    """Delete runs with all that Dagster would leave of them: their checks, event files and logs; say how many."""
    deleted = 0
    for run_id in run_ids:
        _forget_checks(instance, run_id)
        instance.delete_run(run_id)
        _remove_files(instance, run_id)
        deleted += 1
    return deleted


def _made_last(instance: dg.DagsterInstance, key: dg.AssetKey) -> Iterator[str]:
    """The run of the newest materialisation of each partition of `key`."""
    seen: set[str | None] = set()
    cursor: str | None = None
    while True:
        page = instance.fetch_materializations(key, limit=_A_PAGE, cursor=cursor)
        for record in page.records:
            if record.partition_key not in seen:
                seen.add(record.partition_key)
                yield record.run_id
        if not page.has_more:
            return
        cursor = page.cursor


def _evaluated_last(instance: dg.DagsterInstance) -> Collection[str]:
    """The run of the newest evaluation of each check."""
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return ()
    newest = (
        select(func.max(Checks.c.id))
        .where(Checks.c.execution_status != AssetCheckExecutionRecordStatus.PLANNED.value)
        .group_by(Checks.c.asset_key, Checks.c.check_name, Checks.c.partition)
    )
    with storage.index_connection() as connection:
        return set(connection.execute(select(Checks.c.run_id).where(Checks.c.id.in_(newest))).scalars())


def _forget_checks(instance: dg.DagsterInstance, run_id: str) -> None:
    """Dagster deletes a run's events, and leaves the evaluations of its checks."""
    storage = instance.event_log_storage
    if isinstance(storage, SqlEventLogStorage):
        with storage.index_connection() as connection:
            connection.execute(Checks.delete().where(Checks.c.run_id == run_id))


def _remove_files(instance: dg.DagsterInstance, run_id: str) -> None:
    """The logs first: as long as the file of events is there, a sweep finds both."""
    root = Path(instance.root_directory)
    shutil.rmtree(root / "storage" / run_id, ignore_errors=True)
    for file in (root / "history" / "runs").glob(f"{run_id}.db*"):
        file.unlink(missing_ok=True)


def _sweep(instance: dg.DagsterInstance) -> None:
    """Remove the files of runs that are no more."""
    for file in (Path(instance.root_directory) / "history" / "runs").glob("*-*.db"):
        if not instance.has_run(file.stem):
            _remove_files(instance, file.stem)
