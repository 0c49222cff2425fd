"""`GET /spend` as CSV: the rows of the JSON, in a form that spreadsheets open and cannot be hurt by."""

import csv
import io
import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from aispend_pipeline.cli import spend
from aispend_pipeline.model import Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.service.app import create_app
from aispend_pipeline.service.forms import chosen
from aispend_pipeline.service.schemas import DriftBody, SpendBody
from aispend_pipeline.service.spend_example import CSV, DRIFT, SPEND
from aispend_pipeline.settings import Settings
from aispend_pipeline.warehouse import Warehouse
from aispend_pipeline_tests.warehouse.building import DAY, SetClock, complete, line, store

from .world import DAYS

ALL = {"from": str(DAYS.first), "to": str(DAYS.last)}


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"groupBy": "account"},
        {"groupBy": "hour,model"},
        {"groupBy": "api_key,project"},
        {"groupBy": "model", "compare": "previous", "sort": "-change_usd", "limit": "3"},
        {"groupBy": "model", "model": "there is none"},
    ],
    ids=str,
)
def test_it_has_the_rows_and_the_columns_of_the_json_and_nothing_else(client, asked):
    rows = client.get("/spend", params={**ALL, "groupBy": "model", **asked}).json()["rows"]

    title, *lines = cells(client.get("/spend", params={**ALL, "groupBy": "model", **asked, "format": "csv"}).text)

    assert [dict(zip(title, line, strict=True)) for line in lines] == [
        {name: "" if value is None else str(value) for name, value in row.items()} for row in rows
    ]
    if rows:
        assert title == list(rows[0])
    grouped = asked.get("groupBy", "model").split(",")
    assert title[: len(grouped)] == grouped


def test_what_stands_beside_the_rows_is_in_the_headers(client):
    asked = {**ALL, "groupBy": "model", "limit": "2"}
    body = client.get("/spend", params=asked).json()
    answer = client.get("/spend", params={**asked, "format": "csv"})

    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    file = "spend_by_model_incomplete_2026-06-08_2026-06-12.csv"
    assert answer.headers["content-disposition"] == f'attachment; filename="{file}"'
    assert answer.headers["x-aispend-as-of"] == body["as_of"]
    assert answer.headers["x-aispend-complete"] == "false"
    assert answer.headers["x-aispend-total-usd"] == body["total_usd"]
    assert answer.headers["x-aispend-total-estimated-usd"] == body["total_estimated_usd"]
    assert answer.headers["x-aispend-cursor"] == body["cursor"]
    whole = client.get("/spend", params={**asked, "format": "csv", "limit": "500", "account": "eu"})
    assert (whole.headers["x-aispend-complete"], "x-aispend-cursor" in whole.headers) == ("true", False)
    assert 'filename="spend_by_model_2026-06-08_2026-06-12.csv"' in whole.headers["content-disposition"]


def test_lines_end_as_the_rfc_says(client):
    text = client.get("/spend", params={**ALL, "groupBy": "model", "format": "csv"}).text

    assert text.endswith("\r\n")
    assert not re.search(r"(?<!\r)\n|\r(?!\n)", text)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("text/csv", "csv"),
        ("TEXT/CSV; Q=1", "csv"),
        ("text/*", "csv"),
        ("application/json", "json"),
        ("text/csv, application/json", "json"),
        ("text/csv;q=0.9, application/json;q=0.8", "csv"),
        ("text/csv;q=0.5, application/json;q=0.8", "json"),
        ("text/csv, */*;q=0.8", "csv"),
        ("text/csv;q=0, */*", "json"),
        ("application/json;q=0, text/csv;q=0.1", "csv"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "json"),
        ("text/csv;header=present;q=0.7", "csv"),
        ("text/csv;q=much", "json"),
        ("text/csv;q=nan", "json"),
        ("text/csv;q=-1", "json"),
        ("text/csv;q=7", "json"),
        (";;;,,,=", "json"),
    ],
)
def test_accept_chooses_the_form_and_unknown_forms_get_json(client, accept, form):
    answer = client.get("/spend", params={**ALL, "groupBy": "account"}, headers={"accept": accept})

    kinds = {"json": "application/json", "csv": "text/csv"}
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == kinds[form]
    assert answer.headers["vary"].lower().split(", ").count("accept") == 1


@given(st.text(alphabet=";,=/*qtexcsvjon 01.", max_size=40) | st.text(max_size=40))
def test_no_accept_is_too_odd(accept):
    assert chosen(None, accept) in ("json", "csv")


@pytest.mark.parametrize(("form", "accept", "kind"), [("json", "text/csv", "json"), ("csv", "application/json", "csv")])
def test_the_parameter_wins_over_accept(client, form, accept, kind):
    answer = client.get("/spend", params={**ALL, "format": form}, headers={"accept": accept})

    assert kind in answer.headers["content-type"]


