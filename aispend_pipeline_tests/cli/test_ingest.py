"""`aispend ingest`, `recompute` and what `spend` says after each: right, whole, and said when it is not."""

import json
import socket

import dagster as dg
import duckdb
import pytest

from aispend_pipeline.assets.compute_logs import ComputeLogs
from aispend_pipeline.clock import SystemClock
from aispend_pipeline.service.status import status
from aispend_pipeline.settings import Settings
from aispend_pipeline.warehouse import Snapshots, Warehouse

from .conftest import KEY, KEY_EU, REFUSED, Result, Shell, ago, one_line, today, world

YESTERDAY, BEFORE = str(ago(1)), str(ago(2))
REMEDY = "not all could be read; run: aispend doctor"
LAST_TWO = ("--from", BEFORE, "--to", YESTERDAY)


def spent(shell: Shell, group_by: str = "day", first: str = BEFORE, last: str = YESTERDAY, **more: str) -> dict:
    done = shell.run("spend", "--from", first, "--to", last, "--group-by", group_by, "--format", "json", **more)
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)


def costs(answer: dict, key: str = "day") -> dict[str, str]:
    return {row[key]: row["cost_usd"] for row in answer["rows"]}


def windows(done: Result) -> list[str]:
    return [line.split()[2].rstrip(":") for line in done.out.splitlines()]


def test_ingesting_twice_gives_the_same_answer_and_every_run_is_on_the_instance_of_the_home(openai_world):
    shell, _ = openai_world

    first = shell.run("ingest", *LAST_TWO)
    answer = spent(shell)
    again = shell.run("ingest", *LAST_TWO, "--source", "openai_costs")

    for done in (first, again):
        assert (done.code, done.err) == (0, "")
        costs_read, *others = done.out.splitlines()
        assert costs_read == f"openai_costs default {BEFORE}..{YESTERDAY}: complete: 2 pages, 2.70 USD"
        asked_for_all = [f"openai_usage default {BEFORE}..{YESTERDAY}: complete: 10 pages"]
        assert others == (asked_for_all if done is first else [])
    assert costs(answer) == {BEFORE: "1.35", YESTERDAY: "1.35"}
    assert {**spent(shell), "coverage": None, "as_of": None} == {**answer, "coverage": None, "as_of": None}
    assert spent(shell)["coverage"]["complete"] is True
    status = shell.run("status")
    assert (status.code, status.out.splitlines()[0].split(",")[0]) == (0, "ok")
    with dg.DagsterInstance.from_config(str(shell.home / "dagster")) as instance:
        runs = instance.get_runs()
    assert [(run.job_name, run.status) for run in runs] == [("hourly_ingest", dg.DagsterRunStatus.SUCCESS)] * 4
    assert KEY not in str(runs)


@pytest.mark.long
def test_without_days_it_reads_the_look_back_and_all_that_is_missing_since_the_start(openai_world):
    shell, _ = openai_world
    start = {"AISPEND_START_DATE": str(ago(5))}

    first = shell.run("ingest", **start)
    second = shell.run("ingest", **start)

    assert (first.code, second.code) == (0, 0)
    look_back, older = [f"{BEFORE}..{YESTERDAY}", str(today())], f"{ago(5)}..{ago(3)}"
    assert windows(first) == [*look_back, *look_back, older, older]
    assert windows(second) == [*look_back, *look_back]
    assert spent(shell, first=str(ago(5)))["total_usd"] == "6.75"


@pytest.mark.long
def test_a_home_of_another_version_is_said_and_the_next_ingest_reads_no_more_than_it_must(openai_world):
    shell, _ = openai_world
    shell.settings["AISPEND_START_DATE"] = str(ago(5))
    shell.fill(ago(5), today())
    before, current = spent(shell), json.loads((shell.home / "CURRENT").read_text())
    older = {name: current[name] - 1 for name in ("seq", "schema_version")}  # as before a migration
    (shell.home / "CURRENT").write_text(json.dumps({**current, **older}))

    refused, status = shell.run("spend"), shell.run("status")
    done = shell.run("ingest")

    said = f"{shell.home}: the figures were published by an older version of aispend; run: aispend ingest"
    assert (refused.code, refused.out, one_line(refused.err)) == (1, "", said)
    assert (status.code, said in status.out) == (1, True)
    assert (done.code, done.err) == (0, "")
    assert windows(done) == [f"{BEFORE}..{YESTERDAY}", str(today())] * 2
    assert costs(spent(shell)) == costs(before)


@pytest.mark.long
def test_a_running_day_grows_and_a_day_that_was_over_is_restated(openai_world):
    shell, organisation = openai_world
    now = ("--from", YESTERDAY)
    shell.fill(ago(1), today())
    organisation.days[today()].append(("2.00", "gpt-4o, output"))
    organisation.days[ago(1)] = [("0.75", "gpt-4o, input")]

    done = shell.run("ingest", *now)

    assert done.code == 0
    answer = spent(shell, last=str(today()), first=YESTERDAY)
    assert costs(answer) == {YESTERDAY: "0.75", str(today()): "3.35"}
    _, cursor = Snapshots(shell.home).current()
    restated = cursor.execute("SELECT day, model, was_usd, is_usd FROM restatement ORDER BY model").fetchall()
    assert [(str(day), model, float(was), float(now)) for day, model, was, now in restated] == [
        (YESTERDAY, "gpt-4o", 1.25, 0.75),
        (YESTERDAY, "whisper", 0.10, 0.0),
    ]


