"""The dashboard and the rules in `data/` ask for what `/metrics` serves, and say what they should."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from aispend_pipeline.service.metrics_declared import METRICS, Kind

DATA = Path(__file__).parents[1] / "data"
RULES, RULES_TESTS = DATA / "prometheus" / "alerts.yml", DATA / "prometheus" / "alerts.test.yml"
BOARD = json.loads((DATA / "grafana" / "aispend.json").read_text())
PARTS = [f"_{part}" for part in ("bucket", "count", "sum")]
SERVED = {metric.full_name for metric in METRICS} | {
    metric.full_name + part for metric in METRICS for part in PARTS if metric.kind is Kind.HISTOGRAM
}
ALERTS = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def expressions() -> Iterator[str]:
    """What the dashboard's panels ask, with values in place of its variables."""
    for panel in BOARD["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"].replace("$__rate_interval", "5m").replace("$scope", ".*").replace("$source", ".*")


def test_the_rules_are_sound(promtool):
    done = promtool("check", "rules", str(RULES))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_say_what_they_should_of_made_up_figures(promtool):
    done = promtool("test", "rules", str(RULES_TESTS))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_seen_to_ring():
    tests = yaml.safe_load(RULES_TESTS.read_text())["tests"]
    rung = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case.get("exp_alerts")}
    assert rung == {rule["alert"] for rule in ALERTS}


def test_the_dashboard_asks_in_prometheus_language(promtool, tmp_path):
    rules = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(expressions())]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))

    done = promtool("check", "rules", str(file))

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("asked", [*expressions(), *(rule["expr"] for rule in ALERTS)])
def test_what_is_asked_for_is_served(asked):
    assert set(re.findall(r"\baispend_\w+", asked)) <= SERVED


def test_every_label_that_is_asked_for_is_served():
    labels = {metric.full_name: {*metric.labels, "le"} for metric in METRICS}
    for asked in (*expressions(), *(rule["expr"] for rule in ALERTS)):
        for name, matchers in re.findall(r"\b(aispend_\w+)\{([^}]*)\}", asked):
            assert set(re.findall(r"(\w+)(?:=|!=|=~)", matchers)) <= labels[name.removesuffix("_bucket")]


def test_every_metric_is_on_the_dashboard():
    asked = " ".join(expressions())
    assert [metric.full_name for metric in METRICS if not re.search(rf"\b{metric.full_name}(_bucket)?\b", asked)] == []


def test_a_panel_of_one_moment_asks_for_now_and_not_for_the_week():
    moments = [panel for panel in BOARD["panels"] if panel["type"] in ("stat", "gauge", "barchart")]
    assert {panel["type"] for panel in BOARD["panels"]} == {"row", "timeseries", *(panel["type"] for panel in moments)}
    for panel in moments:
        for target in panel["targets"]:
            assert (panel["title"], target.get("instant"), target.get("range")) == (panel["title"], True, False)


def test_a_bar_chart_asks_for_a_table_and_has_a_row_for_each_bar():
    for panel in (panel for panel in BOARD["panels"] if panel["type"] == "barchart"):
        ((target,), (matrix,)) = panel["targets"], panel["transformations"]
        by = re.search(r"by \((\w+), (\w+)\)", target["expr"])
        assert target["format"] == "table"
        assert matrix["id"] == "groupingToMatrix"
        assert by.groups() == (matrix["options"]["rowField"], matrix["options"]["columnField"])


def test_the_panels_have_ids_and_places_of_their_own():
    panels = BOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [tuple(panel["gridPos"][name] for name in "xywh") for panel in panels]
    cells = [(x + dx, y + dy) for x, y, w, h in places for dx in range(w) for dy in range(h)]
    assert len(set(cells)) == len(cells)
    assert all(x + w <= 24 for x, _, w, _ in places)
