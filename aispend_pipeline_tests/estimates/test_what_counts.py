"""Whatever is billed and used, every dollar counts once: the bill's where it is there, else the estimate's."""

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from aispend_pipeline import money
from aispend_pipeline.model import Fetch, Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.warehouse import Snapshots, Warehouse
from aispend_pipeline_tests.warehouse.books import completions, used
from aispend_pipeline_tests.warehouse.building import DAY, SetClock, complete, failed, line, store

from .figures import for_good, soon, while_open

DAYS = [DAY + timedelta(days=n) for n in range(3)]
ACCOUNTS = ["default", "eu"]
# USD a million tokens of input, cached input and output; none for what the price list does not know.
PRICES: Mapping[str | None, tuple[str, str, str] | None] = {
    "gpt-4o": ("2.50", "1.25", "10.00"),
    "o3": ("2.00", "0.50", "8.00"),
    "gpt-99": None,
    None: None,
}
# How the bill of a day was read, or that it was not.
STATES = ["never asked", "failed", "open", "partial", "billed", "settled"]
COMES = {"open": while_open, "partial": for_good, "billed": soon, "settled": for_good}


class Use(NamedTuple):
    model: str | None
    uncached: int
    cached: int
    output: int

    @property
    def usd(self) -> Decimal:
        """At list price; nothing if there is none."""
        counted, prices = (self.uncached, self.cached, self.output), PRICES[self.model] or ("0", "0", "0")
        return money.add(n * Decimal(usd) / 10**6 for n, usd in zip(counted, prices, strict=True))


class Day(NamedTuple):
    """What is billed and used on a day, and how the bill was read."""

    state: str
    lines: Sequence[tuple[str | None, Decimal]]
    uses: Sequence[Use]

    def fetches(self, account: str, day: date) -> Iterator[Fetch]:
        counts = [
            completions(use.model, use.uncached + use.cached, use.output, input_cached_tokens=use.cached)
            for use in self.uses
        ]
        yield used({day: counts}, account=account)
        if self.state == "failed":
            yield failed(Window(day, day), account=account)
        elif self.state in COMES:
            bill = [line(f"{usd:f}", model) for model, usd in self.lines]
            odd = self.state == "partial"
            at: datetime = COMES[self.state](day)
            yield complete({day: bill + [line("oops")] * odd}, account=account, at=at, faulty=[day] * odd)

    @property
    def billed(self) -> Sequence[tuple[str | None, Decimal]]:
        return self.lines if self.state in COMES else ()

    def comes_to(self) -> Decimal:
        """What the day costs, by the rule."""
        estimates: defaultdict[str | None, Decimal] = defaultdict(Decimal)
        for use in self.uses:
            estimates[use.model] += use.usd
        if self.state in ("billed", "settled"):
            estimates.clear()
        usage: defaultdict[str | None, Decimal] = defaultdict(Decimal)
        for model, usd in self.billed:
            usage[model] = money.add((usage[model], max(usd, Decimal(0))))
        credits_ = money.add(min(usd, Decimal(0)) for _, usd in self.billed)
        return money.add([credits_, *(max(usage[model], estimates[model]) for model in {*usage, *estimates})])


counts = st.one_of(st.integers(0, 3), st.integers(0, 10**7), st.integers(0, 10**12))
uses = st.builds(Use, st.sampled_from(list(PRICES)), counts, counts, counts)
amounts = st.one_of(
    st.decimals("0", "20", places=2),
    st.decimals("-20", "20", places=18),
    st.just(Decimal("1e-18")),
    st.decimals("-1e14", "1e14", places=6),
)
days = st.builds(
    Day,
    st.sampled_from(STATES),
    st.lists(st.tuples(st.sampled_from(list(PRICES)), amounts), max_size=4),
    st.lists(uses, max_size=5),
)
several_days = st.fixed_dictionaries({(account, day): days for account in ACCOUNTS for day in DAYS})


BY_DAY = """
    SELECT account, day, coalesce(sum(billed_usd), 0), coalesce(sum(estimated_usd), 0) FROM spend_daily GROUP BY ALL
"""
MORE_THAN_ALL = "SELECT count(*) FROM estimate WHERE counted_usd NOT BETWEEN 0 AND usd + 0.000001"
TOKENS = "SELECT account, day, sum(quantity) FROM estimate GROUP BY ALL"


@pytest.mark.long
@examples(max_examples=6, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(several=several_days)
def test_every_dollar_and_every_token_counts_once(empty_store, several):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(empty_store, Path(folder) / "home")
        warehouse = Warehouse(Path(folder) / "home", SetClock())
        store(warehouse, *[one for (account, day), of in several.items() for one in of.fetches(account, day)])

        add_up(warehouse, Window(DAYS[0], DAYS[-1]), SetClock(), calibrated=False)

        with Snapshots(warehouse.home).current()[1] as cursor:
            found = {(account, day): usd for account, day, *usd in cursor.execute(BY_DAY).fetchall()}
            tokens = {(account, day): int(n) for account, day, n in cursor.execute(TOKENS).fetchall()}
            assert cursor.execute(MORE_THAN_ALL).fetchall() == [(0,)]
        for key, day in several.items():
            billed, estimated = found.get(key, (0, 0))
            assert billed == money.add(usd for _, usd in day.billed)
            assert money.add((billed, estimated)) == day.comes_to()
            assert estimated == 0 or day.state not in ("billed", "settled")
            assert tokens.get(key, 0) == sum(use.uncached + use.cached + use.output for use in day.uses)
