"""The fake Anthropic's lists: the organisation itself, workspaces, API keys and users."""

from collections.abc import Sequence
from typing import Any

from aispend_pipeline.clock import utc_text
from aispend_pipeline.simulator.anthropic_answers import Asked, invalid
from aispend_pipeline.simulator.anthropic_workspaces import WORKSPACES, Key, Workspace
from aispend_pipeline.simulator.people import JOINED, PEOPLE, Person

_PAGING = ("limit", "after_id", "before_id")
_JOINED = utc_text(JOINED)


def me(asked: Asked) -> dict[str, Any]:
    """The organisation whose key it is."""
    asked.only(())
    return {"id": f"org_sim_{asked.account}", "name": f"Example ({asked.account})", "type": "organization"}


def workspaces(asked: Asked) -> dict[str, Any]:
    """The workspaces but the default one; archived ones only if asked for."""
    asked.only((*_PAGING, "include_archived"))
    archived_too = asked.params.get("include_archived") == "true"
    named = [_workspace(one) for one in WORKSPACES[asked.account] if one.workspace_id]
    return _listed(asked, [one for one in named if archived_too or one["archived_at"] is None])


def api_keys(asked: Asked) -> dict[str, Any]:
    """The keys of all workspaces, whatever their status."""
    filters = ("status", "workspace_id", "created_by_user_id")
    asked.only((*_PAGING, *filters))
    found = [_key(key, of.workspace_id) for of in WORKSPACES[asked.account] for key in of.keys if key.key_id]
    status, workspace, creator = (asked.params.get(name) for name in filters)
    return _listed(
        asked,
        [
            key
            for key in found
            if status in (None, key["status"])
            and workspace in (None, key["workspace_id"])
            and creator in (None, (key["created_by"] or {}).get("id"))
        ],
    )


def users(asked: Asked) -> dict[str, Any]:
    """The people of the organisation."""
    asked.only((*_PAGING, "email"))
    email = asked.params.get("email")
    return _listed(asked, [_user(person) for person in PEOPLE[asked.account] if email in (None, person.email)])


def _listed(asked: Asked, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One page of a list: the items after `after_id`, or the last ones before `before_id`."""
    limit = asked.limit(1000, 20)
    ids = [item["id"] for item in items]
    after, before = (asked.params.get(name) for name in ("after_id", "before_id"))
    if after is not None and before is not None:
        raise invalid("after_id: cannot be combined with before_id")
    try:
        first = 0 if after is None else ids.index(after) + 1
        last = len(items) if before is None else ids.index(before)
    except ValueError:
        raise invalid("after_id or before_id: no such item") from None
    chosen = slice(max(first, last - limit), last) if before is not None else slice(first, min(first + limit, last))
    data = items[chosen]
    return {
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": len(data) < last - first,
    }


def _workspace(of: Workspace) -> dict[str, Any]:
    return {
        "id": of.workspace_id,
        "type": "workspace",
        "name": of.name,
        "created_at": _JOINED,
        "archived_at": utc_text(of.archived_at) if of.archived_at else None,
        "display_color": "#6C5BB9",
        "data_residency": {
            "allowed_inference_geos": "unrestricted",
            "default_inference_geo": "global",
            "workspace_geo": "us",
        },
        "tags": {},
    }


def _key(key: Key, workspace_id: str | None) -> dict[str, Any]:
    return {
        "id": key.key_id,
        "type": "api_key",
        "name": key.name,
        "status": key.status,
        "created_at": _JOINED,
        "created_by": {"id": key.owner.user_id, "type": "user"} if key.owner else None,
        "expires_at": "2026-03-01T00:00:00Z" if key.status == "expired" else None,
        "partial_key_hint": "sk-ant-api03-R2D...igAA",
        "workspace_id": workspace_id,
    }


def _user(person: Person) -> dict[str, Any]:
    return {
        "id": person.user_id,
        "type": "user",
        "name": person.name,
        "email": person.email,
        "role": "admin" if person.owner else "developer",
        "added_at": _JOINED,
    }
