"""The simulated Google's budgets, read as real ones are: what is kept is what its books say."""

from datetime import UTC, datetime

import pytest

from aispend_pipeline.budgets.kept import Kept, budgets, month_to_date
from aispend_pipeline.budgets.reading import read_budgets
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator.google import environment, google
from aispend_pipeline.simulator.google_books import EXPORTS
from aispend_pipeline.simulator.google_budgets import budgets_of, month_of
from aispend_pipeline.simulator.server import served
from aispend_pipeline.sources.http import Limits
from aispend_pipeline.warehouse import Snapshots, Warehouse
from aispend_pipeline_tests.warehouse.building import SetClock

NOW = datetime(2026, 11, 3, 10, 20, tzinfo=UTC)
TOLD = datetime(2026, 11, 3, 10, 15, tzinfo=UTC)


@pytest.fixture(scope="module")
def known(tmp_path_factory) -> list[Kept]:
    home, clock = tmp_path_factory.mktemp("simulated") / "home", SetClock(NOW)
    with served(google(list(EXPORTS), clock)) as base:
        settings = Settings.load({"AISPEND_HOME": str(home), **environment(base)}, None)
        for read in read_budgets(settings, Warehouse(home, clock), clock=clock, limits=Limits()):
            assert read.error is None
            assert read.messages["duplicates"] > 0
    with Snapshots(home).current()[1] as cursor:
        return budgets(cursor)


def test_the_newest_figures_are_those_of_the_simulators_books(known):
    found = {of.budget.billing_account: of for of in month_to_date(known, "2026-11")}

    billed = [one for accounts in EXPORTS.values() for one in accounts]
    assert set(found) == {one.account_id for one in billed}
    for one in billed:
        budget, spent = found[one.account_id]
        of_ai, _ = budgets_of(one)
        assert budget.name == of_ai.name
        assert spent.published_at == TOLD
        assert spent.amount == round(of_ai.cost(month_of(TOLD), TOLD, TOLD), 2)
        assert spent.currency == one.currency
        assert budget.amount == of_ai.amount(TOLD)


def test_of_a_budget_of_last_months_cost_only_the_figure_knows_the_amount(known):
    everything = [one for one in known if one.name == "Everything"]
    assert len(everything) == 3
    assert {one.amount for one in everything} == {None}
    assert all(one.figures[0].budget_amount for one in everything)
    assert all(one.currency == one.figures[0].currency for one in everything)
