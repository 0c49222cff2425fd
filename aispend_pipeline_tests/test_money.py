"""Money is exact: every spelling, the store's scale, the text people read, and sums."""

import re
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aispend_pipeline import money
from aispend_pipeline.normalise.columns import decimals

steady = settings(deadline=None, derandomize=True)
UNIT = Decimal("1e-18")
LIMIT = Decimal("1e15")

digits = st.text("0123456789", min_size=1, max_size=40)
exponents = st.integers(-60, 60).map(str) | st.sampled_from(["+5", "-6176", "-999999999", "007"])
spellings = st.builds(
    lambda sign, whole, places, e, exponent: (
        sign + whole + ("" if places is None else f".{places}") + ("" if exponent is None else e + exponent)
    ),
    st.sampled_from(["", "-"]),
    digits,
    st.none() | digits,
    st.sampled_from("eE"),
    st.none() | exponents,
)
amounts = st.decimals("-99999999999999", "99999999999999", places=18)

REFUSED = [
    *["1,000", "1.000,00", "$5", "5 USD", "1e308", "1e999999", "-1e999999999", "1_000", " 1 ", "1 ", "\n1", "+5", ""],
    *[
        "\u0663",
        "\uff11\uff12",
        "½",
        ".5",
        "5.",
        "1e",
        "e5",
        "1.5e1.5",
        "0x10",
        "--1",
        "1-",
        "NaN",
        "Infinity",
        "-Infinity",
        "nan",
    ],
    *["true", "null", "1000000000000000", "999999999999999.9999999999999999996"],
]


def exactly(spelling: str) -> Decimal | None:
    """What a spelling is worth at the store's scale, by plain Decimal arithmetic."""
    number = Decimal(spelling)
    with localcontext(prec=200, rounding=ROUND_HALF_EVEN):
        if number == 0 or abs(number) < Decimal("1e-30"):
            return Decimal(0)
        if number.adjusted() > 30:
            return None
        value = number.quantize(UNIT)
        return value if abs(value) < LIMIT else None


@steady
@given(spellings, st.booleans())
@example("0E-6176", True)
@example("0E+999999", False)
@example("0.0000000000000000005", False)
@example("0.0000000000000000015", True)
@example("999999999999999.9999999999999999999", False)
@example("1e-9", False)
def test_number_and_string_are_read_as_decimal_arithmetic_says(spelling, quoted):
    token = f'"{spelling}"' if quoted else spelling
    read = money.parse(token.encode())
    expected = exactly(spelling)
    assert read.value == expected
    if expected is None:
        assert read.fault == "amount out of range"
    else:
        assert read.fault is None
        assert read.value.as_tuple().exponent == -18
        assert read.rounded == (read.value != Decimal(spelling))


@pytest.mark.parametrize(
    ("spelling", "value"),
    [
        ("0.1234567890123456785", "0.123456789012345678"),
        ("0.1234567890123456775", "0.123456789012345678"),
        ("-0.1234567890123456785", "-0.123456789012345678"),
        ("0.12345678901234567850000000001", "0.123456789012345679"),
        ("5e-19", "0"),
        ("6e-19", "1e-18"),
    ],
)
def test_more_than_18_places_are_rounded_half_even_and_counted(spelling, value):
    assert money.parse(spelling.encode()) == (Decimal(value), True, None)


@pytest.mark.parametrize("spelling", REFUSED)
@pytest.mark.parametrize("quoted", [False, True], ids=["bare", "quoted"])
def test_what_is_no_amount_is_refused_with_a_reason(spelling, quoted):
    read = money.parse((f'"{spelling}"' if quoted else spelling).encode())
    assert read.value is None
    assert read.fault in ("amount missing", "amount unreadable", "amount out of range")


@pytest.mark.parametrize("token", [b"{}", b"[]", b"[1]", b'{"value":1}', b'"1', b'1"', b"false", b"\xff"])
def test_what_is_not_a_number_or_a_string_is_refused(token):
    assert money.parse(token) == (None, False, "amount unreadable")


