"""Anthropic's lists: the organisation itself, workspaces, keys and users.

Facts: the provider's Admin API reference. A page holds 20 unless told, 1000 at most, which spares the call budget.
Archived workspaces still have spend; the default workspace has no id in rows, and perhaps none here.
"""

from collections.abc import Sequence

from aispend_pipeline.model import Request
from aispend_pipeline.names.lists import Kind, NameList, only_item
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources import anthropic

_AFTER = "after_id"
_LIMIT = ("limit", "1000")

endpoint = anthropic.endpoint


def lists(settings: Settings, account: str) -> Sequence[NameList]:
    """What to ask."""
    archived_too = ("include_archived", "true")
    return [
        NameList(Kind.ORGANIZATION, Request("/v1/organizations/me"), _AFTER, parse=only_item),
        NameList(Kind.WORKSPACE, Request("/v1/organizations/workspaces", (_LIMIT, archived_too)), _AFTER),
        NameList(Kind.API_KEY, Request("/v1/organizations/api_keys", (_LIMIT,)), _AFTER),
        NameList(Kind.USER, Request("/v1/organizations/users", (_LIMIT,)), _AFTER),
    ]
