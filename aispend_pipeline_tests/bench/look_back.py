"""A look-back of both providers on a store that holds much, against the same on one that holds little.

Rows are loaded directly, as many of usage as of spend, over the two years before. A run is what the hour does but
for Dagster: ask, store, add up, publish. The providers are a process of their own.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from aispend_pipeline.clock import SystemClock
from aispend_pipeline.ingest import read_source
from aispend_pipeline.model import FetchState, Window
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources import SOURCES
from aispend_pipeline.sources.http import Limits
from aispend_pipeline.tick import due_now
from aispend_pipeline.warehouse import Warehouse
from aispend_pipeline_tests.bench.measure import median, seconds

SIZES = (100_000, 1_000_000, 10_000_000)
ROUNDS = 7
DAYS = 700
LOADED = """
    INSERT INTO spend BY NAME
    SELECT
        'openai_costs' AS source, 'old' AS account, 'openai' AS provider,
        $first::DATE + (n * $days // $rows)::INTEGER AS day, day::TIMESTAMP AS charge_start,
        day::TIMESTAMP + INTERVAL 1 DAY AS charge_end, strftime(day, '%Y-%m') AS invoice_month,
        'Usage' AS charge_category, 'gpt-5.' || n % 40 AS model, 'proj_' || n % 50 AS project_id,
        'key_' || n % 400 AS api_key_id, 'gpt-5.' || n % 40 || ', input' AS line_item, 'input' AS token_type,
        n * 7 AS quantity, 'tokens' AS unit, 'USD' AS currency, n % 997 / 100 AS amount, amount AS amount_usd,
        'fetch-' || n // 10000 AS fetch_id, 'page-' || n // 5000 AS page_id, n % 5000 AS row_no
    FROM range($rows) AS made (n);
    INSERT INTO usage BY NAME
    SELECT
        'openai_usage' AS source, 'old' AS account, 'openai' AS provider,
        $first::DATE + (n * $days // $rows)::INTEGER AS day, day::TIMESTAMP AS bucket_start, 'completions' AS kind,
        'gpt-5.' || n % 40 AS model, 'proj_' || n % 50 AS project_id, 'key_' || n % 400 AS api_key_id, true AS priced,
        n * 7 AS input_tokens, n AS output_tokens, n % 97 AS requests, 'fetch-' || n // 10000 AS fetch_id,
        'page-' || n // 5000 AS page_id, n % 5000 AS row_no
    FROM range($rows) AS made (n);
    INSERT INTO spend_daily BY NAME
    SELECT day, account, provider, model, sum(amount_usd) AS billed_usd, count(*) AS "rows"
    FROM spend GROUP BY ALL ORDER BY day;
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, simulated_providers() as environment:
        runs = {rows: _look_back(Path(folder) / str(rows), rows, environment) for rows in SIZES}
        for run in runs.values():
            run()
        taken = {rows: [] for rows in SIZES}
        for _ in range(ROUNDS):
            for rows, run in runs.items():
                taken[rows].append(seconds(run))
        files = {rows: (Path(folder) / str(rows) / "warehouse.duckdb").stat().st_size for rows in SIZES}
    least = taken[SIZES[0]]
    for rows in SIZES[1:]:
        ratio = median([much / little for much, little in zip(taken[rows], least, strict=True)])
        name = f"look-back at {rows // 1_000_000} M rows : at 0.1 M"
        note = f"  {files[rows] / 2**20:.0f} MB"
        print(f"{name:<42} {median(taken[rows]):>9.3f} s {median(least):>9.3f} s {ratio:>8.2f}   at most 1.30{note}")


@contextmanager
def simulated_providers() -> Iterator[dict[str, str]]:
    """The settings of two accounts at each of two simulated providers, in a process of their own."""
    code = (
        "import sys\n"
        "from aispend_pipeline.clock import SystemClock\n"
        "from aispend_pipeline.simulator.anthropic import anthropic\n"
        "from aispend_pipeline.simulator.openai import openai\n"
        "from aispend_pipeline.simulator.server import served\n"
        "keys = {'k-default': 'default', 'k-eu': 'eu'}\n"
        "with served(openai(keys, SystemClock())) as one, served(anthropic(keys, SystemClock())) as other:\n"
        "    print(one, other, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as it:
        try:
            one, other = it.stdout.readline().split()
            yield {
                "OPENAI_API_KEY": "k-default",
                "OPENAI_API_KEY__EU": "k-eu",
                "OPENAI_BASE_URL": f"{one}/v1",
                "ANTHROPIC_API_KEY": "k-default",
                "ANTHROPIC_API_KEY__EU": "k-eu",
                "ANTHROPIC_BASE_URL": other,
                "AISPEND_ANTHROPIC_CALLS_PER_HOUR": "100000",
            }
        finally:
            it.stdin.close()
            it.wait(10)


def _look_back(home: Path, rows: int, environment: dict[str, str]) -> Callable[[], None]:
    settings = Settings.load({**environment, "AISPEND_HOME": str(home)}, None)
    warehouse = Warehouse(home, SystemClock())
    first = date.today() - timedelta(days=DAYS + 10)  # noqa: DTZ011 - which day it is does not matter
    with warehouse.write(publish=True) as transaction:
        for sql in LOADED.split(";\n")[:-1]:
            named = {"first": first, "days": DAYS, "rows": rows}
            transaction.execute(sql, {name: value for name, value in named.items() if f"${name}" in sql})

    def run() -> None:
        window: Window = due_now(settings, SystemClock().now())[0].window
        for source in SOURCES.values():
            read = read_source(source, settings, warehouse, window, clock=SystemClock(), limits=Limits())
            assert all(fetch.state is FetchState.COMPLETE for fetch in read), read
        add_up(warehouse, window, SystemClock())

    return run
