"""Cursors: opaque, URL-safe, and good for the question that gave them only.

Their seal is no secret. It tells a cursor that was cut, mistyped or given by another question; a place that somebody
makes up shows nothing that they could not ask for anyway.
"""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from aispend_pipeline.model import Window
from aispend_pipeline.service.problems import Problem
from aispend_pipeline.warehouse import Published

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


def sealed_of(figures: str, place: Any, question: Any) -> str:
    """A cursor that is good for this question as long as the figures are these."""
    return sealed((figures, place), question)


def opened_of(figures: str, cursor: str, kind: type[T], question: Any) -> T:
    """The place that `cursor` leads to; `Problem` unless it is one that `question` gave, and of these figures."""
    told, place = opened(cursor, tuple[str, kind], question)  # type: ignore[valid-type]
    if told != figures:
        raise Problem(400, "bad-cursor", "cursor: the figures have changed since; start again without it")
    return place


def figures_of(published: Published, window: Window) -> str:
    """What may be others tomorrow: the snapshot, and the days where they were left out."""
    return f"{published.store_id[:8]}-{published.seq}-{window}"
