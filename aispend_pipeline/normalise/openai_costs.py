"""OpenAI's costs: the answer's shape, the grammar of `line_item`, and their records.

Facts: the provider's published OpenAPI description (version 2.3.0, August 2026) and spellings seen in real
answers. `amount.value` is US dollars, a number or a decimal string; every key of a result but
`object` may be missing; a bucket without results is a day without spend.
"""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

import msgspec
import pyarrow as pa

from aispend_pipeline.model import LONGEST_NAME
from aispend_pipeline.normalise.columns import Bucket, booked, decimals, decode
from aispend_pipeline.normalise.records import Bodies
from aispend_pipeline.sql import statement

_NOTHING = msgspec.Raw(b"")


class _Amount(msgspec.Struct, omit_defaults=True, gc=False):
    value: msgspec.Raw = _NOTHING
    currency: str | None = None


class _Result(msgspec.Struct, omit_defaults=True, gc=False):
    amount: _Amount | None = None
    line_item: str | None = None
    project_id: str | None = None
    api_key_id: str | None = None
    quantity: msgspec.Raw = _NOTHING
    quantity_unit: str | None = None


class _Bucket(msgspec.Struct, gc=False):
    start_time: int | str
    results: list[_Result]
    end_time: int | str | None = None


class _Page(msgspec.Struct, gc=False):
    data: list[_Bucket]


class _BucketStart(msgspec.Struct):
    start_time: int | str


class _PageStarts(msgspec.Struct):
    data: list[_BucketStart]


class _RawBucket(msgspec.Struct):
    results: list[msgspec.Raw]


class _RawPage(msgspec.Struct):
    data: list[_RawBucket]


_page, _starts = msgspec.json.Decoder(_Page), msgspec.json.Decoder(_PageStarts)
_raw_page = msgspec.json.Decoder(_RawPage)
# The last five are undocumented and were seen in real answers.
_KNOWN_FIELDS = frozenset(
    """
    object amount line_item project_id api_key_id quantity quantity_unit
    organization_id organization_name project_name user_id user_email
    """.split()
)


class LineItem(NamedTuple):
    """What a `line_item` says beyond its text; none where it does not say."""

    model: str | None = None
    token_type: str | None = None
    service_tier: str | None = None
    surface: str | None = None
    modality: str | None = None
    qualifier: str | None = None


# What of it becomes columns of a row; the whole text is kept beside them.
BOOKED = ("model", "token_type", "service_tier")
_TIERS = {"priority", "flex", "batch", "scale"}
_MODALITIES = {"text", "audio", "image", "video"}
_SIDES = {
    "input": "input",
    "output": "output",
    "cached input": "cached_input",
    "cache writes": "cache_write",
}
_STARTS_LIKE_A_MODEL = re.compile(
    r"gpt|o[0-9]|chatgpt|codex|ft-|ft:|text-|whisper|tts|dall-e|davinci|babbage|omni|computer-use|sora"
)


@lru_cache(maxsize=65536)
def parse_line_item(text: str | None) -> LineItem:
    """Read a `line_item`: `[prefix " | "] head [", " side [", " qualifier]]`.

    The prefix is a service tier or a surface; the head is a model and perhaps a modality; what is not
    sure to be a model is none.
    """
    if not text:
        return LineItem()
    prefix, bar, rest = text.partition(" | ")
    if not bar:
        prefix, rest = "", text
    tier = prefix if prefix in _TIERS else None
    surface = prefix if prefix and not tier else None
    head, *tail = rest.split(", ")
    token_type = _SIDES.get(tail[0]) if tail else None
    qualifier = ", ".join(tail[1:]) or None
    model, modality = _split_head(head, with_side=token_type is not None, alone=not tail)
    return LineItem(model, token_type, tier, surface, modality, qualifier)


def _split_head(head: str, *, with_side: bool, alone: bool) -> tuple[str | None, str | None]:
    name, _, modality = head.partition(" ")
    if with_side and name and (not modality or modality in _MODALITIES):
        return name[:LONGEST_NAME], modality or None
    if alone and not modality and _STARTS_LIKE_A_MODEL.match(name):
        return name[:LONGEST_NAME], None
    return None, None


class OpenAICosts:
    """The `Normaliser` of `openai_costs`."""

    sql = statement("normalise", "openai_costs")

    def records(self, bodies: Bodies, now: datetime, *, repeats: bool = True) -> Iterator[pa.Table]:
        """The records of each page; a line that an earlier page already gave for its bucket is left out."""
        several = _on_several_pages(bodies) if repeats else set()
        seen: set[tuple[object, ...]] = set()
        for body in bodies():
            yield _records(decode(_page, body), now, several, seen)

    def unknown_fields(self, body: bytes) -> set[str]:
        """Names in the page's first result that neither the description nor seen answers have."""
        first = next((bucket.results[0] for bucket in decode(_raw_page, body).data if bucket.results), None)
        return set() if first is None else set(msgspec.json.decode(first)) - _KNOWN_FIELDS


def _read_line_items(texts: pa.Array) -> dict[str, pa.Array]:
    """What line items say, as columns; each distinct text is read once."""
    encoded = texts.dictionary_encode()
    parsed = [parse_line_item(text) for text in encoded.dictionary.to_pylist()]
    said = {name: pa.array([getattr(item, name) for item in parsed], pa.string()) for name in BOOKED}
    return {name: values.take(encoded.indices) for name, values in said.items()}


def _on_several_pages(bodies: Bodies) -> set[int | str]:
    """Starts of the buckets that occur on more than one page."""
    counts: Counter[int | str] = Counter()
    for body in bodies():
        counts.update({bucket.start_time for bucket in decode(_starts, body).data})
    return {start for start, pages in counts.items() if pages > 1}


def _records(page: _Page, now: datetime, several: set[int | str], seen: set[tuple[object, ...]]) -> pa.Table:
    buckets: list[Bucket] = []
    rows: list[_Result] = []
    on_this_page: set[tuple[object, ...]] = set()
    repeated = 0
    for bucket in page.data:
        results = bucket.results
        if bucket.start_time in several:
            keys = [(bucket.start_time, r.project_id, r.line_item, r.api_key_id) for r in results]
            results = [r for r, key in zip(results, keys, strict=True) if key not in seen]
            repeated += len(keys) - len(results)
            on_this_page.update(keys)
        buckets.append(Bucket(bucket.start_time, bucket.end_time, len(results)))
        rows += results
    seen |= on_this_page
    quantities = decimals([r.quantity for r in rows])
    said = [place for place in quantities.faults if bytes(rows[place].quantity) not in (b"", b"null")]
    line_items = pa.array([r.line_item for r in rows], pa.string())
    return booked(
        buckets,
        now,
        amounts=[r.amount.value if r.amount else _NOTHING for r in rows],
        currencies=[r.amount.currency if r.amount else None for r in rows],
        records=rows,
        repeated=repeated,
        unread_quantities=len(said),
        own={
            "line_item": line_items,
            **_read_line_items(line_items),
            "project_id": pa.array([r.project_id for r in rows], pa.string()),
            "api_key_id": pa.array([r.api_key_id for r in rows], pa.string()),
            "quantity": quantities.values,
            "unit": pa.array([r.quantity_unit for r in rows], pa.string()),
        },
    )
