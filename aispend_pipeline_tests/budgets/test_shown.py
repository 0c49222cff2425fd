"""Budgets where people and programs look: beside the bill, and never in it."""

import json
from datetime import date
from decimal import Decimal

import pytest
from starlette.testclient import TestClient

from aispend_pipeline.cli import spend, status
from aispend_pipeline.model import Fetch, FetchState, Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.service.app import create_app
from aispend_pipeline.sources import feeds
from aispend_pipeline.warehouse import Snapshots, fetches, reads
from aispend_pipeline.warehouse.reads import Question
from aispend_pipeline.warehouse.status import feed_statuses
from aispend_pipeline_tests.service import contract
from aispend_pipeline_tests.service.installation import status_of
from aispend_pipeline_tests.warehouse.building import complete, line

from .conftest import NOW, World
from .google import LISTED
from .samples import BILLING_ACCOUNT, notification

NOVEMBER = Window(date(2026, 11, 1), NOW.date())
FIGURE = {
    "account": "default",
    "billing_account": BILLING_ACCOUNT,
    "budget": "AI monthly cap",
    "month": "2026-11",
    "amount": "533.77",
    "currency": "USD",
    "usd": "533.77",
    "published_at": "2026-11-18T13:00:00Z",
    "label": "budget, Pacific month",
}


def service(world: World, **more: str) -> TestClient:
    return TestClient(create_app(world.settings(**more), world.clock))


def spent(world: World, **parameters: str) -> dict:
    asked = {"from": "2026-11-01", "to": "2026-11-18", "groupBy": "provider", **parameters}
    body = service(world).get("/spend", params=asked).raise_for_status().json()
    contract.hold(body, asked["groupBy"])
    return body


def bill(world: World, usd: str = "3.00") -> None:
    """A day of OpenAI's, booked."""
    with world.warehouse.write() as transaction:
        fetches.store(transaction, complete({date(2026, 11, 17): [line(usd)]}, at=NOW))
    add_up(world.warehouse, NOVEMBER, world.clock)


def export(world: World) -> None:
    """What the billing export has billed of the samples' billing account."""
    window = Window(date(2026, 11, 17), date(2026, 11, 17))
    made = Fetch(
        "f1", "vertex_billing", "vertex", "default", window, FetchState.COMPLETE, NOW, NOW, (),
        detail={"billing_account": BILLING_ACCOUNT},
    )  # fmt: skip
    with world.warehouse.write(publish=True) as transaction:
        fetches.store(transaction, made)
        transaction.execute(
            'INSERT INTO spend_daily (day, account, provider, billed_usd, "rows")'
            " VALUES ('2026-11-17', 'default', 'vertex', 520.5, 1), ('2026-10-31', 'default', 'vertex', 7, 1)"
        )


def test_status_shows_every_budget_with_its_newest_figure(read_world):
    body = status_of(service(read_world))

    assert body["reasons"] == []
    assert {"provider": "vertex", "state": "on"} in body["providers"]
    assert (body["sources"], body["accounts"]) == ([], [])
    shown = {one["name"]: one for one in body["budgets"]}
    assert list(shown) == ["AI monthly cap", "AI quarter", "Everything, last month", "Launch fund", "KI Budget"]
    assert shown["AI monthly cap"] == {
        "account": "default",
        "billing_account": BILLING_ACCOUNT,
        "budget_id": "3f1c2d4e-0000-4000-8000-000000000001",
        "name": "AI monthly cap",
        "cap_amount": "1000.50",
        "currency": "USD",
        "period": "MONTH",
        "scope": "ai_only",
        "credits": "INCLUDE_ALL_CREDITS",
        "thresholds": [
            {"percent": "0.5", "basis": "CURRENT_SPEND"},
            {"percent": "0.9", "basis": "CURRENT_SPEND"},
            {"percent": "1", "basis": "FORECASTED_SPEND"},
        ],
        "gone": False,
        "figure": {
            "interval_start": "2026-11-01T07:00:00Z",
            "amount": "533.77",
            "currency": "USD",
            "published_at": "2026-11-18T13:00:00Z",
            "budget_amount": "1000.50",
        },
        "billed_usd": None,
    }
    assert (shown["KI Budget"]["period"], shown["KI Budget"]["currency"]) == (None, "EUR")
    assert shown["Everything, last month"]["cap_amount"] is None


def test_beside_a_budget_stands_what_the_export_has_billed_in_its_month(read_world):
    export(read_world)
    shown = {one["name"]: one["billed_usd"] for one in status_of(service(read_world))["budgets"]}
    assert shown == {name: "520.50" if name == "AI monthly cap" else None for name in shown}


