"""`GET /spend` in an order that is asked for, and a part at a time."""

import math
from decimal import Decimal

import pytest
from starlette.testclient import TestClient

from aispend_pipeline.service.app import create_app
from aispend_pipeline.service.spend_parameters import SpendParameters
from aispend_pipeline.warehouse import groups
from aispend_pipeline.warehouse.snapshots import pointer

from .contract import hold
from .world import DAYS, NOW, StandingClock, fill, filled

ALL = {"from": str(DAYS.first), "to": str(DAYS.last)}
MONEY = ("cost_usd", "estimated_usd")


def walked(client, **asked) -> list[dict]:
    """Every answer of a walk, from the first to the one that has no cursor."""
    answers = [client.get("/spend", params=asked).raise_for_status().json()]
    while answers[-1]["cursor"]:
        cursor = answers[-1]["cursor"]
        answers.append(client.get("/spend", params={**asked, "cursor": cursor}).raise_for_status().json())
    return answers


def figure(row: dict, name: str) -> float | Decimal:
    """What a row is put in order by; what is not known is smaller than all."""
    value = row[name]
    return Decimal("-Infinity") if value is None else Decimal(value)


@pytest.mark.parametrize(
    ("limit", "group_by", "sort"),
    [
        (1, "account", []),
        (1, "model,account", ["-cost_usd"]),
        (11, "day,account,model", []),
        (11, "day,account,model", ["day", "-output_tokens"]),
        (500, "day,account,model", ["-cost_usd"]),
    ],
)
def test_a_walk_lists_every_group_once_and_in_order_and_the_totals_are_those_of_all(client, limit, group_by, sort):
    asked = {**ALL, "groupBy": group_by, "sort": sort}
    whole = client.get("/spend", params=asked).json()

    answers = walked(client, **asked, limit=limit)

    assert [row for answer in answers for row in answer["rows"]] == whole["rows"]
    assert len(answers) == math.ceil(len(whole["rows"]) / limit)
    for answer in answers:
        hold(answer, group_by)
        for name in ("total_usd", "total_estimated_usd", "unconverted", "tokens_from", "coverage", "as_of"):
            assert answer[name] == whole[name], name


def test_a_walk_through_details_has_the_totals_of_all_too(client):
    asked = {**ALL, "groupBy": "line_item,day", "account": "odd", "model": ["gpt-4o", "gpt-4-turbo", ""]}
    whole = client.get("/spend", params=asked).json()

    answers = walked(client, **asked, limit=2)

    assert [row for answer in answers for row in answer["rows"]] == whole["rows"]
    assert [answer["total_usd"] for answer in answers] == ["12.500003"] * 2


def test_more_groups_than_fit_into_one_answer_are_refused_with_what_to_do(client, monkeypatch):
    asked = {**ALL, "groupBy": "model,account,day"}
    whole = client.get("/spend", params=asked).json()["rows"]
    monkeypatch.setattr(groups, "MOST_GROUPS", len(whole) - 1)
    other = {**asked, "sort": "-requests"}  # which nobody has asked for yet

    refused = client.get("/spend", params=other)
    answers = walked(client, **other, limit=50)

    assert (refused.status_code, refused.json()["type"]) == (422, "urn:aispend:problem:too-many-groups")
    assert refused.json()["detail"].endswith("groups; group by less, or ask for fewer days or a limit at a time")
    assert sum(len(answer["rows"]) for answer in answers) == len(whole)


def test_the_limit_may_change_on_the_way(client):
    asked = {**ALL, "groupBy": "model"}
    whole = client.get("/spend", params=asked).json()["rows"]
    first = client.get("/spend", params={**asked, "limit": 2}).json()

    rest = client.get("/spend", params={**asked, "cursor": first["cursor"]}).json()

    assert first["rows"] + rest["rows"] == whole
    assert (rest["truncated"], rest["cursor"]) == (False, None)


@pytest.mark.parametrize("name", [*MONEY, "input_tokens", "requests"])
@pytest.mark.parametrize("minus", ["", "-"])
def test_groups_come_in_the_order_of_a_figure_and_what_is_not_known_comes_last(client, name, minus):
    rows = client.get("/spend", params={**ALL, "groupBy": "model,day", "sort": f"{minus}{name}"}).json()["rows"]

    known = [row for row in rows if row[name] is not None]
    assert rows[: len(known)] == known
    assert [figure(row, name) for row in known] == sorted((figure(row, name) for row in known), reverse=bool(minus))


def test_where_figures_are_equal_keys_decide(client):
    rows = client.get("/spend", params={**ALL, "groupBy": "model,day", "sort": "estimated_usd"}).json()["rows"]

    unknown = [row for row in rows if row["estimated_usd"] is None]
    assert len(unknown) > 10
    assert unknown == sorted(unknown, key=lambda row: (row["day"], row["model"] is None, row["model"] or ""))


