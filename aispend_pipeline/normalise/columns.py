"""From decoded values to Arrow columns: exact amounts, counts, times, currencies and what is wrong with them.

The common spelling of an amount is turned by Arrow, all at once; every other spelling goes through
`money.parse`. Both are exact, and a test holds them to the same answers.
"""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple, TypeVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from aispend_pipeline import money
from aispend_pipeline.errors import ErrorClass, FetchError
from aispend_pipeline.model import GRID_START
from aispend_pipeline.normalise.currencies import CURRENCIES

AMOUNT = pa.decimal128(38, money.PLACES)
INSTANT = pa.timestamp("us")
_CENTS = pa.decimal128(38, money.PLACES - 2)
_COMMON_CENTS = rf"^-?[0-9]{{1,{money.DIGITS}}}(\.[0-9]{{1,{money.PLACES - 2}}})?$"
_COUNT = re.compile(rb'("?)(-?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,2})?)\1')
_COUNT_DIGITS = 24  # the sum of a hundred million million of the largest fits DECIMAL(38)
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


def decimals(tokens: Sequence[msgspec.Raw], *, cents: bool = False) -> Decimals:
    """The decimals that JSON tokens spell, numbers or strings; of `cents`, in whole units."""
    spelt = pa.array([bytes(token) for token in tokens], pa.binary()).cast(pa.string(), safe=False)
    texts = pc.utf8_trim(spelt, '"')
    common = pc.match_substring_regex(texts, _COMMON_CENTS if cents else _COMMON)
    plain = pc.if_else(common, texts, None)
    values = point_moved(plain.cast(_CENTS), AMOUNT) if cents else plain.cast(AMOUNT)
    odd = pc.indices_nonzero(pc.invert(common)).to_pylist()
    if not odd:
        return Decimals(values, frozenset(), {})
    parsed = {place: money.parse(bytes(tokens[place]), cents=cents) for place in odd}
    mended = pa.array([parsed[place].value for place in odd], AMOUNT)
    values = pc.replace_with_mask(values, pc.invert(common), mended)
    return Decimals(
        values,
        frozenset(place for place, amount in parsed.items() if amount.rounded),
        {place: amount.fault for place, amount in parsed.items() if amount.fault},
    )


def point_moved(values: pa.Array, to: pa.DataType) -> pa.Array:
    """The same digits with the point where the type `to` has it: exact, and nothing is copied."""
    return pa.Array.from_buffers(to, len(values), values.buffers(), values.null_count, values.offset)


# A count as it is decoded: an integer, or, on a page where some count is none, the JSON token.
Count = int | msgspec.Raw | None


class Counts(NamedTuple):
    """Whole numbers from zero up, null where there is none; and by place, what is wrong."""

    values: pa.Array
    faults: Mapping[int, str]


def counts(values: Sequence[Count]) -> Counts:
    """The counts as a column: integers in any spelling (`12`, `12.0`, `"12"`), and no others."""
    with suppress(pa.ArrowException, OverflowError):
        plain = pa.array(values, pa.int64())
        if (pc.min(plain).as_py() or 0) >= 0:
            return Counts(plain, {})
    read = [_count(value) for value in values]
    faults = {place: value for place, value in enumerate(read) if isinstance(value, str)}
    return Counts(pa.array([None if isinstance(value, str) else value for value in read], pa.decimal128(38)), faults)


def _count(value: Count) -> Decimal | str | None:
    """One count; a text says what is wrong with it."""
    token = str(value).encode() if isinstance(value, int) else bytes(value or b"null")
    if token == b"null":
        return None
    spelt = _COUNT.fullmatch(token)
    if spelt is None:
        return "count unreadable"
    number = Decimal(spelt[2].decode("ascii"))
    if number < 0:
        return "count negative"
    if number.adjusted() >= _COUNT_DIGITS:
        return "count out of range"
    return number.quantize(Decimal(1)) if number == number.to_integral_value() else "count not whole"


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
