"""Pages to rows: ours, from stored text to booked rows, against DuckDB's own JSON reading of the same text.

Three rows of usage for each of spend. The limit reads the shapes with `from_json` and unnests them into the same
tables of a new file: it goes through binary floats, parses no line item and checks nothing; ours also replaces
what was there, adds it up and asserts. Peak memory is that of a process of its own.
"""

import re
import subprocess
import sys
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from aispend_pipeline.clock import SystemClock
from aispend_pipeline.model import DayAnswer, Fetch, FetchState, Page, Reading, Request, Window, midnight, unpacked
from aispend_pipeline.rollup.add_up import add_up
from aispend_pipeline.sql import packaged
from aispend_pipeline.warehouse import Warehouse, fetches
from aispend_pipeline_tests.bench.measure import in_turn, median, report

USAGE_A_ROW = 3
ROWS, PAGES = 120_000, 12
MEMORY_ROWS, MEMORY_PAGES = 1_000_000, 60
DAY = date(2026, 11, 1)
SHAPE = (
    '{"data": [{"start_time": "BIGINT", "end_time": "BIGINT", "results": [{"amount": {"value": "DECIMAL(38,18)",'
    ' "currency": "VARCHAR"}, "line_item": "VARCHAR", "project_id": "VARCHAR", "api_key_id": "VARCHAR",'
    ' "quantity": "DECIMAL(38,9)", "quantity_unit": "VARCHAR"}]}]}'
)
USAGE_SHAPE = (
    '{"data": [{"start_time": "BIGINT", "end_time": "BIGINT", "results": [{"input_tokens": "BIGINT",'
    ' "input_cached_tokens": "BIGINT", "input_cache_write_tokens": "BIGINT", "input_uncached_tokens": "BIGINT",'
    ' "output_tokens": "BIGINT", "num_model_requests": "BIGINT", "project_id": "VARCHAR", "api_key_id": "VARCHAR",'
    ' "model": "VARCHAR", "batch": "BOOLEAN", "service_tier": "VARCHAR"}]}]}'
)
# The same rows as far as DuckDB's reading goes: into the same tables, with the same constants.
LIMIT = f"""
    INSERT INTO spend
    SELECT
        'openai_costs', 'default', 'openai', to_timestamp(start_time)::TIMESTAMP::DATE,
        to_timestamp(start_time)::TIMESTAMP, to_timestamp(end_time)::TIMESTAMP, '2026-11', 'Usage',
        NULL, project_id, api_key_id, line_item, NULL, NULL, NULL, NULL, quantity, quantity_unit,
        upper(amount.currency), amount.value, amount.value, 'fetch', 'page', row_number() OVER (), NULL
    FROM (
        SELECT bucket.start_time, bucket.end_time, unnest(bucket.results, max_depth := 2)
        FROM (SELECT unnest(from_json(body, '{SHAPE}').data) AS bucket FROM bodies WHERE body LIKE '%costs.result%')
    );
    INSERT INTO usage
    SELECT
        'openai_usage', 'default', 'openai', to_timestamp(start_time)::TIMESTAMP::DATE,
        to_timestamp(start_time)::TIMESTAMP, to_timestamp(end_time)::TIMESTAMP, 'completions', model, project_id,
        api_key_id, CASE WHEN batch THEN 'batch' ELSE service_tier END, NULL, true, input_uncached_tokens,
        input_cached_tokens, input_cache_write_tokens, NULL, NULL, output_tokens, num_model_requests, NULL, NULL,
        'fetch', 'page', row_number() OVER ()
    FROM (
        SELECT bucket.start_time, bucket.end_time, unnest(bucket.results, max_depth := 2)
        FROM (SELECT unnest(from_json(body, '{USAGE_SHAPE}').data) AS bucket FROM bodies WHERE body LIKE '%usage%')
    )
"""


def page(number: int, rows: int) -> bytes:
    """A page of one bucket with `rows` lines, no two amounts alike."""
    start = int(midnight(DAY + timedelta(days=number)).timestamp())
    results = ",".join(
        '{"object":"organization.costs.result",'
        f'"amount":{{"value":{n % 997}.{number:02}{n:07}{n % 89:02},"currency":"usd"}},'
        f'"line_item":"gpt-5.{n % 40}-2026-03-05, {("input", "cached input", "output")[n % 3]}",'
        f'"project_id":"proj_{n % 50}","api_key_id":"key_{n % 400}","quantity":{n * 7}.0,"quantity_unit":"tokens"}}'
        for n in range(rows)
    )
    return (
        f'{{"object":"page","data":[{{"object":"bucket","start_time":{start},"end_time":{start + 86400},'
        f'"results":[{results}]}}],"has_more":false,"next_page":null}}'
    ).encode()


