"""Reads one question to its end: page after page, each once, or `FetchError`.

OpenAI and Anthropic page their reports alike: `has_more` and a `next_page` that is sent back as `page`.
"""

from collections.abc import AsyncIterator, Callable, Sequence

import msgspec

from aispend_pipeline.errors import ErrorClass, FetchError
from aispend_pipeline.model import Request
from aispend_pipeline.normalise.columns import decode
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources.http import Caller, Limits

LONGEST_CURSOR = 8192  # bytes

Cursor = Callable[[bytes], str | None]
Following = Callable[[Request, str], Request]


class _Envelope(msgspec.Struct):
    data: list[msgspec.Raw]
    has_more: bool = False
    next_page: str | None = None


_envelope = msgspec.json.Decoder(_Envelope)


def each(name: str, values: Sequence[str]) -> list[tuple[str, str]]:
    """An array parameter as both take it: repeated, in brackets."""
    return [(f"{name}[]", value) for value in values]


class PagedSource:
    """What sources of reports that page like this share; see `engine.Source`."""

    provider: str

    def accounts(self, settings: Settings) -> Sequence[str]:
        """The accounts to read: all that have a key, if the provider is on."""
        return [account.name for account in settings.accounts(self.provider)] if settings.enabled(self.provider) else []

    def cursor(self, body: bytes) -> str | None:
        """Where the next page is; none after the last.

        Raises `FetchError` (schema) for a page of another shape, or that announces more and does not say where.
        """
        page = decode(_envelope, body)
        if not page.has_more:
            return None
        if not page.next_page:
            raise FetchError(ErrorClass.SCHEMA, "has_more is true but next_page is missing: the answer is incomplete")
        return page.next_page

    def following(self, request: Request, cursor: str) -> Request:
        """The same question at `cursor`, all other parameters unchanged."""
        return request.with_param("page", cursor)


async def bodies(
    caller: Caller, request: Request, cursor_of: Cursor, following: Following, limits: Limits
) -> AsyncIterator[tuple[Request, bytes]]:
    """Each page of `request`'s answer with the request that fetched it; raises where the pages have no end."""
    seen: set[str] = set()
    for number in range(1, limits.pages + 1):
        body = await caller.page(request)
        yield request, body
        cursor = cursor_of(body)
        if cursor is None:
            return
        if cursor in seen:
            raise FetchError(ErrorClass.CURSOR_LOOP, f"{request.path}: cursor loop at page {number}")
        if len(cursor.encode()) > LONGEST_CURSOR:
            raise FetchError(ErrorClass.SCHEMA, f"{request.path}: a cursor of {len(cursor)} characters")
        seen.add(cursor)
        request = following(request, cursor)
    raise FetchError(ErrorClass.TOO_MANY_PAGES, f"{request.path}: no end after {limits.pages} pages")
