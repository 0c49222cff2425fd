"""The graph is the one we drew, loads with nothing around it, and shows nobody a secret."""

import re

import dagster as dg
import pytest

from aispend_pipeline.assets import columns
from aispend_pipeline.assets.budgets import BUDGETS
from aispend_pipeline.assets.grid import DAYS_A_RUN
from aispend_pipeline.assets.installation import Installation
from aispend_pipeline.assets.instructions import SELECTION
from aispend_pipeline.assets.names import NAMES
from aispend_pipeline.assets.notify import CAPS
from aispend_pipeline.assets.schedules import CHECKS
from aispend_pipeline.assets.tags import HOME
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.definitions import defs, product
from aispend_pipeline.settings import Settings
from aispend_pipeline.warehouse import Snapshots, Warehouse

from .conftest import keys_of_all

GRAPH = """
caps <- spend_daily
estimate <- spend usage
names
raw/anthropic_costs
raw/anthropic_usage
raw/openai_costs
raw/openai_usage
raw/vertex_billing
raw/vertex_budget
spend <- raw/anthropic_costs raw/openai_costs raw/vertex_billing
spend_daily <- estimate spend usage
usage <- raw/anthropic_usage raw/openai_usage
"""


def test_definitions_load_without_any_setting():
    dg.Definitions.validate_loadable(defs)


def test_the_asset_graph_is_the_one_we_drew():
    graph = defs.resolve_asset_graph()
    lines = []
    for key in sorted(graph.get_all_asset_keys(), key=lambda key: key.to_user_string()):
        parents = " ".join(sorted(parent.to_user_string() for parent in graph.get(key).parent_keys))
        lines.append(f"{key.to_user_string()} <- {parents}" if parents else key.to_user_string())

    assert lines == GRAPH.strip().splitlines()


def test_every_asset_says_what_it_is():
    graph = defs.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description, key
        assert node.owners, key
        assert node.kinds, key
        assert node.freshness_policy, key
        assert node.metadata["dagster/column_schema"], key


def test_all_assets_of_days_are_on_one_daily_grid_and_backfill_by_the_month():
    graph = defs.resolve_asset_graph()
    of_now = {NAMES, BUDGETS, CAPS}
    keys = graph.get_all_asset_keys() - of_now
    assert {graph.get(key).partitions_def for key in of_now} == {None}
    assert len({graph.get(key).partitions_def for key in keys}) == 1
    assert {graph.get(key).backfill_policy for key in keys} == {dg.BackfillPolicy.multi_run(DAYS_A_RUN)}


def test_what_is_to_be_pasted_for_a_backfill_is_all_that_has_days():
    graph = defs.resolve_asset_graph()
    with_days = {key for key in graph.get_all_asset_keys() if graph.get(key).partitions_def}
    assert dg.AssetSelection.from_string(SELECTION).resolve(graph) == with_days


def test_what_is_said_of_things_is_plain_text():
    """Dagster shows it as it stands in lists, graphs and of schedules and sensors, and as Markdown on other pages."""
    repository = defs.get_repository_def()
    graph = defs.resolve_asset_graph()
    told = [graph.get(key).description for key in graph.get_all_asset_keys()]
    told += [one.description for one in (*repository.schedule_defs, *repository.sensor_defs)]
    told += [job.description for job in repository.get_all_jobs() if not job.name.startswith("__")]
    assert [text for text in told if re.search(r"[`*]|\]\(", text)] == []


def test_a_tick_names_every_check_there_is():
    """Those that it does not name a tick that is launched by hand would leave out, or fail for."""
    assert {*CHECKS} == {*defs.resolve_asset_graph().asset_check_keys}


def test_another_project_may_merge_it_into_its_own():
    @dg.asset
    def theirs() -> None: ...

    merged = dg.Definitions.merge(product(Installation()), dg.Definitions(assets=[theirs]))

    dg.Definitions.validate_loadable(merged)
    assert theirs.key not in merged.resolve_job_def("hourly_ingest").asset_layer.executable_asset_keys


def test_todays_partition_exists_from_midnight_on():
    from datetime import UTC, datetime

    from aispend_pipeline.assets.grid import days

    keys = days.get_partition_keys(current_time=datetime(2026, 11, 20, 0, 0, 1, tzinfo=UTC))
    assert (keys[0], keys[-1]) == ("2024-01-01", "2026-11-20")


def test_no_job_snapshot_holds_a_secret(home):
    """Dagster keeps every job's snapshot and shows it to whoever opens its UI."""
    environment = keys_of_all(home)
    installation = Installation(Settings.load(environment, None))
    product_defs = product(installation, environment["AISPEND_HOME"])
    for name in ("hourly_ingest", "recompute"):
        snapshot = dg.serialize_value(product_defs.resolve_job_def(name).get_job_snapshot())
        assert "anthropic_usage" in snapshot or name == "recompute"
        assert [setting for setting, key in environment.items() if "API_KEY" in setting and key in snapshot] == []


@pytest.mark.parametrize(
    ("table", "declared"),
    [
        ("page", columns.PAGE),
        ("spend", columns.SPEND),
        ("usage", columns.USAGE),
        ("estimate", columns.ESTIMATE),
        ("spend_daily", columns.SPEND_DAILY),
    ],
)
def test_the_columns_shown_are_the_tables_own(table, declared, home):
    Warehouse(home, SystemClock()).publish()
    _, cursor = Snapshots(home).current()
    own = cursor.execute(f"SELECT column_name, column_type FROM (DESCRIBE {table})").fetchall()
    assert own == [(name, type_) for name, (type_, _) in declared.items()]


def test_the_job_that_makes_days_again_says_whose_and_nothing_while_settings_are_wrong(monkeypatch, tmp_path):
    def home() -> str:
        return product(Installation()).resolve_job_def("recompute").metadata[HOME].value

    monkeypatch.setenv("AISPEND_HOME", str(tmp_path / "some" / ".." / "home"))
    assert home() == str(tmp_path / "home")
    monkeypatch.setenv("AISPEND_PORT", "none")
    assert home() == ""
