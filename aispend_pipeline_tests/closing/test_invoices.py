"""Invoices: how they are spelt, and when one ties."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aispend_pipeline import money
from aispend_pipeline.closing.billed import IN, Billed, Part
from aispend_pipeline.closing.invoices import Invoice, hold, parse
from aispend_pipeline.closing.model import Closing, Restated
from aispend_pipeline.errors import UsageError

exact = st.decimals("0", "9999999999", places=18)


def closing(provider: str, account: str, usd: Decimal | None) -> Closing:
    billed = None if usd is None else Billed.of([Part(provider, account, "2026-10", IN, "USD", 1, usd, usd)])
    return Closing(provider, account, billed, billed, (), (), (), (), Restated(), (), ())


def held(invoice: str, *found: Closing):
    (one,) = hold(parse([invoice]), found)
    return one


def test_an_invoice_is_of_an_account_or_of_all_of_a_providers():
    assert parse(["openai=12345.67", "anthropic/eu=80", "vertex/0155AA-2B7C91-000042=0.5"]) == [
        Invoice("openai", None, Decimal("12345.67")),
        Invoice("anthropic", "eu", Decimal(80)),
        Invoice("vertex", "0155AA-2B7C91-000042", Decimal("0.5")),
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["openai"], "--invoice 'openai' is not PROVIDER=AMOUNT"),
        (["=5"], "--invoice '=5' is not PROVIDER=AMOUNT"),
        (["openai/=5"], "--invoice 'openai/=5' is not PROVIDER=AMOUNT"),
        (["opnai=5"], "--invoice 'opnai=5': opnai is none of openai, anthropic, vertex"),
        (["openai=1,000.00"], "--invoice 'openai=1,000.00': 1,000.00 is not a plain amount of US dollars"),
        (["openai=-5"], "--invoice 'openai=-5': -5 is not a plain amount"),
        (["openai=1e3"], "--invoice 'openai=1e3': 1e3 is not a plain amount"),
        (["openai=NaN"], "--invoice 'openai=NaN': NaN is not a plain amount"),
        (["openai="], "--invoice 'openai=':  is not a plain amount"),
        (["openai=1", "openai/eu=2", "openai=1"], "--invoice 'openai=1': the one of openai is given twice"),
        (["openai/eu=1", "openai/eu=2"], "--invoice 'openai/eu=2': the one of openai/eu is given twice"),
    ],
)
def test_what_is_spelt_otherwise_or_given_twice_is_refused(given, said):
    with pytest.raises(UsageError) as refused:
        parse(given)

    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


def test_an_invoice_of_no_account_is_refused_with_those_that_there_are():
    found = [closing("openai", "default", Decimal(1)), closing("openai", "eu", Decimal(2))]

    with pytest.raises(
        UsageError, match=r"^--invoice openai/us: is of no account; openai has the accounts default, eu$"
    ):
        hold(parse(["openai/us=1"]), found)
    with pytest.raises(UsageError, match=r"^--invoice anthropic: is of no account; nothing of anthropic is read$"):
        hold(parse(["anthropic=1"]), found)


@given(st.lists(exact, min_size=1, max_size=3), exact)
def test_the_difference_is_exact_and_the_invoice_ties_if_that_is_less_than_a_cent(billed, invoice):
    found = [closing("openai", str(number), usd) for number, usd in enumerate(billed)]

    one = held(f"openai={invoice:f}", *found)

    total = money.add(billed)
    assert one.billed_usd == total
    assert money.EXACT.add(one.difference_usd, total) == invoice
    assert one.ties == (total - Decimal("0.01") < invoice < total + Decimal("0.01"))


@given(exact)
def test_a_bill_that_is_rounded_to_cents_ties(usd):
    rounded = usd.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)

    assert held(f"openai={rounded}", closing("openai", "default", usd)).ties


@pytest.mark.parametrize(
    ("invoice", "ties"), [("10.00", True), ("10.0099", True), ("9.9901", True), ("10.01", False), ("9.99", False)]
)
def test_a_cent_is_too_much(invoice, ties):
    assert held(f"openai={invoice}", closing("openai", "default", Decimal(10))).ties is ties


def test_nothing_is_held_against_what_was_not_read():
    found = [closing("openai", "default", Decimal(10)), closing("openai", "eu", None)]

    together = held("openai=10", *found)

    assert (together.billed_usd, together.difference_usd, together.ties) == (None, None, False)
    assert held("openai/default=10", *found).ties