def test_another_form_is_another_answer_under_another_tag(client):
    asked = {**ALL, "groupBy": "account"}
    as_json, as_csv = (client.get("/spend", params={**asked, "format": form}) for form in ("json", "csv"))
    tags = {answer.headers["etag"] for answer in (as_json, as_csv)}

    again = client.get("/spend", params=asked, headers={"accept": "text/csv", "if-none-match": ", ".join(tags)})
    other = client.get("/spend", params=asked, headers={"accept": "text/csv", "if-none-match": as_json.headers["etag"]})

    assert len(tags) == 2
    assert (again.status_code, again.headers["vary"]) == (304, "Accept")
    assert (other.status_code, other.text) == (200, as_csv.text)


def test_a_form_that_there_is_not_is_refused(get):
    assert get("/spend", 422, format="xlsx")["detail"].startswith("format: ")


def test_the_examples_of_the_document_are_what_they_are_examples_of():
    body = SpendBody.model_validate(SPEND)
    title, *lines = cells(CSV)

    assert set(SPEND) == set(body.model_dump(by_alias=True))
    assert set(DRIFT) == set(DriftBody.model_validate(DRIFT).model_dump(by_alias=True))
    assert lines == [["" if row[name] is None else str(row[name]) for name in title] for row in SPEND["rows"]]


# Names, and how a CSV has them.
NAMES = {
    "=1+1": "'=1+1",
    "+x": "'+x",
    "-x": "'-x",
    "@SUM(A1)": "'@SUM(A1)",
    "\tx": "'\tx",
    '=HYPERLINK("http://x","y")': '\'=HYPERLINK("http://x","y")',
    "\uff1dx": "'\uff1dx",
    "x;=1": "x;'=1",
    "two\n=lines": "two\n'=lines",
    "a,b": "a,b",
    "a-b=c": "a-b=c",
    'say "so"': 'say "so"',
    "two\nlines": "two\nlines",
}


@pytest.fixture(scope="module")
def odd_home(tmp_path_factory) -> Path:
    """With a bill whose line items are what spreadsheets take for formulas, and what CSV has to quote."""
    clock = SetClock()
    home = tmp_path_factory.mktemp("csv") / "home"
    warehouse = Warehouse(home, clock)
    lines = [line("-1.5", line_item=name, project_id=name) for name in NAMES]
    store(warehouse, complete({DAY: lines, DAY - timedelta(days=1): [line("2", project_id="proj")]}))
    add_up(warehouse, Window(DAY - timedelta(days=1), DAY), clock)
    return home


@pytest.fixture(scope="module")
def odd(odd_home) -> TestClient:
    return TestClient(create_app(Settings.load({"AISPEND_HOME": str(odd_home)}, None), SetClock()))


def test_a_name_that_looks_like_a_formula_is_kept_from_being_one_and_figures_stay_figures(odd):
    asked = {"from": str(DAY), "to": str(DAY), "groupBy": "line_item,project", "format": "csv", "compare": "previous"}
    title, *lines = cells(odd.get("/spend", params=asked).text)

    rows = [dict(zip(title, one, strict=True)) for one in lines]
    named = {row["line_item"]: row for row in rows if row["cost_usd"]}
    assert set(named) == set(NAMES.values())
    assert all(row["project"] == name for name, row in named.items())
    assert {row["cost_usd"] for row in named.values()} == {"-1.50"}
    assert {row["change_usd"] for row in named.values()} == {"-1.50"}


def test_so_are_the_names_of_lines(odd):
    title, *lines = cells(odd.get("/spend/rows", params={"from": str(DAY), "to": str(DAY), "format": "csv"}).text)

    rows = [dict(zip(title, one, strict=True)) for one in lines]
    assert {row["line_item"] for row in rows} == {row["project"] for row in rows} == set(NAMES.values())
    assert {(row["amount"], row["cost_usd"]) for row in rows} == {("-1.50", "-1.50")}


def test_the_command_prints_the_same(odd, odd_home, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("AISPEND_HOME", str(odd_home))
    monkeypatch.chdir(tmp_path)
    asked = {"from": str(DAY), "to": str(DAY), "groupBy": "line_item,project", "format": "csv"}

    spend.spend(str(DAY), str(DAY), "line_item,project", "csv")

    assert capsys.readouterr().out == odd.get("/spend", params=asked).text


def test_the_json_has_every_name_as_it_is(odd):
    rows = odd.get("/spend", params={"from": str(DAY), "to": str(DAY), "groupBy": "line_item"}).json()["rows"]

    assert {row["line_item"] for row in rows} == set(NAMES)
