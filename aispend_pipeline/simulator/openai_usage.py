"""The ten endpoints of the fake OpenAI's usage book."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aispend_pipeline.simulator.buckets import Bucket
from aispend_pipeline.simulator.openai_answers import USAGE_LIMITS, Asked, Refused
from aispend_pipeline.simulator.openai_books import PROVIDER, Counted, stored, used

_COMMON = ("start_time", "end_time", "bucket_width", "limit", "page", "group_by")
_WHO = ("project_id", "user_id", "api_key_id")
_MODEL = (*_WHO, "model")
_COMPLETIONS = (
    "input_tokens",
    "input_cached_tokens",
    "input_cache_write_tokens",
    "input_uncached_tokens",
    "output_tokens",
    "input_text_tokens",
    "output_text_tokens",
    "input_cached_text_tokens",
    "input_audio_tokens",
    "input_cached_audio_tokens",
    "output_audio_tokens",
    "input_image_tokens",
    "input_cached_image_tokens",
    "output_image_tokens",
    "num_model_requests",
)


@dataclass(frozen=True)
class Feed:
    """One endpoint: how its results are called, what they count, and what they can be grouped by.

    Results can be filtered by the same dimensions but `unfiltered`.
    """

    result: str
    counts: tuple[str, ...]
    groups: tuple[str, ...]
    unfiltered: tuple[str, ...] = ()

    def filters(self) -> dict[str, str]:
        """The parameters that filter, each with its dimension: a plural, but `batch` is a yes or no."""
        return {
            group if group == "batch" else f"{group}s": group for group in self.groups if group not in self.unfiltered
        }


_FEEDS = {
    "completions": Feed("completions", _COMPLETIONS, (*_MODEL, "batch", "service_tier"), ("service_tier",)),
    "embeddings": Feed("embeddings", ("input_tokens", "num_model_requests"), _MODEL),
    "moderations": Feed("moderations", ("input_tokens", "num_model_requests"), _MODEL),
    "images": Feed("images", ("images", "num_model_requests"), (*_MODEL, "size", "source")),
    "audio_speeches": Feed("audio_speeches", ("characters", "num_model_requests"), _MODEL),
    "audio_transcriptions": Feed("audio_transcriptions", ("seconds", "num_model_requests"), _MODEL),
    "vector_stores": Feed("vector_stores", ("usage_bytes",), ("project_id",)),
    "code_interpreter_sessions": Feed("code_interpreter_sessions", ("num_sessions",), ("project_id",)),
    "file_search_calls": Feed("file_searches", ("num_requests",), (*_WHO, "vector_store_id")),
    "web_search_calls": Feed("web_searches", ("num_model_requests", "num_requests"), (*_MODEL, "context_level")),
}
PATHS = tuple(_FEEDS)


def usage(asked: Asked) -> dict[str, Any]:
    """A page of what one endpoint has counted."""
    path = asked.path["feed"]
    if path not in _FEEDS:
        raise Refused(404, f"Invalid URL (GET /v1/organization/usage/{path})")
    feed = _FEEDS[path]
    asked.only((*_COMMON, *feed.filters()))
    groups = asked.groups(feed.groups)
    wanted = {dimension: asked.several(name) for name, dimension in feed.filters().items() if asked.several(name)}
    if set(wanted.get("batch", ())) - {"true", "false"}:
        raise Refused(400, "Invalid type for 'batch': expected a boolean.")

    def results(bucket: Bucket) -> list[dict[str, Any]]:
        sums: dict[tuple[Any, ...], Counter[str]] = {}
        for dimensions, counts in _counted(asked, path, bucket):
            if all(_spelt(dimensions[name]) in values for name, values in wanted.items()):
                sums.setdefault(tuple(dimensions[group] for group in groups), Counter()).update(counts)
        return [_result(feed, dict(zip(groups, key, strict=True)), counts) for key, counts in sums.items()]

    return asked.page(USAGE_LIMITS, results)


def _counted(asked: Asked, path: str, bucket: Bucket) -> Iterator[Counted]:
    known = asked.scenario.known(PROVIDER, asked.account, bucket.start.date(), asked.now)
    if path == "vector_stores":
        return stored(asked.account, bucket.start, known)
    return used(asked.account, path, bucket.start, bucket.end, known, asked.scenario.runaways)


def _spelt(value: object) -> str:
    """A dimension's value as a parameter spells it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _result(feed: Feed, key: dict[str, Any], counts: Counter[str]) -> dict[str, Any]:
    return {
        "object": f"organization.usage.{feed.result}.result",
        **{name: counts[name] for name in feed.counts},
        **{group: key.get(group) for group in feed.groups},
    }