@pytest.mark.parametrize("token", [b"", b"null"])
def test_a_missing_amount_is_called_missing(token):
    assert money.parse(token).fault == "amount missing"


tokens = (
    spellings.map(str.encode)
    | spellings.map(lambda text: f'"{text}"'.encode())
    | st.sampled_from(REFUSED).map(str.encode)
    | st.sampled_from(REFUSED).map(lambda text: f'"{text}"'.encode())
    | st.text(max_size=12).map(msgspec.json.encode)
    | st.sampled_from([b"null", b"true", b"{}", b"[]", b"", b'"\\u0031"', b'"\\"1\\""', b"-0", b"-0.00", b"0E-6176"])
)


@steady
@given(st.lists(tokens, max_size=12))
@example([b"1", b"NaN", b'"2.50"', b""])
@example([])
def test_the_fast_way_of_whole_columns_agrees_with_reading_one_by_one(column):
    read = decimals([msgspec.Raw(token) for token in column])
    one_by_one = [money.parse(token) for token in column]
    assert read.values.to_pylist() == [amount.value for amount in one_by_one]
    assert read.rounded == {place for place, amount in enumerate(one_by_one) if amount.rounded}
    assert read.faults == {place: amount.fault for place, amount in enumerate(one_by_one) if amount.fault}


@steady
@given(spellings, st.booleans())
@example("123.78912", True)
@example("0E-6176", True)
@example("0.00000000000000005", True)
@example("0.00000000000000015", False)
@example("99999999999999999.99999999999999999", True)
@example("100000000000000000", True)
@example("1e-999999999", False)
def test_cents_are_a_hundredth_rounded_once(spelling, quoted):
    token = f'"{spelling}"' if quoted else spelling
    read = money.parse(token.encode(), cents=True)
    number = Decimal(spelling)
    sign, digits, exponent = number.as_tuple()
    dollars = Decimal((sign, digits, exponent - 2))
    expected = exactly(str(dollars))
    assert (read.value, read.fault) == (expected, None if expected is not None else "amount out of range")
    if expected is not None:
        assert read.value.as_tuple().exponent == -18
        assert read.rounded == (read.value != dollars)
        if abs(dollars.adjusted()) < 100:
            assert read.rounded == (Fraction(read.value) != Fraction(spelling) / 100)


@pytest.mark.parametrize(
    ("cents", "dollars"),
    [
        ("123.78912", "1.2378912"),
        ("291.9015", "2.919015"),
        ("1", "0.01"),
        ("-5", "-0.05"),
        ("0.0000000000000001", "0.000000000000000001"),
        ("0.00000000000000015", "0.000000000000000002"),
        ("0.00000000000000025", "0.000000000000000002"),
    ],
)
def test_an_amount_in_cents_is_a_hundredth_of_its_text(cents, dollars):
    assert money.parse(f'"{cents}"'.encode(), cents=True).value == Decimal(dollars)


@steady
@given(st.lists(tokens, max_size=12))
@example([b'"999999999999999.9999999999999999"', b'"-0.0000000000000001"', b"NaN", b'"2.50"', b""])
@example([b'"999999999999999"', b'"1000000000000000"', b'"99999999999999999"', b'"-100000000000000000"'])
@example([b'"527.999760"', b'"0.00000000000000015"', b'"0.000000000000000015"'])
def test_the_fast_way_of_whole_columns_of_cents_agrees_with_reading_one_by_one(column):
    read = decimals([msgspec.Raw(token) for token in column], cents=True)
    one_by_one = [money.parse(token, cents=True) for token in column]
    assert read.values.to_pylist() == [amount.value for amount in one_by_one]
    assert read.rounded == {place for place, amount in enumerate(one_by_one) if amount.rounded}
    assert read.faults == {place: amount.fault for place, amount in enumerate(one_by_one) if amount.fault}


