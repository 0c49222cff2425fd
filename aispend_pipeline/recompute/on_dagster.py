"""Makes days again in this process, as runs on the installation's own Dagster instance, so that its UI shows them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aispend_pipeline.assets import in_process
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.spend import ADDED_UP
from aispend_pipeline.assets.tags import RECOMPUTE, REQUEST, range_tags
from aispend_pipeline.model import Window
from aispend_pipeline.rollup.add_up import Outcome

# Takes the days, and the ids of the request and of the run if they have any; gives a line for each step that failed.
Make = Callable[[Window, str | None, str | None], tuple[Outcome, list[str]]]


@contextmanager
def days_made(installation: Installation) -> Iterator[Make]:
    """What makes days again, a run each; they are what they were where it fails."""
    with in_process.instance_of(installation.settings) as instance:

        def make(window: Window, request_id: str | None, run_id: str | None) -> tuple[Outcome, list[str]]:
            tags = range_tags(window) | ({REQUEST: request_id} if request_id else {})
            installation.outcomes.clear()
            run = in_process.run_here(instance, installation, RECOMPUTE, ADDED_UP, tags, run_id)
            return (installation.outcomes or [Outcome(window)])[0], run.errors

        yield make
