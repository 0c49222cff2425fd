"""Amounts are split exactly: whatever the amounts and weights, the parts add up to the last digit."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from aispend_pipeline import money
from aispend_pipeline.rollup.split import split

UNIT = Decimal("1e-18")
# Weights that together are below this count to their last digit.
MOST_EXACT = 10**6
Share = tuple[int, str, Decimal]
Parts = dict[tuple[int, str], Decimal]


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def parted(database, amounts: Mapping[int, Decimal], shares: Iterable[Share]) -> Parts:
    """The part that every share gets."""
    ids, parts, weights = zip(*shares, strict=True)
    whole = pa.table({"id": list(amounts), "usd": pa.array(amounts.values(), pa.decimal128(38, 18))})
    share = pa.table({"id": ids, "part": parts, "weight": pa.array(weights, pa.decimal128(38, 12))})
    database.register("whole", whole)
    database.register("share", share)
    split(database, "whole", "share", "made")
    found = database.execute("SELECT id, part, usd FROM made").fetchall()
    assert len({row[:2] for row in found}) == len(found)
    return {(id_, part): usd for id_, part, usd in found}


def of_one(database, amount: str, *weights: str) -> list[Decimal]:
    """The parts of one amount, in the order of its weights."""
    made = parted(database, {1: Decimal(amount)}, [(1, f"{n}", Decimal(weight)) for n, weight in enumerate(weights)])
    return [usd for _, usd in sorted(made.items())]


BY_HAND = {
    "one weight takes it all": ("12.34", ["7"], ["12.34"]),
    "halves": ("1", ["3", "3"], ["0.5", "0.5"]),
    "the last unit goes to the largest remainder": (
        "1",
        ["1", "2"],
        ["0.333333333333333333", "0.666666666666666667"],
    ),
    "and among equal ones to the first": (
        "1",
        ["1", "1", "1"],
        ["0.333333333333333334", "0.333333333333333333", "0.333333333333333333"],
    ),
    "a credit": ("-0.01", ["1", "1", "1"], ["-0.003333333333333334", "-0.003333333333333333", "-0.003333333333333333"]),
    "less than there are weights": ("0.000000000000000002", ["1", "1", "1"], ["0.000000000000000001"] * 2 + ["0"]),
    "nothing": ("0", ["1", "2"], ["0", "0"]),
    "no weight gets nothing": ("1", ["0", "1", "0"], ["0", "1", "0"]),
    "no weight at all: it is not split": ("1", ["0", "0"], []),
    "the least weight beside the largest": (
        "100000000000000",
        ["0.000000000001", "99999999999999.999999999999"],
        ["0", "100000000000000"],
    ),
    "the least weights alone": ("1", ["0.000000000001", "0.000000000003"], ["0.25", "0.75"]),
    "all that a sum can hold": (
        "99999999999999999999.999999999999999999",
        ["2", "1"],
        ["66666666666666666666.666666666666666666", "33333333333333333333.333333333333333333"],
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_parts_are_what_one_works_out_by_hand(database, name):
    amount, weights, parts = BY_HAND[name]
    assert of_one(database, amount, *weights) == [Decimal(part) for part in parts]


amounts = st.one_of(
    st.just(Decimal(0)),
    st.integers(-50, 50).map(lambda n: n * UNIT),
    st.decimals("-1000", "1000", places=2),
    st.decimals("-1000", "1000", places=18),
    st.decimals("-1e14", "1e14", places=18),
)
weights = st.one_of(
    st.just(Decimal(0)),
    st.integers(1, 1000).map(lambda n: n * Decimal("1e-12")),
    st.decimals("0", "100", places=12),
    st.integers(1, 10**9).map(Decimal),
    st.decimals("1e9", "1e14", places=12),
)
wholes = st.lists(st.tuples(amounts, st.lists(weights, min_size=1, max_size=7)), min_size=1, max_size=5)


def rows(given: Sequence[tuple[Decimal, Sequence[Decimal]]]) -> tuple[dict[int, Decimal], list[Share]]:
    """Amounts by number, and the shares of all of them."""
    shares = [(id_, f"{n}", weight) for id_, (_, of) in enumerate(given) for n, weight in enumerate(of)]
    return {id_: amount for id_, (amount, _) in enumerate(given)}, shares


def tolerance(amount: Decimal, of: Sequence[Decimal]) -> Fraction:
    """How far a part may be from its exact share: one unit; of larger weights, the first eighteen digits count."""
    rounded = Fraction(0) if sum(of) < MOST_EXACT else Fraction(abs(amount)) * len(of) / 10**17
    return Fraction(UNIT) + rounded


@examples(max_examples=100, deadline=None, database=None)
@given(given_=wholes)
def test_parts_add_up_to_the_last_digit_and_are_in_proportion(database, given_):
    made = parted(database, *rows(given_))

    for id_, (amount, of) in enumerate(given_):
        parts = {part: usd for (whole, part), usd in made.items() if whole == id_}
        if not any(of):
            assert parts == {}
            continue
        assert money.add(parts.values()) == amount
        assert set(parts) == {f"{n}" for n in range(len(of))}
        for n, weight in enumerate(of):
            part, exact = parts[f"{n}"], Fraction(amount) * Fraction(weight) / Fraction(money.add(of))
            assert abs(Fraction(part) - exact) <= tolerance(amount, of)
            assert part * amount >= 0
            assert weight or not part


@examples(max_examples=30, deadline=None, database=None)
@given(given_=wholes, data=st.data())
def test_the_order_of_the_rows_does_not_matter(database, given_, data):
    whole, shares = rows(given_)
    first = parted(database, whole, shares)

    shuffled = dict(data.draw(st.permutations(list(whole.items()))))
    assert parted(database, shuffled, data.draw(st.permutations(shares))) == first


def test_an_amount_without_shares_and_shares_without_an_amount_are_no_parts(database):
    found = parted(database, {1: Decimal(5), 2: Decimal(7)}, [(2, "a", Decimal(1)), (3, "a", Decimal(1))])
    assert found == {(2, "a"): 7}
