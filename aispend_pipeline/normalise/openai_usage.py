"""OpenAI's usage: the shapes of ten endpoints, told apart by each result's `object`, and their records.

Facts: the provider's published OpenAPI description (version 2.3.0, August 2026). `input_tokens` is all input: cached,
cache writes and uncached; older answers lack the parts. Audio and images are counted in these, and once more by
themselves. All counts are integers. `usage_bytes` is a stock: it says how much is stored at the time, and does not add
up over time.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec
import pyarrow as pa

from aispend_pipeline.errors import FetchError
from aispend_pipeline.normalise.columns import Counts, counts, decode
from aispend_pipeline.normalise.report import Given, Report
from aispend_pipeline.normalise.tables import Bucket, measured, texts
from aispend_pipeline.sql import statement

# How a count is decoded: `int` at first, `msgspec.Raw` where a page has one that is no integer.
C = TypeVar("C")
# A count that may be left out is no `C | None`: of a union with `msgspec.Raw`, msgspec takes the rest alone.
_ABSENT: Any = None


class _Result(msgspec.Struct, Generic[C], tag_field="object", omit_defaults=True, gc=False, kw_only=True):
    project_id: str | None = None
    api_key_id: str | None = None
    user_id: str | None = None
    model: str | None = None
    service_tier: str | None = None
    batch: bool | None = None


class _Completions(_Result[C], tag="organization.usage.completions.result"):
    input_tokens: C
    output_tokens: C
    num_model_requests: C
    input_cached_tokens: C = _ABSENT
    input_cache_write_tokens: C = _ABSENT
    input_uncached_tokens: C = _ABSENT
    input_audio_tokens: C = _ABSENT
    input_image_tokens: C = _ABSENT
    input_cached_audio_tokens: C = _ABSENT
    input_cached_image_tokens: C = _ABSENT
    output_audio_tokens: C = _ABSENT
    output_image_tokens: C = _ABSENT


class _Embeddings(_Result[C], tag="organization.usage.embeddings.result"):
    input_tokens: C
    num_model_requests: C


class _Moderations(_Result[C], tag="organization.usage.moderations.result"):
    input_tokens: C
    num_model_requests: C


class _Images(_Result[C], tag="organization.usage.images.result"):
    quantity: C = msgspec.field(name="images")
    num_model_requests: C


class _AudioSpeeches(_Result[C], tag="organization.usage.audio_speeches.result"):
    quantity: C = msgspec.field(name="characters")
    num_model_requests: C


class _AudioTranscriptions(_Result[C], tag="organization.usage.audio_transcriptions.result"):
    quantity: C = msgspec.field(name="seconds")
    num_model_requests: C


class _VectorStores(_Result[C], tag="organization.usage.vector_stores.result"):
    quantity: C = msgspec.field(name="usage_bytes")


class _CodeInterpreterSessions(_Result[C], tag="organization.usage.code_interpreter_sessions.result"):
    quantity: C = msgspec.field(name="num_sessions")


class _FileSearchCalls(_Result[C], tag="organization.usage.file_searches.result"):
    quantity: C = msgspec.field(name="num_requests")
    vector_store_id: str | None = None


class _WebSearchCalls(_Result[C], tag="organization.usage.web_searches.result"):
    quantity: C = msgspec.field(name="num_requests")
    num_model_requests: C
    context_level: str | None = None


# What each is called, after the end of its path, and the unit of its quantity.
_KINDS: dict[type[Any], tuple[str, str | None]] = {
    _Completions: ("completions", None),
    _Embeddings: ("embeddings", None),
    _Moderations: ("moderations", None),
    _Images: ("images", "images"),
    _AudioSpeeches: ("audio_speeches", "characters"),
    _AudioTranscriptions: ("audio_transcriptions", "seconds"),
    _VectorStores: ("vector_stores", "bytes"),
    _CodeInterpreterSessions: ("code_interpreter_sessions", "sessions"),
    _FileSearchCalls: ("file_search_calls", "calls"),
    _WebSearchCalls: ("web_search_calls", "calls"),
}


class _Bucket(msgspec.Struct, Generic[C], gc=False):
    start_time: int | str
    results: list[
        _Completions[C]
        | _Embeddings[C]
        | _Moderations[C]
        | _Images[C]
        | _AudioSpeeches[C]
        | _AudioTranscriptions[C]
        | _VectorStores[C]
        | _CodeInterpreterSessions[C]
        | _FileSearchCalls[C]
        | _WebSearchCalls[C]
    ]
    end_time: int | str | None = None


class _Page(msgspec.Struct, Generic[C], gc=False):
    data: list[_Bucket[C]]


_page, _odd_page = msgspec.json.Decoder(_Page[int]), msgspec.json.Decoder(_Page[msgspec.Raw])
_COUNTS = (
    "input_tokens",
    "input_uncached_tokens",
    "input_cached_tokens",
    "input_cache_write_tokens",
    "output_tokens",
    "input_audio_tokens",
    "input_image_tokens",
    "input_cached_audio_tokens",
    "input_cached_image_tokens",
    "output_audio_tokens",
    "output_image_tokens",
    "num_model_requests",
    "quantity",
)


class OpenAIUsage(Report):
    """The `Normaliser` of `openai_usage`."""

    table = "usage"
    sql = statement("normalise", "openai_usage")
    # Text is what the other modalities leave of all; the last four were seen in answers of the bill.
    known_fields = frozenset(
        """
        object project_id api_key_id user_id model service_tier batch vector_store_id context_level size source
        input_tokens input_uncached_tokens input_cached_tokens input_cache_write_tokens output_tokens
        num_model_requests images characters seconds usage_bytes num_sessions num_requests
        input_text_tokens input_audio_tokens input_image_tokens
        input_cached_text_tokens input_cached_audio_tokens input_cached_image_tokens
        output_text_tokens output_audio_tokens output_image_tokens
        organization_id organization_name project_name user_email
        """.split()
    )

    def buckets(self, body: bytes) -> Iterable[Given]:
        """The page's buckets, counts as integers; or, if one is none, all of them as they are written."""
        try:
            page: _Page[Any] = decode(_page, body)
        except FetchError:
            page = decode(_odd_page, body)
        return (Given(b.start_time, b.end_time, b.results) for b in page.data)

    def line(self, result: _Result[Any]) -> tuple[object, ...]:
        """All that may differ between results of one bucket."""
        return (
            type(result),
            result.project_id,
            result.api_key_id,
            result.user_id,
            result.model,
            result.service_tier,
            result.batch,
            getattr(result, "vector_store_id", None),
            getattr(result, "context_level", None),
        )

    def rows(
        self, buckets: Sequence[Bucket], results: Sequence[_Result[Any]], repeated: int, now: datetime
    ) -> pa.Table:
        """The table of a page's results."""
        kinds = [_KINDS[type(r)] for r in results]
        return measured(
            buckets,
            now,
            counted={name: _counted(results, name) for name in _COUNTS},
            records=results,
            repeated=repeated,
            own={
                "kind": texts([kind for kind, _ in kinds]),
                "unit": texts([unit for _, unit in kinds]),
                "model": texts([r.model for r in results]),
                "project_id": texts([r.project_id for r in results]),
                "api_key_id": texts([r.api_key_id for r in results]),
                "service_tier": texts([r.service_tier for r in results]),
                "batch": pa.array([r.batch for r in results], pa.bool_()),
            },
        )


def _counted(results: Sequence[_Result[Any]], name: str) -> Counts:
    """One count of all results; a page is of one kind, and most kinds have few counts."""
    kinds: set[type[msgspec.Struct]] = set(map(type, results))
    if not any(name in kind.__struct_fields__ for kind in kinds):
        return Counts(pa.nulls(len(results), pa.int64()), {})
    return counts([getattr(result, name, None) for result in results])
