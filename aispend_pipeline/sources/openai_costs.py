"""`openai_costs`: what OpenAI bills, by day, project, line item and key."""

from collections.abc import Sequence
from datetime import datetime

from aispend_pipeline.model import Question, Reading, Request, Window
from aispend_pipeline.normalise.openai_costs import OpenAICosts
from aispend_pipeline.normalise.records import Normaliser
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources.openai import OpenAISource, account_of, of_window
from aispend_pipeline.sources.paging import each

MOST_BUCKETS = 180


class OpenAICostsSource(OpenAISource):
    """Asks `GET /organization/costs`; see `engine.Source`."""

    name = "openai_costs"
    max_days = MOST_BUCKETS
    normaliser: Normaliser = OpenAICosts()

    def questions(self, settings: Settings, account: str, window: Window, now: datetime) -> Sequence[Question]:
        """The grouped question, and the ungrouped one; with a project filter the control groups too.

        One client saw `project_ids` filter only when a group was asked for.
        """
        projects = account_of(settings, account).project_ids
        common = [*of_window(window, now, "1d", MOST_BUCKETS), *each("project_ids", projects)]

        def asked(reading: Reading, groups: Sequence[str]) -> Question:
            return Question(reading, Request("/organization/costs", (*common, *each("group_by", groups))))

        return [
            asked(Reading.ROWS, ("project_id", "line_item", "api_key_id")),
            asked(Reading.CONTROL, ("project_id",) if projects else ()),
        ]
