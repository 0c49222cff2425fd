"""`hourly_ingest`: every hour, the look-back and whatever is missing since the start."""

from collections.abc import Collection
from datetime import datetime

import dagster as dg

from aispend_pipeline import ingest
from aispend_pipeline.assets.grid import range_tags
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.spend import SPEND, SPEND_DAILY
from aispend_pipeline.errors import NothingPublished
from aispend_pipeline.model import Window
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources import SOURCES, feeds
from aispend_pipeline.warehouse import Snapshots, reads

hourly_ingest_job = dg.define_asset_job(
    "hourly_ingest",
    selection=dg.AssetSelection.all(),
    description="Read the providers, then add up; the schedule asks for the two apart.",
)
recompute_job = dg.define_asset_job(
    "recompute",
    selection=dg.AssetSelection.assets(SPEND, SPEND_DAILY),
    description="Rows, sums and coverage again from stored pages; no provider is called.",
)


def steps(settings: Settings, only: Collection[str] = ()) -> dict[str, list[dg.AssetKey]]:
    """The two runs of one tick: apart, since Dagster skips all that lies under a failed step.

    `only` these sources are read, if it names any. Empty when no source has credentials.
    """
    sources = [s for s in SOURCES.values() if s.accounts(settings) and (not only or s.name in only)]
    fetch = [dg.AssetKey(["raw", source.name]) for source in sources]
    return {"fetch": fetch, "add up": [SPEND, SPEND_DAILY]} if fetch else {}


def windows_due(settings: Settings, now: datetime) -> list[Window]:
    """The windows that a tick at `now` asks for; without a snapshot, nothing counts as read."""
    wanted = [(source, account) for source, account, _ in feeds(settings)]
    try:
        complete = reads.complete_days(Snapshots(settings.home).current()[1])
    except NothingPublished:
        complete = {}
    return ingest.due_windows(settings, now, wanted, complete)


@dg.schedule(
    name="hourly_ingest",
    job=hourly_ingest_job,
    cron_schedule="0 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every hour on the hour: the look-back, and every day since the start that is not complete.",
)
def hourly_ingest(
    context: dg.ScheduleEvaluationContext, installation: dg.ResourceParam[Installation]
) -> list[dg.RunRequest] | dg.SkipReason:
    """Two run requests for each window that is due: read the sources, then add up."""
    settings = installation.settings
    asked = steps(settings)
    if not asked:
        return dg.SkipReason("no provider has credentials; set OPENAI_API_KEY")
    return [
        dg.RunRequest(
            run_key=f"{step} {window}",
            asset_selection=keys,
            tags={**range_tags(window), "dagster/priority": "5"},
        )
        for window in windows_due(settings, context.scheduled_execution_time)
        for step, keys in asked.items()
    ]
