"""Wrong use and wrong settings: one line on standard error, exit code 2, nothing else."""

import socket
from datetime import timedelta

import pytest

from aispend_pipeline.clock import SystemClock
from aispend_pipeline.warehouse import Warehouse

from .conftest import KEY, one_line, today

TOMORROW = str(today() + timedelta(days=2))  # still to come, even if midnight passes now
DATED = ["ingest", "spend", "recompute"]


@pytest.mark.parametrize("command", DATED)
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--from", "2026-02-31"], "--from '2026-02-31' is not a date written YYYY-MM-DD, for example --from"),
        (["--to", "yesterday"], "--to 'yesterday' is not a date written YYYY-MM-DD, for example --to"),
        (["--from", "1700000000"], "--from '1700000000' is not a date"),
        (["--from", "2026-1-1"], "--from '2026-1-1' is not a date"),
        (["--from", "2024-05-02", "--to", "2024-05-01"], "--from 2024-05-02 is after --to 2024-05-01"),
        (["--from", "2024-05-02", "--to", TOMORROW], f"--to {TOMORROW} is after today"),
        (["--from", TOMORROW], f"--from {TOMORROW} is after --to"),
        (["--from", "2023-12-31", "--to", "2024-01-01"], "--from 2023-12-31 is before 2024-01-01"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_days_that_make_no_sense(shell, command, options, said):
    done = shell.run(command, *options, OPENAI_API_KEY=KEY)

    assert (done.code, done.out) == (2, "")
    assert one_line(done.err).startswith(said)
    assert not shell.home.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ingest", "--source", "openai_cost"], "--source 'openai_cost' is none of openai_costs"),
        (["ingest", "--source", ""], "--source '' is none of openai_costs"),
        (["spend", "--group-by", "DAY"], "--group-by 'DAY': takes any of hour, day, provider, account, model"),
        (["spend", "--group-by", "day,day"], "--group-by 'day,day': takes any of"),
        (["spend", "--group-by", "model); drop table spend --"], "--group-by 'model); drop table spend --'"),
        (["spend", "--group-by", "project,projects"], "--group-by 'project,projects': takes any of"),
        (["demo", "--once", "--scenario", "nonsense"], "--scenario 'nonsense' is none of outage, slow, rate-limited"),
        (["demo", "--once", "--scenario", ""], "--scenario '' is none of outage"),
        (["spend", "--format", "xml"], "--format 'xml' is none of table, json, csv"),
        (["serve", "--port", "99999"], "127.0.0.1:99999 cannot be listened on"),
        (["serve", "--port", "-1"], "127.0.0.1:-1 cannot be listened on"),
        (["serve", "--host", "nowhere.invalid"], "nowhere.invalid:8080 cannot be listened on"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_options_that_are_not_known(shell, arguments, said):
    done = shell.run(*arguments, OPENAI_API_KEY=KEY)

    assert (done.code, done.out) == (2, "")
    assert one_line(done.err).startswith(said)
    assert not (shell.folder / "data").exists()


@pytest.mark.parametrize(
    "arguments", [["nothing"], ["ingest", "--form", "x"], ["spend", "extra"], ["serve", "--port", "x"]]
)
def test_what_the_command_line_does_not_know_is_wrong_use(shell, arguments):
    done = shell.run(*arguments)

    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err
    assert not shell.home.exists()


ADMIN = "sk-ant-admin01-cli"


@pytest.mark.parametrize("command", ["ingest", "spend", "recompute", "status", "config", "doctor", "serve"])
def test_wrong_settings_are_all_said_a_line_each_by_every_command(shell, command):
    done = shell.run(command, AISPEND_PORT="http", OPENAI_HARD_CAP="1,000", OPENAI_API_KEY=KEY)

    assert (done.code, done.out) == (2, "")
    assert [line.split(":")[0] for line in done.err.splitlines()] == ["AISPEND_PORT", "OPENAI_HARD_CAP"]


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("AISPEND_ANTHROPIC_CALLS_PER_HOUR", "0"),
        ("AISPEND_ANTHROPIC_CALLS_PER_HOUR", "many"),
        ("ANTHROPIC_BASE_URL", "http://api.example.com"),
        ("CRON_LOOKBACK_HOURS", "0"),
        ("CRON_LOOKBACK_HOURS", "-5"),
        ("CRON_LOOKBACK_HOURS", "1000000000"),
    ],
)
@pytest.mark.parametrize("command", ["ingest", "doctor"])
def test_a_setting_that_makes_no_sense_is_one_line_that_names_it(shell, command, setting, text):
    done = shell.run(command, ANTHROPIC_API_KEY=ADMIN, **{setting: text})

    assert (done.code, done.out) == (2, "")
    assert one_line(done.err).startswith(f"{setting}: ")
    assert not shell.home.exists()


