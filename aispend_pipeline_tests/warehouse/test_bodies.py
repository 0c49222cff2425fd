"""Pages are kept as received, byte for byte, once each, and small."""

import json
import random

import pytest

from aispend_pipeline.model import FetchState, Window, unpacked
from aispend_pipeline.warehouse import Warehouse

from .building import DAY, complete, failed, line, look, page, store

ODD = {
    "a byte-order mark": b'\xef\xbb\xbf{"data": []}',
    "astral characters": '{"data": [], "note": "\U0001f4b8 \U0010ffff \u00e9 e\u0301"}'.encode(),
    "escapes": b'{"data": [], "note": "\\u0000 \\ud83d\\ude00 \\/ \\t"}',
    "white space and line ends of all kinds": b'  {\r\n\t"data" :\n\n [ ]\r }  \n',
    "line and paragraph separators": '{"data": [], "note": "\u2028\u2029\u0085\u200b"}'.encode(),
    "numbers as the provider wrote them": b'{"data": [], "n": [1.10, 1e-9, -0.0, 12345678901234567890.123456789]}',
    "quotes and semicolons": b'{"data": [], "note": "it\'s; DROP TABLE body; --"}',
    "a long line": b'{"data": [], "note": "' + b"x" * 1_000_000 + b'"}',
}


@pytest.mark.parametrize("name", ODD)
def test_a_body_comes_back_byte_for_byte(warehouse, name):
    store(warehouse, failed(Window(DAY, DAY), pages=[page(ODD[name])]))
    warehouse.publish()

    [(body, size)] = look(warehouse, "SELECT body, bytes FROM body")

    assert unpacked(body) == ODD[name]
    assert size == len(ODD[name])


def test_everything_about_a_fetch_is_stored(warehouse, clock):
    days = {DAY: [line("1.5"), line("2.5", "o3")]}
    fetch = complete(days, detail={"repeated_lines": 2}, account="eu")

    store(warehouse, fetch)
    warehouse.publish()

    assert look(warehouse, 'SELECT source, account, provider, window_start, window_end FROM "fetch"') == [
        ("openai_costs", "eu", "openai", DAY, DAY)
    ]
    assert look(warehouse, 'SELECT fetch_id, seq, state, pages, error_class, error, detail FROM "fetch"') == [
        (fetch.fetch_id, 1, "complete", 3, None, None, '{"repeated_lines": 2}')
    ]
    assert look(warehouse, 'SELECT started_at FROM "fetch"') == [(fetch.started_at.replace(tzinfo=None),)]
    assert look(warehouse, "SELECT page_id, page_no, reading FROM page ORDER BY page_no") == [
        (f"{fetch.fetch_id}-1", 1, "rows"),
        (f"{fetch.fetch_id}-2", 2, "rows"),
        (f"{fetch.fetch_id}-3", 3, "control"),
    ]
    [(request,)] = look(warehouse, "SELECT DISTINCT request FROM page")
    assert json.loads(request) == {"method": "GET", "path": "/organization/costs", "params": [["limit", "180"]]}


def test_pages_of_a_failed_fetch_are_kept_as_evidence(warehouse):
    fetch = failed(Window(DAY, DAY), pages=[page(b'{"data": []}')])
    assert fetch.state is FetchState.FAILED

    store(warehouse, fetch)
    warehouse.publish()

    assert look(warehouse, 'SELECT state, pages, error_class, error FROM "fetch"') == [
        ("failed", 1, "server_error", "answered 500")
    ]
    assert look(warehouse, "SELECT count(*) FROM body") == [(1,)]
    assert look(warehouse, "SELECT count(*) FROM answer") == [(0,)]


def test_pages_are_stored_compressed(warehouse: Warehouse):
    """An hour's page differs from the last in its amounts; without compression the store needs five times as much."""
    before = warehouse.file.stat().st_size
    amounts = random.Random(7)
    received = 0
    for _ in range(5):
        pages = [page(_typical(amounts)) for _ in range(40)]
        received += sum(len(one.body) for one in pages)
        store(warehouse, failed(Window(DAY, DAY), pages=pages))

    grown = warehouse.file.stat().st_size - before

    assert grown < received


def _typical(amounts: random.Random) -> bytes:
    lines = [
        line(
            f"{amounts.random():.12f}",
            f"gpt-{n % 9}",
            api_key_id=f"key_{n % 13:024d}",
            organization_id="org-" + "a" * 24,
        )
        for n in range(150)
    ]
    return json.dumps({"object": "page", "data": [{"object": "bucket", "start_time": 1, "results": lines}]}).encode()
