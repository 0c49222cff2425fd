"""`aispend sql` and `aispend snapshot`: questions of one's own, put to views that stay what they are."""

import csv
import io
import json
import shutil
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from aispend_pipeline.cli import rows
from aispend_pipeline.model import Window
from aispend_pipeline.settings import Settings
from aispend_pipeline.warehouse import views, warehouse
from aispend_pipeline.warehouse.own_question import Answered

from ..service.two_providers import two_providers
from ..service.world import StandingClock, fill
from .conftest import Shell, one_line

CLOCK = StandingClock()
TODAY = CLOCK.now().date()
EU_IS_OFF = {"OPENAI_API_KEY__EU": "", "ANTHROPIC_API_KEY__EU": ""}
UNREAD = TODAY - timedelta(days=2)


@pytest.fixture(scope="module")
def shell(tmp_path_factory) -> Iterator[Shell]:
    """A shell whose home has today, yesterday and the third day before, of two providers; one day is unread."""
    with two_providers(CLOCK) as providers:
        shell = Shell(tmp_path_factory.mktemp("shell"), {**providers.environment, **EU_IS_OFF}, CLOCK)
        settings = Settings.load(shell.environment({}), None)
        for first, last in ((3, 3), (1, 0)):
            fill(settings, CLOCK, Window(TODAY - timedelta(days=first), TODAY - timedelta(days=last)))
        yield shell


def asked(shell: Shell, question: str) -> list[dict]:
    done = shell.run("sql", question, "--format", "json")
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)["rows"]


@pytest.mark.long
def test_json_and_csv_have_every_digit_and_the_json_says_of_when_it_is(shell):
    question = (
        "SELECT provider, sum(cost_usd) AS usd, sum(output_tokens) AS tokens FROM spend_by_day GROUP BY ALL ORDER BY 1"
    )
    spend = json.loads(
        shell.run("spend", "--from", str(TODAY - timedelta(days=3)), "--group-by", "provider", "--format", "json").out
    )

    told = json.loads(shell.run("sql", question, "--format", "json").out)
    as_csv = [*csv.DictReader(io.StringIO(shell.run("sql", question, "--format", "csv").out, newline=""))]

    expected = [(row["provider"], row["cost_usd"], row["output_tokens"]) for row in spend["rows"]]
    assert [(row["provider"], row["usd"], row["tokens"]) for row in told["rows"]] == expected
    assert [(row["provider"], row["usd"], int(row["tokens"])) for row in as_csv] == expected
    assert told["as_of"] == spend["as_of"]
    assert told["columns"][1] == {"name": "usd", "type": "DECIMAL(38,18)"}


def test_a_table_has_cents_and_says_of_when_it_is_and_null_is_not_zero(shell):
    done = shell.run(
        "sql", "SELECT 1234.5::DECIMAL(38, 18) AS usd, NULL::DECIMAL(38, 18) AS other, 0.123::DECIMAL(9, 3) AS share"
    )

    title, header, row = done.out.splitlines()
    assert title.startswith("figures as of 20")
    assert header.split() == ["usd", "other", "share"]
    assert row.split() == ["1,234.50", "null", "0.123"]


def test_the_views_add_up_to_each_other_and_keep_estimates_apart(shell):
    (sums,) = asked(
        shell,
        """
        SELECT
            (SELECT sum(cost_usd) FROM spend_by_day) AS days,
            (SELECT sum(cost_usd) FROM spend_rows) AS billed,
            (SELECT sum(cost_usd) FROM spend_by_key) AS keys,
            (SELECT sum(cost_usd) FROM spend_by_hour) AS hours,
            (SELECT sum(estimated_usd) FROM spend_by_day) AS estimated_days,
            (SELECT sum(estimated_usd) FROM estimate_rows) AS estimated,
            (SELECT sum(estimated_usd) FROM spend_by_key) AS estimated_keys,
            (SELECT count(*) FROM spend_rows) = (SELECT count(*) FROM spend) AS once
        """,
    )
    assert sums["days"] == sums["billed"] == sums["keys"] == sums["hours"]
    assert sums["estimated_days"] == sums["estimated"] == sums["estimated_keys"]
    assert Decimal(sums["estimated"]) > 0
    assert sums["once"] is True


