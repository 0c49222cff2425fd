"""All three providers together from the hourly job: every total is what the simulated books say."""

from datetime import date
from decimal import Decimal

import dagster as dg
import pytest

from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.schedules import steps_due
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator import organisation
from aispend_pipeline.simulator.google import environment, google
from aispend_pipeline.simulator.server import served
from aispend_pipeline.sources.http import Limits
from aispend_pipeline.warehouse import Snapshots, reads

from .conftest import LOOK_BACK, NOW, World, days_made, run, world


@pytest.mark.long
def test_one_tick_reads_and_adds_up_all_three_and_the_budgets(home):
    with (
        world(home, AISPEND_START_DATE=str(LOOK_BACK.first)) as two,
        served(google(("default", "eu"), two.clock)) as base,
    ):
        told = {**two.environment, **environment(base, ("default", "eu")), "AISPEND_START_DATE": str(LOOK_BACK.first)}
        made = World(Installation(Settings.load(told, None), two.clock, Limits(attempts=1)), two.instance, told)
        runs = run(made, *steps_due(made.installation.settings, NOW))

        assert [one.errors for one in runs] == [[]] * len(runs)
        _, cursor = Snapshots(home).current()
        answer = reads.ask(cursor, reads.Question(LOOK_BACK, ("provider", "account")), [], NOW.date())
        found = {(row.keys["provider"], row.keys["account"]): row.usd for row in answer.rows}
        assert found == {
            (provider, account): organisation.total(provider, account, LOOK_BACK.days(), NOW)
            for provider in organisation.PROVIDERS
            for account in organisation.accounts(provider)
        }
        assert min(found.values()) > Decimal(0)
        assert days_made(made.instance, dg.AssetKey(["raw", "vertex_billing"])) == {
            str(day) for day in LOOK_BACK.days()
        }
        assert {one.budget.name for one in answer.budgets} == {"AI monthly cap"}
        states = {
            day.state.value
            for day in answer.coverage
            if day.source == "vertex_billing" and day.day < date(2026, 11, 20)
        }
        assert states == {"complete"}
