"""What is wrong with settings, a line each: the name, the value (never a secret's), and what would do."""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, SecretStr, ValidationError


def fields(model: type[BaseModel]) -> dict[str, str]:
    """Setting name to field name."""
    return {field.alias: name for name, field in model.model_fields.items() if field.alias}


def misspelt(
    found: Iterable[str], in_file: Collection[str], known: Collection[str], ours: tuple[str, ...]
) -> list[str]:
    """A line for each name of `found` that no setting has: all of a `.env`, and what looks like `ours` elsewhere."""
    lines = []
    for name in sorted(found):
        if name in known or not (name in in_file or name.startswith(ours)):
            continue
        near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.8)
        if near:
            lines.append(f"{name}: no such setting; did you mean {near[0]}?")
        elif name in in_file:
            lines.append(f"{name}: no such setting")
    return lines


def explained(
    error: ValidationError, model: type[BaseModel], texts: Mapping[str, str], spelt: Mapping[str, str] | None = None
) -> list[str]:
    """One line for each wrong setting: name, value (never a secret's), what is wrong, an example.

    `spelt` has the names that are to be said with an account's suffix.
    """
    field_of = fields(model)
    lines = []
    for problem in error.errors():
        own = str(problem["loc"][0])
        name = (spelt or {}).get(own, own)
        field = model.model_fields[field_of[own]]
        example = (field.examples or ["..."])[0]
        if problem["type"] == "missing":
            lines.append(f"{name}: missing; set it, for example {name}={example}")
            continue
        plain = _PLAIN.get(problem["type"])
        said = plain.format(**problem.get("ctx", {})) if plain else str(problem["msg"]).removeprefix("Value error, ")
        shown = "(not shown)" if _is_secret(field.annotation) else quoted(texts[own])
        lines.append(f"{name}: {shown} {said}; for example {name}={example}")
    return lines


# What the validator's own kinds of problems are called here.
_PLAIN = {
    "int_parsing": "is not a whole number",
    "greater_than_equal": "is less than {ge}",
    "less_than_equal": "is more than {le}",
}


def _is_secret(kind: Any) -> bool:
    """Whether a field of this type, or of this type or none, holds a secret."""
    return (isinstance(kind, type) and issubclass(kind, SecretStr)) or any(map(_is_secret, get_args(kind)))


def quoted(text: str) -> str:
    """The start of a refused value, without what looks like a key, or an address's user, password and query."""
    text = re.sub(r"\bsk-\S+", "[key]", text)
    if "://" in text:
        text = re.sub(r"(?<=://)[^/]*@", "...@", text.partition("?")[0])
    return repr(text[:60])
