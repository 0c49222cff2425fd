"""The asset `names` on a real instance: what Dagster records of a reading."""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg
import pytest

from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.names import NAME, NAMES, names
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources.http import Limits
from aispend_pipeline.warehouse import Snapshots, Warehouse

from .conftest import ANTHROPIC_KEY, OPENAI_KEY, item, kept


@pytest.fixture(scope="module")
def instance(tmp_path_factory) -> Iterator[dg.DagsterInstance]:
    """Where all tests here run: making one takes longer than a run."""
    with dg.DagsterInstance.ephemeral(str(tmp_path_factory.mktemp("instance"))) as made:
        yield made


@pytest.fixture
def materialize(environment, clock, instance):
    """Runs the asset; gives the run's result, its newest check and what it noted, if it was materialised."""

    def run(**settings: str):
        installation = Installation(Settings.load({**environment, **settings}, None), clock, Limits(attempts=1))
        result = dg.materialize(
            [names], instance=instance, resources={"installation": installation}, raise_on_error=False
        )
        [check] = result.get_asset_check_evaluations()
        made = result.asset_materializations_for_node("names")
        return result, check, made[0].metadata if made else None

    return run


def test_what_was_read_is_noted_for_each_account(materialize, home):
    result, check, noted = materialize()

    assert result.success
    assert check.passed
    assert noted["names"].value == 7
    assert noted["openai default"].value == {"project": 1, "user": 1, "api_key": 1}
    assert noted["anthropic default"].value == {"organization": 1, "workspace": 1, "api_key": 1, "user": 1}
    assert ("project", "proj_1", "search") in kept(home)


def test_an_account_that_failed_is_warned_of_and_the_others_are_kept(materialize, provider, home):
    provider.lists = {asked: answer for asked, answer in provider.lists.items() if asked[0] != OPENAI_KEY}

    result, check, noted = materialize()

    assert result.success
    assert not check.passed
    assert check.severity == dg.AssetCheckSeverity.WARN
    assert "openai default: /organization/projects answered 404" in check.metadata["failed"].value
    assert "\n" not in check.metadata["failed"].value
    assert "answered 404" in noted["openai default"].value["error"]
    assert kept(home, "anthropic")


def test_the_step_fails_only_when_nothing_at_all_was_read(materialize, provider):
    provider.lists = {}

    result, check, noted = materialize()

    assert not result.success
    assert not check.passed
    assert noted is None

    provider.lists[OPENAI_KEY, "/organization/users"] = [item("u", "Ada")]
    assert materialize()[0].success


def test_accounts_that_are_due_are_read_and_if_there_are_none_all(materialize, provider, clock):
    """So that one whose list is refused is asked again every hour, and costs no other a call."""
    users = provider.lists.pop((OPENAI_KEY, "/organization/users"))
    materialize()
    asked = len(provider.paths(ANTHROPIC_KEY))
    provider.lists[OPENAI_KEY, "/organization/users"] = users

    clock.instant += timedelta(hours=1)
    _, check, noted = materialize()

    assert check.passed
    assert set(noted) == {"names", "seconds", "openai default"}
    assert len(provider.paths(ANTHROPIC_KEY)) == asked
    assert set(materialize()[2]) == {"names", "seconds", "openai default", "anthropic default"}


def test_used_up_calls_are_no_failure(materialize, environment):
    only_anthropic = {"ENABLE_ANTHROPIC": "true", "AISPEND_ANTHROPIC_CALLS_PER_HOUR": "1"}
    assert materialize(**only_anthropic)[0].success

    result, check, noted = materialize(**only_anthropic)

    assert result.success
    assert check.passed
    assert noted["names"].value == 0
    assert "used up" in noted["anthropic default"].value["error"]


def test_the_columns_shown_are_the_tables_own(home, clock):
    Warehouse(home, clock).publish()
    with Snapshots(home).current()[1] as cursor:
        own = cursor.execute('SELECT column_name, column_type FROM (DESCRIBE "name")').fetchall()
    assert own == [(name, type_) for name, (type_, _) in NAME.items()]


def test_the_asset_says_what_it_is_and_shows_no_key(environment):
    spec = names.get_asset_spec(NAMES)
    assert (spec.group_name, spec.owners, names.partitions_def) == ("names", ["team:finops"], None)
    assert spec.description
    assert ANTHROPIC_KEY not in repr(spec)
