"""`openai_costs`: what OpenAI bills, by day, project, line item and key.

The API's default of 7 buckets a page silently hides older days, so the limit is always sent.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from aispend_pipeline.model import Reading, Request, Window, midnight
from aispend_pipeline.normalise.openai_costs import OpenAICosts
from aispend_pipeline.normalise.records import Normaliser
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources import openai
from aispend_pipeline.sources.http import Endpoint

MOST_BUCKETS = 180


class OpenAICostsSource:
    """Asks `GET /organization/costs`; see `engine.Source`."""

    name = "openai_costs"
    provider = openai.PROVIDER
    max_days = MOST_BUCKETS
    normaliser: Normaliser = OpenAICosts()

    def accounts(self, settings: Settings) -> Sequence[str]:
        """The accounts that have credentials."""
        return openai.accounts(settings)

    def endpoint(self, settings: Settings, account: str) -> Endpoint:
        """Where and as whom `account` asks."""
        return openai.endpoint(settings, account)

    def first(self, settings: Settings, account: str, window: Window, reading: Reading, now: datetime) -> Request:
        """The grouped question, or the ungrouped one; with a project filter the control groups too.

        One client saw `project_ids` filter only when a group was asked for. The running day's window
        is left open at its end: a time that is in the provider's future was refused elsewhere.
        """
        projects = openai.account_of(settings, account).project_ids
        groups = {
            Reading.ROWS: ("project_id", "line_item", "api_key_id"),
            Reading.CONTROL: ("project_id",) if projects else (),
        }[reading]
        params = [
            ("start_time", _seconds(window.first)),
            ("bucket_width", "1d"),
            ("limit", str(MOST_BUCKETS)),
        ]
        if window.last < now.date():
            params.append(("end_time", _seconds(window.last + timedelta(days=1))))
        params += [("group_by[]", group) for group in groups]
        params += [("project_ids[]", project) for project in projects]
        return Request("/organization/costs", tuple(params))

    def cursor(self, body: bytes) -> str | None:
        """Where the next page is; none after the last."""
        return openai.cursor(body)

    def following(self, request: Request, cursor: str) -> Request:
        """The question for the page at `cursor`."""
        return openai.following(request, cursor)


def _seconds(day: date) -> str:
    return str(int(midnight(day).timestamp()))
