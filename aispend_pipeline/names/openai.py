"""OpenAI's lists: projects, users, and the keys of each project; there is no list of all keys.

Facts: the provider's published OpenAPI description (version 2.3.0, August 2026). A page holds 20 unless told, 100 at
most. Archived projects still have spend, and keys whose owner left the project are listed only if asked for.
The right that a key needs is not in it: it is what others' refused keys were told.
"""

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

from aispend_pipeline.model import Request
from aispend_pipeline.names.lists import Kind, NameList
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources import openai
from aispend_pipeline.sources.http import Endpoint

_AFTER = "after"
_LIMIT = ("limit", "100")


def endpoint(settings: Settings, account: str) -> Endpoint:
    """Where `account` asks; names need another right of the key than bills do."""
    of = openai.account_of(settings, account)
    remedy = f"Set {of.main_setting} to an admin key that also has the right api.management.read."
    return replace(openai.endpoint(settings, account), remedy=remedy)


def lists(settings: Settings, account: str) -> Sequence[NameList]:
    """What to ask: keys are those of the projects that the account is about, if it is not about all."""
    chosen = openai.account_of(settings, account).project_ids
    every = Request("/organization/projects", (_LIMIT, ("include_archived", "true")))
    return [
        NameList(Kind.PROJECT, every, _AFTER, under=None if chosen else _keys_of),
        NameList(Kind.USER, Request("/organization/users", (_LIMIT,)), _AFTER),
        *map(_keys_of, chosen),
    ]


def _keys_of(project_id: str) -> NameList:
    path = f"/organization/projects/{quote(project_id, safe='')}/api_keys"
    return NameList(Kind.API_KEY, Request(path, (_LIMIT, ("owner_project_access", "any"))), _AFTER)
