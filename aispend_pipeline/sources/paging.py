"""Reads one question to its end: page after page, each once, or `FetchError`."""

from collections.abc import AsyncIterator, Callable, Sequence

from aispend_pipeline.errors import ErrorClass, FetchError
from aispend_pipeline.model import Request
from aispend_pipeline.sources.http import Caller, Limits

LONGEST_CURSOR = 8192  # bytes

Cursor = Callable[[bytes], str | None]
Following = Callable[[Request, str], Request]


def each(name: str, values: Sequence[str]) -> list[tuple[str, str]]:
    """An array parameter as both take it: repeated, in brackets."""
    return [(f"{name}[]", value) for value in values]


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
