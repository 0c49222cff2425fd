"""What needs real processes: start-up, secrets, being interrupted and killed, the demo."""

import json
import re
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path

import dagster as dg
import duckdb
import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from aispend_pipeline.clock import SystemClock
from aispend_pipeline.model import PROVIDERS
from aispend_pipeline.service.app import create_app
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator.anthropic import anthropic
from aispend_pipeline.simulator.openai import openai
from aispend_pipeline.simulator.server import served
from aispend_pipeline.warehouse.snapshots import READ_CONFIG

from ..service.world import NOW, StandingClock
from .conftest import Result, Shell, ago, demo, one_line

YESTERDAY = str(ago(1))
ALERTS = [f"alerts {name}" for name in ("list", "test", "retry", "drop", "dispatch", "why")]
COMMANDS = ["ingest", "spend", "recompute", "status", "caps", "config", "doctor", "demo", "up", "serve", *ALERTS]


def test_no_help_waits_for_dagster():
    program = """
import sys
from aispend_pipeline.cli import main
for command in sys.argv[1:]:
    sys.argv = ["aispend", *command.split(), "--help"]
    try:
        main.run()
    except SystemExit as ended:
        assert not ended.code, command
heavy = {"dagster", "duckdb", "pyarrow", "httpx", "fastapi"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", program, "", *COMMANDS], capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stderr) == (0, "")
    for command in COMMANDS:
        assert f"Usage: aispend {command}" in done.stdout


# Of each provider one account is refused with its key in the body, a page of another repeats the key, the third is in
# order. Every key has `MARK` in it, so that a part of one is found too.
MARK = "Zq8"
KEYS = {
    "OPENAI_API_KEY": "sk-admin-Zq8Refused",
    "OPENAI_API_KEY__ODD": "Zq8/echoed+key~1",
    "OPENAI_API_KEY__OK": "Zq8-fine",
    "ANTHROPIC_API_KEY": "sk-ant-admin01-Zq8Refused",
    "ANTHROPIC_API_KEY__ODD": "Zq8/echoed+key~2",
    "ANTHROPIC_API_KEY__OK": "Zq8-fine-too",
}


async def indiscreet(request: Request) -> Response:
    """A provider that repeats keys."""
    headers = dict(request.headers)
    key = headers.get("x-api-key") or headers["authorization"].removeprefix("Bearer ")
    if "Refused" in key:
        said = f"Incorrect API key provided: {key}. Headers were {headers!r}."
        return JSONResponse({"error": {"message": said, "code": key, "type": key}}, 401, headers={"x-key": key})
    return JSONResponse({"object": "page", "data": [], "has_more": False, "next_page": None, "you": key})


@pytest.fixture(scope="module")
def keys_at_work(tmp_path_factory) -> tuple[Shell, list[Result]]:
    """A shell whose keys were used by every command, and what each printed, the answers over HTTP at last."""
    simulated = (
        openai({KEYS["OPENAI_API_KEY__OK"]: "default"}, SystemClock()),
        anthropic({KEYS["ANTHROPIC_API_KEY__OK"]: "default"}, SystemClock()),
    )
    others = Starlette(routes=[Route("/{path:path}", indiscreet)])

    async def by_key(scope, receive, send):
        is_openai = scope["path"].startswith("/v1/organization/")
        fine = b"Zq8-fine" in b"".join(value for _, value in scope["headers"])
        await (simulated[0 if is_openai else 1] if fine else others)(scope, receive, send)

    with served(by_key) as base:
        addresses = {"OPENAI_BASE_URL": f"{base}/v1", "ANTHROPIC_BASE_URL": base}
        shell = Shell(tmp_path_factory.mktemp("secrets"), {"AISPEND_START_DATE": YESTERDAY, **addresses, **KEYS})
        ingested = shell.run_apart("ingest")
        said = [shell.run(name) for name in ("status", "config", "spend", "recompute", "doctor")]
        client = TestClient(create_app(Settings.load(shell.environment({}), None), SystemClock()))
        paths = ["/status", "/config", "/spend", *(f"/providers/{name}/raw?limit=500" for name in PROVIDERS)]
        answered = [Result(0, client.get(path).raise_for_status().text, "") for path in paths]
    return shell, [ingested, *said, *answered]


@pytest.mark.long
class TestSecrets:
    @pytest.mark.parametrize(
        ("provider", "setting"), [("openai", "OPENAI_API_KEY"), ("anthropic", "ANTHROPIC_API_KEY")]
    )
    def test_the_ingest_said_what_was_wrong_with_each_account(self, keys_at_work, provider, setting):
        ingested = keys_at_work[1][0]

        assert (ingested.code, ingested.err) == (1, "")
        for source in (f"{provider}_costs", f"{provider}_usage", f"names {provider}"):
            of_source = [line for line in ingested.out.splitlines() if line.startswith(source)]
            of_account = {
                name: "".join(line for line in of_source if f" {name}" in line) for name in ("default", "odd")
            }
            assert "answered 401" in of_account["default"]
            assert f"Set {setting} to an" in of_account["default"]
            assert "repeats the key, so it is not kept" in of_account["odd"]
            assert [line for line in of_source if " ok " in line and "failed" in line] == []

    def test_nothing_prints_or_answers_a_key_or_a_part_of_one(self, keys_at_work):
        for result in keys_at_work[1]:
            assert result.out
            assert MARK not in result.out + result.err

    def test_no_file_of_the_home_holds_a_key(self, keys_at_work):
        files = [file for file in keys_at_work[0].home.rglob("*") if file.is_file()]

        assert {".duckdb", ".db", ".yaml", ".sqlite"} <= {file.suffix for file in files}
        for file in files:
            assert MARK.encode() not in file.read_bytes(), file

    def test_no_table_holds_a_key_packed_bodies_included(self, keys_at_work):
        stores = list(keys_at_work[0].home.rglob("*.duckdb"))
        assert len(stores) >= 2
        bodies = 0
        for file in stores:
            with duckdb.connect(str(file), read_only=True, config=READ_CONFIG) as connection:
                for (table,) in connection.execute("SELECT table_name FROM information_schema.tables").fetchall():
                    for row in connection.execute(f'SELECT * FROM "{table}"').fetchall():
                        unpacked = [zlib.decompress(cell) if isinstance(cell, bytes) else cell for cell in row]
                        bodies += table == "body" and "organization.costs.result" in str(unpacked)
                        assert MARK not in str(unpacked), (file, table)
        assert bodies

    def test_the_run_records_hold_no_key(self, keys_at_work):
        with dg.DagsterInstance.from_config(str(keys_at_work[0].home / "dagster")) as instance:
            for run in instance.get_runs():
                told = str(run) + "".join(str(entry) for entry in instance.all_logs(run.run_id))
                assert "answered 401" in told or "spend" in told
                assert MARK not in told


@pytest.mark.long
def test_an_ingest_that_is_interrupted_or_killed_leaves_nothing_that_needs_a_hand(openai_world):
    shell, organisation = openai_world
    asked = ("ingest", "--from", YESTERDAY, "--to", YESTERDAY)

    def started() -> subprocess.Popen:
        organisation.silent = True
        organisation.asked.clear()
        process = shell.start(*asked)
        assert organisation.asked.wait(60)
        time.sleep(0.5)  # now it does nothing but wait for the answer
        return process

    interrupted = shell.finish(started(), send=signal.SIGINT)
    killed = shell.finish(started(), send=signal.SIGKILL)
    with dg.DagsterInstance.from_config(str(shell.home / "dagster")) as instance:
        left = [run.run_id for run in instance.get_runs() if not run.is_finished]
    organisation.silent = False
    clean = shell.run(*asked)

    assert interrupted.code == 1
    assert one_line(interrupted.err) == "stopped; run the same command again to go on"
    assert interrupted.out == ""
    assert killed.code == -signal.SIGKILL
    assert (clean.code, clean.err) == (0, "")
    costs, usage = clean.out.splitlines()
    assert costs.endswith(": complete: 2 pages, 1.35 USD")
    assert usage.endswith(": complete: 10 pages")
    with dg.DagsterInstance.from_config(str(shell.home / "dagster")) as instance:
        states = {run.run_id: run.status for run in instance.get_runs()}
    assert [states[run_id] for run_id in left] == [dg.DagsterRunStatus.FAILURE]
    assert all(
        status in {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
        for status in states.values()
    )
    assert shell.run("status").code == 0


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory) -> tuple[Path, Result]:
    folder = tmp_path_factory.mktemp("demo")
    (folder / ".env").write_text(
        "OPENAI_API_KEY=sk-real-1\nANTHROPIC_API_KEY=sk-ant-real\nENABLE_OPENAI=false\n"
        "OPENAI_BASE_URL=https://nowhere.invalid\n"
    )
    environment = {"OPENAI_API_KEY": "sk-real-2", "OPENAI_BASE_URL": "https://nowhere.invalid/v1"}
    early = NOW.replace(day=2)  # so that all of the month is read
    return folder, demo(Shell(folder, {**environment, "OPENAI_HARD_CAP": "1"}, StandingClock(early)))


@pytest.mark.long
class TestDemo:
    def test_it_ends_well_and_its_figures_are_the_simulator_s(self, demonstrated):
        result = demonstrated[1]

        assert (result.code, result.err) == (0, "")
        *_, hint = result.out.splitlines()
        assert hint.startswith("look at it again: AISPEND_HOME=")
        compared = re.findall(
            r"^\S+ (\w+ [\w-]+): the simulator billed ([0-9.]+) USD, GET /spend answers ([0-9.]+) USD: the same$",
            result.out,
            re.MULTILINE,
        )
        assert [account for account, _, _ in compared] == [
            "openai default",
            "openai eu",
            "anthropic default",
            "anthropic eu",
            "vertex default",
            "vertex 0155AA-2B7C91-000042",
            "vertex eu",
        ]
        for _, billed, answered in compared:
            assert billed == answered
            assert float(billed) > 0.1

    def test_it_shows_that_a_soft_cap_of_its_own_is_reached_and_tells_nobody(self, demonstrated):
        lines = demonstrated[1].out.splitlines()

        title = lines.index("caps of 2026-06, 28 days left; figures as of 2026-06-02T13:20:00Z")
        rows = [line.split()[:3] for line in lines[title + 2 : title + 6]]
        assert rows == [
            ["openai", "soft", "soft"],
            ["anthropic", "ok", "nothing"],
            ["vertex", "ok", "nothing"],
            ["global", "ok", "nothing"],
        ]
        told = [re.sub(": .*? in ", ": USD in ", line.partition(", evt_")[0]) for line in lines if "evt_" in line]
        assert told == ["openai reached its soft cap: USD in 2026-06 (cap.breached"]
        assert lines[-2] == "nobody was told of this: the demo has no channel"
        assert any(
            re.match(r"most of openai: .*, project [^(]+ \(proj_\w+\), key [^(]+ \(key_", line) for line in lines
        )

    def test_it_keeps_to_its_folder_and_ignores_keys_and_the_dotenv_file(self, demonstrated):
        folder, result = demonstrated

        assert {path.name for path in folder.iterdir()} == {".env", "tried"}
        assert "-real" not in result.out + result.err
        address = "http://127.0.0.1:[0-9]+"
        assert re.match(f"a simulated OpenAI is on {address}, a simulated Anthropic is on {address}", result.out)

    def test_it_refuses_a_home_with_real_data(self, tmp_path):
        shell = Shell(tmp_path)
        shell.home.mkdir()
        (shell.home / "warehouse.duckdb").write_bytes(b"real")

        refused = shell.run("demo", "--once", "--home", str(shell.home))

        assert (refused.code, refused.out) == (2, "")
        assert one_line(refused.err) == (
            f"{shell.home}: holds data that is not a demo's; choose another folder with --home"
        )
        assert [path.name for path in shell.home.iterdir()] == ["warehouse.duckdb"]

    def test_it_refuses_a_home_that_is_a_file(self, tmp_path):
        (tmp_path / "file").write_text("x")

        refused = Shell(tmp_path).run("demo", "--once", "--home", str(tmp_path / "file"))

        assert (refused.code, refused.out) == (2, "")
        assert str(tmp_path / "file") in one_line(refused.err)


def test_the_service_answers_what_the_command_answers_until_it_is_stopped(openai_world):
    shell, _ = openai_world
    process = shell.start("serve", "--port", "0")
    base = re.search(r"http://127\.0\.0\.1:[0-9]+", process.stdout.readline())[0]
    asked = {"from": YESTERDAY, "to": YESTERDAY, "groupBy": "model"}

    empty = httpx.get(f"{base}/spend", params=asked).json()
    shell.fill(ago(1), ago(1))
    filled = httpx.get(f"{base}/spend", params=asked).json()
    printed = shell.run("spend", "--from", YESTERDAY, "--to", YESTERDAY, "--group-by", "model", "--format", "json")
    head = httpx.head(f"{base}/spend", params=asked)
    stopped = shell.finish(process, send=signal.SIGINT)

    assert (empty["rows"], empty["coverage"]["complete"]) == ([], False)
    assert (filled["total_usd"], filled["coverage"]["complete"]) == ("1.35", True)
    assert json.loads(printed.out) == filled
    assert (head.status_code, head.content, "etag" in head.headers) == (200, b"", True)
    assert stopped.code == 0
    assert "Traceback" not in stopped.err
    assert "stopped" not in stopped.err
