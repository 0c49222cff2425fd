"""The fake OpenAI's lists: projects, the keys of a project, and users."""

from collections.abc import Sequence
from typing import Any

from aispend_pipeline.simulator.openai_answers import Asked, Refused
from aispend_pipeline.simulator.openai_books import PROJECTS, Key, Project
from aispend_pipeline.simulator.people import JOINED, PEOPLE, Person

_JOINED = int(JOINED.timestamp())


def projects(asked: Asked) -> dict[str, Any]:
    """The projects; archived ones only if asked for."""
    asked.only(("limit", "after", "include_archived"))
    archived_too = asked.params.get("include_archived") == "true"
    found = [project for project in PROJECTS[asked.account] if archived_too or project.archived_at is None]
    return _listed(asked, [_project(project) for project in found])


def api_keys(asked: Asked) -> dict[str, Any]:
    """The keys of one project."""
    asked.only(("limit", "after", "owner_project_access"))
    for project in PROJECTS[asked.account]:
        if project.project_id == asked.path["project_id"]:
            return _listed(asked, [_key(key) for key in project.keys])
    raise Refused(404, f"No project found with id '{asked.path['project_id']}'.")


def users(asked: Asked) -> dict[str, Any]:
    """The people of the organisation."""
    asked.only(("limit", "after", "emails"))
    emails = set(asked.several("emails"))
    found = [person for person in PEOPLE[asked.account] if not emails or person.email in emails]
    named = [
        {"object": "organization.user", "id": person.user_id, **_named(person), "added_at": _JOINED} for person in found
    ]
    return _listed(asked, named)


def _listed(asked: Asked, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One page of a list, from the item after `after` on."""
    limit, after = asked.limit(100, 20), asked.params.get("after")
    start = 0
    if after is not None:
        start = next((n + 1 for n, item in enumerate(items) if item["id"] == after), -1)
        if start < 0:
            raise Refused(400, "Invalid 'after'.")
    data = items[start : start + limit]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": start + limit < len(items),
    }


def _project(project: Project) -> dict[str, Any]:
    return {
        "id": project.project_id,
        "object": "organization.project",
        "name": project.name,
        "created_at": _JOINED,
        "archived_at": int(project.archived_at.timestamp()) if project.archived_at else None,
        "status": "archived" if project.archived_at else "active",
    }


def _key(key: Key) -> dict[str, Any]:
    if key.owner:
        by: dict[str, Any] = {"type": "user", "user": {"id": key.owner.user_id, **_named(key.owner)}}
    else:
        account = {"id": f"svc_{key.key_id}", "name": f"{key.key_id} service", "role": "member"}
        by = {"type": "service_account", "service_account": account}
    return {
        "object": "organization.project.api_key",
        "redacted_value": "sk-abc...def",
        "name": key.key_id.removeprefix("key_"),
        "created_at": _JOINED,
        "last_used_at": None,
        "id": key.key_id,
        "owner_project_access": "active",
        "owner": by,
    }


def _named(person: Person) -> dict[str, Any]:
    return {"name": person.name, "email": person.email, "role": "owner" if person.owner else "reader"}