@pytest.mark.long
def test_a_line_that_vanishes_is_gone_from_the_answer(openai_world):
    shell, organisation = openai_world
    shell.fill(ago(2), ago(1))
    organisation.days[ago(1)] = []

    assert shell.run("ingest", *LAST_TWO).code == 0
    assert costs(spent(shell)) == {BEFORE: "1.35"}
    assert spent(shell)["coverage"]["complete"] is True


@pytest.mark.long
def test_a_provider_that_is_down_is_named_and_the_run_after_it_is_back_is_clean(openai_world):
    shell, _ = openai_world
    shell.fill(ago(2), ago(2))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    down = shell.run("ingest", *LAST_TWO, OPENAI_BASE_URL=f"http://127.0.0.1:{port}/v1")
    meanwhile, status = spent(shell), shell.run("status")
    back = shell.run("ingest", *LAST_TWO)

    assert (down.code, down.err) == (1, "")
    assert down.out.splitlines() == [
        f"openai_{name} default {BEFORE}..{YESTERDAY}: failed: /organization/{path}: the connection was refused"
        for name, path in (("costs", "costs"), ("usage", "usage/completions"))
    ] + [REMEDY]
    assert costs(meanwhile) == {BEFORE: "1.35"}  # what was read before still stands
    states = {(day["source"], day["day"]): day["state"] for day in meanwhile["coverage"]["days"]}
    assert states == {
        (source, day): state
        for source in ("openai_costs", "openai_usage")
        for day, state in ((BEFORE, "complete"), (YESTERDAY, "failed"))
    }
    assert status.code == 1
    assert "the connection was refused" in status.out
    assert (back.code, back.err) == (0, "")
    assert costs(spent(shell)) == {BEFORE: "1.35", YESTERDAY: "1.35"}
    assert shell.run("status").code == 0


@pytest.mark.long
def test_a_provider_that_is_down_for_many_windows_is_said_once_a_source_and_counts_as_one_run(openai_world):
    shell, _ = openai_world
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    down = {"OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1", "AISPEND_START_DATE": str(ago(34))}

    done = shell.run("ingest", **down)

    *said, remedy = done.out.splitlines()
    assert [line.partition(": ")[0] for line in said if ": failed: " in line] == [
        f"openai_{name} default {ago(2)}..{today()}" for name in ("costs", "usage")
    ]
    assert [line for line in said if "not asked for" in line] == [
        f"openai_{name} default {ago(34)}..{ago(3)}: not asked for: it would fail of the same"
        for name in ("costs", "usage")
    ]
    assert (done.code, remedy) == (1, REMEDY)
    assert "in a row" not in shell.run("alerts", "dispatch", **down).out
    body = status(Settings.load(shell.environment(down), None), SystemClock().now())
    assert [feed["consecutive_failures"] for feed in body["sources"]] == [1, 1]
    _, cursor = Snapshots(shell.home).current()
    asked = cursor.execute('SELECT DISTINCT source, window_start FROM "fetch" ORDER BY ALL').fetchall()
    assert asked == [
        (f"openai_{name}", day) for name in ("costs", "usage") for day in (ago(2), today())
    ]  # no older ones


@pytest.mark.long
def test_records_that_cannot_be_understood_are_said_and_the_good_ones_are_there(openai_world):
    shell, organisation = openai_world
    organisation.days[ago(1)] = [("1.25", "gpt-4o, input"), ("NaNdollars", "whisper"), ("2.00", "o1-pro, input")]

    done = shell.run("ingest", *LAST_TWO)
    answer = spent(shell)
    organisation.days[ago(1)][1] = ("0.50", "whisper")
    shell.fill(ago(2), ago(1))

    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines()[2:] == [
        f"openai_costs default {YESTERDAY}: partial: 1 of its records cannot be understood and are kept apart",
        f"openai_costs default {YESTERDAY}: amount unreadable: "
        '{"amount":{"value":"NaNdollars","currency":"usd"},"line_item":"whisper"}',
    ]
    assert costs(answer) == {BEFORE: "1.35", YESTERDAY: "3.25"}
    assert answer["coverage"]["complete"] is False
    assert costs(spent(shell))[YESTERDAY] == "3.75"


