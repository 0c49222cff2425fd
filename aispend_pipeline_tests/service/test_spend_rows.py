"""`GET /spend/rows` and `/spend/estimates`: each line once, of the figures that were asked for first."""

import csv
import io
import json
import shutil
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from urllib.parse import quote

import httpx
import pytest
from starlette.testclient import TestClient

from aispend_pipeline.service import evidence_examples as examples
from aispend_pipeline.service.app import create_app
from aispend_pipeline.service.evidence_examples import ESTIMATES_CSV, ROWS_CSV
from aispend_pipeline.settings import Settings
from aispend_pipeline.warehouse import Warehouse
from aispend_pipeline_tests.warehouse.building import corrupt

from .contract import DIMENSIONS
from .test_refusals import assert_problem
from .world import DAYS, KEYS, NOW, TODAY, StandingClock

ROWS, ESTIMATES = "/spend/rows", "/spend/estimates"
KEY = ("day", "source", "account", "fetch_id", "page_id", "row_no")


def walk(client, path: str = ROWS, **asked: object) -> list[dict]:
    """Every answer, a screenful at a time."""
    answers = [client.get(path, params=asked).raise_for_status().json()]
    while answers[-1]["cursor"]:
        assert quote(answers[-1]["cursor"], safe="") == answers[-1]["cursor"]
        answers.append(client.get(path, params={**asked, "cursor": answers[-1]["cursor"]}).raise_for_status().json())
    return answers


def rows_of(answers: list[dict]) -> list[dict]:
    return [row for answer in answers for row in answer["rows"]]


@pytest.mark.parametrize("asked", [{}, {"account": ["eu", "odd"]}, {"model": ""}])
@pytest.mark.parametrize("limit", [17, 500])
def test_walking_lists_each_line_once_and_every_screen_has_the_totals_of_all(client, asked, limit):
    answers = walk(client, limit=limit, **asked)
    rows = rows_of(answers)
    keys = [tuple(row[name] for name in KEY) for row in rows]

    assert keys == sorted({*keys})
    assert {len(answer["rows"]) for answer in answers[:-1]} <= {limit}
    said = {(answer["count"], answer["total_usd"], answer["as_of"]) for answer in answers}
    assert len(said) == 1
    assert (answers[0]["count"], Decimal(answers[0]["total_usd"])) == (
        len(rows),
        sum(Decimal(row["cost_usd"] or 0) for row in rows),
    )
    assert answers[0]["total_usd"] == client.get("/spend", params=asked).json()["total_usd"]


def test_a_row_of_usage_has_a_line_for_each_of_its_meters_each_listed_once(client):
    answers = walk(client, ESTIMATES, limit=97)
    keys = [tuple(row[name] for name in (*KEY, "meter")) for row in rows_of(answers)]

    assert keys == sorted({*keys})
    assert len(keys) == answers[0]["count"] > 97
    assert max(Counter(key[:-1] for key in keys).values()) > 1


def test_amounts_in_other_currencies_are_listed_and_added_to_nothing(client):
    answer = client.get(ROWS, params={"account": "odd"}).json()
    euros = [row for row in answer["rows"] if row["currency"] == "EUR"]

    assert [(row["amount"], row["cost_usd"]) for row in euros] == [("7.25", None), ("0.75", None)]
    assert answer["unconverted"] == [{"currency": "EUR", "amount": "8.00"}]
    assert answer["total_usd"] == "12.500003"


def test_the_days_are_the_month_to_date_unless_days_or_a_page_or_a_fetch_are_given(client):
    everything = client.get(ROWS).json()
    line = everything["rows"][0]
    assert (everything["from"], everything["to"]) == ("2026-06-01", str(TODAY))
    for asked, days in [
        ({"from": "2026-06-09"}, ("2026-06-09", str(TODAY))),
        ({"page": line["page_id"]}, (str(DAYS.first), str(TODAY - timedelta(days=1)))),
        ({"fetch": line["fetch_id"]}, (str(DAYS.first), str(TODAY - timedelta(days=1)))),
        ({"fetch": line["fetch_id"], "to": "2026-06-09"}, (str(DAYS.first), "2026-06-09")),
        ({"fetch": line["fetch_id"], "from": "2026-06-30"}, ("2026-06-30", "2026-06-30")),
    ]:
        answer = client.get(ROWS, params=asked).json()
        assert (answer["from"], answer["to"]) == days
    assert answer["rows"] == []