def test_a_day_that_nobody_asked_for_is_there_as_missing(shell):
    days = asked(shell, f"SELECT DISTINCT source, state, whole FROM coverage_days WHERE day = '{UNREAD}' ORDER BY 1")

    assert [day["source"] for day in days] == ["anthropic_costs", "anthropic_usage", "openai_costs", "openai_usage"]
    assert {(day["state"], day["whole"]) for day in days} == {("not_due", False)}
    assert asked(shell, f"FROM spend_by_day WHERE day = '{UNREAD}'") == []
    assert {row["whole"] for row in asked(shell, f"FROM spend_by_day WHERE day = '{TODAY - timedelta(days=3)}'")} == {
        True
    }


def test_a_question_is_read_from_standard_input(shell, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 'from a file' AS said"))

    assert "from a file" in shell.run("sql", "-").out


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("SELEC 1", 'Parser Error: syntax error at or near "SELEC"'),
        ("FROM nowhere", "Catalog Error: Table with name nowhere does not exist"),
        ("SELECT nothing FROM snapshot", "Binder Error: Referenced column"),
        ("SELECT 1; SELECT 2", "2 statements were given"),
        ("/* nothing */", "no statements were given"),
        ("DELETE FROM spend", "DELETE: only what reads is answered"),
        ("CREATE TEMP TABLE mine AS SELECT 1", "CREATE: only what reads is answered"),
        ("SET enable_external_access = true", "SET: only what reads is answered"),
        ("ATTACH 'other.duckdb'", "ATTACH: only what reads is answered"),
        ("COPY spend TO 'spend.csv'", "COPY: only what reads is answered"),
        ("FROM read_csv('/etc/passwd')", 'Permission Error: Cannot access file "/etc/passwd"'),
        ("FROM published", "Catalog Error: Table with name published does not exist"),
        ("SELECT 1 AS a, 2 AS a", "two columns are called 'a'"),
        ("SELECT 'x'::INTEGER", "Conversion Error: Could not convert string 'x' to INT32"),
    ],
)
def test_a_wrong_question_is_one_line(shell, question, said):
    done = shell.run("sql", question, "--format", "json")

    assert done.code == 2
    assert one_line(done.err).startswith(said)
    assert not list(shell.folder.glob("*.csv"))


def test_of_a_name_that_is_not_known_it_is_said_where_the_known_ones_are(shell):
    for question in ("FROM nowhere", "SELECT nothing FROM snapshot"):
        assert one_line(shell.run("sql", question).err).endswith("; aispend sql --views lists what there is")


def test_wrong_use_is_one_line(shell):
    assert one_line(shell.run("sql").err).startswith("nothing is asked; for example: aispend sql")
    assert one_line(shell.run("sql", "FROM snapshot", "--format", "xml").err).startswith(
        "--format 'xml' is none of table"
    )
    assert one_line(shell.run("sql", "FROM snapshot", AISPEND_HOME="empty").err).endswith("run: aispend ingest")
    assert one_line(shell.run("snapshot", "path", AISPEND_HOME="empty").err).endswith("run: aispend ingest")


def test_the_snapshot_s_path_is_what_a_notebook_opens_with_the_views(shell, tmp_path):
    done = shell.run("snapshot", "path")

    path = Path(done.out.strip())
    assert path.is_absolute()
    assert one_line(done.err).startswith("as of 20")
    elsewhere = shutil.copy(path, tmp_path)  # this process has the file open in its own way
    with duckdb.connect(str(elsewhere), read_only=True) as notebook:
        assert notebook.sql("SELECT count(*) FROM snapshot").fetchall() == [(1,)]
        for name in views.NAMES:
            notebook.sql(f"FROM {name} LIMIT 1").fetchall()


def test_a_snapshot_that_is_gone_is_said(shell, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "CURRENT").write_bytes((shell.home / "CURRENT").read_bytes())

    assert one_line(shell.run("snapshot", "path", AISPEND_HOME=str(home)).err).endswith("run: aispend recompute")


