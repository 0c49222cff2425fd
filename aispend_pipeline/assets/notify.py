"""The job `notify`: evaluates the caps and sends what is due. Its old runs are deleted, since there are so many."""

from collections import Counter
from datetime import datetime, timedelta

import dagster as dg

from aispend_pipeline.alerts.channels import Outcome
from aispend_pipeline.alerts.notify import notify
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.old_runs import OVER, delete
from aispend_pipeline.assets.orphans import PROCESS, this_process
from aispend_pipeline.assets.tags import LANE
from aispend_pipeline.log import bound

# A run begins nothing after this time; what is left is due for the next one.
SECONDS = 300.0
# One whose process died with its machine would else be waited for as long as the longest fetch.
_LONGEST = {"dagster/max_runtime": str(int(SECONDS) + 120)}
KEPT_FOR = timedelta(days=1)


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
    prune(context.instance, installation.clock.now() - KEPT_FOR)


@dg.job(
    name="notify",
    description="Evaluates the caps and sends what is due; `cap_check` asks for it.",
    tags={LANE: "notify", **_LONGEST},
)
def notify_job() -> None:
    """One step."""
    evaluate_and_send()


def prune(instance: dg.DagsterInstance, before: datetime) -> int:
    """Delete the runs of `notify` that were over before `before`, and say how many.

    They hold nothing that the ledger does not.
    """
    filters = dg.RunsFilter(job_name="notify", statuses=OVER, created_before=before)
    return delete(instance, instance.get_run_ids(filters, limit=500))
