"""From decoded records to Arrow columns: exact amounts, times, currencies and what is wrong with them.

The common spelling of an amount is turned by Arrow, all at once; every other spelling goes through
`money.parse`. Both are exact, and a test holds them to the same answers.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from aispend_pipeline import money
from aispend_pipeline.errors import ErrorClass, FetchError
from aispend_pipeline.model import GRID_START
from aispend_pipeline.normalise.currencies import CURRENCIES

AMOUNT = pa.decimal128(38, money.PLACES)
INSTANT = pa.timestamp("us")
_COMMON = rf"^-?[0-9]{{1,{money.DIGITS}}}(\.[0-9]{{1,{money.PLACES}}})?$"
# A provider's clock may be ahead of ours by a little; a day ahead by more is no day yet.
_CLOCK_SKEW = timedelta(hours=1)

T = TypeVar("T")


def decode(decoder: "msgspec.json.Decoder[T]", body: bytes) -> T:
    """The typed page; `FetchError` (schema), naming the path, when the shape is not the known one."""
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        try:
            return decoder.decode(body)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:  # a bare NaN or Infinity, which is no JSON: read it as text
            return decoder.decode(json.dumps(json.loads(body, parse_float=str, parse_constant=str)))
    except msgspec.ValidationError as error:
        raise FetchError(ErrorClass.SCHEMA, f"the page's shape is not the known one: {error}") from None
    except ValueError:
        raise FetchError(ErrorClass.MALFORMED, "the page is not JSON") from None
    except RecursionError:  # how deep is too deep depends on the caller's own depth
        raise FetchError(ErrorClass.MALFORMED, "the page is nested too deeply") from None


class Decimals(NamedTuple):
    """Exact decimals, null where there is none; and by place, what was odd."""

    values: pa.Array
    rounded: frozenset[int]
    faults: Mapping[int, str]


def decimals(tokens: Sequence[msgspec.Raw]) -> Decimals:
    """The decimals that JSON tokens spell, numbers or strings."""
    spelt = pa.array([bytes(token) for token in tokens], pa.binary()).cast(pa.string(), safe=False)
    texts = pc.utf8_trim(spelt, '"')
    common = pc.match_substring_regex(texts, _COMMON)
    values = pc.if_else(common, texts, None).cast(AMOUNT)
    odd = pc.indices_nonzero(pc.invert(common)).to_pylist()
    if not odd:
        return Decimals(values, frozenset(), {})
    parsed = {place: money.parse(bytes(tokens[place])) for place in odd}
    mended = pa.array([parsed[place].value for place in odd], AMOUNT)
    values = pc.replace_with_mask(values, pc.invert(common), mended)
    return Decimals(
        values,
        frozenset(place for place, amount in parsed.items() if amount.rounded),
        {place: amount.fault for place, amount in parsed.items() if amount.fault},
    )


class Bucket(NamedTuple):
    """A bucket's edges as the provider wrote them, and how many records follow."""

    start: int | str
    end: int | str | None
    rows: int


def booked(
    buckets: Sequence[Bucket],
    now: datetime,
    *,
    amounts: Sequence[msgspec.Raw],
    currencies: Sequence[str | None],
    records: Sequence[Any],
    repeated: int,
    unread_quantities: int,
    own: Mapping[str, pa.Array],
) -> pa.Table:
    """The records of one page: the columns every source has, then the source's `own`.

    `row_no` is the place in the page; `fault` is null when the record can be booked, and `record` is
    the JSON of those that cannot. The schema's metadata say which days had a bucket, how many lines
    were left out as repeated, and how many amounts were rounded and quantities not understood.
    """
    starts = [instant(bucket.start) for bucket in buckets]
    which = [place for place, bucket in enumerate(buckets) for _ in range(bucket.rows)]
    edges = pa.table(
        {
            "day": pa.array([start.date() if start else None for start in starts], pa.date32()),
            "charge_start": pa.array(starts, INSTANT),
            "charge_end": pa.array([instant(b.end) if b.end is not None else None for b in buckets], INSTANT),
        }
    ).take(pa.array(which, pa.int64()))
    values = decimals(amounts)
    faults = _faults([bucket_fault(start, now) for start in starts], which, values, currencies)
    columns = {
        "row_no": pa.array(range(1, len(records) + 1), pa.int64()),
        **{name: edges[name] for name in edges.column_names},
        "amount": values.values,
        "currency": _codes(currencies),
        "fault": _sparse(faults, len(records)),
        "record": _sparse({place: _json(records[place]) for place in faults}, len(records)),
        **own,
    }
    days = sorted({start.date().isoformat() for start in starts if start and not bucket_fault(start, now)})
    metadata = {
        "days": json.dumps(days),
        "repeated": str(repeated),
        "rounded": str(len(values.rounded)),
        "unread_quantities": str(unread_quantities),
    }
    return pa.table(columns).replace_schema_metadata(metadata)


def _faults(
    of_buckets: Sequence[str | None],
    which: Sequence[int],
    values: Decimals,
    currencies: Sequence[str | None],
) -> dict[int, str]:
    """By place, the first thing wrong with a record."""
    faults: dict[int, str] = {}
    if any(currency(text)[1] for text in set(currencies)):
        faults = {place: fault for place, text in enumerate(currencies) if (fault := currency(text)[1])}
    faults |= values.faults
    if any(of_buckets):
        faults |= {place: fault for place, at in enumerate(which) if (fault := of_buckets[at])}
    return faults


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


def _json(record: Any) -> str:
    return msgspec.json.encode(record).decode()


@lru_cache(maxsize=4096)
def instant(value: int | str) -> datetime | None:
    """A provider's time, UTC without zone: epoch seconds, epoch milliseconds or RFC 3339 text; or none."""
    try:
        if isinstance(value, str):
            read = datetime.fromisoformat(value)
            read = read if read.tzinfo else read.replace(tzinfo=UTC)
        else:
            read = datetime.fromtimestamp(value / 1000 if abs(value) >= 10**11 else value, UTC)
        return read.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        return None


def bucket_fault(start: datetime | None, now: datetime) -> str | None:
    """Why nothing can be booked in a bucket that starts then; none when it can."""
    if start is None:
        return "bucket time unreadable"
    if start.date() < GRID_START:
        return f"bucket dated {start.date()}, before {GRID_START}"
    if start.date() > (now + _CLOCK_SKEW).date():
        return f"bucket dated {start.date()}, in the future"
    return None


@lru_cache(maxsize=1024)
def currency(text: str | None) -> tuple[str | None, str | None]:
    """The ISO 4217 code that `text` spells in any case; or none, and the fault."""
    if not text:
        return None, "currency missing"
    code = text.upper()
    return (code, None) if text.isascii() and code in CURRENCIES else (None, "currency unknown")
