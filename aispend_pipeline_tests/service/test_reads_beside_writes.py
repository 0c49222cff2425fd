"""Readers see whole snapshots while a writer works."""

import threading
from decimal import Decimal

import pytest
from starlette.testclient import TestClient

from aispend_pipeline import money
from aispend_pipeline.model import Window
from aispend_pipeline.service.app import create_app
from aispend_pipeline.simulator.server import served
from aispend_pipeline.warehouse import Warehouse

from .world import DAYS, StandingClock, fill, provider, read, settings

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


@pytest.mark.long
def test_every_answer_during_ingests_is_of_one_snapshot(tmp_path):
    clock = StandingClock()
    with served(provider(clock)) as base:
        made = settings(tmp_path / "home", base)
        fill(made, clock, DAY)
        client = TestClient(create_app(made, clock))
        done = threading.Event()

        def ingest() -> None:
            try:
                for _ in range(3):
                    fill(made, clock, DAY)
                read(made, clock, DAY)
            finally:
                done.set()

        writer = threading.Thread(target=ingest)
        writer.start()
        answers = []
        while not done.is_set():
            answers.append(client.get("/spend", params=ASKED))
        writer.join(30)

    assert len(answers) > 3
    totals = set()
    for answer in answers:
        assert answer.status_code == 200
        body = answer.json()
        totals.add(body["total_usd"])
        assert money.add(Decimal(row["cost_usd"] or 0) for row in body["rows"]) == Decimal(body["total_usd"])
    assert len(totals) == 1
    assert len({answer.headers["etag"] for answer in answers}) > 1
