"""What befalls a running `aispend up`: another one, its own death, Dagster's storage gone, a request to end."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import httpx
import pytest

from aispend_pipeline.assets.in_process import prepare_instance
from aispend_pipeline.cli.stay import STOPPING, alone
from aispend_pipeline.errors import StoreBusy
from aispend_pipeline.settings import Settings

from ..alerts.receivers import http_receiver
from ..waiting import first_line, until
from .conftest import KEY, REFUSED, Organisation, Shell, ago, one_line, world
from .life import descendants, free_port, running
from .test_demo_that_stays import BACKFILL, asked
from .test_up import caps_known

SPEND = {"from": str(ago(1)), "to": str(ago(1))}


def test_a_second_one_is_refused_at_once_and_told_who_is_there(shell):
    with alone(shell.home):
        refused = shell.run(
            "up", OPENAI_API_KEY=KEY, AISPEND_PORT=str(free_port()), AISPEND_DAGSTER_PORT=str(free_port())
        )
        (pid,) = (shell.home / "up.lock").read_text().split()

    assert (refused.code, refused.out) == (1, "")
    *_, line = refused.err.splitlines()
    assert line == f"{shell.home}: process {pid} already reads, watches and serves it; end that first"


@pytest.mark.long
def test_the_lock_of_a_dead_process_is_taken_over(shell):
    program = "import sys, time; from pathlib import Path; from aispend_pipeline.cli.stay import alone\n"
    program += "with alone(Path(sys.argv[1])): print('held', flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", program, shell.home], stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert first_line(holder) == "held\n"
            with pytest.raises(StoreBusy, match=f"process {holder.pid} already"), alone(shell.home):
                pass
        finally:
            holder.kill()

    with alone(shell.home):
        pass


@contextmanager
def up(shell: Shell) -> Iterator[subprocess.Popen]:
    """`aispend up` once it answers; if it still runs at the end it is asked to end, and must."""
    told = shell.folder / "up.log"  # a file, since nobody empties a pipe meanwhile
    with told.open("w") as log:
        process = shell.start("up", stderr=log)
    try:
        assert first_line(process, "Dagster's UI: "), told.read_text()
        yield process
        if process.poll() is None:
            assert shell.finish(process, send=signal.SIGTERM).code == 0
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def watched(tmp_path) -> Iterator[tuple[Shell, Organisation]]:
    """An installation with a cap, of which one day was read."""
    with http_receiver() as slack, world(tmp_path / "shell") as (shell, organisation):
        ports = {"AISPEND_PORT": str(free_port()), "AISPEND_DAGSTER_PORT": str(free_port())}
        shell.settings |= {**ports, "SLACK_WEBHOOK_URL": slack.url(), "OPENAI_HARD_CAP": "7000"}
        shell.fill(ago(1), ago(1))
        yield shell, organisation


def of(shell: Shell, path: str, **params: str) -> dict:
    return httpx.get(f"http://127.0.0.1:{shell.settings['AISPEND_PORT']}{path}", params=params, timeout=30).json()


def dagster_s(body: dict) -> str:
    return next(one["state"] for one in body["stores"] if one["store"] == "dagster")


@pytest.mark.long
def test_dagster_s_storage_may_go_and_figures_stay_and_the_watch_goes_on(watched):
    shell, _ = watched
    with up(shell) as process:
        until(lambda: (shell.home / "state.sqlite").exists() and caps_known(shell) == {"7000"}, every=0.5)
        before, spend = of(shell, "/status"), of(shell, "/spend", **SPEND)

        (shell.home / "dagster").rename(shell.home / "gone")  # at once: the daemon writes into it all the time
        after = of(shell, "/status")
        assert (dagster_s(before), dagster_s(after), after["status"]) == ("ok", "missing", "failing")
        assert after["reasons"][0].startswith(f"{shell.home}/dagster/")
        assert of(shell, "/spend", **SPEND) == spend
        assert (after["caps"], after["outbox"]) == (before["caps"], before["outbox"])

        refused = shell.run_apart("up", AISPEND_PORT=str(free_port()), AISPEND_DAGSTER_PORT=str(free_port()))
        assert f"process {process.pid} already" in one_line(refused.err)

        shell.fill(ago(2), ago(2))  # the sensor looks when figures are new
        until(lambda: of(shell, "/status")["last_evaluation_at"] > before["last_evaluation_at"], 180, every=0.5)
        under = descendants(process.pid)
        process.kill()
        process.wait()
    until(lambda: running(under) == [])

    with up(shell):
        assert dagster_s(of(shell, "/status")) == "ok"
        assert of(shell, "/spend", **SPEND)["rows"] == spend["rows"]


@pytest.fixture
def new(tmp_path) -> Iterator[tuple[Shell, Organisation]]:
    """An installation of which nothing was read."""
    with world(tmp_path / "shell") as (shell, organisation):
        ports = {"AISPEND_PORT": str(free_port()), "AISPEND_DAGSTER_PORT": str(free_port())}
        shell.settings |= {**ports, "AISPEND_START_DATE": str(ago(1))}
        yield shell, organisation


@pytest.mark.long
def test_a_new_one_is_read_at_once_and_what_a_run_cannot_read_is_on_standard_error(new):
    shell, organisation = new
    with up(shell):
        until(lambda: of(shell, "/spend", **SPEND)["coverage"]["complete"], every=0.5)
        organisation.broken[KEY] = REFUSED
        with httpx.Client(base_url=f"http://127.0.0.1:{shell.settings['AISPEND_DAGSTER_PORT']}", timeout=60) as ui:
            launched(ui, [{"path": ["raw", "openai_costs"]}], str(ago(1)))
        until(lambda: failed_fetches(shell), every=0.5)

    (failed,) = failed_fetches(shell)
    assert (failed["source"], failed["state"], failed["error_class"]) == ("openai_costs", "failed", "unauthorized")
    assert failed["run_id"]


def failed_fetches(shell: Shell) -> list[dict]:
    """What the command has said of reading that failed; the first read is said to have been whole."""
    lines = [json.loads(line) for line in (shell.folder / "up.log").read_text().splitlines()]
    read = [line for line in lines if line["event"] == "fetch.done"]
    assert {line["state"] for line in read[:1]} == {"complete"}
    return [line for line in read if line["state"] == "failed"]


@pytest.mark.long
def test_the_first_read_ends_with_everything_else(new):
    shell, organisation = new
    process = shell.start("up")
    assert first_line(process, "starting Dagster")
    organisation.silent = True
    organisation.asked.clear()  # by the doctor, before
    assert organisation.asked.wait(60)
    under = descendants(process.pid)

    ended = shell.finish(process, send=signal.SIGTERM)

    assert ended.code == 0
    assert ended.out.splitlines()[-2:] == [STOPPING, "stopped"]
    assert running(under) == []
    assert [status for job, status in runs(shell) if job != "notify"] == [CANCELED]


@pytest.mark.long
def test_a_run_that_is_under_way_when_all_is_to_end_is_recorded_as_cancelled(watched):
    shell, organisation = watched
    with up(shell) as process:
        organisation.silent = True
        organisation.asked.clear()
        selection = [{"path": ["raw", "openai_costs"]}]
        with httpx.Client(base_url=f"http://127.0.0.1:{shell.settings['AISPEND_DAGSTER_PORT']}", timeout=60) as ui:
            asked(ui, BACKFILL, params={"assetSelection": selection, "partitionNames": [str(ago(1))]})
        assert organisation.asked.wait(120)
        under = descendants(process.pid)

        ended = shell.finish(process, send=signal.SIGTERM)

    assert ended.code == 0
    assert running(under) == []
    assert [status for job, status in runs(shell) if job != "notify"] == [CANCELED]
    organisation.silent = False
    assert shell.run_apart("ingest", "--from", str(ago(1)), "--to", str(ago(1))).code == 0


@pytest.mark.long
def test_the_code_server_and_the_daemon_may_die_and_are_back_with_a_word_and_go_on(watched):
    shell, _ = watched
    with up(shell) as process:
        children = {name: pid for pid in descendants(process.pid) for name in DAGSTERS if name in command_of(pid)}
        assert len(children) == len(DAGSTERS)
        for pid in children.values():
            os.kill(pid, signal.SIGKILL)
        until(lambda: (shell.folder / "up.log").read_text().count("is started again in 1 s") == 2)
        with httpx.Client(base_url=f"http://127.0.0.1:{shell.settings['AISPEND_DAGSTER_PORT']}", timeout=60) as ui:
            selection = [{"path": ["raw", "openai_costs"]}]
            until(lambda: launched(ui, selection, str(ago(1))), every=1)
        until(
            lambda: dg.DagsterRunStatus.SUCCESS in [status for job, status in runs(shell) if job != "notify"], every=1
        )
        assert of(shell, "/status")["status"] != "failing"


DAGSTERS = ("api grpc", "dagster-daemon")


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def launched(ui: httpx.Client, selection: list, day: str) -> bool:
    """Whether Dagster's UI takes a backfill: it finds the code server by itself."""
    params = {"assetSelection": selection, "partitionNames": [day]}
    answer = ui.post("/graphql", json={"query": BACKFILL, "variables": {"params": params}}).json()
    return "LaunchBackfillSuccess" in str(answer)


@pytest.mark.long
def test_an_ingest_that_is_asked_to_end_records_its_run_as_cancelled(openai_world):
    shell, organisation = openai_world
    organisation.silent = True
    process = shell.start("ingest", "--from", str(ago(1)), "--to", str(ago(1)))
    assert organisation.asked.wait(60)

    ended = shell.finish(process, send=signal.SIGTERM)

    assert (ended.code, one_line(ended.err)) == (1, "stopped; run the same command again to go on")
    assert [status for _, status in runs(shell)] == [CANCELED]


CANCELED = dg.DagsterRunStatus.CANCELED


def runs(shell: Shell) -> list[tuple[str, dg.DagsterRunStatus]]:
    settings = Settings.load(shell.environment({}), None)
    with dg.DagsterInstance.from_config(str(prepare_instance(settings))) as instance:
        return [(run.job_name, run.status) for run in instance.get_runs()]
