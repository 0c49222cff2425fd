"""Google's bill: the answer to the query of a billing export, and its records.

Facts: https://docs.cloud.google.com/billing/docs/how-to/export-data-bigquery-tables/standard-usage , and
`sources/vertex_lines.sql` for what the columns are. A row is one meter's money of one day, before credits and what
credits take off; the unit that the bill gives for tokens is wrong, so that units are read from the SKU.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from aispend_pipeline.model import parse_day
from aispend_pipeline.normalise.bigquery import Text, answer, billionths, quantities
from aispend_pipeline.normalise.columns import AMOUNT, Decimals
from aispend_pipeline.normalise.report import Given, Report
from aispend_pipeline.normalise.skus import parse_sku
from aispend_pipeline.normalise.tables import Bucket, booked, texts
from aispend_pipeline.sql import statement


class Line(msgspec.Struct, gc=False):
    """A row of the answer: the columns of `sources/vertex_lines.sql`, in their order."""

    usage_day: Text
    service_id: Text
    service_description: Text
    sku_id: Text
    sku_description: Text
    project_id: Text
    location: Text
    model_label: Text
    cost_type: Text
    transaction_type: Text
    seller_name: Text
    invoice_month: Text
    currency: Text
    usage_unit: Text
    usage_amount: Text
    gross_nanos: Text
    credit_nanos: Text
    gross_usd_nanos: Text
    credit_usd_nanos: Text
    fx_missing_rows: Text
    source_rows: Text
    last_export_time: Text

    @property
    def has_rate(self) -> bool:
        """Whether all that it sums was converted to dollars."""
        return self.fx_missing_rows == "0"


COLUMNS = Line.__struct_fields__


class VertexBilling(Report):
    """The `Normaliser` of `vertex_billing`."""

    table = "spend"
    sql = statement("normalise", "vertex_billing")
    known_fields = frozenset(COLUMNS)

    def buckets(self, body: bytes) -> Iterable[Given]:
        """The page's rows, day by day."""
        lines = (Line(*row) for row in answer(body, COLUMNS))
        return (Given(*_edges(day), list(of_day)) for day, of_day in groupby(lines, key=lambda line: line.usage_day))

    def line(self, result: Line) -> tuple[Text | bool, ...]:
        """All that the query groups by."""
        return (
            result.service_id,
            result.service_description,
            result.sku_id,
            result.sku_description,
            result.project_id,
            result.location,
            result.model_label,
            result.cost_type,
            result.transaction_type,
            result.seller_name,
            result.invoice_month,
            result.currency,
            result.usage_unit,
            result.has_rate,
        )

    def unknown_fields(self, body: bytes) -> set[str]:
        """None: BigQuery answers with the columns that were asked for."""
        return set()

    def rows(self, buckets: Sequence[Bucket], results: Sequence[Line], repeated: int, now: datetime) -> pa.Table:
        """The table of a page's rows."""
        native, usd = _native(results), _usd(results)
        consumed = quantities([line.usage_amount for line in results])
        return booked(
            buckets,
            now,
            amounts=Decimals(native.net, frozenset(), {**usd.faults, **native.faults}),
            currencies=[line.currency for line in results],
            records=results,
            repeated=repeated,
            unread_quantities=consumed.unread,
            own={
                "credit_amount": native.credit,
                "amount_usd": usd.net,
                "credit_usd": usd.credit,
                "quantity": consumed.values,
                "cost_type": texts([line.cost_type for line in results]),
                "invoice_month": texts([line.invoice_month for line in results]),
                "sku_id": texts([line.sku_id for line in results]),
                "project_id": texts([line.project_id for line in results]),
                "location": texts([line.location for line in results]),
                **_said_by_skus(results),
            },
        )


@lru_cache(maxsize=4096)
def _edges(day: Text) -> tuple[str, str | None]:
    """A day's start and end; no start where it is no day."""
    try:
        first = parse_day(day or "")
        return first.isoformat(), (first + timedelta(days=1)).isoformat()
    except (ValueError, OverflowError):
        return "", None


class _Sums(NamedTuple):
    """Of each line, what is to be paid and what credits make of it; null where it is not known, and why."""

    net: pa.Array
    credit: pa.Array
    faults: Mapping[int, str]


def _sums(gross: Sequence[Text], credit: Sequence[Text]) -> _Sums:
    before, taken_off = billionths(gross), billionths(credit)
    net = pc.add(before.values, taken_off.values)
    return _Sums(net.cast(AMOUNT), taken_off.values.cast(AMOUNT), {**taken_off.faults, **before.faults})


def _native(lines: Sequence[Line]) -> _Sums:
    return _sums([line.gross_nanos for line in lines], [line.credit_nanos for line in lines])


def _usd(lines: Sequence[Line]) -> _Sums:
    """The sums in dollars, null where there is no rate: a line is converted wholly, or not at all."""
    net, credit, faults = _sums(
        [line.gross_usd_nanos if line.has_rate else None for line in lines],
        [line.credit_usd_nanos if line.has_rate else None for line in lines],
    )
    unread = {place: f"{fault} in USD" for place, fault in faults.items() if lines[place].has_rate}
    partly = {place: "rate missing of some" for place, line in enumerate(lines) if not line.has_rate and _partly(line)}
    return _Sums(net, credit, unread | partly)


def _partly(line: Line) -> bool:
    return line.fx_missing_rows is None or line.fx_missing_rows != line.source_rows


def _said_by_skus(lines: Sequence[Line]) -> dict[str, pa.Array]:
    skus = [parse_sku(line.sku_description or "", line.service_description, line.model_label) for line in lines]
    return {
        "line_item": texts([(line.sku_description or "").strip() for line in lines]),
        "model": texts([sku.model for sku in skus]),
        "token_type": texts([sku.token_type for sku in skus]),
        "service_tier": texts([sku.tier for sku in skus]),
        "context_window": texts(["long" if sku.long_context else None for sku in skus]),
        "unit": texts([sku.unit or line.usage_unit for sku, line in zip(skus, lines, strict=True)]),
    }
