"""What goes wrong at providers, as a user sees it: in `ingest`, `status` and `spend`, and after it is over."""

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from starlette.testclient import TestClient

from aispend_pipeline.service.app import create_app
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator import openai_books
from aispend_pipeline.simulator.scenario import SCENARIOS, Outage, RateLimited, Scenario, Where

from ..service.contract import hold
from ..service.two_providers import FEEDS, billed
from ..service.world import TODAY, StandingClock
from .conftest import NO_ANTHROPIC, NO_OPENAI, Result, Shell, both, demo

YESTERDAY = TODAY - timedelta(days=1)
CLOSED = [TODAY - timedelta(days=2), YESTERDAY]
ASKED = ("spend", "--from", str(CLOSED[0]), "--to", str(CLOSED[-1]))
HALF_AN_HOUR, HOUR = timedelta(minutes=30), timedelta(minutes=61)


def spent(shell: Shell, group_by: str = "provider,account") -> dict:
    done = shell.run(*ASKED, "--group-by", group_by, "--format", "json")
    assert (done.code, done.err) == (0, "")
    answer = json.loads(done.out)
    hold(answer, group_by)
    return answer


def costs(answer: dict) -> dict[tuple[str, str], Decimal]:
    return {(row["provider"], row["account"]): Decimal(row["cost_usd"]) for row in answer["rows"]}


def said_of(status: Result) -> list[str]:
    """The reasons that `status` gives."""
    return [line.strip() for line in status.out.splitlines() if line.startswith("  ")]


def over_http(shell: Shell, path: str) -> dict:
    client = TestClient(create_app(Settings.load(shell.environment({}), None), shell.clock))
    return client.get(path).raise_for_status().json()


@pytest.mark.long
def test_one_source_of_one_account_fails_alone_and_recovers_by_itself(tmp_path):
    def scenario(now: datetime) -> Scenario:
        until = now + HALF_AN_HOUR
        down = Outage(Where("anthropic", "eu"), "/v1/organizations/usage_report", until=until, status=529)
        limited = Where("openai", "default"), "/v1/organization/usage/images"
        return Scenario((down, RateLimited(*limited, until=until, retry_after=3600)))

    why = {
        ("anthropic_usage", "eu"): "/v1/organizations/usage_report/messages answered 529: Overloaded",
        ("openai_usage", "default"): "/organization/usage/images answered 429",
    }
    with both(tmp_path / "shell", scenario) as (shell, _):
        began = shell.clock.now()
        down, status, meanwhile = shell.run("ingest"), shell.run("status"), spent(shell)
        sources = over_http(shell, "/status")["sources"]
        table = shell.run(*ASKED)
        waited = shell.clock.now() - began
        shell.clock.instant += HOUR
        back, well = shell.run("ingest"), shell.run("status")

        assert (down.code, down.err, status.code) == (1, "", 1)
        assert waited < timedelta(seconds=60)  # nobody waits for as long as the provider would like
        *said, remedy = down.out.splitlines()
        failed = {tuple(line.split()[:2]): line for line in said if ": complete: " not in line}
        assert remedy == "not all could be read; run: aispend doctor"
        assert list(failed) == list(why)
        assert status.out.startswith("degraded, ")
        assert {tuple(reason.split(":")[0].split()) for reason in said_of(status)} == {*why}
        assert [(one["source"], one["account"]) for one in sources] == FEEDS
        for feed, text in why.items():
            assert f": failed: {text}" in failed[feed]
            assert f"{' '.join(feed)}: the last fetch failed: {text}" in "\n".join(said_of(status))
            (gap,) = [line for line in table.out.splitlines() if ": 2 days failed: " in line]
            assert gap.startswith("not whole: ")
            assert " ".join(feed) in gap
            assert gap.endswith(f"{CLOSED[0]}..{CLOSED[1]}")
        for one in sources:
            is_well = (one["source"], one["account"]) not in why
            assert one["last_ingest"]["state"] == ("complete" if is_well else "failed")
        assert costs(meanwhile) == billed(CLOSED, shell.clock)  # what is billed is there, for every account
        assert (back.code, well.code, said_of(well)) == (0, 0, [])
        assert spent(shell)["coverage"]["complete"] is True