def test_several_names_decide_one_after_the_other(client):
    asked = {**ALL, "groupBy": "account,model,day"}
    rows = client.get("/spend", params={**asked, "sort": "-day,account,-cost_usd"}).json()["rows"]
    repeated = client.get("/spend", params={**asked, "sort": ["-day", "account", "-cost_usd"]}).json()["rows"]

    expected = sorted(rows, key=lambda row: figure(row, "cost_usd"), reverse=True)
    expected = sorted(expected, key=lambda row: row["account"])
    expected = sorted(expected, key=lambda row: row["day"], reverse=True)
    assert [row["cost_usd"] for row in rows] == [row["cost_usd"] for row in expected]
    assert repeated == rows


@pytest.mark.parametrize(
    ("sort", "said"),
    [
        ("cost", "sort: 'cost' is none of "),
        ("", "sort: '' is none of "),
        ("-", "sort: '-' is none of "),
        ("--day", "sort: '--day' is none of "),
        ("usd; DROP TABLE spend", "sort: 'usd; DROP TABLE spend' is none of "),
        ("day,-day", "sort: a name is given twice"),
        ("account", "sort: account is neither grouped by nor a figure of this answer"),
        ("allocated_usd", "sort: allocated_usd is neither grouped by nor a figure of this answer"),
        ("-change_usd", "sort: change_usd is neither grouped by nor a figure of this answer"),
    ],
)
def test_an_order_takes_what_is_in_the_answer_and_nothing_else(get, sort, said):
    assert get("/spend", 422, groupBy="day", sort=sort)["detail"].startswith(said)


@pytest.mark.parametrize(
    "other",
    [
        {"groupBy": "account"},
        {"from": "2026-06-09"},
        {"account": "eu"},
        {"sort": "-cost_usd"},
        {"compare": "previous"},
        {"cursor": "WyJ4IiwyXQ.0123456789abcdef"},
        {"cursor": "x"},
        {"cursor": ""},
        {"cursor": "\0"},
    ],
    ids=str,
)
def test_a_cursor_of_another_question_or_of_nobody_is_refused(client, other):
    asked = {**ALL, "groupBy": "model", "limit": 2}
    cursor = client.get("/spend", params=asked).json()["cursor"]

    refused = client.get("/spend", params={**asked, "cursor": cursor, **other})

    assert (refused.status_code, refused.json()["type"]) == (400, "urn:aispend:problem:bad-cursor")
    assert refused.json()["detail"] == "cursor: not one that this question gave; start again without it"


@pytest.mark.parametrize("skip", [-1, -(2**62), 10**9, 2**63, 2**70, True, 1.5, None, "1", [1]])
def test_a_place_that_somebody_made_up_is_refused(client, settings, skip):
    parameters = SpendParameters(**ALL, groupBy=["model"], limit=2)
    question = parameters.question(NOW.date())
    published = pointer(settings.home)
    assert client.get("/spend", params=asked_at(parameters.cursor_at(question, published, 5))).status_code == 200

    made_up = parameters.cursor_at(question, published, skip)

    refused = client.get("/spend", params=asked_at(made_up))
    assert (refused.status_code, refused.json()["type"]) == (400, "urn:aispend:problem:bad-cursor")


def asked_at(cursor: str) -> dict:
    return {**ALL, "groupBy": "model", "limit": 2, "cursor": cursor}


def test_a_cursor_of_other_figures_is_refused_with_what_to_do(tmp_path):
    clock = StandingClock()
    asked = {**ALL, "groupBy": "model", "limit": 2}
    with filled(tmp_path / "home", clock, ["openai_costs"]) as made:
        client = TestClient(create_app(made, clock))
        cursor = client.get("/spend", params=asked).json()["cursor"]
        good = client.get("/spend", params={**asked, "cursor": cursor})
        fill(made, clock, sources=["openai_costs"])
        refused = client.get("/spend", params={**asked, "cursor": cursor})

    assert good.status_code == 200
    assert (refused.status_code, refused.json()["type"]) == (400, "urn:aispend:problem:bad-cursor")
    assert refused.json()["detail"] == "cursor: the figures have changed since; start again without it"


def test_the_next_part_has_a_tag_of_its_own(client):
    asked = {**ALL, "groupBy": "model", "limit": 2}
    first = client.get("/spend", params=asked)

    second = client.get(
        "/spend", params={**asked, "cursor": first.json()["cursor"]}, headers={"if-none-match": first.headers["etag"]}
    )

    assert (second.status_code, second.json()["rows"][0] in first.json()["rows"]) == (200, False)
