"""What of the settings may never be seen, piece by piece, as it might be repeated by an error or an answer."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr

from aispend_pipeline.settings.values import SecretAddress

# Of Google's credentials in JSON; a path to such a file is none of them.
_PRIVATE = ("private_key", "private_key_id", "refresh_token", "client_secret")


def secret_texts(value: Any) -> Iterator[str]:
    """Every text in `value`, settings or a part of them, that is secret, and the parts that are so by themselves."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secret_texts(getattr(value, name))
    elif isinstance(value, tuple):
        for one in value:
            yield from secret_texts(one)
    elif isinstance(value, SecretAddress):
        yield from _of_address(value.get_secret_value())
    elif isinstance(value, SecretStr):
        yield from _of_key(value.get_secret_value())


# A path like `hooks/hardcap` conceals nothing by itself, while our own words may be the same.
_WORDS = re.compile(r"[a-z]{1,12}([/_-][a-z]{1,12})*/?")


def _of_address(text: str) -> Iterator[str]:
    """An address, what follows its host if that is more than words, and a password in it, as written and as meant."""
    split = urlsplit(text)
    yield text
    path = text.partition(split.netloc)[2].lstrip("/")
    if not _WORDS.fullmatch(path):
        yield path
    if split.password:
        yield from (split.password, unquote(split.password))


def _of_key(text: str) -> Iterator[str]:
    """A key, or several of which each is one; of Google's JSON the private parts, line by line."""
    if text.startswith("{"):
        parts = json.loads(text)
        for part in (parts.get(name) for name in _PRIVATE):
            yield from re.split(r"[\n\r]+", part) if isinstance(part, str) else ()
    elif not text.startswith("/"):
        yield text
        yield from (one.removeprefix("whsec_") for one in re.split(r"[\s,]+", text))
