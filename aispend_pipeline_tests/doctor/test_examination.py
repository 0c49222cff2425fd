"""The whole of it, line by line: when all is well, when nothing is set, and as the command runs it."""

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from aispend_pipeline.alerts import by_hand
from aispend_pipeline.alerts.channels import channels
from aispend_pipeline.ingest import call_budget
from aispend_pipeline.sources import SOURCES
from aispend_pipeline.state.database import State, state_of
from aispend_pipeline_tests.alerts.receivers import http_receiver, status

from .world import ANTHROPIC_KEY, BILLED, NOW, OPENAI_KEY, World, about, answering, examined

OPENAI, ANTHROPIC = BILLED["openai"], BILLED["anthropic"]


def test_all_is_well(world, capsys):
    openai, anthropic = world.with_openai(), world.with_anthropic()
    world.fill()

    code, lines = examined(world, capsys, ANTHROPIC_ORG_ID="org_sim_default")

    assert lines == [
        "ok   settings: openai default, anthropic default to be read",
        f"ok   home: {world.home}: can be written, 20.0 GiB free",
        "ok   home: the state database opens",
        "ok   home: the warehouse is there",
        "ok   home: the figures can be read, as of 2026-11-25T13:20:00Z",
        "ok   home: no storage of Dagster's yet",
        "ok   openai default: OPENAI_API_KEY is an admin key",
        f"ok   openai default: the bill can be read at {openai}",
        "ok   anthropic default: ANTHROPIC_API_KEY is an Admin API key",
        f"ok   anthropic default: the bill can be read at {anthropic}",
        "ok   anthropic default: the key is of the organisation org_sim_default, Example (default)",
        "ok   clock: within 5 minutes of the providers'",
        "last month, 2026-10-01..2026-10-31; hold it against the invoice",
        " provider   account  compared  currency  by the provider     stored  days not whole",
        f" openai     default  same      USD       {OPENAI:>15}  {OPENAI}               0",
        f" anthropic  default  same      USD       {ANTHROPIC:>15}  {ANTHROPIC}               0",
    ]
    assert code == 0


def test_before_the_first_run_nothing_is_wrong_and_nothing_is_made_but_the_home(world, capsys):
    world.with_openai()
    world.with_anthropic()

    code, lines = examined(world, capsys)

    assert code == 0
    assert about(lines, "home") == [
        f"ok   home: {world.home}: can be written, 20.0 GiB free",
        "ok   home: no state database yet",
        "ok   home: no warehouse yet",
        "ok   home: nothing was read yet; the next step is: aispend ingest, or aispend up",
        "ok   home: no storage of Dagster's yet",
    ]
    assert lines[-2:] == [
        f" openai     default  not read yet  USD       {OPENAI:>15}                      31",
        f" anthropic  default  not read yet  USD       {ANTHROPIC:>15}                      31",
    ]
    assert [path.name for path in world.home.rglob("*")] == ["snapshots"]


def test_nothing_is_set(world, capsys):
    code, lines = examined(world, capsys)

    assert code == 1
    told, _, file = lines[0].rpartition("; there is no file ")
    assert told == "FAIL settings: no provider to read; set OPENAI_API_KEY, ANTHROPIC_API_KEY or GCP_BQ_TABLE"
    assert file.endswith("/.env")
    assert lines[-1] == "note clock: no provider said what time it is, so that this machine's is not checked"


def test_channels_are_not_tried_and_it_is_said_how_they_are(world, capsys):
    world.with_openai()

    _, lines = examined(
        world, capsys, SLACK_WEBHOOK_URL="http://127.0.0.1:9/x", ON_HARDCAP_WEBHOOK="http://127.0.0.1:9/"
    )

    assert about(lines, "channels") == [
        "note channels: not tried: slack, hook (unsigned: AISPEND_HOOK_SECRET is not set);"
        " run: aispend alerts test --hook (without --hook the hook is not tried)"
    ]
    _, without = examined(world, capsys, SLACK_WEBHOOK_URL="http://127.0.0.1:9/x")
    assert about(without, "channels") == ["note channels: not tried: slack; run: aispend alerts test"]


def test_a_channel_that_carried_nothing_last_is_failing_until_it_carries_something(world, capsys):
    world.with_openai()
    with http_receiver() as receiver:
        slack = {"SLACK_WEBHOOK_URL": receiver.url()}
        receiver.moods.append(status(404, b"no_service"))
        send_test(world, slack)
        failing = examined(world, capsys, **slack)
        world.clock.instant += timedelta(minutes=1)
        send_test(world, slack)
        well = examined(world, capsys, **slack)

    answered = f"{receiver.url('')} answered 404: no_service"
    assert about(failing[1], "slack") == [f"FAIL slack: is failing: {answered}; mend it, and run: aispend alerts test"]
    assert about(well[1], "slack") == []
    assert (failing[0], well[0]) == (1, 0)


