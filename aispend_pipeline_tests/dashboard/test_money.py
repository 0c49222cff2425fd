"""The page's own arithmetic against Python's, in the browser that does it."""

from decimal import ROUND_HALF_EVEN, Context, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aispend_pipeline import money

from .browser import opened

EXACT = Context(prec=80)
amounts = st.decimals(min_value=-(10**15), max_value=10**15, places=18)
FIGURES = """async ([one, other, tokens]) => {
  const m = await import("/dashboard/money.js");
  const [a, b] = [m.parse(one), m.parse(other)];
  return [m.text(a), m.text(m.sum([a, null, b])), m.shown(a), m.shown(m.perMillion(a, tokens))];
}"""


@pytest.mark.long
def test_money_is_added_and_rounded_as_python_does_it(browser, address):
    with opened(browser, address) as (page, _):

        @settings(max_examples=300, deadline=None)
        @given(one=amounts, other=amounts, tokens=st.integers(1, 10**12))
        def holds(one, other, tokens):
            texts = page.evaluate(FIGURES, [f"{one:f}", f"{other:f}", tokens])
            per_million = rounded(EXACT.divide(abs(one) * 10**6, Decimal(tokens)), "1e-18")
            assert texts[:2] == [money.text(one), money.text(EXACT.add(one, other))]
            assert texts[2:] == [dollars(one), dollars(per_million.copy_sign(one))]

        holds()


def rounded(amount: Decimal, step: str) -> Decimal:
    return amount.quantize(Decimal(step), ROUND_HALF_EVEN, EXACT)


def dollars(amount: Decimal) -> str:
    cents = rounded(amount, "0.01")
    return f"{'−' if cents < 0 else ''}${abs(cents):,.2f}"
