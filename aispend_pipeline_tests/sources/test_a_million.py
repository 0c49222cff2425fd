"""D17: a million lines in one window are read, checked, stored and added up within a bounded memory."""

import subprocess
import sys
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aispend_pipeline_tests.bench.page_reading import page

ROWS_A_PAGE, PAGES = 16_667, 60
READER = """
import re, sys
from datetime import timedelta
from pathlib import Path
from aispend_pipeline.ingest import read_source
from aispend_pipeline.model import Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources import SOURCES
from aispend_pipeline.sources.http import Limits
from aispend_pipeline.warehouse import Warehouse
from aispend_pipeline_tests.bench.page_reading import DAY, FixedClock

def memory(name):
    return int(re.search(name + r":\\s+([0-9]+) kB", Path("/proc/self/status").read_text())[1]) // 1024

settings = Settings.load({"AISPEND_HOME": sys.argv[1], "OPENAI_API_KEY": "k-1", "OPENAI_BASE_URL": sys.argv[2]}, None)
warehouse, clock, window = Warehouse(settings.home, FixedClock()), FixedClock(), Window(DAY, DAY + timedelta(days=59))
before = memory("VmRSS")
read_source(SOURCES["openai_costs"], settings, warehouse, window, clock=clock, limits=Limits())
outcome = add_up(warehouse, window, clock)
rows = sum(day.rows for day in outcome.days.values())
print(rows, memory("VmHWM") - before)
"""


def provider() -> Starlette:
    """Sixty pages of one day each, whatever the question; the cursor is the page's number."""

    async def costs(request: Request) -> Response:
        number = int(request.query_params.get("page", "0"))
        body = page(number, ROWS_A_PAGE)
        if number < PAGES - 1:
            body = body.replace(
                b'"has_more":false,"next_page":null', b'"has_more":true,"next_page":"%d"' % (number + 1)
            )
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route("/v1/organization/costs", costs)])


@pytest.mark.long
def test_a_million_lines_need_no_more_memory_than_a_few_pages(home, serve_app):
    base = serve_app(provider())

    done = subprocess.run(
        [sys.executable, "-c", READER, str(home), f"{base}/v1"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=600,
    )

    assert done.returncode == 0, done.stderr[-2000:]
    rows, grown = done.stdout.split()[-2:]
    assert int(rows) == ROWS_A_PAGE * PAGES
    assert int(grown) < 400, f"{grown} MB more than at the start"
