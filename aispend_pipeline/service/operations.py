"""What the OpenAPI document says of every operation, beside what its route says of itself."""

from collections.abc import Iterator
from typing import Any

from fastapi.routing import APIRoute

from aispend_pipeline.service.problems import MEDIA_TYPE

Part = dict[str, Any]

# Headers by the name under which answers refer to them.
HEADERS: dict[str, Part] = {
    "X-Request-ID": {
        "description": "of this answer; the service's log has it with all that was logged for it",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
    },
    "ETag": {
        "description": "of this answer, in this form, from this snapshot: sent as `If-None-Match` it is answered 304 as"
        " long as nothing changed",
        "schema": {"type": "string"},
    },
    "Retry-After": {"description": "seconds to wait before asking again", "schema": {"type": "integer", "minimum": 0}},
    "WWW-Authenticate": {"description": "how a token can be sent", "schema": {"type": "string"}},
}


def name_of(route: APIRoute) -> str:
    """The name of an operation, `listSpendRows`, as clients are generated from it: the function's own."""
    first, *others = route.name.split("_")
    return first + "".join(other.capitalize() for other in others)


def complete(document: Part) -> None:
    """Say of every operation what holds for all, and in its examples of problems its own path."""
    document["components"].setdefault("headers", {}).update(HEADERS)
    for path, of_path in document["paths"].items():
        for operation in of_path.values():
            for parameter in operation.get("parameters", ()):
                _without_null(parameter["schema"])
            asked = _filled(path, operation)
            for response in operation["responses"].values():
                response.setdefault("headers", {})["X-Request-ID"] = {"$ref": "#/components/headers/X-Request-ID"}
                for problem in _problems(response):
                    problem["instance"] = asked


def kinds(document: Part) -> list[str]:
    """The type of every problem that some operation may answer with."""
    operations = (operation for of_path in document["paths"].values() for operation in of_path.values())
    responses = (response for operation in operations for response in operation["responses"].values())
    return sorted({problem["type"] for response in responses for problem in _problems(response)})


def _problems(response: Part) -> Iterator[Part]:
    for example in response.get("content", {}).get(MEDIA_TYPE, {}).get("examples", {}).values():
        yield example["value"]


def _without_null(schema: Part) -> None:
    """What may be left out of a query cannot be null in it."""
    either = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(either) == 1:
        del schema["anyOf"]
        schema |= either[0]


def _filled(path: str, operation: Part) -> str:
    """The path with the example of each of its parameters."""
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", parameter["schema"]["examples"][0])
    return path
