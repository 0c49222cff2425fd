"""Readers see whole snapshots while a writer works."""

from starlette.testclient import TestClient

from aispend_pipeline.model import Window
from aispend_pipeline.service.app import create_app
from aispend_pipeline.simulator.server import served
from aispend_pipeline.warehouse import Warehouse

from .world import DAYS, StandingClock, fill, provider, settings

DAY = Window(DAYS.first, DAYS.first)
ASKED = {"from": str(DAY.first), "to": str(DAY.last), "groupBy": "account,model"}


def test_reading_goes_on_while_a_transaction_is_open_and_sees_nothing_of_it(tmp_path):
    clock = StandingClock()
    with served(provider(clock)) as base:
        made = settings(tmp_path / "home", base)
        fill(made, clock, DAY)
        client = TestClient(create_app(made, clock))
        before = client.get("/spend", params=ASKED).json()
        with Warehouse(made.home, clock).write(publish=True) as transaction:
            transaction.execute("DELETE FROM spend_daily")
            during = [client.get(path).status_code for path in ("/spend", "/status", "/providers/openai/raw")]
            assert client.get("/spend", params=ASKED).json() == before
        after = client.get("/spend", params=ASKED).json()

    assert during == [200, 200, 200]
    assert (len(before["rows"]) > 10, after["rows"]) == (True, [])