def test_every_view_and_column_says_what_it_is_and_no_store_is_needed(shell):
    listed = shell.run("sql", "--views", AISPEND_HOME="nowhere")
    as_json = json.loads(shell.run("sql", "--views", "--format", "json").out)
    as_csv = [*csv.DictReader(io.StringIO(shell.run("sql", "--views", "--format", "csv").out, newline=""))]

    assert listed.code == 0
    assert not (shell.folder / "nowhere").exists()
    assert {view["name"] for view in as_json} == {*views.NAMES}
    assert {file.stem for file in (Path(views.__file__).parent / "views").iterdir()} == {*views.NAMES}
    for view in as_json:
        assert view["meaning"].endswith(".")
        assert f"{view['name']}: {view['meaning']}" in listed.out
        assert all(column["meaning"] for column in view["columns"])
        assert [row["column"] for row in as_csv if row["view"] == view["name"]] == [c["name"] for c in view["columns"]]


def test_money_of_a_view_is_decimal_and_never_a_float():
    with warehouse.empty(CLOCK.now()) as connection:
        declared = views.declared(connection)
    kinds = {column.type for view in declared for column in view.columns}
    assert {column.type for view in declared for column in view.columns if column.name.endswith("_usd")} == {
        "DECIMAL(38,18)"
    }
    assert not kinds & {"DOUBLE", "FLOAT"}


def test_what_a_key_has_cost_has_the_names_of_the_key_its_project_and_its_owner():
    with warehouse.empty(CLOCK.now()) as connection:
        for kind, id_, name in (
            ("api_key", "key_1", "an older name"),
            ("api_key", "key_1", "editors"),
            ("project", "proj_1", "code"),
            ("api_key_owner", "key_1", "user_1"),
            ("user", "user_1", "Ada"),
        ):
            seen = CLOCK.now().replace(tzinfo=None) - timedelta(days="older" in name)
            row = ["openai", "default", kind, id_, name, seen, seen]
            connection.execute('INSERT INTO "name" VALUES (?, ?, ?, ?, ?, ?, ?)', row)
        connection.execute(
            "INSERT INTO spend BY NAME SELECT 'openai_costs' AS source, 'default' AS account, 'openai' AS provider,"
            " DATE '2026-06-01' AS day, TIMESTAMP '2026-06-01' AS charge_start, '2026-06' AS invoice_month,"
            " 'Usage' AS charge_category, 'proj_1' AS project_id, 'key_1' AS api_key_id, 'USD' AS currency,"
            " 1.5 AS amount, 1.5 AS amount_usd, 'f' AS fetch_id, 'p' AS page_id, 1 AS row_no"
        )
        named = connection.execute(
            "SELECT project_name, api_key_name, api_key_owner, api_key_owner_name, cost_usd FROM spend_by_key"
        ).fetchall()

    assert named == [("code", "editors", "user_1", "Ada", Decimal("1.5"))]


def test_of_a_long_answer_a_table_has_the_beginning_and_says_so(capsys):
    rows.show_table(Answered([("n", "INTEGER")], iter([(n,) for n in range(rows.MOST_ROWS + 1)])), "")

    *_, last, said = capsys.readouterr().out.splitlines()
    assert last.strip() == "999"
    assert said == "these are the first 1,000 rows; --format csv and json have all"


def test_a_text_that_a_spreadsheet_would_take_for_a_formula_is_none(shell):
    assert "'=1+1" in shell.run("sql", "SELECT '=1+1' AS text", "--format", "csv").out


@pytest.mark.long
def test_a_question_that_takes_too_long_is_ended_by_ctrl_c(shell):
    process = shell.start(
        "sql", "SELECT count(*) FROM range(1000000) AS a, range(1000000) AS b WHERE a.range <> b.range"
    )
    time.sleep(3)
    done = shell.finish(process, send=signal.SIGINT)

    assert done.code == 1
    assert one_line(done.err).startswith("stopped")
