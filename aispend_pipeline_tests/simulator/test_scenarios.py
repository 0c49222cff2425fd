"""What goes wrong in a scenario goes wrong, there and then, and nowhere else."""

import json
from datetime import date, timedelta
from decimal import Decimal

import pytest
from starlette.testclient import TestClient

from aispend_pipeline.clock import utc_text
from aispend_pipeline.model import midnight
from aispend_pipeline.simulator import organisation
from aispend_pipeline.simulator.samples import openai_samples
from aispend_pipeline.simulator.scenario import (
    CALM,
    SCENARIOS,
    Late,
    Outage,
    RateLimited,
    Restated,
    Scenario,
    Slow,
    Trailing,
    Where,
)
from aispend_pipeline.simulator.troubles import under

from ..conftest import ROOT, SAMPLES
from ..service.world import NOW
from .asking import Client, schema

DAY = date(2026, 6, 10)
DAY_PARAMS = {
    "openai": {
        "start_time": int(midnight(DAY).timestamp()),
        "end_time": int(midnight(DAY + timedelta(days=1)).timestamp()),
    },
    "anthropic": {
        "starting_at": utc_text(midnight(DAY)),
        "ending_at": utc_text(midnight(DAY + timedelta(days=1))),
    },
}
COSTS = {"openai": "costs", "anthropic": "cost_report"}
USAGE = {"openai": "usage/completions", "anthropic": "usage_report/messages"}
PROVIDERS = ("openai", "anthropic")


def documented(provider: str, name: str) -> dict:
    body = json.loads((ROOT / "data" / "samples" / provider / f"error_{name}.json").read_text())
    body.pop("request_id", None)
    return body


def statuses(client: Client, count: int, path: str = "users") -> list[int]:
    return [client.get(path).status_code for _ in range(count)]


def billed(client: Client, provider: str) -> list[Decimal]:
    """USD by bucket of `DAY`: one, or none."""
    buckets = client.buckets(COSTS[provider], **DAY_PARAMS[provider])
    if provider == "openai":
        amounts = [[Decimal(str(row["amount"]["value"])) for row in bucket["results"]] for bucket in buckets]
    else:
        amounts = [[Decimal(row["amount"]) / 100 for row in bucket["results"]] for bucket in buckets]
    return [sum(found, Decimal(0)) for found in amounts]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_outage_hits_the_calls_that_it_names(clock, provider):
    client = Client(provider, clock, scenario=Scenario((Outage(calls=range(1, 3), status=503),)))

    assert statuses(client, 5) == [200, 503, 503, 200, 200]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_outage_may_be_one_provider_s_one_account_s_or_one_route_s(clock, provider):
    prefix = "/v1/organization" if provider == "openai" else "/v1/organizations"
    scenario = Scenario((Outage(Where(provider, "eu"), route=f"{prefix}/users"),))

    theirs = Client(provider, clock, "eu", scenario=scenario)
    assert (statuses(theirs, 2), statuses(theirs, 1, "projects" if provider == "openai" else "me")) == (
        [500, 500],
        [200],
    )
    assert statuses(Client(provider, clock, scenario=scenario), 1) == [200]
    for other in set(PROVIDERS) - {provider}:
        assert statuses(Client(other, clock, "eu", scenario=scenario), 1) == [200]


def test_an_outage_ends(clock):
    client = Client("anthropic", clock, scenario=Scenario((Outage(until=NOW + timedelta(minutes=5)),)))

    assert statuses(client, 2) == [500, 500]
    clock.instant += timedelta(minutes=5)
    assert statuses(client, 2) == [200, 200]


def test_an_outage_that_began_may_last_until_it_was_noticed(clock):
    trouble = Outage(until=NOW + timedelta(minutes=5), at_least=3)
    client, later = (Client("anthropic", clock, scenario=Scenario((trouble,))) for _ in range(2))

    assert statuses(client, 2) == [500, 500]
    clock.instant += timedelta(minutes=5)
    assert statuses(client, 2) == [500, 200]
    assert statuses(later, 1) == [200]


