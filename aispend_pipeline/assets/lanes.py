"""The order of runs, which only the run queue of Dagster's instance keeps: another one than ours may know of none."""

from collections.abc import Mapping

import dagster as dg

from aispend_pipeline.assets.tags import LANE

IN_DISORDER = (
    "this Dagster instance runs fetch and add up at the same time, and sums come late: its dagster.yaml has no limit"
    f" of one run for the tag {LANE} with the value ingest; docs/dagster.md has the lines to add"
)


def in_disorder(instance: dg.DagsterInstance) -> bool:
    """Whether the runs of a tick may run beside each other, which aispend's own `dagster.yaml` forbids."""
    queue = instance.get_concurrency_config().run_queue_config
    if queue is None:
        return True
    return queue.max_concurrent_runs != 1 and not any(_one_ingest(limit) for limit in queue.tag_concurrency_limits)


def _one_ingest(limit: Mapping[str, object]) -> bool:
    """Whether a limit of the queue lets one run of the lane of ingests run; without a value, it is for every lane."""
    value = limit.get("value")
    return (limit["key"], limit["limit"]) == (LANE, 1) and (value in (None, "ingest") or isinstance(value, dict))