@pytest.mark.long
def test_an_account_that_is_down_leaves_the_other_whole_and_nothing_of_it_is_zero(tmp_path):
    with both(tmp_path / "shell", SCENARIOS["outage"], NO_OPENAI) as (shell, _):
        down, status, meanwhile = shell.run("ingest"), shell.run("status"), spent(shell)
        shell.clock.instant += HOUR
        back, well = shell.run("ingest"), shell.run("status")

        assert (down.code, status.code) == (1, 1)
        failed = [line.split()[:3] for line in down.out.splitlines() if ": failed: " in line]
        days = f"{CLOSED[0]}..{TODAY}:"
        assert failed == [["anthropic_costs", "eu", days], ["anthropic_usage", "eu", days]]
        books = {account: usd for account, usd in billed(CLOSED, shell.clock).items() if account[0] == "anthropic"}
        assert costs(meanwhile) == {("anthropic", "default"): books["anthropic", "default"]}
        assert {day["source"] for day in meanwhile["coverage"]["days"] if day["state"] == "failed"} == {
            "anthropic_costs",
            "anthropic_usage",
        }
        assert (back.code, well.code) == (0, 0)
        assert costs(spent(shell)) == books
        assert spent(shell)["restatements"] == []  # a day that was never known was not changed


@pytest.mark.long
def test_what_is_slow_or_refused_now_and_then_is_read_all_the_same(tmp_path):
    def scenario(now: datetime) -> Scenario:
        return Scenario(SCENARIOS["slow"](now).troubles + SCENARIOS["rate-limited"](now).troubles)

    with both(tmp_path / "shell", scenario) as (shell, _):
        done, status = shell.run("ingest"), shell.run("status")

        assert (done.code, done.err, status.code) == (0, "", 0)
        assert all(": complete: " in line for line in done.out.splitlines())
        assert costs(spent(shell)) == billed(CLOSED, shell.clock)


@pytest.mark.parametrize(
    ("name", "unset", "accounts"),
    [
        ("restated", NO_ANTHROPIC, [("openai", "default")]),
        ("late", NO_OPENAI, [("anthropic", "default"), ("anthropic", "eu")]),
    ],
)
@pytest.mark.long
def test_a_day_that_changes_when_it_was_over_is_right_and_said_with_what_it_was(tmp_path, name, unset, accounts):
    start = StandingClock()
    scenario = SCENARIOS[name](start.now())
    with both(tmp_path / "shell", SCENARIOS[name], unset) as (shell, _):
        first, before = shell.run("ingest"), spent(shell)
        shell.clock.instant += HOUR
        second, after = shell.run("ingest"), spent(shell)
        table, status = shell.run(*ASKED), shell.run("status")

        assert (first.code, second.code, status.code) == (0, 0, 0)
        for answer, clock in ((before, start), (after, shell.clock)):
            books = billed(CLOSED, clock, scenario)
            for account, usd in costs(answer).items():
                assert abs(usd - books[account]) < Decimal("1e-15")  # 4 % more has more places than are kept
        assert before["restatements"] == []
        changes = after["restatements"]
        assert {(one["provider"], one["account"]) for one in changes} == {*accounts}
        assert {(one["day"], one["at"]) for one in changes} == {(str(YESTERDAY), "2026-06-12T14:21:00Z")}
        grown = sum(Decimal(one["is_usd"]) - Decimal(one["was_usd"]) for one in changes)
        assert grown == Decimal(after["total_usd"]) - Decimal(before["total_usd"]) > 0

        # the terminal has day, provider, model, was, is, and when; and ingest says it as it happens
        shown = [line for line in table.out.splitlines() if line.startswith("restated: ")]
        assert shown[:5] == [
            f"restated: {YESTERDAY} {one['provider']} {one['account']} {one['model'] or 'unknown'}: was"
            f" {one['was_usd']}, is {one['is_usd']} USD since 2026-06-12 14:21 UTC"
            for one in changes[:5]
        ]
        assert shown[5:] == [f"restated: {len(changes) - 5} more; --format json has them"]
        said = [done.out.count(f" {YESTERDAY}: restated: ") for done in (first, second)]
        assert said == [0, len(changes)]
        restated = {
            (one["source"], one["account"]): one["restatements"] for one in over_http(shell, "/status")["sources"]
        }
        assert sum(restated.values()) == len(changes)


