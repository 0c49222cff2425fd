"""From a total to the provider's own bytes in three requests, and back from each page to its lines."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from starlette.testclient import TestClient

from aispend_pipeline.model import Window
from aispend_pipeline.service.app import create_app
from aispend_pipeline.settings import Settings

from .installation import documented
from .two_providers import two_providers
from .world import TODAY, StandingClock, fill

DAYS = {"from": str(TODAY - timedelta(days=1)), "to": str(TODAY)}
RAW = "/providers/openai/raw"
BY_MODEL = "day,provider,account,model"
GROUPINGS = ["day", "api_key,account"]
MORE_GROUPINGS = [
    "token_type,service_tier",
    "source",
    "project,day",
    "workspace,provider",
    "api_key,model",
    "line_item",
]
Asked = Callable[..., dict]


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> Iterator[Settings]:
    """Of a home with a day that is over and the running one, of two organisations at each of two providers."""
    clock = StandingClock()
    home = tmp_path_factory.mktemp("evidence") / "home"
    with two_providers(clock) as providers:
        made = Settings.load({"AISPEND_HOME": str(home), **providers.environment}, None)
        fill(made, clock, Window(TODAY - timedelta(days=1), TODAY))
        yield made


@pytest.fixture(scope="module")
def client(settings) -> TestClient:
    return TestClient(create_app(settings, StandingClock()))


@pytest.fixture(scope="module")
def ask(client) -> Asked:
    def ask(path: str, **asked: object) -> dict:
        return client.get(path, params={"limit": "500", **asked}).raise_for_status().json()

    return ask


def filters(group: dict, names: str) -> dict[str, str]:
    """What asks for the lines of a group, and no others."""
    asked = {name: group[name] or "" for name in names.split(",")}
    day = asked.pop("day", None)
    return {**asked, **({"from": day, "to": day} if day else DAYS)}


def numbers(body: bytes) -> set[Decimal]:
    """Every number in a provider's answer, spelt as a number or as text."""

    def found(value: object) -> Iterator[Decimal]:
        if isinstance(value, dict | list):
            for one in value.values() if isinstance(value, dict) else value:
                yield from found(one)
        elif isinstance(value, Decimal) or (isinstance(value, str) and value.replace(".", "").isdigit()):
            yield Decimal(value)

    return set(found(json.loads(body, parse_float=Decimal, parse_int=Decimal)))


def test_every_dollar_of_every_group_is_in_the_bytes_that_its_lines_name(client, ask):
    groups = [group for group in ask("/spend", groupBy=BY_MODEL, **DAYS)["rows"] if group["cost_usd"]]
    bodies: dict[str, bytes] = {}
    for group in groups:
        answer = ask("/spend/rows", **filters(group, BY_MODEL))
        for row in answer["rows"]:
            bodies[row["page_id"]] = bodies.get(row["page_id"]) or client.get(row["links"]["body"]).content
            amount = Decimal(row["amount"]) * (100 if row["provider"] == "anthropic" else 1)
            assert amount in numbers(bodies[row["page_id"]]), row
            assert row["quantity"] is None or re.fullmatch(r"[0-9]+(\.[0-9]*[1-9])?", row["quantity"])
        assert answer["count"] == len(answer["rows"])
        assert sum(Decimal(row["cost_usd"]) for row in answer["rows"]) == Decimal(group["cost_usd"]), group
        assert answer["total_usd"] == group["cost_usd"]
    assert {group["provider"] for group in groups} == {"openai", "anthropic"}


@pytest.mark.parametrize(
    "names", [*GROUPINGS, *(pytest.param(names, marks=pytest.mark.long) for names in MORE_GROUPINGS)]
)
def test_whatever_spend_is_grouped_by_its_lines_add_up_to_each_group(ask, names):
    groups = ask("/spend", groupBy=names, **DAYS)["rows"]
    assert groups
    for group in groups:
        asked = {**filters(group, names), "limit": "1"}
        billed = ask("/spend/rows", **asked)["total_usd"]
        assert billed == (group["cost_usd"] or "0.00"), group
        if "line_item" not in names:
            estimated = ask("/spend/estimates", **asked)["total_estimated_usd"]
            assert estimated == (group["estimated_usd"] or "0.00"), group


