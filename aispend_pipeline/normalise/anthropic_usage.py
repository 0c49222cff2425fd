"""Anthropic's messages usage: the answer's shape and its records.

Facts: the provider's Usage and Cost API guide. There is no total: input is uncached, cache reads and both
lifetimes of cache writes. Requests are not counted. A `cache_creation` that is missing is unknown, not zero.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec
import pyarrow as pa

from aispend_pipeline.errors import FetchError
from aispend_pipeline.normalise.columns import counts, decode
from aispend_pipeline.normalise.report import Given, Report
from aispend_pipeline.normalise.tables import Bucket, measured, texts
from aispend_pipeline.sql import statement

# How a count is decoded: `int` at first, `msgspec.Raw` where a page has one that is no integer.
C = TypeVar("C")
# A count that may be left out is no `C | None`: of a union with `msgspec.Raw`, msgspec takes the rest alone.
_ABSENT: Any = None


class _CacheCreation(msgspec.Struct, Generic[C], omit_defaults=True, gc=False):
    ephemeral_5m_input_tokens: C = _ABSENT
    ephemeral_1h_input_tokens: C = _ABSENT


class _ServerToolUse(msgspec.Struct, Generic[C], omit_defaults=True, gc=False):
    web_search_requests: C = _ABSENT


class _Result(msgspec.Struct, Generic[C], omit_defaults=True, gc=False):
    uncached_input_tokens: C
    cache_read_input_tokens: C
    output_tokens: C
    cache_creation: _CacheCreation[C] | None = None
    server_tool_use: _ServerToolUse[C] | None = None
    model: str | None = None
    workspace_id: str | None = None
    api_key_id: str | None = None
    service_tier: str | None = None
    context_window: str | None = None
    inference_geo: str | None = None
    account_id: str | None = None
    service_account_id: str | None = None


class _Bucket(msgspec.Struct, Generic[C], gc=False):
    starting_at: int | str
    results: list[_Result[C]]
    ending_at: int | str | None = None


class _Page(msgspec.Struct, Generic[C], gc=False):
    data: list[_Bucket[C]]


_page, _odd_page = msgspec.json.Decoder(_Page[int]), msgspec.json.Decoder(_Page[msgspec.Raw])
_NO_CACHE, _NO_TOOLS = _CacheCreation[Any](), _ServerToolUse[Any]()


class AnthropicUsage(Report):
    """The `Normaliser` of `anthropic_usage`."""

    table = "usage"
    sql = statement("normalise", "anthropic_usage")
    # Speed is a group that only a beta header gives.
    known_fields = frozenset(_Result.__struct_fields__) | {"speed"}

    def buckets(self, body: bytes) -> Iterable[Given]:
        """The page's buckets, counts as integers; or, if one is none, all of them as they are written."""
        try:
            page: _Page[Any] = decode(_page, body)
        except FetchError:
            page = decode(_odd_page, body)
        return (Given(b.starting_at, b.ending_at, b.results) for b in page.data)

    def line(self, result: _Result[Any]) -> tuple[str | None, ...]:
        """All that may differ between rows of one bucket."""
        return (
            result.model,
            result.workspace_id,
            result.api_key_id,
            result.service_tier,
            result.context_window,
            result.inference_geo,
            result.account_id,
            result.service_account_id,
        )

    def rows(
        self, buckets: Sequence[Bucket], results: Sequence[_Result[Any]], repeated: int, now: datetime
    ) -> pa.Table:
        """The table of a page's results."""
        caches = [r.cache_creation or _NO_CACHE for r in results]
        tools = [r.server_tool_use or _NO_TOOLS for r in results]
        return measured(
            buckets,
            now,
            counted={
                "input_tokens": counts([r.uncached_input_tokens for r in results]),
                "cached_input_tokens": counts([r.cache_read_input_tokens for r in results]),
                "cache_write_5m_tokens": counts([cache.ephemeral_5m_input_tokens for cache in caches]),
                "cache_write_1h_tokens": counts([cache.ephemeral_1h_input_tokens for cache in caches]),
                "output_tokens": counts([r.output_tokens for r in results]),
                "web_searches": counts([tool.web_search_requests for tool in tools]),
            },
            records=results,
            repeated=repeated,
            own={
                "model": texts([r.model for r in results]),
                "project_id": texts([r.workspace_id for r in results]),
                "api_key_id": texts([r.api_key_id for r in results]),
                "service_tier": texts([r.service_tier for r in results]),
                "context_window": texts([r.context_window for r in results]),
                "location": texts([r.inference_geo for r in results]),
            },
        )
