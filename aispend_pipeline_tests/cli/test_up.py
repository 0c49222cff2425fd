"""`aispend up`: Dagster, the service and the dispatch loop in one terminal, and nothing left of them afterwards."""

import re
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from aispend_pipeline import log
from aispend_pipeline.alerts.by_hand import of_message
from aispend_pipeline.alerts.outbox import Draft, Outbox, Status
from aispend_pipeline.cli import doctor
from aispend_pipeline.cli.dispatch_loop import dispatching
from aispend_pipeline.cli.stay import STOPPING
from aispend_pipeline.cli.up import next_read, nothing_read
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.errors import SettingsError
from aispend_pipeline.settings import DOTENV, Settings
from aispend_pipeline.state.database import state_of

from ..alerts.receivers import HttpReceiver, http_receiver, status
from ..waiting import first_line, until
from .conftest import KEY, REFUSED, Shell, ago, one_line, today, world
from .life import descendants, free_port, running

CAPPED = {"OPENAI_API_KEY": KEY, "OPENAI_HARD_CAP": "5", "SLACK_WEBHOOK_URL": "http://127.0.0.1:9/x"}


class TestTheDispatchLoop:
    """In this process, with settings that change under it."""

    @pytest.fixture
    def first(self, home) -> Iterator[HttpReceiver]:
        with http_receiver() as receiver:
            yield receiver

    @pytest.fixture
    def settings(self, home, first) -> Settings:
        return self.to(home, first)

    def to(self, home: Path, receiver: HttpReceiver) -> Settings:
        return Settings.load({"AISPEND_HOME": str(home), "SLACK_WEBHOOK_URL": receiver.url()}, None)

    def queue(self, home: Path, number: int) -> None:
        with state_of(home).transaction() as connection:
            draft = Draft(f"msg_{number}", "slack", "slack", "something", b"{}", ("evt",))
            Outbox(connection).queue(draft, datetime.now(UTC))

    def delivered(self, home: Path, number: int) -> bool:
        with state_of(home).reading() as connection:
            return [one.status for one in of_message(connection, f"msg_{number}")] == [Status.DELIVERED]

    @contextmanager
    def running(self, settings: Settings, load: Callable[[], Settings]) -> Iterator[list[str]]:
        said: list[str] = []
        with log.listened(said.append), dispatching(settings, SystemClock(), load, every_seconds=0.01):
            yield said

    def sends(self, home: Path, *numbers: int) -> None:
        """Queue them one after the other and see each delivered."""
        for number in numbers:
            self.queue(home, number)
            until(lambda number=number: self.delivered(home, number))

    def test_what_is_due_is_sent_to_where_the_settings_lead_by_then(self, home, settings, first):
        now, looked = [settings], []

        def load() -> Settings:
            looked.append(now[0])
            return now[0]

        with http_receiver() as second, self.running(settings, load):
            self.sends(home, 1, 2)
            now[0] = self.to(home, second)
            until(lambda: looked[-1] is now[0])
            self.sends(home, 3)

        assert [len(one.received) for one in (first, second)] == [2, 1]

    def test_settings_that_are_wrong_are_said_once_and_the_last_good_ones_count(self, home, settings, first):
        def load() -> Settings:
            if wrong:
                raise SettingsError(wrong)
            return settings

        wrong: list[str] = []
        with self.running(settings, load) as said:
            self.sends(home, 1)
            wrong.append("OPENAI_HARD_CAP: is no amount")
            self.sends(home, 2, 3)
            wrong.clear()
            self.sends(home, 4)
            wrong.append("OPENAI_HARD_CAP: is no amount")
            self.sends(home, 5)

        assert [line for line in said if "settings" in line] == ["settings.unusable OPENAI_HARD_CAP: is no amount"] * 2
        assert len(first.received) == 5

    def test_a_store_that_cannot_be_used_for_a_while_is_said_once_and_ends_nothing(self, home, settings):
        with self.running(settings, lambda: settings) as said:
            self.sends(home, 1)
            with closing(sqlite3.connect(home / "state.sqlite")) as connection:
                connection.executescript("ALTER TABLE delivery RENAME COLUMN next_at TO away")
                until(lambda: any("state.unusable" in line for line in said))
                connection.executescript("ALTER TABLE delivery RENAME COLUMN away TO next_at")
            self.sends(home, 2)

        assert len([line for line in said if "state.unusable" in line]) == 1

    def test_it_ends_with_its_block(self, home, settings, first):
        with self.running(settings, lambda: settings):
            self.sends(home, 1)
        self.queue(home, 2)
        time.sleep(0.1)

        assert not self.delivered(home, 2)
        assert len(first.received) == 1


