"""Cursors: opaque, URL-safe, and good for the question that gave them only.

Their seal is no secret. It tells a cursor that was cut, mistyped or given by another question; a place that somebody
makes up shows nothing that they could not ask for anyway.
"""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from aispend_pipeline.service.problems import Problem

T = TypeVar("T")


def sealed(place: Any, question: Any) -> str:
    """A cursor that leads `question` on to `place`."""
    text = msgspec.json.encode(place)
    seal = hashlib.sha256(repr(question).encode() + b"\n" + text).hexdigest()[:16]
    return f"{urlsafe_b64encode(text).decode().rstrip('=')}.{seal}"


def opened(cursor: str, kind: type[T], question: Any) -> T:
    """The place, of type `kind`, that `cursor` leads to; `Problem` unless it is one that `question` gave."""
    with suppress(ValueError, msgspec.DecodeError):
        text, _, _ = cursor.encode().partition(b".")
        place = msgspec.json.decode(urlsafe_b64decode(text + b"=" * (-len(text) % 4)), type=kind)
        if sealed(place, question) == cursor:
            return place
    raise Problem(400, "bad-cursor", "cursor: not one that this question gave; start again without it")
