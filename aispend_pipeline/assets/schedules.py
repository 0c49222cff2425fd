"""`hourly_ingest`: every hour, the look-back, whatever is missing since the start, and what may be corrected late."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES
from dagster._core.storage.tags import SCHEDULE_NAME_TAG

from aispend_pipeline.assets.budgets import BUDGETS
from aispend_pipeline.assets.checks import MADE_APART
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.instructions import HOURLY_INGEST, RECOMPUTE_JOB
from aispend_pipeline.assets.lanes import IN_DISORDER, in_disorder
from aispend_pipeline.assets.names import NAMES
from aispend_pipeline.assets.raw import READ
from aispend_pipeline.assets.spend import ADDED_UP, MADE_WITH_SPEND, SPEND
from aispend_pipeline.assets.tags import HOME, LANE, RECOMPUTE, STEP, feeds_tag, range_tags
from aispend_pipeline.due import Due, again
from aispend_pipeline.model import Feed, Window
from aispend_pipeline.settings import KEY_SETTINGS, Settings
from aispend_pipeline.sources import SOURCES
from aispend_pipeline.tick import begun_now, due_now, feeds_asked, names_due_now

_RAW = [dg.AssetKey(["raw", name]) for name in SOURCES]
CHECKS = [
    *(dg.AssetCheckKey(key, READ) for key in [*_RAW, BUDGETS, NAMES]),
    *(dg.AssetCheckKey(SPEND, name) for name in MADE_WITH_SPEND),
    *(key for check in MADE_APART for key in check.check_keys),
]

hourly_ingest_job = dg.define_asset_job(
    "hourly_ingest",
    selection=dg.AssetSelection.assets(*_RAW, *ADDED_UP, BUDGETS, NAMES),
    description=HOURLY_INGEST,
    tags={LANE: "ingest"},
)


def recompute_job(home: str) -> UnresolvedAssetJobDefinition:
    """The job that makes days again; it says whose, so that nobody asks the Dagster of another `home` for runs."""
    return dg.define_asset_job(
        RECOMPUTE,
        selection=dg.AssetSelection.assets(*ADDED_UP),
        description=RECOMPUTE_JOB,
        tags={LANE: "ingest"},
        metadata={HOME: home},
    )


class Step(NamedTuple):
    """One run: what is materialised, and the tags that say for which days and feeds."""

    key: str
    keys: list[dg.AssetKey]
    tags: dict[str, str]
    reads: bool = False


# Budgets and lists of names are of now, and of no day.
BUDGETS_STEP = Step("budgets", [BUDGETS], {LANE: "ingest", STEP: "fetch budgets"})
NAMES_STEP = Step("names", [NAMES], {LANE: "ingest", STEP: "fetch names"})


def steps_due(settings: Settings, now: datetime) -> list[Step]:
    """All runs that a tick at `now` asks for: the look-back first, then older days, budgets, and names if they are due.

    What may hang and what no sum depends on comes last.
    """
    of_days = begun_now(settings, now, due_now(settings, now)) if feeds_asked(settings) else []
    of_days += again(of_days, now.date())
    budgets = [BUDGETS_STEP] if settings.budgets() else []
    names = [NAMES_STEP] if names_due_now(settings, now) else []
    return [*(step for asked in of_days for step in steps(asked)), *budgets, *names]


def steps(asked: Due) -> list[Step]:
    """The runs of some due days: one provider after the other, each read and then added up.

    Apart, since Dagster skips all that lies under a failed step, and so that no provider that hangs holds up what
    another one said before.
    """
    if not asked.feeds:
        return [_step("add up", asked.window, ADDED_UP)]
    made = []
    for provider in dict.fromkeys(source.provider for source in SOURCES.values()):
        feeds = [(source, account) for source, account in asked.feeds if SOURCES[source].provider == provider]
        raw = [dg.AssetKey(["raw", name]) for name in SOURCES if any(source == name for source, _ in feeds)]
        if feeds:
            made.append(_step(f"fetch {provider}", asked.window, raw, feeds))
            made.append(_step(f"add up {provider}", asked.window, ADDED_UP))
    return made


def _step(name: str, window: Window, keys: list[dg.AssetKey], feeds: Sequence[Feed] = ()) -> Step:
    """What `name` says, for `window`; it reads `feeds`, if there are any."""
    tags = {**range_tags(window), STEP: name, **(feeds_tag(feeds) if feeds else {})}
    return Step(f"{name} {window}", keys, tags, reads=bool(feeds))


_OF_EARLIER_TICKS = dg.RunsFilter(
    job_name="hourly_ingest", statuses=NOT_FINISHED_STATUSES, tags={SCHEDULE_NAME_TAG: "hourly_ingest"}
)


@dg.schedule(
    name="hourly_ingest",
    job=hourly_ingest_job,
    cron_schedule="0 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every hour on the hour: the look-back, every day since the start that is not complete, and, once"
    " a day, the days that may still be corrected. Its runs are in order only where the instance's dagster.yaml limits"
    " the tag aispend/lane, as aispend's own does; where it does not, each tick warns in its log.",
)
def hourly_ingest(
    context: dg.ScheduleEvaluationContext, installation: dg.ResourceParam[Installation]
) -> list[dg.RunRequest] | dg.SkipReason:
    """For each window that is due, the runs that read it and add it up; one for budgets; once a day one for names."""
    settings = installation.settings
    if not feeds_asked(settings) and not settings.budgets():
        return dg.SkipReason(f"no provider has credentials; set {KEY_SETTINGS}")
    if context.instance.get_runs_count(_OF_EARLIER_TICKS):
        return dg.SkipReason("the runs of an earlier hour are not done yet; the next hour asks for what is due then")
    if in_disorder(context.instance):
        context.log.warning(IN_DISORDER)
    installation.warehouse.publish_if_outdated()
    return [_request(step) for step in steps_due(settings, context.scheduled_execution_time)]


def _request(step: Step) -> dg.RunRequest:
    """It names its checks: Dagster's UI launches a previewed tick with those alone that are named."""
    checks = [key for key in CHECKS if key.asset_key in step.keys]
    tags = {**step.tags, "dagster/priority": "5"}
    return dg.RunRequest(run_key=step.key, asset_selection=step.keys, asset_check_keys=checks, tags=tags)