def test_without_credentials_there_is_nothing_to_read(shell):
    done = shell.run("ingest")

    assert (done.code, done.out) == (2, "")
    assert one_line(done.err) == (
        "no provider to read: set OPENAI_API_KEY, ANTHROPIC_API_KEY or GCP_BQ_TABLE, as the README says"
    )
    assert not shell.home.exists()


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_provider_that_is_enabled_without_credentials_is_unconfigured(shell, provider):
    enabled = {f"ENABLE_{provider.upper()}": "true"}

    done = shell.run("ingest", **enabled)
    status = shell.run("status", **enabled)

    assert done.code == 2
    assert one_line(done.err).startswith("no provider to read: set OPENAI_API_KEY, ANTHROPIC_API_KEY or GCP_BQ_TABLE")
    assert status.code == 1
    assert f"{provider}: switched on but unconfigured" in status.out


def test_a_port_that_is_taken_is_said(shell):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = shell.run("serve", "--port", str(port))
        by_setting = shell.run("serve", AISPEND_PORT=str(port))

    for one in (done, by_setting):
        assert (one.code, one.out) == (2, "")
        assert one_line(one.err) == (
            f"127.0.0.1:{port} cannot be listened on (Address already in use);"
            " choose another with --port or AISPEND_PORT"
        )


@pytest.mark.parametrize("command", ["ingest", "spend", "recompute", "serve"])
def test_a_home_that_is_a_file_is_said_in_one_line(shell, command):
    shell.home.write_text("not a folder")

    done = shell.run(command, OPENAI_API_KEY=KEY)

    assert (done.code, done.out) == (1, "")
    assert str(shell.home) in one_line(done.err)
    assert shell.home.read_text() == "not a folder"


def test_status_says_that_the_home_is_a_file(shell):
    shell.home.write_text("not a folder")

    done = shell.run("status", OPENAI_API_KEY=KEY)

    assert (done.code, done.err) == (1, "")
    assert str(shell.home) in done.out


def test_an_empty_store_says_what_to_do_next_and_shows_no_zero(shell):
    spend = shell.run("spend", OPENAI_API_KEY=KEY)
    status = shell.run("status", OPENAI_API_KEY=KEY)

    assert (spend.code, spend.out) == (1, "")
    assert one_line(spend.err).endswith("nothing was read yet; run: aispend ingest")
    assert status.code == 1
    assert "as of never" in status.out
    assert "run: aispend ingest" in status.out
    assert "0.00" not in status.out


def test_a_store_that_was_made_and_never_filled_shows_no_zero_either(shell):
    Warehouse(shell.home, SystemClock()).publish()

    spend = shell.run("spend", OPENAI_API_KEY=KEY)
    without_key = shell.run("spend")

    assert "0.00" not in spend.out + without_key.out
    assert "not whole: openai_costs default" in spend.out
    assert without_key.out.strip() == (
        "nothing was read yet; set OPENAI_API_KEY, ANTHROPIC_API_KEY or GCP_BQ_TABLE and run: aispend ingest"
    )


def test_config_shows_what_is_set_and_no_secret(shell):
    (shell.folder / ".env").write_text(f"OPENAI_API_KEY={KEY}\nOPENAI_HARDCAP=5\n")

    done = shell.run("config", AISPEND_PORT="81")

    assert done.code == 0
    assert {"OPENAI_API_KEY=set", "AISPEND_PORT=81", f"AISPEND_HOME={shell.home}"} <= set(done.out.splitlines())
    assert one_line(done.err) == "warning: OPENAI_HARDCAP: no such setting; did you mean OPENAI_HARD_CAP?"
    assert KEY not in done.out + done.err


def test_the_version_and_the_help_are_given_without_settings(shell):
    assert shell.run("--version", AISPEND_PORT="x").out.startswith("aispend ")
    assert shell.run("--help", AISPEND_PORT="x").code == 0


def test_recompute_of_nothing_says_so_and_makes_no_store(shell):
    done = shell.run("recompute")

    assert (done.code, done.out) == (1, "")
    assert "nothing was read yet; run: aispend ingest" in done.err
    assert not (shell.home / "warehouse.duckdb").exists()


@pytest.mark.parametrize("command", ["caps", "status"])
def test_a_demos_money_is_not_held_against_caps_that_are_not_its_own(shell, command):
    Warehouse(shell.home, SystemClock()).publish()
    (shell.home / "this-is-a-demo").touch()

    done = shell.run(command, OPENAI_API_KEY=KEY, OPENAI_HARD_CAP="123")

    assert (done.code, done.err) == (0, "")
    assert f"{shell.home}: is a demo's, whose caps and keys are in its own process; its dashboard" in done.out
    assert "123" not in done.out.replace(str(shell.home), "")


def test_a_real_bill_is_not_added_to_a_demos(shell):
    shell.home.mkdir(parents=True)
    (shell.home / "this-is-a-demo").touch()

    done = shell.run("ingest", OPENAI_API_KEY=KEY)

    assert (done.code, done.out) == (2, "")
    assert "holds a demo's simulated bill" in done.err
