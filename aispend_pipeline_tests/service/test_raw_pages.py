"""`GET /providers/{name}/raw`: the receipts, each once, as they came."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from starlette.testclient import TestClient

from aispend_pipeline.model import Window
from aispend_pipeline.service.app import create_app
from aispend_pipeline.service.cursors import sealed
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator.server import served
from aispend_pipeline.warehouse import Warehouse

from .installation import documented
from .test_refusals import assert_problem
from .world import DAYS, KEYS, StandingClock, fill, filled, provider
from .world import settings as settings_of

RAW = "/providers/openai/raw"
COSTS = ("openai_costs",)


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> Iterator[Settings]:
    """Of a home with pages of one source only, so that they can be counted."""
    with filled(tmp_path_factory.mktemp("raw") / "home", StandingClock(), COSTS) as made:
        yield made


@pytest.fixture(scope="module")
def client(settings) -> TestClient:
    return TestClient(create_app(settings, StandingClock()))


def walk(client, between=lambda: None, **parameters: str) -> list[dict]:
    """Every item, a screenful at a time; `between` happens after each."""
    items: list[dict] = []
    cursor: dict[str, str] = {}
    for _ in range(200):
        answer = client.get(RAW, params={**parameters, **cursor}).json()
        items += answer["items"]
        if answer["cursor"] is None:
            return items
        cursor = {"cursor": answer["cursor"]}
        between()
    raise AssertionError("no end")


def test_an_item_says_where_and_when_its_page_came_from_and_where_to_go_on(client):
    answer = client.get(RAW, params={"limit": "1"})
    item = answer.json()["items"][0]

    documented("/providers/{name}/raw", "get").validate(answer.json())
    assert (item["provider"], item["source"]) == ("openai", "openai_costs")
    assert item["account"] in KEYS
    assert item["fetched_at"] == "2026-06-12T13:20:00Z"
    assert item["window"] == {"from": "2026-06-12", "to": "2026-06-12"}
    assert item["request"]["path"] == "/organization/costs"
    assert ["bucket_width", "1d"] in item["request"]["params"]
    assert item["id"] == f"{item['fetch_id']}-{item['page_no']}"
    assert (item["fetch_state"], item["reading"]) == ("complete", "rows")
    assert item["links"] == {
        "page": f"{RAW}/{item['id']}",
        "body": f"{RAW}/{item['id']}/body",
        "rows": f"/spend/rows?page={item['id']}",
        "estimates": None,
    }
    for link in filter(None, item["links"].values()):
        assert client.get(link).status_code == 200


def test_the_payload_is_what_the_provider_sends(client, settings):
    items = [item for item in walk(client) if item["account"] == "default"]

    for item in items:
        url = settings.openai[0].base_url + item["request"]["path"]
        sent = httpx.get(
            url, params=item["request"]["params"], headers={"authorization": f"Bearer {KEYS['default']}"}, timeout=10
        )
        assert sent.status_code == 200
        as_given = client.get(RAW, params={"limit": "500"}).content
        assert sent.content in as_given
    assert len(items) == 6


@pytest.mark.parametrize("limit", ["1", "3", "500"])
def test_walking_lists_each_page_once_newest_fetch_first(client, limit):
    items = walk(client, limit=limit)

    assert len({item["id"] for item in items}) == len(items) == 15
    assert items == client.get(RAW, params={"limit": "500"}).json()["items"]
    by_fetch = [item["id"].rsplit("-", 1) for item in items]
    assert [int(number) for fetch, number in by_fetch if fetch == by_fetch[-1][0]] in ([1, 2], [1, 2, 3, 4])


def test_identical_bodies_of_two_fetches_are_kept_once_and_listed_twice(tmp_path):
    clock = StandingClock()
    with filled(tmp_path / "home", clock, COSTS) as made:
        fill(made, clock, sources=COSTS)
        items = TestClient(create_app(made, clock)).get(RAW, params={"limit": "500"}).json()["items"]
        with Warehouse(made.home, clock).write() as transaction:
            bodies = transaction.execute("SELECT count(*), count(DISTINCT sha256) FROM body").fetchone()

    distinct = {json.dumps(item["payload"]) for item in items}
    assert len(items) == 2 * 15
    assert bodies == (len(distinct), len(distinct))


@pytest.mark.parametrize(
    ("asked", "windows"),
    [
        ({"from": "2026-06-12"}, {"2026-06-12"}),
        ({"to": "2026-06-11"}, {"2026-06-08"}),
        ({"from": "2026-06-09", "to": "2026-06-09"}, {"2026-06-08"}),
        ({"from": "2026-06-11", "to": "2026-06-12"}, {"2026-06-08", "2026-06-12"}),
        ({"to": "2026-06-07"}, set()),
        ({"from": "2026-06-13"}, set()),
    ],
)
def test_days_select_the_fetches_whose_window_touches_them(client, asked, windows):
    assert {item["window"]["from"] for item in walk(client, **asked)} == windows


@pytest.mark.parametrize(
    ("asked", "accounts"),
    [
        ({"account": "eu"}, {"eu"}),
        ({"account": ["eu", "odd"]}, {"eu", "odd"}),
        ({"account": "nobody"}, set()),
        ({"source": "openai_costs"}, {*KEYS}),
        ({"source": ["openai_costs", "openai_usage"], "account": "odd"}, {"odd"}),
        ({"source": "openai_usage"}, set()),
        ({"source": "vertex_budget"}, set()),
    ],
)
def test_sources_and_accounts_select_theirs_and_no_others(client, asked, accounts):
    everything = client.get(RAW, params={"limit": "500"}).json()["items"]

    assert walk(client, limit="2", **asked) == [item for item in everything if item["account"] in accounts]


@pytest.mark.parametrize("name", ["openai", "OPENAI_COSTS", "", "openai_costs,openai_usage"])
def test_a_source_that_there_is_not_is_refused_with_those_that_there_are(client, name):
    detail = assert_problem(client.get(RAW, params={"source": name}), 422)["detail"]

    assert detail.endswith(
        " is none of openai_costs, openai_usage, anthropic_costs, anthropic_usage, vertex_billing, vertex_budget"
    )


def test_cursors_are_url_safe_and_good_for_the_same_question_only(client):
    cursor = client.get(RAW, params={"limit": "1"}).json()["cursor"]
    of_some_days = client.get(RAW, params={"limit": "1", "from": "2026-06-12"}).json()["cursor"]

    assert quote(cursor, safe="") == cursor
    assert client.get(RAW, params={"cursor": cursor}).status_code == 200
    for path, asked in [
        ("/providers/anthropic/raw", {"cursor": cursor}),
        (RAW, {"cursor": cursor, "from": "2026-06-12"}),
        (RAW, {"cursor": cursor, "account": "eu"}),
        (RAW, {"cursor": cursor, "source": "openai_costs"}),
        (RAW, {"cursor": of_some_days}),
    ]:
        body = assert_problem(client.get(path, params=asked), 400)
        assert body["type"].endswith(":bad-cursor")


def _of_place(*place: object) -> str:
    return urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _spoilt(cursor: str) -> list[str]:
    place, seal = cursor.split(".")
    return [
        "",
        "x",
        ".",
        cursor[:-1],
        cursor + "0",
        cursor + "." + cursor,
        f" {cursor}",
        f"{place}=.{seal}",
        f"{place}.{seal.upper()}",
        f"{_of_place(1, 1)}.{seal}",
        f"{_of_place(-1, -1)}.{seal}",
        f"{_of_place(1, 1, 1)}.{seal}",
        f"{_of_place('1', 1)}.{seal}",
        f"{_of_place(None)}.{seal}",
        place,
        "é.é",
        "9" * 300 + ".1",
        "W10.\0",
        "../../etc/passwd",
        "' OR 1=1 --",
    ]


def test_forged_and_truncated_cursors_are_bad_cursors(client):
    cursors = (client.get(RAW, params={"limit": str(limit)}).json()["cursor"] for limit in range(1, 15))
    cursor = next(one for one in cursors if not one.rsplit(".", 1)[1].isdigit())

    for spoilt in _spoilt(cursor):
        assert assert_problem(client.get(RAW, params={"cursor": spoilt}), 400)["type"].endswith(":bad-cursor"), spoilt


@pytest.mark.parametrize("place", [(-1, 1), (2**63, 1), (1, 10**40), (1, "1"), (1, None), (1,), (1, 1, 1), "x", None])
def test_a_cursor_that_is_sealed_and_leads_nowhere_is_a_bad_cursor(client, place):
    question = ("openai", "None", "None", [], [])
    good, bad = sealed((10**6, 1), question), sealed(place, question)

    assert client.get(RAW, params={"cursor": good}).status_code == 200
    body = assert_problem(client.get(RAW, params={"cursor": bad}), 400)
    assert body["type"].endswith(":bad-cursor")


def test_a_cursor_that_is_far_too_long_is_refused(client):
    assert client.get(RAW, params={"cursor": "1" * 20_000}).status_code in (400, 422)


def test_a_cursor_of_yesterday_still_leads_on(tmp_path):
    clock = StandingClock()
    with served(provider(clock)) as base:
        made = settings_of(tmp_path / "home", base)
        fill(made, clock, Window(DAYS.first, DAYS.first), COSTS)
        client = TestClient(create_app(made, clock))
        first = client.get(RAW, params={"limit": "1"}).json()
        rest = client.get(RAW, params={"limit": "500"}).json()["items"][1:]
        clock.instant = clock.instant.replace(day=13)
        fill(made, clock, Window(DAYS.first, DAYS.first), COSTS)
        going_on = client.get(RAW, params={"cursor": first["cursor"]}).json()

    assert going_on == {"items": rest, "cursor": None}
