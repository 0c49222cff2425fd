"""`GET /spend`: exact, strict, cached by snapshot."""

import json
import re
import shutil
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from aispend_pipeline import money
from aispend_pipeline.service.app import create_app
from aispend_pipeline.simulator import organisation
from aispend_pipeline.warehouse import Warehouse
from aispend_pipeline.warehouse.snapshots import READ_CONFIG

from .contract import hold
from .world import DAYS, NOW, ODD_DAY, TODAY, StandingClock, fill, filled, settings

ALL = {"from": str(DAYS.first), "to": str(DAYS.last)}


def billed(account: str, days=None) -> Decimal:
    """What the provider's own books say of an account of the simulator."""
    return organisation.total("openai", account, iter(days or DAYS.days()), NOW)


@pytest.mark.parametrize("group_by", ["day", "provider", "account", "model", "day,model", "account,provider,day,model"])
def test_every_dimension_answers_in_the_documented_shape_and_adds_up(client, group_by):
    answer = client.get("/spend", params={**ALL, "groupBy": group_by}).json()

    hold(answer, group_by)
    assert answer["rows"]
    assert money.add(Decimal(row["cost_usd"] or 0) for row in answer["rows"]) == Decimal(answer["total_usd"])


def test_an_account_costs_what_the_provider_billed_to_the_last_digit(client):
    rows = client.get("/spend", params={**ALL, "groupBy": "account"}).json()["rows"]

    by_account = {row["account"]: Decimal(row["cost_usd"]) for row in rows}
    for name in ("default", "eu"):
        assert abs(by_account[name] - billed(name)) < Decimal("1e-15")  # the provider's own places, rounded at 18
    assert by_account["odd"] == Decimal("12.500003")


def test_money_is_text_in_plain_notation_and_never_a_number(client):
    body = client.get("/spend", params={**ALL, "groupBy": "account", "account": "odd"}).text

    assert '"cost_usd":"12.500003"' in body
    assert not re.search(r'_usd":-?[0-9]', body)


def test_group_by_may_be_repeated_or_have_commas(client):
    with_commas = client.get("/spend", params={**ALL, "groupBy": "account,day"}).json()
    repeated = client.get("/spend", params={**ALL, "groupBy": ["account", "day"]}).json()

    assert repeated == with_commas
    assert client.get("/spend", params={**ALL, "groupBy": ["day", "account"]}).json()["groupBy"] == ["day", "account"]


def test_without_parameters_it_is_this_month_by_provider_model_and_day(client):
    answer = client.get("/spend").json()

    assert (answer["from"], answer["to"]) == ("2026-06-01", "2026-06-12")
    assert answer["groupBy"] == ["provider", "model", "day"]


@pytest.mark.parametrize(
    ("given", "window"),
    [
        ({"from": "2026-06-10"}, ("2026-06-10", "2026-06-12")),
        ({"to": "2026-05-20"}, ("2026-05-01", "2026-05-20")),
        ({"from": "2026-06-12", "to": "2026-06-12"}, ("2026-06-12", "2026-06-12")),
        ({"from": "2026-07-04"}, ("2026-07-04", "2026-07-04")),
    ],
)
def test_what_is_left_out_of_the_days_is_filled_in(client, given, window):
    answer = client.get("/spend", params=given).json()

    assert (answer["from"], answer["to"]) == window


@pytest.mark.parametrize(
    ("filters", "accounts"),
    [
        ({"account": "eu"}, {"eu"}),
        ({"account": ["eu", "odd"]}, {"eu", "odd"}),
        ({"provider": "openai"}, {"default", "eu", "odd"}),
        ({"provider": "anthropic"}, set()),
        ({"model": "gpt-4o"}, {"odd"}),
        ({"model": "gpt-5.3-codex"}, {"default"}),
        ({"model": "no such model"}, set()),
        ({"account": "eu", "model": "gpt-4o"}, set()),
    ],
)
def test_filters_keep_only_what_they_name_in_rows_and_total(client, filters, accounts):
    answer = client.get("/spend", params={**ALL, "groupBy": "account", **filters}).json()

    assert {row["account"] for row in answer["rows"]} == accounts
    assert money.add(Decimal(row["cost_usd"]) for row in answer["rows"]) == Decimal(answer["total_usd"])


def test_a_model_that_cannot_be_told_is_null_and_comes_last(client):
    rows = client.get("/spend", params={**ALL, "groupBy": "model"}).json()["rows"]

    names = [row["model"] for row in rows]
    assert names[-1] is None
    assert names[:-1] == sorted(names[:-1])
    assert len(names) > 12


