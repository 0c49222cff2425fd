"""`openai_usage`: what OpenAI measures, by hour: tokens, requests, images, seconds, calls, stored bytes.

Ten endpoints, read to the end one after the other; a window is known when all ten were.
"""

from collections.abc import Sequence
from datetime import datetime

from aispend_pipeline.model import Question, Reading, Request, Window
from aispend_pipeline.normalise.openai_usage import OpenAIUsage
from aispend_pipeline.normalise.records import Normaliser
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources.openai import OpenAISource, account_of, of_window
from aispend_pipeline.sources.paging import each

MOST_HOURS = 168
_OF_A_KEY = ("project_id", "api_key_id")
_OF_A_MODEL = (*_OF_A_KEY, "model")
# The end of each path, and what it is grouped by.
ENDPOINTS = {
    "completions": (*_OF_A_MODEL, "batch", "service_tier"),
    "embeddings": _OF_A_MODEL,
    "moderations": _OF_A_MODEL,
    "images": _OF_A_MODEL,
    "audio_speeches": _OF_A_MODEL,
    "audio_transcriptions": _OF_A_MODEL,
    "vector_stores": ("project_id",),
    "code_interpreter_sessions": ("project_id",),
    "file_search_calls": _OF_A_KEY,
    "web_search_calls": _OF_A_MODEL,
}


class OpenAIUsageSource(OpenAISource):
    """Asks `GET /organization/usage/*`; see `engine.Source`."""

    name = "openai_usage"
    max_days = MOST_HOURS // 24
    normaliser: Normaliser = OpenAIUsage()

    def questions(self, settings: Settings, account: str, window: Window, now: datetime) -> Sequence[Question]:
        """One grouped question for each endpoint."""
        projects = each("project_ids", account_of(settings, account).project_ids)
        common = [*of_window(window, now, "1h", MOST_HOURS), *projects]
        return [
            Question(Reading.ROWS, Request(f"/organization/usage/{path}", (*common, *each("group_by", groups))))
            for path, groups in ENDPOINTS.items()
        ]