@steady
@given(st.lists(st.decimals("-999999999", "999999999", places=6), max_size=30))
def test_the_sum_of_cents_is_a_hundredth_of_their_sum(some):
    read = decimals([msgspec.Raw(f'"{cents}"'.encode()) for cents in some], cents=True)
    assert Fraction(money.add(read.values.to_pylist())) == sum(map(Fraction, some)) / 100


@steady
@given(amounts | spellings.map(lambda text: money.parse(text.encode()).value or Decimal(0)))
@example(Decimal("-0.00"))
@example(Decimal("0E-18"))
@example(Decimal("1E+2"))
@example(Decimal("-0.000000000000000001"))
def test_text_is_plain_exact_and_short(amount):
    text = money.text(amount)
    assert Decimal(text) == amount
    assert re.fullmatch(r"-?(0|[1-9][0-9]*)\.([0-9]{2}|[0-9]+[1-9])", text)
    assert text != "-0.00"
    assert money.parse(text.encode()) == (amount, False, None)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("12.5", "12.50"),
        ("0.000003", "0.000003"),
        ("0", "0.00"),
        ("-0.000", "0.00"),
        ("-3", "-3.00"),
        ("1E+3", "1000.00"),
    ],
)
def test_text_has_at_least_two_decimals_and_no_further_zeros(amount, text):
    assert money.text(Decimal(amount)) == text


def test_a_thousand_times_four_tenths_of_a_cent_is_four_dollars():
    each = money.parse(b"0.004").value
    assert money.text(money.add([each] * 1000)) == "4.00"


@steady
@given(st.lists(amounts, max_size=30), st.randoms())
def test_sums_are_exact_in_any_order(some, random):
    shuffled = random.sample(some, len(some))
    assert money.add(some) == money.add(shuffled)
    assert Fraction(money.add(some)) == sum(map(Fraction, some))


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "0.00"),
        ("1234567.891", "1,234,567.89"),
        ("0.0051", "0.01"),
        ("0.005", "0.005"),
        ("-0.005", "-0.005"),
        ("0.0000012", "0.000001"),
        ("-0.00000000012", "-1e-10"),
    ],
)
def test_on_a_screen_no_money_looks_like_none(amount, shown):
    assert money.on_screen(Decimal(amount)) == shown


@pytest.mark.parametrize(
    ("total", "cap", "shown"),
    [
        ("100.40", "100", "100.40 of 100.00"),
        ("100", "100", "100.00 of 100.00"),
        ("99.999999", "100", "99.999999 of 100.00"),
        ("99.994", "100", "99.99 of 100.00"),
        ("99.995", "100", "99.995 of 100.00"),
        ("999999.999999999999999999", "1000000", "999,999.999999999999999999 of 1,000,000.00"),
        ("100.004", "100.004", "100.004 of 100.004"),
        ("100.0039", "100.004", "100.00 of 100.004"),
        ("0.0000049", "0.000005", "0.0000049 of 0.000005"),
        ("0", "0.01", "0.00 of 0.01"),
        ("-0.004", "0.01", "-0.004 of 0.01"),
        ("-12345.678", "100", "-12,345.68 of 100.00"),
    ],
)
def test_a_total_is_in_cents_unless_that_would_put_it_on_the_wrong_side_of_its_cap(total, cap, shown):
    assert " of ".join(money.against(Decimal(total), Decimal(cap))) == shown


def near(cap):
    """Amounts on both sides of a cap, by less than a cent or by anything."""
    return st.one_of(amounts, st.decimals("-0.02", "0.02", places=18).map(lambda gap: money.EXACT.add(cap, gap)))


@steady
@given(st.decimals("0.000001", "99999999", places=6).flatmap(lambda cap: st.tuples(near(cap), st.just(cap))))
def test_a_total_looks_below_its_cap_exactly_when_it_is(total_and_cap):
    total, cap = total_and_cap
    shown, limit = (Decimal(one.replace(",", "")) for one in money.against(total, cap))
    assert limit == cap
    assert (shown < limit) == (total < cap)
    assert abs(shown - total) <= Decimal("0.005")