def test_a_limit_cuts_groups_and_not_the_total(client):
    whole = client.get("/spend", params={**ALL, "groupBy": "model"}).json()
    cut = client.get("/spend", params={**ALL, "groupBy": "model", "limit": "3"}).json()

    assert cut["rows"] == whole["rows"][:3]
    assert cut["total_usd"] == whole["total_usd"]


def test_other_currencies_are_listed_and_never_added(client):
    answer = client.get("/spend", params={**ALL, "groupBy": "model", "account": "odd"}).json()

    assert answer["unconverted"] == [{"currency": "EUR", "amount": "8.00"}]
    assert answer["total_usd"] == "12.500003"
    assert client.get("/spend", params={**ALL, "account": "eu"}).json()["unconverted"] == []
    assert client.get("/spend", params={"from": "2026-06-09", "to": "2026-06-12"}).json()["unconverted"] == []


def test_a_group_of_nothing_but_another_currency_has_no_cost_instead_of_zero(client):
    rows = client.get("/spend", params={**ALL, "account": "odd", "groupBy": "day,model"}).json()["rows"]

    assert [(row["day"], row["model"], row["cost_usd"]) for row in rows] == [
        (str(ODD_DAY), "gpt-4-turbo", None),
        (str(ODD_DAY), "gpt-4o", "12.50"),
        (str(ODD_DAY), None, "0.000003"),
    ]


def test_coverage_names_each_day_of_each_account_and_never_read_days_are_not_due(client):
    coverage = client.get("/spend", params={"from": "2026-06-07", "to": "2026-06-08"}).json()["coverage"]

    states = {(d["source"], d["account"], d["day"]): (d["state"], d["last_read_at"]) for d in coverage["days"]}
    assert len(coverage["days"]) == len(states) == 2 * 6
    reasons = {(d["day"], d["detail"].get("reason")) for d in coverage["days"]}
    assert reasons == {("2026-06-07", "never asked for"), ("2026-06-08", None)}
    for source in ("openai_costs", "openai_usage"):
        for account in ("default", "eu", "odd"):
            assert states[source, account, "2026-06-07"] == ("not_due", None)
            assert states[source, account, "2026-06-08"] == ("complete", "2026-06-12T13:20:00Z")
    assert coverage["complete"] is False


def test_a_day_that_was_running_when_it_was_read_is_half_read_once_it_is_over(client, settings):
    tomorrow = TestClient(create_app(settings, StandingClock(NOW + timedelta(days=1))))
    asked = {**ALL, "account": "eu"}

    before, after = (one.get("/spend", params=asked).json()["coverage"] for one in (client, tomorrow))

    assert (before["complete"], after["complete"]) == (True, False)
    half_read = {(day["source"], day["day"]) for day in after["days"] if day["detail"].get("half_read")}
    assert half_read == {(source, str(DAYS.last)) for source in ("openai_costs", "openai_usage")}
    assert not any("half_read" in day["detail"] for day in before["days"])


def test_days_that_are_over_and_have_no_figures_are_said_by_the_status(client):
    reasons = client.get("/status").json()["reasons"]

    assert reasons == ["openai_costs odd: the provider gives no figures for 2 days that should have them"]


def test_coverage_is_complete_only_if_every_asked_day_of_every_asked_account_is(client):
    def complete(**asked: str) -> bool:
        return client.get("/spend", params={**ALL, **asked}).json()["coverage"]["complete"]

    assert complete(account="eu") is True
    assert complete(account="odd") is False  # the provider gave no bucket for its last days
    assert complete() is False
    assert complete(provider="anthropic") is False


def test_the_answer_is_cached_by_its_tag_until_something_is_published(tmp_path):
    clock = StandingClock()
    with filled(tmp_path / "home", clock, ["openai_costs"]) as made:
        client = TestClient(create_app(made, clock))
        first = client.get("/spend", params=ALL)
        tag = first.headers["etag"]
        again = client.get("/spend", params=ALL, headers={"if-none-match": tag})
        other = client.get("/spend", params={**ALL, "groupBy": "day"}, headers={"if-none-match": tag})
        fill(made, clock, sources=["openai_costs"])
        after = client.get("/spend", params=ALL, headers={"if-none-match": tag})

    assert first.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.text, again.headers["etag"]) == (304, "", tag)
    assert (other.status_code, other.headers["etag"] != tag) == (200, True)
    assert (after.status_code, after.headers["etag"] != tag) == (200, True)
    assert {**after.json(), "as_of": None} == {**first.json(), "as_of": None}


