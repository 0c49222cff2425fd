"""`GET /spend` by every dimension, over two organisations at each of two providers."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from aispend_pipeline import money
from aispend_pipeline.model import Window
from aispend_pipeline.names.reading import read_names
from aispend_pipeline.service.app import create_app
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources.http import Limits
from aispend_pipeline.warehouse import Warehouse

from .contract import COUNTS, DIMENSIONS, hold
from .two_providers import ACCOUNTS, billed, billed_by_key, two_providers, used
from .world import TODAY, StandingClock, fill

CLOSED = Window(TODAY - timedelta(days=2), TODAY - timedelta(days=1))
OF_THE_ROWS = [name for name in DIMENSIONS if name != "hour"]
GROUPINGS = [
    *DIMENSIONS,
    ",".join(OF_THE_ROWS),
    "hour,provider,account,model,day",
    "provider,account,day",
    "workspace,api_key,service_tier",
    "model,project,day",
    "token_type,provider,account",
    "source,service_tier",
    "line_item,source",
]
BY_USAGE = [names for names in GROUPINGS if not {"line_item", "token_type", "source"} & {*names.split(",")}]
RUNNING = {"from": str(TODAY), "to": str(TODAY)}
Asked = Callable[..., dict]


@pytest.fixture(scope="module")
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture(scope="module")
def settings(tmp_path_factory, clock) -> Iterator[Settings]:
    """Of a home with three days of both providers, and their names."""
    home = tmp_path_factory.mktemp("dimensions") / "home"
    with two_providers(clock) as providers:
        made = Settings.load({"AISPEND_HOME": str(home), **providers.environment}, None)
        fill(made, clock, Window(CLOSED.first, TODAY))
        read_names(made, Warehouse(home, clock), clock=clock, limits=Limits())
        yield made


@pytest.fixture(scope="module")
def client(settings, clock) -> TestClient:
    return TestClient(create_app(settings, clock))


@pytest.fixture(scope="module")
def spent(client) -> Asked:
    """The answer for the days that are over."""

    def ask(group_by: str, **filters: str | list[str]) -> dict:
        asked = {"from": str(CLOSED.first), "to": str(CLOSED.last), "groupBy": group_by, **filters}
        return client.get("/spend", params=asked).raise_for_status().json()

    return ask


def by(answer: dict, *names: str) -> dict:
    return {tuple(row[name] for name in names): row for row in answer["rows"]}


def counts(row: dict) -> dict[str, int | None]:
    return {name: row[name] for name in COUNTS}


def added(answer: dict) -> dict[str, int]:
    """The counts of all rows together."""
    sums: Counter[str] = Counter()
    for row in answer["rows"]:
        sums.update({name: row[name] or 0 for name in COUNTS})
    return dict(sums)


@pytest.mark.parametrize(("provider", "account"), ACCOUNTS)
def test_every_account_costs_and_counts_what_its_provider_s_books_say(spent, clock, provider, account):
    row = by(spent("provider,account"), "provider", "account")[provider, account]

    assert Decimal(row["cost_usd"]) == billed(CLOSED.days(), clock)[provider, account] > 100
    assert counts(row) == used(provider, account, CLOSED.days(), clock)


@pytest.mark.parametrize("group_by", GROUPINGS)
def test_whatever_it_is_grouped_by_it_is_in_the_promised_shape_and_adds_up_to_the_same(client, spent, clock, group_by):
    answer = spent(group_by)

    hold(answer, group_by)
    document = client.get("/openapi.json").json()
    schema = document["paths"]["/spend"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": document["components"]}).validate(answer)
    whole = money.add(billed(CLOSED.days(), clock).values())
    assert Decimal(answer["total_usd"]) == whole
    assert money.add(Decimal(row["cost_usd"] or 0) for row in answer["rows"]) == whole
    assert (answer["unconverted"], answer["truncated"], answer["coverage"]["complete"]) == ([], False, True)


@pytest.mark.parametrize("group_by", GROUPINGS)
def test_what_is_estimated_adds_up_to_the_same_whatever_it_is_grouped_by(client, group_by):
    answer = client.get("/spend", params={**RUNNING, "groupBy": group_by}).raise_for_status().json()

    hold(answer, group_by)
    estimated = money.add(Decimal(row["estimated_usd"] or 0) for row in answer["rows"])
    assert estimated == Decimal(answer["total_estimated_usd"]) > 50
    assert money.add(Decimal(row["cost_usd"] or 0) for row in answer["rows"]) == Decimal(answer["total_usd"])


def test_days_with_a_bill_have_no_estimate(spent):
    answer = spent("provider,model")

    assert answer["total_estimated_usd"] == "0.00"
    assert {row["estimated_usd"] for row in answer["rows"]} == {None}


def test_the_hours_of_a_bill_are_those_in_which_it_was_used(spent, clock):
    answer = spent("hour,provider,model")

    hours = {row["hour"] for row in answer["rows"]}
    assert hours == {None, *(f"{day}T{hour:02}:00:00Z" for day in CLOSED.days() for hour in range(24))}
    apart = {row["model"] for row in answer["rows"] if row["hour"] is None}
    assert None in apart  # storage, searches, credits
    assert "claude-haiku-4-5-20251001" not in apart
    assert "ft-gpt-4o-2024-08-06" in apart  # of which no list has a price


@pytest.mark.parametrize("others", ["project", "source,day", "api_key"])
def test_no_line_of_a_bill_tells_its_hour(client, others):
    answer = client.get("/spend", params={"groupBy": f"hour,{others}"})

    assert answer.status_code == 422
    assert "hour goes with day, provider, account, model alone" in answer.json()["detail"]


@pytest.mark.parametrize("group_by", BY_USAGE)
def test_tokens_are_the_usage_book_s_and_the_same_whatever_they_are_grouped_by(spent, group_by):
    answer = spent(group_by)

    assert answer["tokens_from"] == ["usage"]
    assert added(answer) == added(spent("provider"))


@pytest.mark.parametrize("group_by", ["line_item", "token_type", "token_type,service_tier,day"])
def test_what_only_the_bill_tells_apart_has_the_bill_s_tokens_and_says_so(spent, group_by):
    answer = spent(group_by, provider="openai")

    assert answer["tokens_from"] == ["costs"]
    assert added(answer)["output_tokens"] == added(spent("provider", provider="openai"))["output_tokens"]
    assert added(answer)["requests"] == 0


def test_by_source_each_book_speaks_for_itself(spent):
    rows = by(spent("source"), "source")

    assert [(source, row["cost_usd"] is None) for (source,), row in rows.items()] == [
        ("anthropic_costs", False),
        ("anthropic_usage", True),
        ("openai_costs", False),
        ("openai_usage", True),
    ]
    assert set(counts(rows["anthropic_costs",]).values()) == {None}
    assert rows["openai_costs",]["output_tokens"] == rows["openai_usage",]["output_tokens"] > 0
    assert (rows["openai_costs",]["requests"], rows["openai_usage",]["requests"] > 0) == (None, True)


def test_ids_stay_and_their_names_stand_beside_them(spent):
    projects = by(spent("project", provider="openai"), "project", "project_name")
    workspaces = by(spent("provider,workspace", provider="anthropic"), "workspace", "workspace_name")
    keys = by(spent("api_key"), "api_key", "api_key_name")

    assert list(projects) == [
        ("proj_assistant", "Assistant"),
        ("proj_code", "Code"),
        ("proj_nightly", "Nightly jobs"),
        ("proj_studio", "Studio"),
        ("proj_support", "Support"),
        (None, None),
    ]
    assert list(workspaces) == [
        ("wrkspc_chat", "Chat"),
        ("wrkspc_code", "Claude Code"),
        ("wrkspc_nightly", "Nightly jobs"),
        ("wrkspc_support", "Support"),
        (None, "Default"),  # which has no id at Anthropic
    ]
    assert {("apikey_chat", "prod"), ("apikey_legacy", "prod"), ("key_ci", "ci"), (None, None)} <= set(keys)


def test_whose_a_key_is_stands_beside_it_a_person_or_a_service_account(spent):
    owners = by(spent("api_key"), "api_key", "api_key_owner", "api_key_owner_name")

    assert {
        ("key_mobile", "user_bram", "Bram Okafor"),
        ("key_ci", "svc_key_ci", "key_ci service"),
        ("apikey_editors", "user_chiara", "Chiara Lindt"),
        ("apikey_chat", None, None),  # Anthropic does not say who made it
        (None, None, None),
    } <= {*owners}
    assert "api_key_owner" not in spent("project")["rows"][0]


def test_anthropic_s_bill_tells_no_keys_apart_so_they_are_told_from_usage_and_said_to_be(spent, clock):
    rows = by(spent("api_key", provider="anthropic"), "api_key")

    keyed = [row for (key,), row in rows.items() if key]
    assert all(row["cost_usd"] == row["allocated_usd"] and Decimal(row["cost_usd"]) > 1 for row in keyed)
    # Of what has no key, the playground used some, and code execution is in no usage.
    playground, unattributed = Decimal(rows[None,]["allocated_usd"]), Decimal(rows[None,]["cost_usd"])
    assert unattributed > playground > 0
    codes = by(spent("token_type", provider="anthropic"), "token_type")["code_execution",]["cost_usd"]
    assert unattributed - playground == Decimal(codes)


def test_openai_s_bill_tells_its_keys_itself(spent):
    assert {row["allocated_usd"] for row in spent("api_key", provider="openai")["rows"]} == {None}


def test_each_key_costs_what_it_used_at_the_prices_of_the_bill(spent, clock):
    """Held against the simulator, which knows what each key has used and what it bills for that."""
    expected = billed_by_key(CLOSED.days(), clock)

    rows = by(spent("account,api_key", provider="anthropic"), "account", "api_key")

    assert set(expected) == set(rows)
    for key, usd in expected.items():
        assert abs(Decimal(rows[key]["cost_usd"]) - usd) < Decimal("0.005"), key


@pytest.mark.parametrize("tier", ["priority", "flex"])
def test_a_tier_that_no_bill_lists_is_counted_and_named_as_not_priced(spent, clock, tier):
    answer = spent("service_tier,account", provider="anthropic")

    measured = {
        account: used("anthropic", account, CLOSED.days(), clock, service_tier=tier) for account in ("default", "eu")
    }
    for account, expected in measured.items():
        row = by(answer, "service_tier", "account").get((tier, account))
        assert (row is None) == (not any(expected.values()))
        if row:
            assert (row["cost_usd"], counts(row)) == (None, expected)
        unpriced = [one for one in answer["unpriced"] if (one["service_tier"], one["account"]) == (tier, account)]
        sums = {name: sum(one[name] for one in unpriced) for name in COUNTS[:-1]}
        assert sums == {name: expected[name] for name in COUNTS[:-1]}
    assert answer["unpriced"] == spent("provider", provider="anthropic")["unpriced"]
    assert spent("provider", provider="openai")["unpriced"] == []


def test_a_model_that_is_measured_and_never_billed_has_no_cost_instead_of_zero(spent):
    row = by(spent("model"), "model")["omni-moderation-latest",]

    assert (row["cost_usd"], row["input_tokens"] > 0) == (None, True)


@pytest.mark.parametrize(
    ("filters", "providers", "accounts"),
    [
        ({"provider": "anthropic"}, ["anthropic"], ["default", "eu"]),
        ({"account": "eu"}, ["anthropic", "openai"], ["eu"]),
        ({"model": "gpt-5.3-codex"}, ["openai"], ["default"]),
        ({"model": ""}, ["anthropic", "openai"], ["default", "eu"]),
    ],
    ids=str,
)
@pytest.mark.parametrize("further", ["day", "project", "service_tier,api_key", "token_type"])
def test_filters_hold_for_every_grouping(spent, filters, providers, accounts, further):
    answer = spent(f"provider,account,{further}", **filters)

    assert {row["provider"] for row in answer["rows"]} == {*providers}
    assert {row["account"] for row in answer["rows"]} == {*accounts}
    assert answer["total_usd"] == spent("day", **filters)["total_usd"]
    assert money.add(Decimal(row["cost_usd"] or 0) for row in answer["rows"]) == Decimal(answer["total_usd"])


FILTERS = [name for name in OF_THE_ROWS if name != "day"]


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_lets_through_what_its_group_has(spent, name):
    rows = spent(name)["rows"]
    for row in [*rows[:-1:4], rows[-1]]:
        answer = spent("provider", **{name: row[name] or ""})

        assert Decimal(answer["total_usd"]) == Decimal(row["cost_usd"] or 0), row
        assert added(answer) == {count: row[count] or 0 for count in COUNTS}, row
        assert spent(name, **{name: row[name] or ""})["rows"] == [row]


@pytest.mark.parametrize("name", ["project", "api_key", "service_tier"])
def test_of_several_filters_all_hold_and_of_several_values_of_one_any(spent, name):
    rows = spent(f"{name},model", provider="openai")["rows"]
    keys, models = [sorted({row[of] or "" for row in rows})[::2] for of in (name, "model")]

    answer = spent(f"{name},model", provider="openai", **{name: keys, "model": models})

    assert answer["rows"] == [row for row in rows if (row[name] or "") in keys and (row["model"] or "") in models]


@given(
    group_by=st.lists(st.sampled_from(["day", "provider", "account", "model"]), min_size=1, unique=True),
    filters=st.fixed_dictionaries(
        {},
        optional={
            "provider": st.lists(st.sampled_from(["openai", "anthropic", "vertex"]), min_size=1),
            "account": st.lists(st.sampled_from(["default", "eu", "none"]), min_size=1),
            "model": st.lists(st.sampled_from(["gpt-5.3-codex", "claude-sonnet-4-5-20250929", ""]), min_size=1),
        },
    ),
    sort=st.sampled_from([[], ["-cost_usd"], ["output_tokens"]]),
    compare=st.booleans(),
)
@examples(deadline=None, max_examples=25)
def test_sums_and_lines_say_the_same(client, spent, group_by, filters, sort, compare):
    """A filter by tier that lets all of them through can only be told by the lines."""
    tiers = [row["service_tier"] or "" for row in spent("service_tier")["rows"]]
    asked = {"groupBy": group_by, **filters, "sort": sort, "from": str(CLOSED.last), "to": str(CLOSED.last)}
    if compare and "day" not in group_by:
        asked["compare"] = "previous"

    by_sums, by_lines = (
        client.get("/spend", params={**asked, **more}).raise_for_status().json()
        for more in ({}, {"service_tier": tiers})
    )

    assert by_lines == by_sums


@pytest.mark.parametrize("name", ["provider", "account", "model", "service_tier"])
def test_filters_hold_for_what_is_not_priced_as_far_as_it_can_be_told(spent, name):
    unpriced = spent("provider")["unpriced"]
    told = {one[name] for one in unpriced}

    assert told
    for value in told:
        kept = [one for one in unpriced if one[name] == value]
        assert spent("provider", **{name: value or ""})["unpriced"] == kept
    assert spent("provider", **{name: "vertex"})["unpriced"] == []
    assert spent("provider", project="of nobody")["unpriced"] == unpriced


def test_what_is_estimated_is_the_same_by_sums_and_by_lines(client, spent):
    tiers = [row["service_tier"] or "" for row in spent("service_tier")["rows"]]
    asked = {**RUNNING, "groupBy": "provider,model"}

    by_sums, by_lines = (
        client.get("/spend", params={**asked, **more}).raise_for_status().json()
        for more in ({}, {"service_tier": tiers})
    )

    assert by_lines == by_sums
    assert Decimal(by_sums["total_estimated_usd"]) > 0


def test_what_is_filtered_by_source_rests_on_that_source(spent):
    bill, usage = (spent("provider", source=[f"openai_{book}", f"anthropic_{book}"]) for book in ("costs", "usage"))

    assert (bill["tokens_from"], usage["tokens_from"]) == (["costs"], ["usage"])
    assert {day["source"] for day in usage["coverage"]["days"]} == {"openai_usage", "anthropic_usage"}
    assert (usage["total_usd"], bill["total_usd"]) == ("0.00", spent("provider")["total_usd"])


def test_a_limit_cuts_details_and_not_the_total(spent):
    whole, cut = spent("line_item,project"), spent("line_item,project", limit="4")

    assert (cut["rows"], cut["truncated"]) == (whole["rows"][:4], True)
    assert cut["total_usd"] == whole["total_usd"]


def test_the_running_day_is_known_but_for_anthropic_s_costs(client, clock):
    answer = client.get("/spend", params={"from": str(TODAY), "to": str(TODAY), "groupBy": "provider"}).json()

    states = {(day["source"], day["account"]): day["state"] for day in answer["coverage"]["days"]}
    assert {source for (source, _), state in states.items() if state != "complete"} == {"anthropic_costs"}
    (reason,) = {day["detail"].get("reason") for day in answer["coverage"]["days"] if day["state"] == "not_due"}
    assert reason == "the provider did not answer for all of this day"
    assert answer["coverage"]["complete"] is False
    anthropic, openai = answer["rows"]
    assert (anthropic["cost_usd"], anthropic["output_tokens"] > 0) == (None, True)
    today = billed([TODAY], clock)
    assert Decimal(openai["cost_usd"]) == today["openai", "default"] + today["openai", "eu"]


def test_a_home_that_has_no_usage_yet_counts_by_the_bill(tmp_path, clock):
    with two_providers(clock) as providers:
        made = Settings.load({"AISPEND_HOME": str(tmp_path / "home"), **providers.environment}, None)
        fill(made, clock, CLOSED, ["openai_costs", "anthropic_costs"])
        asked = {"from": str(CLOSED.first), "to": str(CLOSED.last), "groupBy": "provider,api_key"}
        answer = TestClient(create_app(made, clock)).get("/spend", params=asked).json()

    hold(answer, "provider,api_key")
    assert answer["tokens_from"] == ["costs"]
    anthropic, *openai = answer["rows"]
    assert set(counts(anthropic).values()) == {None}
    assert openai[0]["output_tokens"] > 0
    assert {row["api_key_name"] for row in answer["rows"]} == {None}  # no names were read
    assert answer["coverage"]["complete"] is False


@pytest.mark.parametrize("name", ["api_key_name", "projects", "apikey", "token-type", "user", "context_window"])
def test_a_dimension_that_there_is_not_is_refused_with_those_that_there_are(client, name):
    answer = client.get("/spend", params={"groupBy": f"day,{name}"})

    assert (answer.status_code, answer.json()["type"]) == (422, "urn:aispend:problem:wrong-parameter")
    assert answer.json()["detail"] == f"groupBy: {name!r} is none of {', '.join(DIMENSIONS)}"


def test_a_day_before_the_first_costs_nothing_and_is_not_due(client):
    day = str(date(2026, 6, 1))
    answer = client.get("/spend", params={"from": day, "to": day, "groupBy": "project"}).json()

    assert (answer["rows"], answer["total_usd"], answer["tokens_from"]) == ([], "0.00", [])
    assert {one["state"] for one in answer["coverage"]["days"]} == {"not_due"}
