"""Sums of a month by usage day and by invoice month: exact, and apart by no more than what is said to have moved."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aispend_pipeline import money
from aispend_pipeline.closing.billed import IN, Billed, Part, by_day, by_invoice, moved
from aispend_pipeline.closing.reading import closings
from aispend_pipeline.settings import Settings

from ..normalise.billing_pages import migrated
from .october import OCTOBER, SETTLED, october

amounts = st.one_of(st.decimals("-1000", "1000", places=2), st.decimals("-99999999", "99999999", places=18))
dollars = st.builds(lambda usd: ("USD", usd, usd), amounts)
euros = st.builds(lambda usd: ("EUR", usd, usd), amounts)
without_rate = st.builds(lambda amount: ("CHF", amount, None), amounts)


class Row(NamedTuple):
    """A row of `spend`: day, invoice month, category, currency with amount and USD, and the credit in it."""

    provider: str
    account: str
    day: date
    invoice_month: str
    category: str
    money: tuple[str, Decimal, Decimal | None]
    credit_usd: Decimal | None

    @property
    def usd(self) -> Decimal | None:
        return self.money[2]

    @property
    def credit(self) -> Decimal:
        """What of it is credits."""
        if self.usd is None:
            return Decimal(0)
        return self.credit_usd if self.credit_usd is not None else self.usd if self.category == "Credit" else Decimal(0)


rows = st.lists(
    st.builds(
        Row,
        st.just("vertex"),
        st.sampled_from(["default", "eu"]),
        st.sampled_from([october(1) + timedelta(days=n) for n in (-40, -1, 0, 15, 30, 31, 45)]),
        st.sampled_from(["2026-09", "2026-10", "2026-11"]),
        st.sampled_from(["Usage", "Credit", "Tax"]),
        st.one_of(dollars, euros, without_rate),
        st.one_of(st.none(), amounts),
    ),
    max_size=12,
)


@pytest.mark.long
@settings(deadline=None, max_examples=25)
@given(rows)
def test_what_a_warehouse_has_of_a_month_is_added_up_exactly_in_every_way(booked):
    found = {one.account: one for one in _closed(booked)}

    for account in ("default", "eu"):
        own = [row for row in booked if row.account == account]
        of_days = [row for row in own if row.day in OCTOBER.window]
        on_invoice = [row for row in own if row.invoice_month == OCTOBER.name]
        closing = found[account]
        if not of_days:
            assert closing.billed is closing.invoiced is None
            continue
        _same(closing.billed, of_days)
        _same(closing.invoiced, on_invoice)
        assert sum(one.rows for one in closing.moved) == len({*map(id, of_days)} ^ {*map(id, on_invoice)})


def _same(billed: Billed, rows: list[Row]) -> None:
    known = [row for row in rows if row.usd is not None]
    unknown = Counter()
    for row in rows:
        if row.usd is None:
            unknown[row.money[0]] = money.add((unknown[row.money[0]], row.money[1]))
    assert billed.rows == len(rows)
    assert dict(billed.unconverted) == {currency: amount for currency, amount in unknown.items() if amount}
    assert (billed.usd or Decimal(0)) == money.add(row.usd for row in known)
    assert billed.credits_usd == money.add(row.credit for row in known)
    assert billed.tax_usd == money.add(row.usd for row in known if row.category == "Tax")


def _closed(booked: list[Row]):
    """The closings of a warehouse with these rows, whose accounts are configured."""
    table = {"GCP_BQ_PROJECT": "p-one", "GCP_BQ_DATASET": "d", "GCP_BQ_TABLE": "t", "GCP_BQ_TABLE__EU": "u"}
    of = Settings.load(table, None)
    with migrated() as warehouse:
        if booked:
            warehouse.executemany(
                "INSERT INTO spend (source, provider, account, day, charge_start, invoice_month, charge_category,"
                " currency, amount, amount_usd, credit_usd, fetch_id, page_id, row_no)"
                " VALUES ('vertex_billing', ?, ?, ?, '2026-10-01', ?, ?, ?, ?, ?, ?, 'f', 'p', 1)",
                [[*row[:5], *row.money, row.credit_usd if row.usd is not None else None] for row in booked],
            )
        return closings(warehouse.cursor(), of, OCTOBER, SETTLED.date())


parts = st.lists(
    st.builds(
        Part,
        st.just("vertex"),
        st.just("default"),
        st.sampled_from(["2026-09", "2026-10", "2026-11"]),
        st.sampled_from(["before", IN, "after"]),
        st.sampled_from(["USD", "EUR"]),
        st.integers(1, 1000),
        amounts,
        st.one_of(st.none(), amounts),
        st.none(),
        st.none(),
    ),
    max_size=20,
)


@settings(deadline=None)
@given(parts)
def test_what_has_moved_is_all_that_the_two_sums_differ_by(of):
    apart = moved(of, OCTOBER)

    came = money.add(one.usd for one in apart if one.used != IN)
    left = money.add(one.usd for one in apart if one.used == IN)
    usd, on_invoice = (billed.usd or Decimal(0) for billed in (by_day(of), by_invoice(of, OCTOBER)))
    assert on_invoice == money.add((usd, came, -left))


def test_dollars_are_unknown_where_all_of_it_is_in_a_currency_without_a_rate():
    def part(usd):
        return Part("vertex", "default", "2026-10", IN, "CHF", 1, Decimal(3), usd)

    assert Billed.of([part(None)]).usd is None
    assert Billed.of([part(None), part(Decimal(2))]).usd == Decimal(2)
    assert Billed.of([]).usd == Decimal(0)