def test_an_answer_that_is_kept_does_not_outlive_its_snapshot(tmp_path):
    clock = StandingClock()
    with filled(tmp_path / "home", clock, ["openai_costs"]) as made:
        client = TestClient(create_app(made, clock))
        first, again = (client.get("/spend", params=ALL) for _ in range(2))
        clock.instant += timedelta(hours=1)
        fill(made, clock, sources=["openai_costs"])
        after = client.get("/spend", params=ALL)
        clock.instant += timedelta(days=1)
        next_day = client.get("/spend", params=ALL)

    assert again.content == first.content
    assert all(again.headers[name] == first.headers[name] for name in ("etag", "content-type", "vary", "cache-control"))
    assert after.json()["as_of"] > first.json()["as_of"]
    assert after.json()["unconverted"] == first.json()["unconverted"] == [{"currency": "EUR", "amount": "8.00"}]
    assert after.json()["coverage"] != next_day.json()["coverage"]  # what was running is half read by then


@pytest.mark.parametrize("name", ["account", "model", "line_item"])
def test_a_filter_takes_a_name_as_it_is_with_commas_and_quotes(client, name):
    odd = "x', 'y\") OR 1=1 --"

    answer = client.get("/spend", params={**ALL, "groupBy": "provider", name: ["gpt-4o, input", odd, "odd"]}).json()

    assert {"account": 1, "model": 0, "line_item": 1}[name] == len(answer["rows"])


def test_a_source_that_there_is_not_is_refused(get):
    assert get("/spend", 422, source="openai")["detail"].startswith("source: 'openai' is none of openai_costs, ")


@pytest.mark.parametrize("others", [{"project": "x"}, {"source": "openai_costs"}, {"token_type": ""}], ids=str)
def test_no_line_of_a_bill_tells_its_hour_to_a_filter_either(get, others):
    said = get("/spend", 422, groupBy="hour", **others)["detail"]

    assert said == f"groupBy: hour goes with day, provider, account, model alone, not with {next(iter(others))}"


def test_an_empty_store_answers_with_no_rows_and_its_coverage(tmp_path):
    made = settings(tmp_path / "home", "http://127.0.0.1:1")
    clock = StandingClock()
    Warehouse(made.home, clock).publish()

    answer = TestClient(create_app(made, clock)).get("/spend", params=ALL | {"to": str(TODAY + timedelta(days=1))})

    assert answer.status_code == 200
    body = answer.json()
    hold(body, "provider,model,day")
    assert (body["rows"], body["total_usd"]) == ([], "0.00")
    assert body["coverage"]["complete"] is False
    assert {day["state"] for day in body["coverage"]["days"]} == {"not_due"}
    reasons = ["never asked for"] * 5 + ["in the future"]
    assert [day["detail"]["reason"] for day in body["coverage"]["days"]] == 2 * 3 * reasons


def test_before_the_first_snapshot_it_says_what_to_do(tmp_path):
    made = settings(tmp_path / "home", "http://127.0.0.1:1")

    answer = TestClient(create_app(made, StandingClock())).get("/spend")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert "aispend ingest" in answer.json()["detail"]


def test_the_same_question_has_the_same_bytes(client):
    assert client.get("/spend", params=ALL).content == client.get("/spend", params=ALL).content
    assert json.loads(client.get("/spend", params=ALL).content)["as_of"] == "2026-06-12T13:20:00Z"


def test_a_limit_that_leaves_groups_out_says_so(client):
    all_rows = client.get("/spend", params={**ALL, "groupBy": "day,model"}).json()
    some = client.get("/spend", params={**ALL, "groupBy": "day,model", "limit": 2}).json()

    assert (all_rows["truncated"], some["truncated"], len(some["rows"])) == (False, True, 2)
    assert some["total_usd"] == all_rows["total_usd"]


def test_the_unknown_model_can_be_asked_for(client):
    by_model = client.get("/spend", params={**ALL, "groupBy": "model"}).json()["rows"]
    unknown = client.get("/spend", params={**ALL, "groupBy": "model", "model": ""}).json()

    assert unknown["rows"] == [row for row in by_model if row["model"] is None]
    assert unknown["rows"]


def test_a_question_that_needs_too_much_memory_is_refused(settings, clock, tmp_path, monkeypatch):
    monkeypatch.setitem(READ_CONFIG, "memory_limit", "3MB")
    home = Path(shutil.copytree(settings.home, tmp_path / "home"))
    client = TestClient(create_app(settings.model_copy(update={"home": home}), clock))
    answer = client.get("/spend", params={**ALL, "groupBy": "day,provider,account,model,project,api_key,service_tier"})

    assert (answer.status_code, answer.json()["type"]) == (503, "urn:aispend:problem:busy")
    assert "needs more memory" in answer.json()["detail"]
