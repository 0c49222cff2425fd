"""The fake Anthropic's messages usage report."""

from collections import Counter
from typing import Any

from aispend_pipeline.simulator.anthropic_answers import USAGE_LIMITS, Asked, invalid
from aispend_pipeline.simulator.anthropic_books import PROVIDER, SEARCHES, used
from aispend_pipeline.simulator.buckets import Bucket

_COMMON = ("starting_at", "ending_at", "bucket_width", "limit", "page", "group_by[]")
_GROUPS = (
    "account_id",
    "api_key_id",
    "context_window",
    "inference_geo",
    "model",
    "service_account_id",
    "service_tier",
    "speed",
    "workspace_id",
)
_MOST_GROUPS = 5
# `speed` is not among what every result has: it is there only for those who ask for it.
_ALWAYS = tuple(group for group in _GROUPS if group != "speed")
_FAST_MODE = "fast-mode-2026-02-01"
# The parameters that filter, each with its dimension; one is singular.
_FILTERS = {"context_window[]" if group == "context_window" else f"{group}s[]": group for group in _GROUPS}


def usage(asked: Asked) -> dict[str, Any]:
    """A page of what was used."""
    asked.only((*_COMMON, *_FILTERS))
    groups = list(dict.fromkeys(asked.params.getlist("group_by[]")))
    wanted = {dimension: asked.params.getlist(name) for name, dimension in _FILTERS.items() if name in asked.params}
    unknown = [group for group in groups if group not in _GROUPS]
    if unknown:
        options = ", ".join(f'"{name}"' for name in _GROUPS)
        raise invalid(f'group_by: Invalid group_by[]: "{unknown[0]}". Valid options are {options}')
    if len(groups) > _MOST_GROUPS:
        raise invalid(f"Cannot specify more than {_MOST_GROUPS} group_by[] dimensions")
    if ("speed" in groups or "speed" in wanted) and _FAST_MODE not in asked.headers.get("anthropic-beta", ""):
        raise invalid(f"speed: requires the anthropic-beta header {_FAST_MODE}")

    def results(bucket: Bucket) -> list[dict[str, Any]]:
        known = asked.scenario.known(PROVIDER, asked.account, bucket.start.date(), asked.now)
        sums: dict[tuple[Any, ...], Counter[str]] = {}
        for dimensions, counts in used(asked.account, bucket.start, bucket.end, known):
            if all(dimensions[name] in values for name, values in wanted.items()):
                sums.setdefault(tuple(dimensions[group] for group in groups), Counter()).update(counts)
        return [_result(dict(zip(groups, key, strict=True)), counts) for key, counts in sums.items()]

    return asked.page(USAGE_LIMITS, results)


def _result(key: dict[str, Any], counts: Counter[str]) -> dict[str, Any]:
    return {
        "uncached_input_tokens": counts["uncached_input_tokens"],
        "cache_creation": {
            name: counts[f"cache_creation.{name}"]
            for name in ("ephemeral_1h_input_tokens", "ephemeral_5m_input_tokens")
        },
        "cache_read_input_tokens": counts["cache_read_input_tokens"],
        "output_tokens": counts["output_tokens"],
        "server_tool_use": {SEARCHES: counts[SEARCHES]},
        **dict.fromkeys(_ALWAYS),
        **key,
    }
