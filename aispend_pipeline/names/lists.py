"""What providers' lists have in common: a question, items with an id and perhaps a name, and where the next page is.

Only ids, names, addresses and whose a key is are decoded: the rest of an item has changed its shape over time, and
nothing needs it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import msgspec

from aispend_pipeline.errors import ErrorClass, FetchError
from aispend_pipeline.model import LONGEST_NAME, Request
from aispend_pipeline.normalise.columns import decode


class Kind(StrEnum):
    """What an id is of."""

    ORGANIZATION = "organization"
    WORKSPACE = "workspace"
    PROJECT = "project"
    API_KEY = "api_key"
    USER = "user"
    SERVICE_ACCOUNT = "service_account"
    API_KEY_OWNER = "api_key_owner"  # of the key with this id; what is kept as its name is the owner's id


class _Whose(msgspec.Struct):
    """Whose a key is: OpenAI has the owner in full, Anthropic the id of who made it."""

    id: str | None = None
    type: str | None = None
    user: "Item | None" = None
    service_account: "Item | None" = None


class Owner(NamedTuple):
    """Whose a key is, and what that is called, if the list says so."""

    kind: Kind
    id: str
    called: str | None


class Item(msgspec.Struct):
    """One thing of a list. `owner` and `created_by` are of keys alone."""

    id: str
    name: str | None = None
    email: str | None = None
    owner: msgspec.Raw = msgspec.Raw()
    created_by: msgspec.Raw = msgspec.Raw()

    @property
    def called(self) -> str | None:
        """Its name, else its address; none if it has neither. Names are not unique, and may be long."""
        return ((self.name or "").strip() or (self.email or "").strip())[:LONGEST_NAME] or None

    @property
    def whose(self) -> Owner | None:
        """The owner of a key, else who made it; none if it is not told, or in a shape that is not known."""
        for told in (self.owner, self.created_by):
            try:
                of = _whose.decode(told) if bytes(told) else None
            except msgspec.MsgspecError:
                continue
            if of and (found := of.service_account or of.user or (Item(of.id) if of.id else None)):
                service = of.service_account or of.type == "service_account"
                return Owner(Kind.SERVICE_ACCOUNT if service else Kind.USER, found.id, found.called)
        return None


class _Page(msgspec.Struct):
    data: list[Item]
    has_more: bool | None = None
    last_id: str | None = None


_page, _item, _whose = (msgspec.json.Decoder(of) for of in (_Page, Item, _Whose | None))


class Listed(NamedTuple):
    """What a page lists, and the id that the next page follows; none after the last."""

    items: Sequence[Item]
    last_id: str | None


def page_of_list(body: bytes) -> Listed:
    """One page of a list; `FetchError` (schema) if it has another shape, or says that there is more but not where."""
    page = decode(_page, body)
    if page.has_more and not page.last_id:
        raise FetchError(ErrorClass.SCHEMA, "has_more is true but last_id is missing: the list is incomplete")
    return Listed(page.data, page.last_id if page.has_more else None)


def only_item(body: bytes) -> Listed:
    """An answer that is one thing and no list; `FetchError` (schema) if it has another shape."""
    return Listed([decode(_item, body)], None)


@dataclass(frozen=True)
class NameList:
    """One list to ask. `after` is the parameter that takes the id which the next page follows.

    `under` gives the list that each item has of its own.
    """

    kind: Kind
    request: Request
    after: str
    under: Callable[[str], "NameList"] | None = None
    parse: Callable[[bytes], Listed] = page_of_list

    def listed(self, body: bytes) -> Listed:
        """What the page says; the `FetchError` of one that cannot be read names the list."""
        try:
            return self.parse(body)
        except FetchError as error:
            path = self.request.path
            raise FetchError(error.error_class, f"{path}: {error}", plain=f"{path}: {error.plain}") from None

    def cursor(self, body: bytes) -> str | None:
        """Where the next page is; see `paging.bodies`."""
        return self.listed(body).last_id

    def following(self, request: Request, cursor: str) -> Request:
        """The question for the page after the item `cursor`."""
        return request.with_param(self.after, cursor)
