"""A page's records as an Arrow table: what every source has, then the source's own columns.

`row_no` is the place in the page, where those that are left out count too; `fault` is null when the record can be
booked, and `record` is the JSON of those that cannot. The schema's metadata say which buckets there were (day, start,
seconds), how many lines were left out as repeated, and how many amounts were rounded and quantities not understood.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from aispend_pipeline.normalise.columns import INSTANT, Counts, Decimals, bucket_fault, currency, instant

A_DAY_SECONDS = 86400.0


class Bucket(NamedTuple):
    """A bucket's edges as the provider wrote them, and which of the page's records are of it, by number from 1."""

    start: int | str
    end: int | str | None
    row_nos: Sequence[int]


def booked(
    buckets: Sequence[Bucket],
    now: datetime,
    *,
    amounts: Decimals,
    currencies: Sequence[str | None],
    records: Sequence[Any],
    repeated: int,
    own: Mapping[str, pa.Array],
    unread_quantities: int = 0,
) -> pa.Table:
    """Records with money: `amount` and `currency`, and a day, `charge_start` and `charge_end` from their bucket."""
    edges = _Edges(buckets, now)
    faults = edges.faults(_currency_faults(currencies) | dict(amounts.faults))
    columns = {
        **edges.columns("charge_start", "charge_end"),
        "amount": amounts.values,
        "currency": _codes(currencies),
        **own,
    }
    odd = {"repeated": repeated, "rounded": len(amounts.rounded), "unread_quantities": unread_quantities}
    return edges.table(columns, records, faults, odd)


def measured(
    buckets: Sequence[Bucket],
    now: datetime,
    *,
    counted: Mapping[str, Counts],
    records: Sequence[Any],
    repeated: int,
    own: Mapping[str, pa.Array],
) -> pa.Table:
    """Records without money: a column for each of `counted`, and a day, `bucket_start` and `bucket_end`."""
    edges = _Edges(buckets, now)
    wrong = {place: f"{name}: {fault}" for name, column in counted.items() for place, fault in column.faults.items()}
    columns = {
        **edges.columns("bucket_start", "bucket_end"),
        **{name: column.values for name, column in counted.items()},
        **own,
    }
    return edges.table(columns, records, edges.faults(wrong), {"repeated": repeated})


class _Edges:
    """The buckets of a page: which day each record belongs to."""

    def __init__(self, buckets: Sequence[Bucket], now: datetime) -> None:
        self._ends = [instant(bucket.end) if bucket.end is not None else None for bucket in buckets]
        self._starts = [instant(bucket.start) for bucket in buckets]
        self._wrong = [bucket_fault(start, now) for start in self._starts]
        self._which = [place for place, bucket in enumerate(buckets) for _ in bucket.row_nos]
        self._row_nos = [row_no for bucket in buckets for row_no in bucket.row_nos]

    def columns(self, start: str, end: str) -> dict[str, pa.ChunkedArray]:
        """Day, start and end of each record's bucket."""
        edges = pa.table(
            {
                "day": pa.array([at.date() if at else None for at in self._starts], pa.date32()),
                start: pa.array(self._starts, INSTANT),
                end: pa.array(self._ends, INSTANT),
            }
        ).take(pa.array(self._which, pa.int64()))
        return {name: edges[name] for name in edges.column_names}

    def faults(self, of_records: Mapping[int, str]) -> dict[int, str]:
        """By place, the first thing wrong with a record: its bucket comes before the rest."""
        faults = dict(of_records)
        if any(self._wrong):
            faults |= {place: fault for place, at in enumerate(self._which) if (fault := self._wrong[at])}
        return faults

    def table(
        self, columns: Mapping[str, Any], records: Sequence[Any], faults: Mapping[int, str], odd: Mapping[str, int]
    ) -> pa.Table:
        """The whole table."""
        of_all = {
            "row_no": pa.array(self._row_nos, pa.int64()),
            "fault": _sparse(faults, len(records)),
            "record": _sparse({place: msgspec.json.encode(records[place]).decode() for place in faults}, len(records)),
        }
        metadata = {"buckets": json.dumps(self._given()), **{name: str(count) for name, count in odd.items()}}
        return pa.table({**of_all, **columns}).replace_schema_metadata(metadata)

    def _given(self) -> list[tuple[str, str, float]]:
        """Day, start and seconds of each bucket that makes sense; one without an end is taken for the whole day."""
        edges = zip(self._starts, self._ends, self._wrong, strict=True)
        return [
            (at.date().isoformat(), at.isoformat(), (end - at).total_seconds() if end else A_DAY_SECONDS)
            for at, end, wrong in edges
            if at and not wrong
        ]


def _currency_faults(currencies: Sequence[str | None]) -> dict[int, str]:
    if not any(currency(text)[1] for text in set(currencies)):
        return {}
    return {place: fault for place, text in enumerate(currencies) if (fault := currency(text)[1])}


def _sparse(texts: Mapping[int, str], length: int) -> pa.Array:
    """A column of `length` that is null but for a few places."""
    if not texts:
        return pa.nulls(length, pa.string())
    return pa.array([texts.get(place) for place in range(length)], pa.string())


def _codes(currencies: Sequence[str | None]) -> pa.Array:
    """The ISO 4217 codes of currencies as written; each distinct text is looked up once."""
    encoded = pa.array(currencies, pa.string()).dictionary_encode()
    codes = pa.array([currency(text)[0] for text in encoded.dictionary.to_pylist()], pa.string())
    return codes.take(encoded.indices)


def texts(values: Sequence[str | None]) -> pa.Array:
    """A column of texts."""
    return pa.array(values, pa.string())
