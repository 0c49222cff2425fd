"""Two accounts at each of two providers through `aispend ingest`: the same figures in every form, to the last digit."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from starlette.testclient import TestClient

from aispend_pipeline.model import PROVIDERS
from aispend_pipeline.service.app import create_app
from aispend_pipeline.settings import Settings

from ..service.contract import COUNTS, NAMED, OWNED, hold
from ..service.two_providers import ACCOUNTS, FEEDS, MARK, billed, used
from ..service.world import NOW, TODAY, StandingClock
from .conftest import Result, Shell, both

pytestmark = pytest.mark.long

CLOSED = [TODAY - timedelta(days=2), TODAY - timedelta(days=1)]
ASKED = ("spend", "--from", str(CLOSED[0]), "--to", str(CLOSED[-1]))
GROUPINGS = ["provider,account", "day,workspace", "project,api_key", "service_tier,source", "line_item", "token_type"]


@pytest.fixture(scope="module")
def ingested(tmp_path_factory) -> Iterator[tuple[Shell, Result, dict, dict]]:
    """A shell that ingested, what that said, what was answered, and what when all was read again."""
    with both(tmp_path_factory.mktemp("both")) as (shell, _):
        first = shell.run("ingest")
        before = exact(shell, "provider,account,day,model,api_key")
        shell.fill(CLOSED[0], TODAY)
        yield shell, first, before, exact(shell, "provider,account,day,model,api_key")


@pytest.fixture(scope="module")
def shell(ingested) -> Shell:
    return ingested[0]


@pytest.fixture(scope="module")
def client(shell) -> TestClient:
    return TestClient(create_app(Settings.load(shell.environment({}), None), shell.clock))


@pytest.fixture(scope="module")
def spent(shell) -> Callable[[str], dict]:
    return lambda group_by: exact(shell, group_by)


def exact(shell: Shell, group_by: str) -> dict:
    done = shell.run(*ASKED, "--group-by", group_by, "--format", "json")
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)


def test_every_feed_is_read_and_said_a_line_for_each_window(ingested):
    done = ingested[1]

    assert (done.code, done.err) == (0, "")
    lines = [line.split(": ")[0] for line in done.out.splitlines()]
    windows = (f"{CLOSED[0]}..{CLOSED[1]}", str(TODAY))
    assert lines == [f"{source} {account} {window}" for source, account in FEEDS for window in windows]
    assert all(": complete: " in line for line in done.out.splitlines())


@pytest.mark.parametrize(("provider", "account"), ACCOUNTS)
def test_what_an_account_spent_and_used_is_what_its_provider_s_books_say(spent, shell, provider, account):
    rows = spent("provider,account")["rows"]
    (row,) = [one for one in rows if (one["provider"], one["account"]) == (provider, account)]

    assert Decimal(row["cost_usd"]) == billed(CLOSED, shell.clock)[provider, account]
    assert {name: row[name] for name in COUNTS} == used(provider, account, CLOSED, shell.clock)


def test_reading_it_all_again_changes_nothing(ingested):
    _, _, before, after = ingested

    assert {**after, "as_of": None} == {**before, "as_of": None}
    assert after["restatements"] == []
    assert len(after["rows"]) > 50


def test_all_is_well_although_anthropic_does_not_know_today_s_costs_yet_and_that_is_said(shell):
    status = shell.run("status")
    today = shell.run("spend", "--from", str(TODAY), "--group-by", "provider")

    assert (status.code, status.out.splitlines()[0]) == (0, "ok, as of 2026-06-12T13:20:00Z")
    assert [line for line in today.out.splitlines() if "not whole" in line] == [
        f"not whole: anthropic_costs default, anthropic_costs eu: 1 day not known yet: {TODAY}"
    ]
    (anthropic,) = [line for line in today.out.splitlines() if line.strip().startswith("anthropic")]
    assert "not billed" in anthropic
    assert not any("not whole" in line for line in shell.run(*ASKED).out.splitlines())


def test_a_day_that_was_running_when_it_was_read_is_not_whole_once_it_is_over(shell):
    tomorrow = replace(shell, clock=StandingClock(NOW + timedelta(days=1)))

    told = tomorrow.run("spend", "--from", str(CLOSED[0]), "--to", str(TODAY))

    over = [f"{source} {account}" for source, account in FEEDS if source != "anthropic_costs"]
    assert [line for line in told.out.splitlines() if "not whole" in line] == [
        f"not whole: anthropic_costs default, anthropic_costs eu: 1 day not known yet: {TODAY}",
        f"not whole: {', '.join(over)}: 1 day read only while running: {TODAY}",
    ]


@pytest.mark.parametrize("group_by", GROUPINGS)
def test_the_command_and_the_service_answer_alike(client, spent, group_by):
    asked = {"from": str(CLOSED[0]), "to": str(CLOSED[-1]), "groupBy": group_by}

    answer = spent(group_by)

    hold(answer, group_by)
    assert answer == client.get("/spend", params=asked).json()


@pytest.mark.parametrize("group_by", GROUPINGS)
def test_csv_has_every_key_name_and_digit_of_the_answer(shell, spent, group_by):
    done = shell.run(*ASKED, "--group-by", group_by, "--format", "csv")

    rows = list(csv.DictReader(io.StringIO(done.out, newline="")))
    names = group_by.split(",")
    columns = [*names, *(f"{name}_name" for name in names if name in NAMED)]
    columns += [*(OWNED if "api_key" in names else ()), "cost_usd", "estimated_usd"]
    columns += [*(["allocated_usd"] if "api_key" in names else []), *COUNTS]
    assert (done.code, list(rows[0])) == (0, columns)
    answered = spent(group_by)["rows"]
    assert rows == [{name: "" if row[name] is None else str(row[name]) for name in columns} for row in answered]
    # what the rows leave out is said beside the file, not in it
    assert {line.split(":")[0] for line in done.err.splitlines()} == {
        "never billed",
        "may still change",
    }


def test_the_table_has_names_with_their_ids_and_says_what_is_not_billed_or_priced(shell):
    table = shell.run(*ASKED, "--group-by", "workspace,service_tier").out
    lines = [" ".join(line.split()) for line in table.splitlines()]

    assert any(line.startswith("Chat (wrkspc_chat) standard ") for line in lines)
    assert any(line.startswith("Chat (wrkspc_chat) priority not billed ") for line in lines)
    assert any(line.startswith("Assistant (proj_assistant) unknown ") for line in lines)
    assert any(line.startswith("Default standard ") for line in lines)
    unpriced = [line.split(": ")[1:] for line in lines if line.startswith("never billed")]
    assert [(account, why.split()[-1]) for account, _, why in unpriced] == [
        ("anthropic default", "flex"),
        ("anthropic default", "priority"),
        ("anthropic eu", "priority"),
    ]
    sums = {name: used("anthropic", "eu", CLOSED, shell.clock, service_tier="priority")[name] for name in COUNTS[:-1]}
    assert unpriced[-1][1] == f"{sum(sums.values()):,} tokens"


def test_status_tells_what_its_provider_calls_every_account(client):
    body = client.get("/status").json()

    assert [(one["provider"], one["account"]) for one in body["accounts"]] == ACCOUNTS
    assert [(one["organization_id"], one["organization_name"]) for one in body["accounts"]] == [
        ("org_sim_default", "Example (default)"),
        ("org_sim_eu", "Example (eu)"),
        (None, None),  # OpenAI has no list that tells
        (None, None),
    ]
    told = ("names_last_read_at", "names_error", "waiting_days", "waiting_done_at")
    for one in body["accounts"]:
        assert [one[name] for name in told] == ["2026-06-12T13:20:00Z", None, 0, None]
    assert [(one["source"], one["account"]) for one in body["sources"]] == FEEDS


def test_no_key_is_in_the_home_in_what_was_printed_or_in_an_answer(ingested, client):
    shell, said, _, _ = ingested
    paths = ["/status", "/config", "/spend", *(f"/providers/{name}/raw?limit=500" for name in PROVIDERS)]

    assert MARK not in said.out + said.err
    for path in paths:
        assert MARK not in client.get(path).raise_for_status().text
    files = [file for file in shell.home.rglob("*") if file.is_file()]
    assert {"state.sqlite", "warehouse.duckdb", "CURRENT"} <= {file.name for file in files}
    for file in files:
        assert MARK.encode() not in file.read_bytes(), file