def test_a_page_in_another_fetch_has_no_lines(client):
    one, *_, other = client.get(ROWS, params={"limit": "500"}).json()["rows"]

    assert client.get(ROWS, params={"page": one["page_id"], "fetch": one["fetch_id"]}).json()["rows"]
    assert client.get(ROWS, params={"page": one["page_id"], "fetch": other["fetch_id"]}).json()["rows"] == []


@pytest.mark.parametrize("path", [ROWS, ESTIMATES])
@pytest.mark.parametrize("name", ["page", "fetch"])
@pytest.mark.parametrize("text", ["x", "x-1", "\0", "' OR 1=1 --"])
def test_a_page_or_fetch_that_never_was_is_refused_and_not_no_lines(client, path, name, text):
    detail = assert_problem(client.get(path, params={name: text}), 422, path)["detail"]

    assert detail == f"{name}: no {name} of that id was ever stored"


@pytest.mark.parametrize("name", sorted({*DIMENSIONS} - {"hour", "day"}))
@pytest.mark.parametrize("path", [ROWS, ESTIMATES])
def test_every_key_of_a_group_but_its_hour_is_a_filter(client, path, name):
    if path == ESTIMATES and name == "line_item":
        assert_problem(client.get(path, params={name: "x"}), 422)
        return
    column = "project" if name == "workspace" else name
    lines = rows_of(walk(client, path, limit=500))
    for value in sorted({line[column] for line in lines}, key=lambda value: value or "")[:3]:
        found = rows_of(walk(client, path, limit=500, **{name: value or ""}))
        assert found == [line for line in lines if line[column] == value]