@pytest.mark.long
def test_names_that_cannot_be_read_change_no_figure_and_a_name_that_changed_is_the_new_one(tmp_path, monkeypatch):
    def scenario(now: datetime) -> Scenario:
        where = Where("openai", "default")
        return Scenario((Outage(where, "/v1/organization/projects", until=now + HALF_AN_HOUR),))

    def projects(shell: Shell) -> dict[str | None, str | None]:
        return {row["project"]: row["project_name"] for row in spent(shell, "project")["rows"]}

    with both(tmp_path / "shell", scenario, (*NO_ANTHROPIC, "OPENAI_API_KEY__EU")) as (shell, _):
        nameless, ids, status = shell.run("ingest"), projects(shell), shell.run("status")
        (account,) = over_http(shell, "/status")["accounts"]
        total = spent(shell)["total_usd"]
        shell.clock.instant += HOUR
        named, names = shell.run("ingest"), projects(shell)
        code, *others = openai_books.PROJECTS["default"][::-1]
        renamed = tuple(replace(one, name="Assistant, EU and US") for one in others if one.name == "Assistant")
        monkeypatch.setitem(openai_books.PROJECTS, "default", (*renamed, code))
        shell.clock.instant += timedelta(days=1)
        with_new_name, new_names = shell.run("ingest"), projects(shell)

        assert (nameless.code, nameless.err, status.code) == (0, "", 0)
        (said,) = [line for line in nameless.out.splitlines() if line.startswith("names ")]
        assert said.startswith("names openai default: /organization/projects answered 500")
        assert account["names_error"].startswith("/organization/projects answered 500")
        assert account["names_last_read_at"] is None
        assert set(ids.values()) == {None}
        assert (named.code, with_new_name.code) == (0, 0)
        assert "names " not in named.out + with_new_name.out
        assert list(names) == list(new_names) == list(ids)
        assert names == {
            "proj_assistant": "Assistant",
            "proj_code": "Code",
            "proj_nightly": "Nightly jobs",
            None: None,
        }
        assert new_names == {**names, "proj_assistant": "Assistant, EU and US"}
        assert spent(shell)["total_usd"] == total
        (account,) = over_http(shell, "/status")["accounts"]
        assert (account["names_error"], account["names_last_read_at"]) == (None, "2026-06-13T14:21:00Z")


@pytest.mark.long
def test_a_demo_in_which_something_goes_wrong_ends_as_the_figures_are(tmp_path):
    done = demo(Shell(tmp_path, clock=StandingClock()), "--scenario", "outage")

    assert (done.code, done.err) == (1, "")
    verdicts = re.findall(r"^2026-06-10\.\.2026-06-11 (\w+ [\w-]+): .* USD: (.*)$", done.out, re.MULTILINE)
    assert verdicts == [
        ("openai default", "the same"),
        ("openai eu", "the same"),
        ("anthropic default", "the same"),
        ("anthropic eu", "NOT THE SAME, and not every day is read"),
        ("vertex default", "the same"),
        ("vertex 0155AA-2B7C91-000042", "the same"),
        ("vertex eu", "the same"),
    ]