def test_what_is_estimated_is_priced_from_counts_that_are_in_the_bytes(client, ask):
    answer = ask("/spend/estimates", account="eu", **DAYS)

    assert answer["count"] == len(answer["rows"]) > 100
    assert sum(Decimal(row["counted_usd"]) for row in answer["rows"]) == Decimal(answer["total_estimated_usd"]) > 0
    assert {row["provider"] for row in answer["rows"]} == {"openai", "anthropic"}
    bodies = {path: client.get(path).content for path in {row["links"]["body"] for row in answer["rows"]}}
    for row in answer["rows"]:
        unit = (Decimal(row["unit_usd"]) * Decimal(row["ratio"])).quantize(Decimal("1e-18"))
        assert row["quantity"].isdigit()
        assert Decimal(row["estimated_usd"]) == unit * Decimal(row["quantity"])
        if row["meter"] == "output_tokens":
            assert Decimal(row["quantity"]) in numbers(bodies[row["links"]["body"]])


def test_a_page_leads_to_the_request_and_the_fetch_that_it_came_of(client, ask):
    for item in ask(RAW, account="eu", source="openai_costs")["items"]:
        page = client.get(item["links"]["page"]).json()
        documented("/providers/{name}/raw/{page_id}", "get").validate(page)
        assert page == {**item, "fetch": page["fetch"]}
        assert (page["fetch"]["id"], page["fetch"]["state"]) == (item["fetch_id"], item["fetch_state"])
        assert page["fetch"]["days_in_use"] == [item["window"]["from"]]


def test_a_page_and_its_fetch_lead_to_the_lines_that_came_of_them_and_to_no_others(client, ask):
    for path, source in [("/spend/rows", "openai_costs"), ("/spend/estimates", "openai_usage")]:
        lines = ask(path, source=source, account="eu")["rows"]
        pages = ask(RAW, source=source, account="eu")["items"]
        for item in pages[:6]:
            link = f"{path}?page={item['id']}"
            shown = {item["links"]["rows"], item["links"]["estimates"]}
            assert shown == {None, link if item["reading"] == "rows" else None}
            of_page = client.get(f"{link}&limit=500").json()["rows"]
            assert of_page == [line for line in lines if line["page_id"] == item["id"]]
            of_fetch = ask(path, fetch=item["fetch_id"])["rows"]
            assert of_fetch == [line for line in lines if line["fetch_id"] == item["fetch_id"]]
        assert {line["page_id"] for line in lines} <= {item["id"] for item in pages if item["reading"] == "rows"}


def test_a_page_of_the_provider_s_own_sums_leads_to_no_lines_since_none_are_made_of_it(ask):
    pages = ask("/providers/anthropic/raw", source="anthropic_costs")["items"]
    controls = [page for page in pages if page["reading"] == "control"]

    assert controls
    assert {(page["links"]["rows"], page["links"]["estimates"]) for page in controls} == {(None, None)}
    assert ask("/spend/rows", page=controls[0]["id"])["count"] == 0


@pytest.mark.parametrize("asked", [{"api_key": ""}, {"workspace": "", "token_type": ["input", ""]}])
def test_spend_and_its_lines_let_the_same_through(ask, asked):
    billed = ask("/spend/rows", **asked, **DAYS)["total_usd"]

    assert billed == ask("/spend", **asked, **DAYS)["total_usd"] != "0.00"


@pytest.mark.parametrize(
    ("path", "query"),
    [("/spend/rows", "?limit=500"), ("/spend/rows", "?api_key="), ("/spend/estimates", "?limit=500")],
)
def test_real_answers_are_what_the_document_says(client, path, query):
    answer = client.get(path + query).json()

    documented(path, "get").validate(answer)
    assert answer["rows"]


def test_the_examples_in_the_document_are_what_it_says(client):
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    for path, name in {
        "/providers/{name}/raw": "RawBody",
        "/providers/{name}/raw/{page_id}": "PageBody",
        "/spend/rows": "RowsBody",
        "/spend/estimates": "EstimatesBody",
    }.items():
        for example in schemas[name]["examples"]:
            documented(path, "get").validate(example)
