"""`anthropic_costs`: what Anthropic bills, by day, workspace and description.

The running day has no bucket until it is over: it is asked for, and not known yet.
"""

from collections.abc import Sequence
from datetime import datetime

from aispend_pipeline.model import Question, Reading, Request, Window
from aispend_pipeline.normalise.anthropic_costs import AnthropicCosts
from aispend_pipeline.normalise.records import Normaliser
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources.anthropic import AnthropicSource, of_window
from aispend_pipeline.sources.paging import each

MOST_BUCKETS = 31


class AnthropicCostsSource(AnthropicSource):
    """Asks `GET /v1/organizations/cost_report`; see `engine.Source`."""

    name = "anthropic_costs"
    max_days = MOST_BUCKETS
    normaliser: Normaliser = AnthropicCosts()

    def questions(self, settings: Settings, account: str, window: Window, now: datetime) -> Sequence[Question]:
        """The grouped question, and the ungrouped one."""
        common = of_window(window, now, "1d", MOST_BUCKETS)
        path = "/v1/organizations/cost_report"
        return [
            Question(Reading.ROWS, Request(path, (*common, *each("group_by", ("workspace_id", "description"))))),
            Question(Reading.CONTROL, Request(path, tuple(common))),
        ]
