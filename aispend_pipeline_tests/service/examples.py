"""The document's examples of problems, held against real ones."""

import re
from typing import Any

# Ids, days, times and counts: whatever differs between two problems of a kind.
_OWN = re.compile(r"\b[0-9a-f]{4,}(-[0-9a-f]{4,})*\b|[0-9]+")


def worded(problem: dict[str, Any]) -> dict[str, Any]:
    """The problem without what is its own."""
    return {**problem, "detail": _OWN.sub("#", problem["detail"]), "instance": _OWN.sub("#", problem["instance"])}


def example(document: dict[str, Any], method: str, path: str, problem: dict[str, Any]) -> dict[str, Any]:
    """What the document gives as an example of this kind of problem there, with its status."""
    responses = document["paths"][path][method.lower()]["responses"]
    answer = responses.get(str(problem["status"]), responses["default"])
    return answer["content"]["application/problem+json"]["examples"][problem["type"].rpartition(":")[2]]["value"]
