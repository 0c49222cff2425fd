"""`GET /spend` beside the period before."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from aispend_pipeline import money
from aispend_pipeline.model import Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.service.app import create_app
from aispend_pipeline.settings import Settings
from aispend_pipeline.warehouse import Warehouse
from aispend_pipeline.warehouse.questions import period_before, weeks_before
from aispend_pipeline_tests.warehouse.books import completions, used
from aispend_pipeline_tests.warehouse.building import DAY, SetClock, complete, line, store

from .contract import hold

BEFORE = DAY - timedelta(days=1)


@pytest.mark.parametrize(
    ("asked", "before"),
    [
        # full months
        (("2026-06-01", "2026-06-30"), ("2026-05-01", "2026-05-31")),
        (("2026-03-01", "2026-03-31"), ("2026-02-01", "2026-02-28")),
        (("2026-01-01", "2026-03-31"), ("2025-10-01", "2025-12-31")),
        (("2025-01-01", "2025-12-31"), ("2024-01-01", "2024-12-31")),
        (("2026-02-01", "2026-02-28"), ("2026-01-01", "2026-01-31")),
        # the same days of the month before
        (("2026-06-01", "2026-06-12"), ("2026-05-01", "2026-05-12")),
        (("2026-06-01", "2026-06-01"), ("2026-05-01", "2026-05-01")),
        (("2026-03-01", "2026-03-30"), ("2026-02-01", "2026-02-28")),
        (("2026-01-01", "2026-01-30"), ("2025-12-01", "2025-12-30")),
        # as many days directly before
        (("2026-06-10", "2026-06-12"), ("2026-06-07", "2026-06-09")),
        (("2026-06-12", "2026-06-12"), ("2026-06-11", "2026-06-11")),
        (("2026-05-01", "2026-06-12"), ("2026-03-19", "2026-04-30")),
        (("2026-05-02", "2026-05-31"), ("2026-04-02", "2026-05-01")),
    ],
)
def test_a_period_is_compared_with_what_people_would_compare_it_with(asked, before):
    first, last = map(date.fromisoformat, asked)

    assert period_before(Window(first, last)) == Window(*map(date.fromisoformat, before))


@pytest.mark.parametrize(
    ("asked", "before"),
    [
        (("2026-06-13", "2026-06-14"), ("2026-06-06", "2026-06-07")),
        (("2026-06-08", "2026-06-14"), ("2026-06-01", "2026-06-07")),
        (("2026-06-08", "2026-06-15"), ("2026-05-25", "2026-06-01")),
    ],
)
def test_days_can_be_compared_with_the_same_weekdays(asked, before):
    first, last = map(date.fromisoformat, asked)

    assert weeks_before(Window(first, last)) == Window(*map(date.fromisoformat, before))


@given(first=st.dates(date(2015, 1, 1), date(2030, 1, 1)), days=st.integers(0, 800))
def test_the_period_before_ends_before_and_is_as_long_but_for_the_lengths_of_months(first, days):
    window = Window(first, first + timedelta(days=days))

    before = period_before(window)

    length = (before.last - before.first).days
    assert before.last < window.first
    if first.day == 1:
        assert before.first.day == 1 or before.last == first - timedelta(days=1)
        assert abs(length - days) <= 3
    else:
        assert (length, before.last) == (days, first - timedelta(days=1))


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> TestClient:
    """Two days: a model that is gone, one that is new, one of euros, one that is only used; the first of `eu` is not
    known."""
    clock = SetClock()
    home = tmp_path_factory.mktemp("compare") / "home"
    warehouse = Warehouse(home, clock)
    known = complete(
        {
            BEFORE: [line("10"), line("2", "o1"), line("4", "o3"), line("7", "o4", currency="eur")],
            DAY: [line("12.5"), line("3", "gpt-5"), line("5", "o3", currency="eur"), line("6", "o4")],
        }
    )
    idle = used(
        {BEFORE: [completions("idle", 5, 1), completions("idle before", 5, 1)], DAY: [completions("idle", 7, 1)]}
    )
    store(warehouse, known, idle, complete({DAY: [line("1", "gpt-5")]}, account="eu"))
    add_up(warehouse, Window(BEFORE, DAY), clock)
    return TestClient(create_app(Settings.load({"AISPEND_HOME": str(home)}, None), clock))


def compared(client, **asked) -> dict:
    days = {"from": str(DAY), "to": str(DAY), "compare": "previous"}
    return client.get("/spend", params={**days, "account": "default", **asked}).raise_for_status().json()


def changes(answer: dict) -> dict:
    return {row["model"]: (row["cost_usd"], row["previous_cost_usd"], row["change_usd"]) for row in answer["rows"]}


def test_groups_that_are_new_and_that_are_gone_are_there_and_change_by_all_of_it(client):
    answer = compared(client, groupBy="model", source="openai_costs")

    hold(answer, "model", compared=True)
    assert changes(answer) == {
        "gpt-4o": ("12.50", "10.00", "2.50"),
        "gpt-5": ("3.00", None, "3.00"),
        "o1": (None, "2.00", "-2.00"),
        "o3": (None, "4.00", None),  # it costs euros now
        "o4": ("6.00", None, None),  # it cost euros before
    }
    assert answer["previous"] == {
        "from": str(BEFORE),
        "to": str(BEFORE),
        "total_usd": "16.00",
        "total_estimated_usd": "0.00",
        "complete": True,
    }


def test_a_group_that_is_gone_has_no_figures_of_now(client):
    (gone,) = [row for row in compared(client, groupBy="model")["rows"] if row["model"] == "o1"]

    assert {name: value for name, value in gone.items() if value is not None} == {
        "model": "o1",
        "previous_cost_usd": "2.00",
        "change_usd": "-2.00",
    }


def test_what_is_used_and_never_billed_does_not_change(client):
    answer = compared(client, groupBy="model", source=["openai_costs", "openai_usage"])

    assert changes(answer)["idle"] == (None, None, None)
    assert "idle before" not in changes(answer)


def test_of_a_period_that_was_not_read_whole_nothing_is_taken_for_zero(client):
    answer = compared(client, groupBy="model", account=["default", "eu"], source="openai_costs")

    assert answer["previous"]["complete"] is False  # nobody ever asked for that day of `eu`
    assert changes(answer)["gpt-4o"] == ("12.50", "10.00", "2.50")
    assert changes(answer)["gpt-5"] == ("4.00", None, None)
    assert changes(answer)["o1"] == (None, "2.00", "-2.00")


def test_what_is_missing_now_is_not_gone(client):
    answer = compared(client, groupBy="model", **{"from": str(DAY + timedelta(days=1)), "to": str(DAY + timedelta(1))})

    assert answer["coverage"]["complete"] is False
    assert changes(answer)["gpt-4o"] == (None, "12.50", None)


@pytest.mark.parametrize("group_by", ["provider", "account,model", "project", "api_key,model", "token_type"])
def test_both_sides_are_what_each_period_says_alone(client, group_by):
    asked = {"groupBy": group_by, "account": ["default", "eu"]}
    names = group_by.split(",")

    both = compared(client, **asked)

    for name, day in (("cost_usd", DAY), ("previous_cost_usd", BEFORE)):
        alone = client.get("/spend", params={**asked, "from": str(day), "to": str(day)}).json()
        expected = {tuple(row[key] for key in names): row["cost_usd"] for row in alone["rows"] if row["cost_usd"]}
        assert {tuple(row[key] for key in names): row[name] for row in both["rows"] if row[name]} == expected
        total = both["total_usd"] if name == "cost_usd" else both["previous"]["total_usd"]
        assert total == alone["total_usd"]


def test_the_largest_change_can_come_first_and_a_limit_leaves_both_totals(client):
    asked = {"groupBy": "model", "source": "openai_costs"}
    whole = compared(client, **asked, sort="-change_usd")
    cut = compared(client, **asked, sort="-change_usd", limit=2)

    assert [row["change_usd"] for row in whole["rows"]] == ["3.00", "2.50", "-2.00", None, None]
    assert cut["rows"] == whole["rows"][:2]
    assert (cut["total_usd"], cut["previous"]) == (whole["total_usd"], whole["previous"])
    assert money.add(Decimal(row["previous_cost_usd"] or 0) for row in whole["rows"]) == Decimal("16")


@pytest.mark.parametrize(("group_by", "said"), [("day", "day"), ("provider,hour", "hour"), ("hour,day", "day, hour")])
def test_days_and_hours_are_not_compared(client, group_by, said):
    refused = client.get("/spend", params={"groupBy": group_by, "compare": "previous"})

    assert refused.status_code == 422
    assert refused.json()["detail"] == f"compare: periods are compared as wholes, not by {said}"


def test_a_comparison_with_anything_else_is_refused(client):
    refused = client.get("/spend", params={"groupBy": "model", "compare": "last_year"})

    assert (refused.status_code, refused.json()["detail"].partition(":")[0]) == (422, "compare")
