"""Readers in processes of their own, while days are read again and published: no error, and no torn answer."""

import json
import subprocess
import sys
from datetime import timedelta

import pytest

from aispend_pipeline.simulator.server import served

from .process import service_process
from .world import DAYS, StandingClock, fill, provider, settings

READERS, COMMITS = 2, 8

# Asks until it is told to end; every answer must be one, and its groups must add up to its total to the last digit.
READER = """
import json, sys, threading
from decimal import Decimal, getcontext
import httpx
getcontext().prec = 60
done = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), done.set()), daemon=True).start()
base, window = sys.argv[1], json.loads(sys.argv[2])
groupings = ["provider", "account,model", "day", "day,provider,account,model", "project", "api_key,model", "line_item"]
read, seen, totals = 0, set(), set()
with httpx.Client(base_url=base, timeout=30) as client:
    while not done.is_set():
        for grouping in groupings:
            answer = client.get("/spend", params={**window, "groupBy": grouping, "model": ["", "gpt-4o"][: read % 3]})
            assert answer.status_code == 200, answer.text
            body = answer.json()
            for of, total in (("cost_usd", "total_usd"), ("estimated_usd", "total_estimated_usd")):
                groups = sum((Decimal(row[of] or 0) for row in body["rows"]), Decimal())
                assert groups == Decimal(body[total]), answer.url
            read += 1
            seen.add(answer.headers["etag"].split("-")[1])
            if not read % 10:
                assert client.get("/status").status_code == 200
                assert client.get("/providers/openai/raw", params={"limit": 5}).status_code == 200
print(json.dumps({"read": read, "snapshots": len(seen)}))
"""


@pytest.mark.long
def test_every_answer_under_load_while_days_are_published_is_whole_and_of_one_snapshot(tmp_path):
    clock = StandingClock()
    with served(provider(clock)) as base:
        made = settings(tmp_path / "home", base)
        fill(made, clock)
        with service_process(made.home) as (service, _):
            window = json.dumps({"from": str(DAYS.first), "to": str(DAYS.last)})
            readers = [
                subprocess.Popen(
                    [sys.executable, "-c", READER, service, window],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
                for _ in range(READERS)
            ]
            try:
                for _ in range(COMMITS):
                    clock.instant += timedelta(hours=1)
                    fill(made, clock)
                said = [reader.communicate(timeout=60) for reader in readers]
            finally:
                for reader in readers:
                    reader.kill()

    for reader, (out, errors) in zip(readers, said, strict=True):
        assert reader.returncode == 0, errors
        told = json.loads(out)
        assert told["read"] > 20
        assert told["snapshots"] > 2
