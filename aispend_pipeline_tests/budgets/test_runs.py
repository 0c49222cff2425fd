"""When budgets are read: every hour, and by the command; what Dagster records of it."""

from collections.abc import Iterator

import dagster as dg
import pytest

from aispend_pipeline.assets.budgets import BUDGETS, budgets
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.schedules import steps_due
from aispend_pipeline.cli import ingest, up
from aispend_pipeline.errors import UsageError
from aispend_pipeline.sources.http import Limits

from .conftest import NOW, World
from .google import LISTED

PULL = "/v1/projects/ml-prod/subscriptions/aispend-budgets:pull"


@pytest.fixture(scope="module")
def instance(tmp_path_factory) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral(str(tmp_path_factory.mktemp("instance"))) as made:
        yield made


def materialized(world: World, instance: dg.DagsterInstance):
    installation = Installation(world.settings(), world.clock, Limits(attempts=1))
    result = dg.materialize(
        [budgets], instance=instance, resources={"installation": installation}, raise_on_error=False
    )
    [check] = result.get_asset_check_evaluations()
    made = result.asset_materializations_for_node(budgets.node_def.name)
    return result, check, made[0].metadata if made else None


def test_what_was_read_is_noted_for_each_account(world, instance):
    result, check, noted = materialized(world, instance)

    assert (result.success, check.passed, noted["budgets"].value) == (True, True, 4)
    assert noted["default"].value["budgets"] == 4
    assert noted["default"].value["malformed"] == 1
    assert world.look('SELECT DISTINCT run_id FROM "fetch"') == [(result.run_id,)]


def test_the_step_fails_only_when_nothing_at_all_was_read(world, instance):
    world.google.refuse(LISTED, 403, "error_403_permission.json")
    result, check, _ = materialized(world, instance)
    assert (result.success, check.passed, check.severity) == (True, False, dg.AssetCheckSeverity.WARN)

    world.google.refuse(PULL, 403, "error_403_permission.json")
    assert not materialized(world, instance)[0].success


def test_every_hour_asks_for_budgets_where_there_are_any(world):
    assert [step.keys for step in steps_due(world.settings(), NOW)] == [[BUDGETS]]
    both = world.settings(OPENAI_API_KEY="sk-admin-1", AISPEND_START_DATE="2026-11-18")
    assert [step.key.partition(" ")[0] for step in steps_due(both, NOW)] == ["fetch", "add", "budgets", "names"]
    off = world.settings(OPENAI_API_KEY="sk-admin-1", ENABLE_OPENAI="true")
    assert BUDGETS not in [key for step in steps_due(off, NOW) for key in step.keys]


@pytest.mark.long
def test_the_command_reads_budgets_and_says_what_it_could_not(world, monkeypatch, capsys):
    for name, text in world.environment.items():
        monkeypatch.setenv(name, text)

    assert ingest.ingest(None, None, ["vertex_budget"]) == 0
    assert capsys.readouterr().out == "vertex_budget default: read\n"
    assert len(world.kept()) == 5

    world.google.refuse(LISTED, 403, "error_403_permission.json")
    assert ingest.ingest(None, None, []) == 1
    assert "vertex_budget default: " in capsys.readouterr().out

    with pytest.raises(UsageError, match="of no day"):
        ingest.ingest("2026-11-01", None, ["vertex_budget"])


def test_an_installation_that_only_has_budgets_is_not_told_that_nothing_is_read(world):
    assert up.warnings_of(world.settings()) == []