@pytest.mark.parametrize(("provider", "status", "name"), [("openai", 500, "500"), ("anthropic", 529, "529_overloaded")])
def test_an_outage_speaks_as_documented(clock, provider, status, name):
    answer = Client(provider, clock, scenario=Scenario((Outage(status=status),))).get("users")

    body = answer.json()
    schema(provider, "error").validate(body)
    body.pop("request_id", None)
    assert (answer.status_code, body) == (status, documented(provider, name))


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("wait", [7, None])
def test_a_rate_limit_speaks_as_documented(clock, provider, wait):
    client = Client(provider, clock, scenario=Scenario((RateLimited(retry_after=wait, calls=range(1)),)))
    answer = client.get("users")

    body = answer.json()
    body.pop("request_id", None)
    assert (answer.status_code, body) == (429, documented(provider, "429_rate_limit"))
    assert answer.headers.get("retry-after") == (None if wait is None else "7")
    assert statuses(client, 1) == [200]


def test_slowness_takes_its_time_and_is_no_error(clock):
    client = Client("openai", clock, scenario=Scenario((Slow(Where("openai"), calls=range(0, 9, 2), seconds=20),)))

    assert statuses(client, 3) == [200, 200, 200]
    assert clock.now() == NOW + timedelta(seconds=40)


def test_any_application_can_be_troubled(clock):
    file = SAMPLES / "costs_documented_ungrouped.json"
    scenario = Scenario((Outage(Where("openai", "eu")),))
    client = TestClient(under(openai_samples(file), scenario, keys={"k1": "default", "k2": "eu"}, clock=clock))

    def ask(key: str) -> int:
        return client.get("/v1/organization/costs", headers={"authorization": f"Bearer {key}"}).status_code

    assert [ask("k1"), ask("k2")] == [200, 500]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_restated_amounts_change_at_their_moment_and_tokens_never(clock, provider):
    at = NOW + timedelta(hours=1)
    scenario = Scenario(restated=(Restated(DAY, at, Decimal("0.9"), Where(provider, "default")),))
    client, calm = Client(provider, clock, scenario=scenario), Client(provider, clock)

    (before,), used = billed(client, provider), client.buckets(USAGE[provider], **DAY_PARAMS[provider])
    assert before == billed(calm, provider)[0]
    clock.instant = at
    (after,) = billed(client, provider)
    assert after == pytest.approx(before * Decimal("0.9"), rel=Decimal("1e-12"))
    assert client.buckets(USAGE[provider], **DAY_PARAMS[provider]) == used
    assert organisation.total(provider, "default", [DAY], at, scenario) == organisation.total(
        provider, "default", [DAY], NOW
    ) * Decimal("0.9")
    for account, day in (("eu", DAY), ("default", DAY - timedelta(days=1))):
        assert organisation.total(provider, account, [day], at, scenario) == organisation.total(
            provider, account, [day], at
        )


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_late_day_is_smaller_until_its_moment(clock, provider):
    until = NOW + timedelta(hours=1)
    scenario = Scenario(late=(Late(DAY, until, timedelta(hours=9)),))
    client, calm = Client(provider, clock, scenario=scenario), Client(provider, clock)

    assert 0 < billed(client, provider)[0] < billed(calm, provider)[0]
    hourly = {**DAY_PARAMS[provider], "bucket_width": "1h"}
    hours = client.buckets(USAGE[provider], **hourly)
    assert hours[:9] == calm.buckets(USAGE[provider], **hourly)[:9]
    assert not any(bucket["results"] for bucket in hours[9:])
    clock.instant = until
    assert billed(client, provider) == billed(calm, provider)
    assert client.buckets(USAGE[provider], **hourly) == calm.buckets(USAGE[provider], **hourly)