def test_what_could_not_be_read_is_a_reason(world):
    world.google.refuse(LISTED, 403, "error_403_permission.json")
    assert status_of(service(world))["reasons"] == ["vertex_budget default: was never read; run: aispend ingest"]
    world.read()
    [reason] = status_of(service(world))["reasons"]
    assert reason.startswith("vertex_budget default: ")
    assert "Billing Account Viewer" in reason


def test_spend_has_a_field_of_its_own_for_budgets(read_world):
    body = spent(read_world)
    assert body["budget_month_to_date"] == [FIGURE]
    assert (body["rows"], body["total_usd"], body["coverage"]["days"]) == ([], "0.00", [])


@pytest.mark.parametrize(
    ("parameters", "amounts"),
    [
        ({"from": "2026-10-01", "to": "2026-10-31"}, ["903.00"]),
        ({"from": "2026-10-31"}, ["903.00", "533.77"]),
        ({"provider": "openai"}, []),
        ({"provider": "vertex"}, ["533.77"]),
        ({"account": "eu"}, []),
    ],
)
def test_a_figure_is_given_for_the_months_and_accounts_that_are_asked_for(read_world, parameters, amounts):
    assert [one["amount"] for one in spent(read_world, **parameters)["budget_month_to_date"]] == amounts


def test_nothing_is_in_that_field_where_there_is_no_budget(world):
    bill(world)
    assert spent(world)["budget_month_to_date"] == []


@pytest.mark.long
def test_two_notifications_never_become_spend(read_world):
    """D16: a cumulative figure is no row, no difference of two is one either, and a forecast is no spend."""
    bill(read_world)
    rows = "SELECT * FROM spend ORDER BY ALL"
    before = read_world.look(rows), spent(read_world)["total_usd"]

    for day, amount in ((19, "600.00"), (20, "700.00")):
        read_world.clock.instant = NOW.replace(day=day)
        read_world.google.waiting = [
            notification(
                message=f"d{day}", publishTime=f"2026-11-{day}T12:00:00Z", costAmount=Decimal(amount),
                forecastThresholdExceeded=Decimal("1.5"),
            )
        ]  # fmt: skip
        read_world.read()
        add_up(read_world.warehouse, Window(date(2026, 11, 1), read_world.clock.now().date()), read_world.clock)

    assert (read_world.look(rows), spent(read_world)["total_usd"]) == before
    assert [row["provider"] for row in spent(read_world)["rows"]] == ["openai"]
    assert [one["amount"] for one in spent(read_world)["budget_month_to_date"]] == ["700.00"]
    assert read_world.look("SELECT count(*) FROM budget_figure WHERE \"name\" = 'AI monthly cap'") == [(2,)]


def test_budgets_are_no_feed_and_have_no_days(read_world):
    read_world.google.refuse(LISTED, 403, "error_403_permission.json")
    read_world.read()
    add_up(read_world.warehouse, NOVEMBER, read_world.clock)

    assert read_world.look("SELECT DISTINCT source FROM coverage") == []
    with Snapshots(read_world.home).current()[1] as cursor:
        assert feed_statuses(cursor, feeds(read_world.settings())) == []
    assert spent(read_world)["coverage"]["days"] == []


def test_the_raw_pages_are_there_to_be_looked_at(read_world):
    body = service(read_world).get("/providers/vertex/raw", params={"from": "2026-11-18", "to": "2026-11-18"}).json()
    requests = [one["request"] for one in body["items"]]
    assert {(one["method"], one["path"].rpartition(":")[2]) for one in requests} == {("GET", LISTED), ("POST", "pull")}
    assert json.dumps(body).count("ya29") == 0


def test_the_screen_has_a_table_of_budgets(read_world, monkeypatch, capsys):
    for name, text in read_world.environment.items():
        monkeypatch.setenv(name, text)
    assert status.status() == 0
    said = capsys.readouterr().out.splitlines()
    [row] = [one.split() for one in said if "AI monthly cap" in one]
    assert row[3:] == [BILLING_ACCOUNT, "MONTH", "ai_only", "2026-11-18T13:00:00Z", "1000.50", "533.77", "USD"]


def beside(world: World) -> list[str]:
    """The lines that the screen has below its table."""
    _, cursor = Snapshots(world.home).current()
    with cursor:
        return spend.beside(reads.ask(cursor, Question(NOVEMBER), feeds(world.settings()), NOW.date()))


def test_where_no_bill_of_googles_is_read_the_screen_has_a_line_for_it(read_world):
    line_ = (
        f"not billed, budget, Pacific month: vertex {BILLING_ACCOUNT} 2026-11: 533.77 USD, told 2026-11-18 13:00 UTC"
    )
    assert beside(read_world) == [line_]
    export(read_world)
    add_up(read_world.warehouse, NOVEMBER, read_world.clock)
    assert line_ not in beside(read_world)
