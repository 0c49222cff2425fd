"""OpenAI's costs: the answer's shape, the grammar of `line_item`, and their records.

Facts: the provider's published OpenAPI description (version 2.3.0, August 2026) and spellings seen in real
answers. `amount.value` is US dollars, a number or a decimal string; every key of a result but
`object` may be missing; a bucket without results is a day without spend.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

import msgspec
import pyarrow as pa

from aispend_pipeline.model import LONGEST_NAME
from aispend_pipeline.normalise.columns import decimals, decode
from aispend_pipeline.normalise.report import Given, Report
from aispend_pipeline.normalise.tables import Bucket, booked, texts
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


_page = msgspec.json.Decoder(_Page)


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


class OpenAICosts(Report):
    """The `Normaliser` of `openai_costs`."""

    table = "spend"
    sql = statement("normalise", "openai_costs")
    # The last five are undocumented and were seen in real answers.
    known_fields = frozenset(
        """
        object amount line_item project_id api_key_id quantity quantity_unit
        organization_id organization_name project_name user_id user_email
        """.split()
    )

    def buckets(self, body: bytes) -> Iterable[Given]:
        """The page's buckets."""
        return (Given(b.start_time, b.end_time, b.results) for b in decode(_page, body).data)

    def line(self, result: _Result) -> tuple[str | None, ...]:
        """What the bill is grouped by."""
        return result.project_id, result.line_item, result.api_key_id

    def rows(self, buckets: Sequence[Bucket], results: Sequence[_Result], repeated: int, now: datetime) -> pa.Table:
        """The table of a page's results."""
        quantities = decimals([r.quantity for r in results])
        said = [place for place in quantities.faults if bytes(results[place].quantity) not in (b"", b"null")]
        line_items = texts([r.line_item for r in results])
        return booked(
            buckets,
            now,
            amounts=decimals([r.amount.value if r.amount else _NOTHING for r in results]),
            currencies=[r.amount.currency if r.amount else None for r in results],
            records=results,
            repeated=repeated,
            unread_quantities=len(said),
            own={
                "line_item": line_items,
                **_read_line_items(line_items),
                "project_id": texts([r.project_id for r in results]),
                "api_key_id": texts([r.api_key_id for r in results]),
                "quantity": quantities.values,
                "unit": texts([r.quantity_unit for r in results]),
            },
        )


def _read_line_items(line_items: pa.Array) -> dict[str, pa.Array]:
    """What line items say, as columns; each distinct text is read once."""
    encoded = line_items.dictionary_encode()
    parsed = [parse_line_item(text) for text in encoded.dictionary.to_pylist()]
    said = {name: texts([getattr(item, name) for item in parsed]) for name in BOOKED}
    return {name: values.take(encoded.indices) for name, values in said.items()}
