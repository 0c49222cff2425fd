"""`cap_check`: looks whether caps should be evaluated or something sent, and asks for one run of `notify`."""

from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

from aispend_pipeline.alerts.look import look
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.notify import notify_job
from aispend_pipeline.assets.orphans import end_orphans
from aispend_pipeline.assets.tags import LANE

# A run that failed would fail again at once, and every run has a page of its own.
RETRY_AFTER = timedelta(minutes=2)


@dg.sensor(
    name="cap_check",
    job=notify_job,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for a run of notify when figures are new, a delivery is due, or ten minutes have passed. It"
    " decides nothing and sends nothing, so that previewing a tick is harmless.",
)
def cap_check(
    context: dg.SensorEvaluationContext, installation: dg.ResourceParam[Installation]
) -> dg.RunRequest | dg.SkipReason:
    """One run of `notify` if there is anything to do, else how every cap stands."""
    now = installation.clock.now()
    seen = look(installation.settings, now)
    stand = "; ".join(seen.lines) or "no cap is set"
    if seen.reason is None:
        return dg.SkipReason(stand)
    end_orphans(context.instance, "notify")
    if context.instance.get_runs_count(dg.RunsFilter(job_name="notify", statuses=NOT_FINISHED_STATUSES)):
        return dg.SkipReason(f"{seen.reason}, and a run of notify is under way; {stand}")
    failed_at = _failed_at(context.instance)
    if failed_at is not None and timedelta(0) <= now - failed_at < RETRY_AFTER:
        again = f"the last run of notify failed; the next one starts after {failed_at + RETRY_AFTER:%H:%M:%S} UTC"
        return dg.SkipReason(f"{seen.reason}, but {again}; {stand}")
    return dg.RunRequest(tags={LANE: "notify", "dagster/priority": "10", "aispend/reason": seen.reason})


def _failed_at(instance: dg.DagsterInstance) -> datetime | None:
    """When the newest run of `notify` failed; none if it did not."""
    newest = instance.get_run_records(dg.RunsFilter(job_name="notify"), limit=1)
    failed = [one for one in newest if one.dagster_run.status is dg.DagsterRunStatus.FAILURE]
    return failed[0].update_timestamp.replace(tzinfo=UTC) if failed else None
