"""BigQuery's answers: rows of texts, and what the texts are.

Facts: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2/jobs/getQueryResults and real answers. Every
value is a text or null, whatever its type; pages after the first may lack the schema, and an answer without rows
has no `rows`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from aispend_pipeline.errors import ErrorClass, FetchError
from aispend_pipeline.normalise.columns import Decimals, decode, point_moved

# Two of the largest may be added.
BILLIONTHS = pa.decimal128(19, 9)
QUANTITY = pa.decimal128(38, 9)
_INT64 = pa.decimal128(19)
_INT64_ENDS = (-(2**63), 2**63 - 1)
_QUANTITY_UNIT = Decimal(1).scaleb(-9)
_QUANTITY_DIGITS = 20  # the sum of a thousand million of the largest fits DECIMAL(38, 9)
_EXACT = Context(prec=38, rounding=ROUND_HALF_EVEN)

_COMMON_INTEGER = r"^-?[0-9]{1,18}$"
_INTEGER = re.compile(r"-?[0-9]{1,400}")
_COMMON_FLOAT = r"^-?[0-9]{1,17}(\.[0-9]{1,9})?$"
_FLOAT = re.compile(r"-?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,3})?")

Text = str | None


class _Cell(msgspec.Struct, gc=False):
    v: Text


class _Row(msgspec.Struct, gc=False):
    f: list[_Cell]


class _Field(msgspec.Struct, gc=False):
    name: str


class _Schema(msgspec.Struct, gc=False):
    fields: list[_Field]


class _Page(msgspec.Struct, rename="camel", gc=False):
    job_complete: bool = True
    total_rows: Text = None
    schema: _Schema | None = None
    rows: list[_Row] = []


_page = msgspec.json.Decoder(_Page)


def answer(body: bytes, columns: Sequence[str]) -> list[list[Text]]:
    """The rows of a page of a query's answer, each with a text for each of `columns`.

    None where the query is still running. Raises `FetchError` (schema) for other columns, or a page of another shape.
    """
    page = decode(_page, body)
    if page.job_complete and page.total_rows is None:
        raise FetchError(ErrorClass.SCHEMA, "the page's shape is not the known one: it has no `totalRows`")
    if page.schema is not None:
        _check([field.name for field in page.schema.fields], columns)
    rows = [[cell.v for cell in row.f] for row in page.rows]
    odd = next((row for row in rows if len(row) != len(columns)), None)
    if odd is not None:
        raise FetchError(ErrorClass.SCHEMA, f"a row of the page has {len(odd)} values, for {len(columns)} columns")
    return rows


def _check(names: list[str], columns: Sequence[str]) -> None:
    if names == list(columns):
        return
    differences = {
        "missing": [name for name in columns if name not in names],
        "not asked for": [name for name in names if name not in columns],
    }
    said = "; ".join(f"{what}: {', '.join(found)[:200]}" for what, found in differences.items() if found)
    raise FetchError(ErrorClass.SCHEMA, f"the page's columns are not those of the query ({said or 'another order'})")


def billionths(texts: Sequence[Text]) -> Decimals:
    """INT64 texts as billionths of a unit: exact, type `BILLIONTHS`; null where there is none, and why."""
    values, odd = _read(texts, _COMMON_INTEGER, _INT64, _integer)
    faults = {place: read for place, read in odd.items() if isinstance(read, str)}
    return Decimals(point_moved(values, BILLIONTHS), frozenset(), faults)


class Quantities(NamedTuple):
    """Decimals with nine places, rounded half-even, null where there is none; and how many could not be read."""

    values: pa.Array
    unread: int


def quantities(texts: Sequence[Text]) -> Quantities:
    """FLOAT64 texts: each digit that is written counts, up to the ninth place."""
    values, odd = _read(texts, _COMMON_FLOAT, QUANTITY, _quantity)
    return Quantities(values, sum(isinstance(read, str) for read in odd.values()))


# What an odd text is, none if it is null; a text says what is wrong with it.
_Odd = Decimal | int | str | None


def _read(
    texts: Sequence[Text], common: str, kind: pa.DataType, read: Callable[[Text], _Odd]
) -> tuple[pa.Array, Mapping[int, _Odd]]:
    """The column of texts: those of the `common` spelling all at once, and by place, what `read` makes of the rest."""
    spelt = pa.array(texts, pa.string())
    plain = pc.fill_null(pc.match_substring_regex(spelt, common), False)
    values = pc.if_else(plain, spelt, None).cast(kind)
    odd = {place: read(texts[place]) for place in pc.indices_nonzero(pc.invert(plain)).to_pylist()}
    if not odd:
        return values, odd
    mended: list[Any] = [None if isinstance(found, str) else found for found in odd.values()]
    return pc.replace_with_mask(values, pc.invert(plain), pa.array(mended, kind)), odd


def _integer(text: Text) -> int | str:
    if text is None:
        return "amount missing"
    if not _INTEGER.fullmatch(text):
        return "amount unreadable"
    first, last = _INT64_ENDS
    return number if first <= (number := int(text)) <= last else "amount out of range"


def _quantity(text: Text) -> Decimal | str | None:
    if text is None:
        return None
    if not _FLOAT.fullmatch(text):
        return "quantity unreadable"
    number = Decimal(text)
    if number and number.adjusted() >= _QUANTITY_DIGITS:
        return "quantity out of range"
    return number.quantize(_QUANTITY_UNIT, context=_EXACT)