def test_a_day_that_is_missing_is_empty_at_one_provider_and_absent_at_the_other(clock):
    scenario = Scenario(late=(Late(DAY, NOW + timedelta(hours=1)),))

    assert billed(Client("openai", clock, scenario=scenario), "openai") == [Decimal(0)]
    assert billed(Client("anthropic", clock, scenario=scenario), "anthropic") == []
    for provider in PROVIDERS:
        assert organisation.total(provider, "default", [DAY], NOW, scenario) == 0


@pytest.mark.parametrize(("account", "lag"), [("default", 3), ("eu", 0)])
def test_a_trailing_bill_is_the_one_of_some_hours_ago_and_the_usage_is_not(clock, account, lag):
    scenario = Scenario(trailing=(Trailing(timedelta(hours=3), Where("openai", "default")),))
    client, calm = Client("openai", clock, account, scenario=scenario), Client("openai", clock, account)
    for hours in (0, 2, 3, 13, 24, 26, 27, 40):  # 24 is the next midnight
        clock.instant = now = midnight(DAY) + timedelta(hours=hours, minutes=20)
        trailing, used = billed(client, "openai"), client.buckets(USAGE["openai"], **DAY_PARAMS["openai"])
        assert used == calm.buckets(USAGE["openai"], **DAY_PARAMS["openai"])
        clock.instant = then = now - timedelta(hours=lag)
        assert trailing == billed(calm, "openai")
        assert organisation.total("openai", account, [DAY], now, scenario) == organisation.total(
            "openai", account, [DAY], then
        )


def test_a_trailing_report_has_a_day_hours_after_its_end_whole_and_at_once(clock):
    scenario = Scenario(trailing=(Trailing(timedelta(hours=5), Where("anthropic")),))
    client, calm = Client("anthropic", clock, scenario=scenario), Client("anthropic", clock)
    over = midnight(DAY + timedelta(days=1))
    for late in (timedelta(minutes=1), timedelta(hours=4, minutes=59)):
        clock.instant = over + late
        assert (billed(client, "anthropic"), len(billed(calm, "anthropic"))) == ([], 1)
        assert organisation.total("anthropic", "default", [DAY], clock.now(), scenario) == 0
        assert client.buckets(USAGE["anthropic"], **DAY_PARAMS["anthropic"]) == calm.buckets(
            USAGE["anthropic"], **DAY_PARAMS["anthropic"]
        )
        page = client.get(COSTS["anthropic"], starting_at=utc_text(midnight(DAY) - timedelta(days=2)), limit=2).json()
        assert (len(page["data"]), page["has_more"]) == (2, False)

    clock.instant = over + timedelta(hours=5)
    assert billed(client, "anthropic") == billed(calm, "anthropic")
    assert billed(client, "anthropic")[0] == organisation.total("anthropic", "default", [DAY], clock.now(), scenario)


def test_the_trailing_scenario_is_three_hours_at_one_provider_and_five_at_the_other():
    scenario = SCENARIOS["trailing"](NOW)

    lags = [scenario.bill_lag(provider, account) for provider in PROVIDERS for account in organisation.ACCOUNTS]
    assert lags == [timedelta(hours=3)] * 2 + [timedelta(hours=5)] * 2
    assert scenario.bill_lag("vertex", "default") == CALM.bill_lag("openai", "eu") == timedelta(0)


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_by_name_does_something(clock, name):
    """Each account's calls, and what it is billed for the day before and for today, now and an hour later."""

    def seen(scenario: Scenario) -> list[object]:
        found: list[object] = []
        clock.instant = NOW
        for provider in PROVIDERS:
            for account in organisation.ACCOUNTS:
                client = Client(provider, clock, account, scenario=scenario)
                asked_at = clock.now()
                told: list[object] = [statuses(client, 4), clock.now() - asked_at]
                days = NOW.date() - timedelta(days=1), NOW.date()
                for hours in (0, 1):
                    now = NOW + timedelta(hours=hours)
                    told += [organisation.total(provider, account, [day], now, scenario) for day in days]
                found.append(told)
        return found

    assert seen(SCENARIOS[name](NOW)) != seen(CALM)