def usage_page(number: int, rows: int) -> bytes:
    """A page of a day's 24 buckets with `rows` results in all."""
    start = int(midnight(DAY + timedelta(days=number)).timestamp())
    hours = []
    for hour in range(24):
        at = start + 3600 * hour
        results = ",".join(
            '{"object":"organization.usage.completions.result",'
            f'"input_tokens":{n * 11 + number},"input_cached_tokens":{n * 3},"input_cache_write_tokens":{n},'
            f'"input_uncached_tokens":{n * 7 + number},"output_tokens":{n * 5},"num_model_requests":{n % 97},'
            f'"project_id":"proj_{n % 50}","user_id":null,"api_key_id":"key_{n % 400}",'
            f'"model":"gpt-5.{n % 40}-2026-03-05","batch":{"true" if n % 5 == 0 else "false"},'
            '"service_tier":"default"}'
            for n in range(hour * rows // 24, (hour + 1) * rows // 24)
        )
        hours.append(f'{{"object":"bucket","start_time":{at},"end_time":{at + 3600},"results":[{results}]}}')
    return f'{{"object":"page","data":[{",".join(hours)}],"has_more":false,"next_page":null}}'.encode()


def filled(home: Path, rows: int, pages: int) -> tuple[Warehouse, Window]:
    """A warehouse with complete fetches of `rows` lines, and of usage, on `pages` pages each, not yet added up."""
    warehouse = Warehouse(home, SystemClock())
    now = datetime(2027, 3, 1, tzinfo=UTC)
    window = Window(DAY, DAY + timedelta(days=pages - 1))
    answers = [DayAnswer(day, rows // pages, 1) for day in window.days()]
    made = {"openai_costs": (page, rows // pages), "openai_usage": (usage_page, USAGE_A_ROW * rows // pages)}
    for source, (make, of_page) in made.items():
        received = [Page.received(Reading.ROWS, Request("/"), now, make(n, of_page)) for n in range(pages)]
        fetch = Fetch(source, source, "openai", "default", window, FetchState.COMPLETE, now, now, received, answers)
        with warehouse.write() as transaction:
            fetches.store(transaction, fetch)
    return warehouse, window


class FixedClock(SystemClock):
    """March 2027, so that every day of the pages is over."""

    def now(self) -> datetime:
        return datetime(2027, 3, 1, tzinfo=UTC)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        warehouse, window = filled(home / "ours", ROWS, PAGES)
        with duckdb.connect(str(home / "ours" / "warehouse.duckdb"), read_only=True) as connection:
            packed = connection.execute("SELECT body FROM body").fetchall()
        bodies = pa.table({"body": [unpacked(body).decode() for (body,) in packed]})

        def limit() -> None:
            (home / "limit.duckdb").unlink(missing_ok=True)
            with duckdb.connect(str(home / "limit.duckdb"), config={"threads": 2}) as connection:
                connection.register("bodies", bodies)
                for schema in ("0001_first.sql", "0002_usage.sql"):
                    connection.execute(packaged("warehouse/migrations", schema))
                connection.execute(LIMIT)
                counted = connection.execute("SELECT (SELECT count(*) FROM spend), (SELECT count(*) FROM usage)")
                assert counted.fetchone() == (ROWS, USAGE_A_ROW * ROWS)

        def ours() -> None:
            outcome = add_up(warehouse, window, FixedClock())
            assert sum(day.rows for day in outcome.days.values()) == ROWS
            assert sum(outcome.usage_rows.values()) == USAGE_A_ROW * ROWS

        taken, least = in_turn(ours, limit, 7)
    ratio = median([b / a for a, b in zip(taken, least, strict=True)])
    rate = f"{(1 + USAGE_A_ROW) * ROWS / median(taken) / 1000:.0f}k rows/s"
    report("pages to rows : DuckDB's JSON reading", median(taken), median(least), ratio, "at least 0.40", rate)
    peak = _peak_of_a_million()
    print(f"{'peak memory, 1 M rows and 3 M of usage':<42} {peak:>8.0f} MB {'':>22}   under 1000 MB")


def _peak_of_a_million() -> float:
    done = subprocess.run(
        [sys.executable, "-c", "from aispend_pipeline_tests.bench import page_reading as p; p.add_up_a_million()"],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout.split()[-1])


def add_up_a_million() -> None:
    """In a process of its own: make the pages in another, add them up here, print the peak in MB."""
    with tempfile.TemporaryDirectory() as folder:
        make = (
            "from pathlib import Path; from aispend_pipeline_tests.bench import page_reading as p;"
            f"p.filled(Path({folder!r}), p.MEMORY_ROWS, p.MEMORY_PAGES)"
        )
        subprocess.run([sys.executable, "-c", make], check=True)
        window = Window(DAY, DAY + timedelta(days=MEMORY_PAGES - 1))
        outcome = add_up(Warehouse(Path(folder), SystemClock()), window, FixedClock())
        assert sum(day.rows for day in outcome.days.values()) == MEMORY_ROWS // MEMORY_PAGES * MEMORY_PAGES
        # Not getrusage: what that calls the peak is the parent's where that was larger before it made this one.
        (peak,) = re.findall(r"VmHWM:\s+([0-9]+) kB", Path("/proc/self/status").read_text())
        print(int(peak) / 1024)
