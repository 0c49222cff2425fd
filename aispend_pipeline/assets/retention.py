"""The job `retention`: once a day, what is too old goes: pages, Dagster's records of runs, and the room they had."""

from datetime import timedelta
from pathlib import Path

import dagster as dg

from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.instructions import RETENTION
from aispend_pipeline.assets.old_runs import prune
from aispend_pipeline.assets.orphans import PROCESS, this_process
from aispend_pipeline.assets.tags import LANE, ours
from aispend_pipeline.log import bound
from aispend_pipeline.warehouse.retention import Removed, expire, has_pages_before

# A run begins nothing after this time; the next day's goes on.
SECONDS = 600.0
# Long enough to look on Monday at what failed on Friday night.
RUNS_KEPT_FOR = timedelta(days=7)
MOST_LOG_BYTES = 16 * 1024 * 1024


@dg.op(description="Deletes old pages, old runs and old lines of Dagster's log, and gives the room back if that pays.")
def delete_what_is_old(context: dg.OpExecutionContext, installation: dg.ResourceParam[Installation]) -> None:
    """Delete it, and note what went; figures are never touched."""
    context.instance.add_run_tags(context.run_id, {PROCESS: this_process()})
    clock, settings, warehouse = installation.clock, installation.settings, installation.warehouse
    started, now = clock.monotonic(), clock.now()

    def more() -> bool:
        return clock.monotonic() - started < SECONDS

    bytes_before = _size(warehouse.file)
    with bound(run_id=context.run_id):
        removed = expire(warehouse, now - timedelta(days=settings.retention_days), more=more)
        runs = prune(context.instance, now - RUNS_KEPT_FOR, ours(context.run.tags), more=more)
        shorten(settings.home / "dagster.log", MOST_LOG_BYTES)
        compacted = warehouse.compact()
    _note_on_assets(context, removed)
    context.add_output_metadata(
        {
            "fetches": removed.fetches,
            "pages": removed.pages,
            "bodies": removed.bodies,
            "runs": runs,
            "bytes before": bytes_before,
            "bytes after": _size(warehouse.file),
            "compacted": compacted,
            "seconds": clock.monotonic() - started,
        }
    )


# In the lane of ingests, which write too: beside one of them and a backfill it would take the last place, that of a
# message.
@dg.job(
    name="retention",
    description=RETENTION,
    tags={LANE: "ingest", "dagster/max_runtime": str(int(SECONDS) + 600)},
)
def retention_job() -> None:
    """One step."""
    delete_what_is_old()


retention_daily = dg.ScheduleDefinition(
    name="retention",
    job=retention_job,
    cron_schedule="30 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every day at half past three.",
)


def is_due(instance: dg.DagsterInstance, installation: Installation) -> bool:
    """Whether something is old and no run began within a day: for those who have no daemon to run the schedule."""
    now = installation.clock.now()
    lately = dg.RunsFilter(job_name=retention_job.name, created_after=now - timedelta(days=1))
    if instance.get_runs_count(lately):
        return False
    if instance.get_runs_count(dg.RunsFilter(created_before=now - RUNS_KEPT_FOR)):
        return True
    return has_pages_before(installation.settings.home, now - timedelta(days=installation.settings.retention_days))


def shorten(file: Path, most: int) -> None:
    """Keep the newest lines of a log that is longer than `most` bytes, half as many; its writers go on appending."""
    if _size(file) <= most:
        return
    with file.open("rb") as log:
        log.seek(-most // 2, 2)
        log.readline()
        newest = log.read()
    with file.open("ab") as log:
        log.truncate(0)
        log.write(newest)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _note_on_assets(context: dg.OpExecutionContext, removed: Removed) -> None:
    """Pages that went, on their own asset, where Dagster's UI draws them beside those that came."""
    for source, pages in removed.pages_by_source.items():
        context.log_event(dg.AssetObservation(["raw", source], metadata={"expired pages": pages}))
