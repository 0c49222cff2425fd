"""`anthropic_usage`: the tokens that Anthropic measures, by hour, also of tiers that its cost report never lists."""

from collections.abc import Sequence
from datetime import datetime

from aispend_pipeline.model import Question, Reading, Request, Window
from aispend_pipeline.normalise.anthropic_usage import AnthropicUsage
from aispend_pipeline.normalise.records import Normaliser
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources.anthropic import AnthropicSource, of_window
from aispend_pipeline.sources.paging import each

MOST_HOURS = 168
# The provider takes five at most.
GROUPS = ("model", "workspace_id", "api_key_id", "service_tier", "context_window")


class AnthropicUsageSource(AnthropicSource):
    """Asks `GET /v1/organizations/usage_report/messages`; see `engine.Source`."""

    name = "anthropic_usage"
    max_days = MOST_HOURS // 24
    normaliser: Normaliser = AnthropicUsage()

    def questions(self, settings: Settings, account: str, window: Window, now: datetime) -> Sequence[Question]:
        """The one grouped question."""
        params = (*of_window(window, now, "1h", MOST_HOURS), *each("group_by", GROUPS))
        return [Question(Reading.ROWS, Request("/v1/organizations/usage_report/messages", params))]
