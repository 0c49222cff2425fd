"""Anthropic's cost report: the answer's shape and its records.

Facts: the provider's Usage and Cost API guide, and real answers. `amount` is decimal text in cents. Several rows
may share a description and differ in tier, context window, geography and workspace, so every row is
kept; descriptions are never read for meaning. A null workspace is the default one.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
import pyarrow as pa

from aispend_pipeline.model import LONGEST_NAME
from aispend_pipeline.normalise.columns import decimals, decode
from aispend_pipeline.normalise.report import Given, Report
from aispend_pipeline.normalise.tables import Bucket, booked, texts
from aispend_pipeline.sql import statement

_NOTHING = msgspec.Raw(b"")


class _Result(msgspec.Struct, omit_defaults=True, gc=False):
    amount: msgspec.Raw = _NOTHING
    currency: str | None = None
    workspace_id: str | None = None
    description: str | None = None
    cost_type: str | None = None
    model: str | None = None
    token_type: str | None = None
    service_tier: str | None = None
    context_window: str | None = None
    inference_geo: str | None = None


class _Bucket(msgspec.Struct, gc=False):
    starting_at: int | str
    results: list[_Result]
    ending_at: int | str | None = None


class _Page(msgspec.Struct, gc=False):
    data: list[_Bucket]


_page = msgspec.json.Decoder(_Page)


class AnthropicCosts(Report):
    """The `Normaliser` of `anthropic_costs`."""

    table = "spend"
    keys_from_usage = True
    sql = statement("normalise", "anthropic_costs")
    known_fields = frozenset(_Result.__struct_fields__)

    def buckets(self, body: bytes) -> Iterable[Given]:
        """The page's buckets."""
        return (Given(b.starting_at, b.ending_at, b.results) for b in decode(_page, body).data)

    def line(self, result: _Result) -> tuple[str | None, ...]:
        """All that may differ between rows of one bucket."""
        return (
            result.workspace_id,
            result.description,
            result.cost_type,
            result.model,
            result.token_type,
            result.service_tier,
            result.context_window,
            result.inference_geo,
        )

    def rows(self, buckets: Sequence[Bucket], results: Sequence[_Result], repeated: int, now: datetime) -> pa.Table:
        """The table of a page's results."""
        return booked(
            buckets,
            now,
            amounts=decimals([r.amount for r in results], cents=True),
            currencies=[r.currency for r in results],
            records=results,
            repeated=repeated,
            own={
                "line_item": texts([r.description or r.cost_type for r in results]),
                "model": texts([r.model[:LONGEST_NAME] if r.model else None for r in results]),
                "project_id": texts([r.workspace_id for r in results]),
                "token_type": texts([r.token_type for r in results]),
                "cost_type": texts([r.cost_type for r in results]),
                "service_tier": texts([r.service_tier for r in results]),
                "context_window": texts([r.context_window for r in results]),
                "location": texts([r.inference_geo for r in results]),
            },
        )