def test_a_process_in_another_folder_can_be_told_where_the_dotenv_file_is(tmp_path):
    (tmp_path / "there").mkdir()
    file = tmp_path / "there" / ".env"
    file.write_text("OPENAI_HARD_CAP=7\nAISPEND_PORT=81\n")

    settings = Settings.load({DOTENV: str(file), "AISPEND_PORT": "82"})

    assert (settings.openai_hard_cap, settings.port, settings.warnings) == (7, 82, ())
    assert Settings.load({DOTENV: str(file)}, None).openai_hard_cap is None


def test_it_says_when_the_next_read_is():
    now = datetime(2026, 11, 26, 23, 59, 59, 5, tzinfo=UTC)

    assert next_read(now, fresh=False) == "reads again at 00:00 UTC"
    assert next_read(now, fresh=True) == "nothing was read yet: reading now, and again at 00:00 UTC"


def test_it_reads_at_once_as_long_as_no_day_could_be_read(tmp_path):
    with world(tmp_path / "shell") as (shell, organisation):
        settings = Settings.load(shell.environment({}), None)
        assert nothing_read(settings, today())

        organisation.broken[KEY] = REFUSED
        shell.fill(today(), today())
        assert nothing_read(settings, today())

        organisation.broken.clear()
        shell.fill(today(), today())  # which is not over
        assert not nothing_read(settings, today())


def test_a_demos_home_is_refused(shell):
    shell.home.mkdir()
    (shell.home / "this-is-a-demo").touch()

    done = shell.run("up", **CAPPED)

    assert (done.code, done.out) == (2, "")
    assert "holds a demo's simulated bill; set AISPEND_HOME to another folder" in one_line(done.err)


@pytest.mark.parametrize("setting", ["AISPEND_PORT", "AISPEND_DAGSTER_PORT"])
def test_a_port_that_is_taken_is_one_line(shell, setting):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ports = {"AISPEND_PORT": str(free_port()), "AISPEND_DAGSTER_PORT": str(free_port()), setting: str(port)}
        done = shell.run("up", **CAPPED, **ports)

    assert done.code == 2
    assert one_line(done.err) == (
        f"127.0.0.1:{port} cannot be listened on (Address already in use); choose another with {setting}"
    )


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"SLACK_WEBHOOK_URL": ""}, "caps are set, but nobody is told of them; set SLACK_WEBHOOK_URL, "),
        ({"ON_HARDCAP_WEBHOOK": "http://127.0.0.1:9/x"}, "ON_HARDCAP_WEBHOOK: what is sent there is not signed; set"),
        ({"SLACK_WEBHOOK_URL": "", "OPENAI_HARD_CAP": ""}, None),
        ({}, None),
    ],
)
def test_what_will_not_happen_is_said_at_the_start(shell, more, said):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = shell.run("up", **{**CAPPED, **more, "AISPEND_PORT": str(taken.getsockname()[1])})

    *warnings, _ = done.err.splitlines()
    assert len(warnings) == (said is not None)
    assert all(line.startswith(f"warning: {said}") for line in warnings)