@pytest.mark.parametrize("path", [ROWS, ESTIMATES])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("source", "costs"),
        ("provider", "x"),
        ("charge_category", "usage"),
        ("groupBy", "day"),
        ("page", ""),
        ("limit", "0"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(client, path, name, text):
    assert assert_problem(client.get(path, params={name: text}), 422, path)["detail"].startswith(f"{name}: ")


def test_a_charge_category_is_one_of_the_five(client):
    for name in ("Usage", "Credit", "Tax", "Adjustment", "Purchase"):
        found = client.get(ROWS, params={"charge_category": name, "limit": "500"}).json()["rows"]
        assert {row["charge_category"] for row in found} <= {name}


def test_a_cursor_is_good_for_its_question_only(client):
    cursor = client.get(ROWS, params={"limit": "1"}).json()["cursor"]
    assert client.get(ROWS, params={"limit": "9", "cursor": cursor}).status_code == 200
    place, seal = cursor.split(".")
    for path, asked in [
        (ROWS, {"cursor": cursor, "account": "eu"}),
        (ROWS, {"cursor": cursor, "from": "2026-06-01"}),
        (ROWS, {"cursor": cursor, "line_item": "x"}),
        (ESTIMATES, {"cursor": cursor}),
        ("/providers/openai/raw", {"cursor": cursor[:400]}),
        (ROWS, {"cursor": f"{place[:-4]}.{seal}"}),
        (ROWS, {"cursor": cursor[:-1]}),
        (ROWS, {"cursor": "x"}),
    ]:
        body = assert_problem(client.get(path, params=asked), 400)
        assert body["type"].endswith(":bad-cursor")
        assert body["detail"] == "cursor: not one that this question gave; start again without it"


def test_a_cursor_of_figures_that_have_changed_says_so(settings, tmp_path):
    shutil.copytree(settings.home, tmp_path / "home")
    clock = StandingClock()
    client = TestClient(create_app(settings.model_copy(update={"home": tmp_path / "home"}), clock))
    first = client.get(ROWS, params={"limit": "1"})
    asked = {"cursor": first.json()["cursor"]}
    assert client.get(ROWS, params=asked).status_code == 200
    unchanged = client.get(ROWS, params={"limit": "1"}, headers={"if-none-match": first.headers["etag"]})
    assert unchanged.status_code == 304

    def said() -> str:
        return assert_problem(client.get(ROWS, params=asked), 400)["detail"]

    clock.instant = NOW + timedelta(days=1)
    assert said() == "cursor: the figures have changed since; start again without it"
    clock.instant = NOW
    warehouse = Warehouse(tmp_path / "home", clock)
    corrupt(warehouse, "DELETE FROM spend WHERE account = 'eu'")
    warehouse.publish()
    assert said() == "cursor: the figures have changed since; start again without it"
    again = client.get(ROWS, params={"limit": "1"}, headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 200


def test_an_empty_store_has_no_lines(tmp_path):
    Warehouse(tmp_path / "home", StandingClock()).publish()
    empty = Settings.load({"AISPEND_HOME": str(tmp_path / "home"), "OPENAI_API_KEY": KEYS["default"]}, None)
    client = TestClient(create_app(empty, StandingClock()))

    for path, total in [(ROWS, "total_usd"), (ESTIMATES, "total_estimated_usd")]:
        answer = client.get(path).json()
        assert (answer["rows"], answer["cursor"], answer["count"], answer[total]) == ([], None, 0, "0.00")


def cells(answer) -> list[dict[str, str]]:
    """The lines of a CSV, by their titles."""
    title, *lines = csv.reader(io.StringIO(answer.text, newline=""), strict=True)
    return [dict(zip(title, line, strict=True)) for line in lines]


def written(line: dict) -> dict[str, str]:
    """A line of JSON as CSV has it."""
    values = {name: json.dumps(value).strip('"') for name, value in line.items() if name != "links"}
    return {name: "" if text == "null" else text for name, text in values.items()}


@pytest.mark.parametrize("path", [ROWS, ESTIMATES])
def test_as_csv_they_are_the_same_lines_and_what_stands_beside_them_is_in_headers(client, path):
    asked = {"limit": "7", "account": "eu"}
    body = client.get(path, params=asked).json()
    answer = client.get(path, params=asked, headers={"accept": "text/csv"})
    rest = client.get(path, params={**asked, "format": "csv", "cursor": body["cursor"]})

    assert cells(answer) == [written(line) for line in body["rows"]]
    name, total = (path[1:].replace("/", "-"), "total_usd" if path == ROWS else "total_estimated_usd")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    file = f"{name}_{body['from']}_{body['to']}.csv"
    assert answer.headers["content-disposition"] == f'attachment; filename="{file}"'
    assert {key: value for key, value in answer.headers.items() if key.startswith("x-aispend-")} == {
        "x-aispend-as-of": body["as_of"],
        "x-aispend-count": str(body["count"]),
        f"x-aispend-{total.replace('_', '-')}": body[total],
        "x-aispend-cursor": body["cursor"],
    }
    assert cells(rest) == [written(line) for line in walk(client, path, **asked)[1]["rows"]]
    titles = client.get(path, params={"model": "there is none", "format": "csv"})
    assert (titles.text.count("\r\n"), "x-aispend-cursor" in titles.headers) == (1, False)
    assert answer.text.startswith(titles.text)


@pytest.mark.parametrize("path", [ROWS, ESTIMATES])
def test_each_form_is_an_answer_of_its_own(client, path):
    as_json, as_csv = (client.get(path, params={"format": form}) for form in ("json", "csv"))
    tag = as_csv.headers["etag"]
    again, other = (
        client.get(path, params={"format": form}, headers={"if-none-match": tag}) for form in ("csv", "json")
    )

    assert tag != as_json.headers["etag"]
    assert (again.status_code, again.headers["vary"], other.status_code) == (304, "Accept", 200)
    assert assert_problem(client.get(path, params={"format": "xlsx"}), 422)["detail"].startswith("format: ")


@pytest.mark.parametrize(
    ("path", "example", "lines"), [(ROWS, ROWS_CSV, examples.ROWS), (ESTIMATES, ESTIMATES_CSV, examples.ESTIMATES)]
)
def test_the_csv_of_the_document_is_its_json_with_the_columns_that_there_are(client, path, example, lines):
    content = client.get("/openapi.json").json()["paths"][path]["get"]["responses"]["200"]
    title = client.get(path, params={"format": "csv", "limit": "1"}).text.partition("\r\n")[0]

    assert content["content"]["text/csv"]["example"] == example
    assert example.startswith(title + "\r\n")
    assert cells(httpx.Response(200, text=example)) == [written(line) for line in lines["rows"]]
    assert {"X-AISpend-Count", "X-AISpend-Cursor", "X-AISpend-As-Of"} < {*content["headers"]}
