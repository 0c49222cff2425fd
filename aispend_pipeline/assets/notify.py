"""The job `notify`, which evaluates the caps and sends what is due, and `caps`, where each run notes how they stand.

Its old runs are deleted, since there are so many.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import dagster as dg

from aispend_pipeline.alerts.channels import Outcome
from aispend_pipeline.alerts.look import standings_now, told
from aispend_pipeline.alerts.notify import notify, timing_of
from aispend_pipeline.assets import columns
from aispend_pipeline.assets.grid import MADE_OFTEN
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.instructions import NOTIFY
from aispend_pipeline.assets.old_runs import OVER, delete
from aispend_pipeline.assets.orphans import PROCESS, this_process
from aispend_pipeline.assets.raw import plotted
from aispend_pipeline.assets.spend import SPEND_DAILY
from aispend_pipeline.assets.tags import LANE, ours
from aispend_pipeline.caps.tables import cap_state
from aispend_pipeline.log import bound
from aispend_pipeline.settings import Settings

# A run begins nothing after this time; what is left is due for the next one.
SECONDS = 300.0
# One whose process died with its machine would else be waited for as long as the longest fetch.
_LONGEST = {"dagster/max_runtime": str(int(SECONDS) + 120)}
KEPT_FOR = timedelta(days=1)

CAPS = dg.AssetKey("caps")
caps = dg.AssetSpec(
    CAPS,
    deps=[SPEND_DAILY],
    description="How far every cap is used, as the newest run of the job notify found it. The sensor cap_check asks"
    " for one when figures are new, a delivery is due, or ten minutes have passed; what was said, to whom, and what"
    " became of it is told by: aispend alerts list",
    group_name="alerts",
    kinds={"sqlite", "slack", "email"},
    owners=["team:finops"],
    freshness_policy=MADE_OFTEN,
    metadata={"dagster/column_schema": columns.of_table(cap_state)},
)


@dg.op(description="Decides what is to be said of every cap, remembers it, and sends what is due.")
def evaluate_and_send(context: dg.OpExecutionContext, installation: dg.ResourceParam[Installation]) -> None:
    """Evaluate and send; a receiver that fails does not fail the run: that is in the outbox."""
    context.instance.add_run_tags(context.run_id, {PROCESS: this_process()})
    started = installation.clock.monotonic()
    with bound(run_id=context.run_id):
        done = notify(installation.settings, installation.clock, seconds=SECONDS)
    outcomes = Counter(one.attempted.outcome for one in done.sent)
    context.add_output_metadata(
        {
            "events": len(done.events),
            "said": [f"{event.type} {event.scope}" for event in done.events],
            **{outcome.value: outcomes[outcome] for outcome in Outcome},
            "failed": [f"{one.channel}: {one.attempted.told}" for one in done.sent if one.attempted.error_class],
            "seconds": installation.clock.monotonic() - started,
        }
    )
    context.log_event(dg.AssetMaterialization(CAPS, metadata=_of_caps(installation.settings, installation.clock.now())))
    prune(context.instance, installation.clock.now() - KEPT_FOR, ours(context.run.tags))


def _of_caps(settings: Settings, now: datetime) -> dict[str, Any]:
    """How every cap stands, and for a chart each scope's USD; none of a scope of which nothing was read."""
    standings = standings_now(settings, now)
    stand = {one.scope: told(one, timing_of(settings), now) for one in standings}
    return stand | {f"{one.scope} usd": plotted(one.figure) for one in standings if one.figure is not None}


@dg.job(
    name="notify",
    description=NOTIFY,
    tags={LANE: "notify", **_LONGEST},
)
def notify_job() -> None:
    """One step."""
    evaluate_and_send()


def prune(instance: dg.DagsterInstance, before: datetime, tags: Mapping[str, str | Sequence[str]]) -> int:
    """Delete the runs of `notify` with `tags` that were over before `before`, and say how many.

    They hold nothing that the ledger does not.
    """
    filters = dg.RunsFilter(job_name="notify", statuses=OVER, created_before=before, tags=tags)
    return delete(instance, instance.get_run_ids(filters, limit=500))
