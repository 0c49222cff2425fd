"""`GET /providers/{name}/raw` while fetches are stored, those that failed among them."""

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as some
from starlette.testclient import TestClient

from aispend_pipeline.model import Window
from aispend_pipeline.service.app import create_app
from aispend_pipeline.settings import Settings
from aispend_pipeline.warehouse import Warehouse, fetches
from aispend_pipeline_tests.warehouse.building import failed
from aispend_pipeline_tests.warehouse.building import page as raw_page

from .test_raw_pages import RAW, walk
from .world import DAYS, StandingClock

FEW = examples(max_examples=4, deadline=None, database=None, derandomize=True)


@pytest.fixture(scope="module")
def growing(tmp_path_factory) -> Warehouse:
    """A store that every example adds to."""
    return Warehouse(tmp_path_factory.mktemp("growing") / "home", StandingClock())


@pytest.fixture(scope="module")
def client_of_growing(growing) -> TestClient:
    return TestClient(create_app(Settings.load({"AISPEND_HOME": str(growing.home)}, None), StandingClock()))


def publish_fetches(warehouse: Warehouse, numbers_of_pages: list[int]) -> None:
    """Store failed fetches of so many pages each, and show them to readers."""
    days = Window(DAYS.first, DAYS.first)
    with warehouse.write(publish=True) as transaction:
        for number in numbers_of_pages:
            fetches.store(transaction, failed(days, pages=[raw_page(b"{}")] * number))


@pytest.mark.long
@given(
    before=some.lists(some.integers(1, 4), min_size=1, max_size=4),
    between=some.lists(some.lists(some.integers(0, 3), max_size=2), min_size=1, max_size=2),
    steps=some.integers(2, 4),
)
@FEW
def test_whatever_is_published_between_two_steps_each_page_is_listed_once(
    growing, client_of_growing, before, between, steps
):
    publish_fetches(growing, before)
    listed = [item["id"] for item in walk(client_of_growing, limit="500")]
    to_come = iter(between)

    def something_comes() -> None:
        if (come := next(to_come, None)) is not None:
            publish_fetches(growing, come)

    walked = walk(client_of_growing, something_comes, limit=str(len(listed) // steps + 1))

    assert [item["id"] for item in walked] == listed


def test_absent_the_limit_is_50(growing, client_of_growing):
    publish_fetches(growing, [51])

    answer = client_of_growing.get(RAW).json()

    assert [item["page_no"] for item in answer["items"]] == list(range(1, 51))
    assert answer["cursor"] is not None


def test_pages_of_a_failed_fetch_are_listed_as_such_and_no_figure_rests_on_them(growing, client_of_growing):
    publish_fetches(growing, [2])
    client = client_of_growing
    item = client.get(RAW, params={"limit": "1"}).json()["items"][0]
    page = client.get(item["links"]["page"]).json()

    assert item["fetch_state"] == "failed"
    assert page["fetch"] | {"id": "", "started_at": "", "finished_at": ""} == {
        "id": "",
        "state": "failed",
        "started_at": "",
        "finished_at": "",
        "window": {"from": "2026-06-08", "to": "2026-06-08"},
        "pages": 2,
        "days_in_use": [],
        "error_class": "server_error",
        "error": "answered 500",
        "run_id": None,
    }
    assert (item["links"]["rows"], item["links"]["estimates"]) == (None, None)
    assert client.get("/spend/rows", params={"page": item["id"]}).json()["rows"] == []