@pytest.mark.long
def test_an_account_whose_key_is_refused_does_not_stop_the_other(tmp_path):
    with world(tmp_path / "shell", OPENAI_API_KEY__EU=KEY_EU) as (shell, organisation):
        organisation.broken[KEY_EU] = REFUSED

        done = shell.run("ingest", *LAST_TWO)
        answer = spent(shell, "account")
        table = shell.run("spend", *LAST_TWO)
        organisation.broken.clear()
        shell.fill(ago(2), ago(1))

        assert (done.code, done.err) == (1, "")
        good, _, bad, _, remedy = done.out.splitlines()
        assert [line.split()[3] for line in done.out.splitlines()[:-1]] == ["complete:"] * 2 + ["failed:"] * 2
        assert remedy == REMEDY
        assert good == f"openai_costs default {BEFORE}..{YESTERDAY}: complete: 2 pages, 2.70 USD"
        assert bad.startswith(f"openai_costs eu {BEFORE}..{YESTERDAY}: failed: ")
        assert "answered 401: Incorrect API key provided. Set OPENAI_API_KEY__EU to an admin key" in bad
        assert costs(answer, "account") == {"default": "2.70"}
        assert f"not whole: openai_costs eu, openai_usage eu: 2 days failed: {BEFORE}..{YESTERDAY}" in table.out
        assert costs(spent(shell, "account"), "account") == {"default": "2.70", "eu": "2.70"}


@pytest.mark.long
def test_a_provider_that_is_on_without_credentials_is_said_and_does_not_stop_the_other(openai_world):
    shell, _ = openai_world
    shell.settings |= {"ENABLE_OPENAI": "true", "ENABLE_ANTHROPIC": "true"}

    done, status = shell.run("ingest", *LAST_TWO), shell.run("status")

    assert (done.code, costs(spent(shell))) == (0, {BEFORE: "1.35", YESTERDAY: "1.35"})
    assert (status.code, status.out.splitlines()[1:2]) == (
        1,
        ["  anthropic: switched on but unconfigured; nothing of it is read"],
    )


class TestRecompute:
    @pytest.fixture(scope="class")
    @classmethod
    def shell(cls, tmp_path_factory):
        with world(tmp_path_factory.mktemp("recompute") / "shell") as (shell, _):
            shell.fill(ago(2), ago(1))
            yield shell

    def spoil(self, shell: Shell) -> None:
        with duckdb.connect(str(shell.home / "warehouse.duckdb")) as connection:
            connection.execute(
                "UPDATE spend SET amount_usd = amount_usd + 1 WHERE line_item = 'whisper' AND day = ?", [YESTERDAY]
            )

    def test_it_asks_no_provider_and_says_that_nothing_changed(self, shell):
        for more in ({"OPENAI_BASE_URL": "http://127.0.0.1:1"}, {"OPENAI_API_KEY": ""}):
            done = shell.run("recompute", *LAST_TWO, **more)

            assert (done.code, done.out, done.err) == (0, f"{BEFORE}..{YESTERDAY}: no changes\n", "")

    @pytest.mark.long
    def test_a_dry_run_says_what_would_change_and_the_other_mends_it(self, shell):
        self.spoil(shell)
        before = (shell.home / "CURRENT").read_text(), spent(shell)

        dry = shell.run("recompute", *LAST_TWO, "--dry-run")
        unchanged = (shell.home / "CURRENT").read_text(), spent(shell)
        done = shell.run("recompute", *LAST_TWO)
        again = shell.run("recompute", *LAST_TWO)

        assert (dry.code, done.code) == (0, 0)
        assert unchanged == before
        assert dry.out.splitlines()[1] == done.out.splitlines()[1]
        assert done.out.splitlines() == [
            f"{BEFORE}..{YESTERDAY}: 1 changes",
            f"  {YESTERDAY} openai_costs default whisper: was 1.10, is 0.10 USD",
        ]
        assert again.out == f"{BEFORE}..{YESTERDAY}: no changes\n"
        assert costs(spent(shell)) == {BEFORE: "1.35", YESTERDAY: "1.35"}


@pytest.mark.long
def test_a_run_that_fails_before_its_first_step_is_no_success(openai_world, monkeypatch):
    shell, _ = openai_world

    def unusable(*_: object) -> ComputeLogs:
        raise OSError("what a run writes has no place to go")

    monkeypatch.setattr(ComputeLogs, "from_config_value", unusable)
    done = shell.run("ingest", "--from", ago(1).isoformat(), "--to", ago(1).isoformat())

    assert done.code == 1
    assert "failed: " in done.out
    assert "what a run writes has no place to go" in done.out


@pytest.mark.long
def test_who_has_no_daemon_keeps_no_page_for_longer_either(openai_world):
    shell, _ = openai_world
    shell.fill(ago(1), ago(1))
    warehouse = Warehouse(shell.home, SystemClock())
    with warehouse.write(publish=True) as transaction:
        transaction.execute("UPDATE page SET fetched_at = fetched_at - INTERVAL 91 DAY")
        before = transaction.execute("FROM spend ORDER BY ALL").fetchall()
    assert shell.run("ingest", "--from", str(ago(0)), "--to", str(ago(0))).code == 0
    with warehouse.write() as transaction:
        old = transaction.execute("FROM page WHERE fetched_at < now() - INTERVAL 1 DAY").fetchall()
        assert old == []
        assert transaction.execute(f"FROM spend WHERE day = '{ago(1)}' ORDER BY ALL").fetchall() == before