def test_who_has_no_provider_is_told_which_keys_there_are_and_what_to_do(shell):
    done = shell.run("up", SLACK_WEBHOOK_URL="http://127.0.0.1:9/x")

    assert (done.code, done.out) == (2, "")
    for setting in ("OPENAI_API_KEY=", "ANTHROPIC_API_KEY=", "GCP_BQ_TABLE=", "aispend doctor", "aispend demo"):
        assert setting in done.err
    missing, *lines = done.err.splitlines()
    assert missing == f"There is no file {shell.folder}/.env"
    assert all(len(line) <= 80 for line in lines)
    assert not shell.home.exists()


def test_who_has_a_dotenv_file_is_not_told_that_it_is_missing(shell):
    (shell.folder / ".env").write_text("OPENAI_API_KEY=\n")

    assert "There is no file" not in shell.run("up").err


def test_what_the_doctor_finds_is_said_before_anything_starts_and_keeps_nobody(tmp_path):
    with world(tmp_path / "shell") as (shell, _), socket.create_server(("127.0.0.1", 0)) as taken:
        ports = {"AISPEND_PORT": str(free_port()), "AISPEND_DAGSTER_PORT": str(taken.getsockname()[1])}
        done = shell.run("up", OPENAI_API_KEY="sk-proj-1", OPENAI_BASE_URL="http://127.0.0.1:1/v1", **ports)

    *found, refused = (done.out + done.err).splitlines()
    assert refused.endswith("choose another with AISPEND_DAGSTER_PORT")
    assert any(line.startswith("FAIL openai default: ") for line in found)
    assert any(line.startswith("ok   home: ") for line in found)


def test_a_provider_that_says_nothing_is_not_waited_for_longer_than_that(tmp_path, capsys):
    with world(tmp_path / "shell") as (shell, organisation):
        organisation.silent = True
        doctor.before_start(Settings.load(shell.environment({}), None), SystemClock(), patience_seconds=0.2)

    assert capsys.readouterr().out.splitlines()[-1].startswith("note providers: not all have answered within 0.2 s")


def caps_known(shell: Shell) -> set[str]:
    """The hard caps that the ledger has; none before there is one."""
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(shell.home / "state.sqlite")) as connection:
        return {hard for (hard,) in connection.execute("SELECT hard FROM cap_state WHERE scope = 'openai'")}
    return set()


@pytest.mark.long
def test_up_serves_sends_and_watches_by_the_dotenv_file_as_it_is_and_leaves_nothing(tmp_path):
    with http_receiver(status(500)) as slack, world(tmp_path / "shell") as (shell, _):
        port = free_port()
        dotenv = shell.folder / ".env"
        dotenv.write_text(
            f"SLACK_WEBHOOK_URL={slack.url()}\nOPENAI_HARD_CAP=7000\nAISPEND_HOME=elsewhere\n"
            f"AISPEND_PORT={port}\nAISPEND_DAGSTER_PORT={free_port()}\n"
        )
        shell.fill(ago(1), ago(1))
        process = shell.start("up")
        try:
            assert first_line(process, f"answering on http://127.0.0.1:{port}/spend")
            assert httpx.get(f"http://127.0.0.1:{port}/status").json()["caps"][0]["scope"] == "openai"

            until(lambda: caps_known(shell) == {"7000"})
            tested = shell.run("alerts", "test")
            assert tested.code == 1  # the receiver is not well yet, and a run of notify would come too late
            until(lambda: len(slack.received) == 2)
            dotenv.write_text(dotenv.read_text().replace("7000", "8000"))
            shell.fill(ago(2), ago(2))  # the sensor looks when figures are new
            until(lambda: caps_known(shell) == {"8000"}, 120)
            under = descendants(process.pid)
        finally:
            done = shell.finish(process, send=signal.SIGINT)

    assert len(under) >= 4
    assert done.code == 0
    sent = re.findall(r'"event": "alert\.sent"', done.err)
    assert len(sent) == 1
    assert '"event": "caps.evaluated"' in done.err  # which a run has logged
    assert "dagster.daemon" not in done.err
    assert done.out.splitlines()[-2:] == [STOPPING, "stopped"]
    assert "Traceback" not in done.err
    assert running(under) == []
    assert {path.name for path in shell.folder.iterdir()} == {".env", "home"}