def send_test(world: World, set_: dict[str, str]) -> None:
    settings = world.settings(**set_)
    by_hand.send_test(state_of(world.home), channels(settings), world.clock, "command")


def test_every_account_is_examined_by_its_own_name(world, capsys):
    world.with_openai()
    world.with_anthropic()

    code, lines = examined(world, capsys, OPENAI_API_KEY__EU="sk-admin-of-nobody", ANTHROPIC_API_KEY__EU="token-77aa77")

    assert code == 1
    assert about(lines, "openai eu") == [
        "ok   openai eu: OPENAI_API_KEY__EU looks like an admin key",
        "FAIL openai eu: /organization/costs answered 401: Incorrect API key provided; set OPENAI_API_KEY__EU to"
        " an admin key (sk-admin-...), made by an owner of the organisation, that is neither revoked nor expired",
    ]
    assert about(lines, "anthropic eu") == [
        "note anthropic eu: ANTHROPIC_API_KEY__EU is of a kind that is not known here",
        "FAIL anthropic eu: /v1/organizations/cost_report answered 401: invalid x-api-key; set ANTHROPIC_API_KEY__EU to"
        " an Admin API key (sk-ant-admin...), made in the Console by an admin of the organisation, that is not revoked;"
        " any other kind is refused like this",
    ]
    assert lines[-4:] == [
        f" openai     default  not read yet  USD       {OPENAI:>15}                      31",
        " openai     eu       not read yet  USD                                            31",
        f" anthropic  default  not read yet  USD       {ANTHROPIC:>15}                      31",
        " anthropic  eu       not read yet  USD                                            31",
    ]


def test_calls_to_anthropic_are_taken_from_the_accounts_budget(world, capsys):
    world.with_anthropic()
    with State(world.home).transaction():
        pass
    settings = world.settings(AISPEND_ANTHROPIC_CALLS_PER_HOUR="5")
    budget = call_budget(SOURCES["anthropic_costs"], settings, "default")

    first, _ = examined(world, capsys, AISPEND_ANTHROPIC_CALLS_PER_HOUR="5")

    assert first == 0
    assert [budget.take(NOW) is None for _ in range(4)] == [True, True, True, False]

    second, lines = examined(world, capsys, AISPEND_ANTHROPIC_CALLS_PER_HOUR="5")

    assert second == 0
    assert about(lines, "anthropic default")[-1] == (
        "note anthropic default: /v1/organizations/cost_report: the 5 calls an hour are used up; it goes on after"
        " 2026-11-25 13:32 UTC"
    )


def test_what_a_provider_says_cannot_harm_the_terminal(world, capsys):
    world.with_openai(answering(400, b'{"error": {"message": "\\u001b[2Jgone\\nFAIL home: no"}}'))

    _, lines = examined(world, capsys)

    assert about(lines, "openai default")[-1] == (
        "FAIL openai default: /organization/costs answered 400: [2Jgone FAIL home: no;"
        " run aispend doctor again; if it stays, tell the makers of aispend"
    )


@pytest.mark.long
def test_the_command_says_what_is_wrong_and_shows_no_key(aispend):
    closed = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}
    Path(".env").write_text(f"OPENAI_API_KEY={OPENAI_KEY}\nANTHROPIC_API_KEY={ANTHROPIC_KEY}\n")
    Path(".env").chmod(0o644)

    done = aispend("doctor", **closed)

    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[0] == (
        "note settings: .env: holds keys, and every user of this machine may read it; run: chmod 600 .env"
    )
    assert (
        "FAIL anthropic default: /v1/organizations/cost_report: the connection was refused; let this machine out to"
        " http://127.0.0.1:9 (firewall, proxy), or set ANTHROPIC_BASE_URL"
    ) in done.stdout.splitlines()
    assert "doctor-91c2" not in done.stdout
    assert "doctor-5e7f" not in done.stdout


def test_wrong_settings_are_said_a_line_each_and_end_with_2(aispend):
    done: subprocess.CompletedProcess = aispend("doctor", AISPEND_PORT="http", OPENAI_HARD_CAP="1,000")

    assert (done.returncode, done.stdout) == (2, "")
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["AISPEND_PORT", "OPENAI_HARD_CAP"]
    assert list(Path.cwd().iterdir()) == []
