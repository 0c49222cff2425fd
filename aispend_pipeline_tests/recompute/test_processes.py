"""With real processes: killed, ended with the service, beside an ingest, and in Dagster's own queue."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg
import httpx
import pytest
from fastapi import FastAPI

from aispend_pipeline.assets.in_process import prepare_instance
from aispend_pipeline.assets.tags import LANE, REQUEST
from aispend_pipeline.cli.dagsters import dagsters
from aispend_pipeline.cli.processes import Place, kept
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.errors import StoreBusy
from aispend_pipeline.recompute import child
from aispend_pipeline.recompute.asking import Recompute
from aispend_pipeline.recompute.queue import Away, Queue
from aispend_pipeline.service import problems
from aispend_pipeline.service.recompute import add_recompute
from aispend_pipeline.service.shared import Service
from aispend_pipeline.simulator.server import served
from aispend_pipeline.warehouse import lock
from aispend_pipeline_tests.cli.conftest import Shell
from aispend_pipeline_tests.cli.test_demo_that_stays import free_port
from aispend_pipeline_tests.waiting import first_line, until
from aispend_pipeline_tests.warehouse.building import packed
from aispend_pipeline_tests.whole.world import PRELOAD

from .site import ADMIN, ASKED, DAYS, PATH, TOKEN, Site, ended

pytestmark = pytest.mark.long


def free(home: Path, name: str) -> bool:
    """Whether no process holds the lock."""
    with suppress(StoreBusy), lock.held(home / name, 0):
        return True
    return False


@pytest.fixture
def fate(tmp_path) -> Path:
    """What `preload/sitecustomize.py` reads in every process of the service."""
    folder = tmp_path / "fate"
    folder.mkdir()
    (folder / "ahead").write_text("0")
    return folder


@pytest.fixture
def shell(site, fate) -> Shell:
    return Shell(site.home.parent, {**site.set, "PYTHONPATH": str(PRELOAD), "FATE": str(fate)})


@contextmanager
def serving(shell: Shell) -> Iterator[tuple[subprocess.Popen, httpx.Client]]:
    """`aispend serve` in a process of its own; what it logs is in a file, since nobody empties a pipe meanwhile."""
    program = [str(Path(sys.executable).parent / "aispend"), "serve", "--port", "0"]
    with (
        (shell.folder / "serve.log").open("w") as log,
        subprocess.Popen(
            program, env=shell.environment({}), cwd=shell.folder, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            base = re.search(r"http://127\.0\.0\.1:[0-9]+", first_line(process))[0]
            with httpx.Client(base_url=base, headers=ADMIN, timeout=60) as client:
                yield process, client
        finally:
            process.kill()


def begun(service: httpx.Client) -> dict:
    """A request whose process is at it."""
    body = service.post(PATH, params=ASKED).raise_for_status().json()
    until(lambda: service.get(body["status_url"]).json()["state"] == "running")
    return body


def test_a_process_that_is_killed_half_way_leaves_the_old_figures_and_says_so_and_the_next_mends(site, shell, fate):
    right = site.rows()
    site.spoil()
    wrong = site.rows()
    (fate / "die-at-before_commit").touch()
    with serving(shell) as (_, service):
        first = ended(service, service.post(PATH, params=ASKED).json())
        kept = site.rows(), site.stored()
        spent = service.get("/spend", params=ASKED)
        second = ended(service, service.post(PATH, params=ASKED).json())

    assert (fate / "died-at-before_commit").exists()
    assert (first["state"], len(first["errors"])) == ("failed", 1)
    assert "its process ended before it was done" in first["errors"][0]
    assert kept == (wrong, wrong)
    assert spent.status_code == 200
    assert (second["state"], site.rows()) == ("done", right)
    with dg.DagsterInstance.from_config(str(site.home / "dagster")) as instance:
        states = {run.run_id: run.status for run in instance.get_runs()}
    assert [states[body["runs"][0]["run_id"]] for body in (first, second)] == [
        dg.DagsterRunStatus.FAILURE,
        dg.DagsterRunStatus.SUCCESS,
    ]


def environment_of_children(process: subprocess.Popen) -> str:
    """What the processes that it started were given."""
    children = Path(f"/proc/{process.pid}/task").glob("*/children")
    return "".join(Path(f"/proc/{pid}/environ").read_text() for file in children for pid in file.read_text().split())


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_the_service_however_that_ends_and_another_service_knows(site, shell, by):
    site.spoil()
    wrong = site.rows()
    shell.settings |= {"SLACK_WEBHOOK_URL": "http://127.0.0.1:9/hook", "OPENAI_API_KEY": "sk-secret"}
    with serving(shell) as (process, service), lock.held(site.home / "writer.lock", 0):
        body = begun(service)
        given = environment_of_children(process)
        process.send_signal(by)
        process.wait(15)
        until(lambda: free(site.home, child.RUNNING), 10)

    assert "AISPEND_HOME" in given
    assert not [name for name in ("ADMIN_TOKEN", TOKEN, "SLACK", "sk-secret") if name in given]
    told = Recompute(site.settings(), SystemClock()).get(body["run_id"])
    assert told is not None
    assert (told.state, told.error) == (
        "failed",
        "it was ended with the service before it was done; the days that are not done are as they were",
    )
    assert site.rows() == wrong


def test_beside_an_ingest_that_is_about_to_commit_it_waits_its_turn_and_a_second_one_is_refused(site, shell, fate):
    right = site.rows()
    site.spoil()
    (fate / "meet-at-before_commit").touch()
    with serving(shell) as (_, service):
        # As an ingest does that has read; one without keys has nothing to add up.
        with shell.start("recompute", "--from", ASKED["from"], "--to", ASKED["from"]) as other:
            try:
                until(lambda: any(file.name.startswith("came-") for file in fate.iterdir()))
                body = begun(service)
                refused = service.post(PATH, params=ASKED)
                (fate / "meet-at-before_commit").unlink()
                assert other.wait(60) == 0
            finally:
                (fate / "meet-at-before_commit").unlink(missing_ok=True)
                other.kill()
        done = ended(service, body)

    assert (refused.status_code, body["run_id"] in refused.json()["detail"]) == (409, True)
    assert (done["state"], site.rows()) == ("done", right)


class TestADryRun:
    @contextmanager
    def asked(self, site: Site, seconds: float) -> Iterator[httpx.Client]:
        """The routes, with as much time for a dry run."""
        app = FastAPI()
        problems.install(app)
        add_recompute(app, Service(site.settings(), SystemClock()), dry_run_seconds=seconds)
        with served(app) as base, httpx.Client(base_url=base, headers=ADMIN, params=ASKED) as client:
            yield client

    def test_that_takes_too_long_is_ended(self, site):
        with lock.held(site.home / "writer.lock", 0), self.asked(site, 1.5) as service:
            answer = service.post(PATH, params={**ASKED, "dryRun": "true"}, timeout=60)

        assert (answer.status_code, answer.json()["detail"]) == (503, "it took longer than 1.5 s; ask for fewer days")
        assert free(site.home, child.DRY_RUNNING)

    def test_whose_client_goes_away_is_ended_and_meanwhile_another_is_refused(self, site):
        dry = {**ASKED, "dryRun": "true"}
        with lock.held(site.home / "writer.lock", 0), self.asked(site, 60) as service:
            with pytest.raises(httpx.ReadTimeout):
                service.post(PATH, params=dry, timeout=1)
            until(lambda: free(site.home, child.DRY_RUNNING), 10)
            with lock.held(site.home / child.DRY_RUNNING, 0):
                refused = service.post(PATH, params=dry)

        assert (refused.status_code, refused.json()["detail"]) == (
            409,
            "a dry run is under way; ask again when it is done",
        )

    def test_whose_process_dies_is_a_problem_of_ours(self, site):
        (site.home / "warehouse.duckdb").write_bytes(b"")
        with self.asked(site, 60) as service:
            answer = service.post(PATH, params={**ASKED, "dryRun": "true"}, timeout=60)

        assert (answer.status_code, answer.json()["type"]) == (503, "urn:aispend:problem:dry-run-failed")
        assert "warehouse.duckdb: cannot be opened (the file is empty)" in answer.json()["detail"]


def test_in_dagsters_queue_it_is_a_run_that_its_ui_shows_and_what_cannot_be_read_is_named(site):
    right = site.rows()
    site.spoil()
    usage = "SELECT body_sha256 FROM page JOIN \"fetch\" USING (fetch_id) WHERE source = 'openai_usage'"
    site.write(f"UPDATE body SET body = {packed('{}')} WHERE sha256 IN ({usage})")
    port, folder = free_port(), prepare_instance(site.settings())
    own = {"AISPEND_HOME": str(site.home), "DAGSTER_HOME": str(folder)}

    def takes_runs() -> bool:
        with suppress(Away):
            Queue("127.0.0.1", port, site.home).check(SystemClock().now())
            return True
        return False

    settings = site.settings().model_copy(update={"dagster_port": port})
    place = Place(own, folder, site.home / "dagster.log")
    with dagsters(settings) as children, kept(children, place, SystemClock(), print):
        until(takes_runs, 90)
        with site.serving(AISPEND_DAGSTER_PORT=str(port)) as service:
            asked = service.post(PATH, params=ASKED).raise_for_status().json()
            refused = service.post(PATH, params=ASKED)
            done = ended(service, asked, 120)
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        (run,) = instance.get_runs(dg.RunsFilter(job_name="recompute"))

    assert (asked["how"], refused.status_code) == ("dagster", 409)
    assert asked["runs"][0]["url"] == f"http://127.0.0.1:{port}/runs/{run.run_id}"
    assert (run.job_name, run.status) == ("recompute", dg.DagsterRunStatus.SUCCESS)
    assert run.tags.items() >= {LANE: "ingest", REQUEST: asked["run_id"]}.items()
    assert (done["state"], done["errors"], site.rows()) == ("partial", [], right)
    (as_it_was,) = done["not_remade"]
    assert as_it_was.startswith(f"openai_usage default {DAYS}: rows kept as they are: the page's shape")
