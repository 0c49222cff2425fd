"""A store of any number of billed lines, made by one statement: ninety days, five accounts, and sums that agree."""

from datetime import UTC, date, datetime
from pathlib import Path

from aispend_pipeline.clock import SystemClock
from aispend_pipeline.model import Window
from aispend_pipeline.sql import statement
from aispend_pipeline.warehouse import Transaction, Warehouse

DAYS = Window(date(2026, 3, 1), date(2026, 5, 29))
# Each account has the same twelve models, forty projects and two hundred keys; one line in a thousand is in euros.
_LINES = """
INSERT INTO spend BY NAME
SELECT
    ['openai', 'openai', 'anthropic', 'anthropic', 'vertex'][1 + n % 5] AS provider,
    ['default', 'eu', 'default', 'eu', 'default'][1 + n % 5] AS account,
    provider || CASE WHEN provider = 'vertex' THEN '_billing' ELSE '_costs' END AS source,
    $first::DATE + (n * $days // $lines)::INTEGER AS day,
    day::TIMESTAMP AS charge_start,
    strftime(day, '%Y-%m') AS invoice_month,
    'usage' AS charge_category,
    'model-' || (hash(n, 1) % 12) AS model,
    'proj_' || (hash(n, 2) % 40) AS project_id,
    'key_' || (hash(n, 3) % 200) AS api_key_id,
    ['input', 'cached_input', 'cache_write', 'output'][1 + (hash(n, 4) % 4)::BIGINT] AS token_type,
    model || ', ' || token_type AS line_item,
    hash(n, 5) % 100000 AS quantity,
    'tokens' AS unit,
    CASE WHEN n % 1000 = 7 THEN 'EUR' ELSE 'USD' END AS currency,
    ((hash(n, 6) % 1000000)::DECIMAL(38, 18) / 1000000)::DECIMAL(38, 18) AS amount,
    CASE WHEN currency = 'USD' THEN amount END AS amount_usd,
    'fetch-' || (n * $days // $lines) AS fetch_id,
    'page-' || (n // 1000) AS page_id,
    n % 1000 AS row_no
FROM range($lines) AS made(n)
"""
_COVERAGE = """
INSERT INTO coverage BY NAME
SELECT DISTINCT
    source,
    account,
    provider,
    day,
    'complete' AS state,
    'settled' AS finality,
    $now::TIMESTAMP AS last_read_at,
    fetch_id,
    '{}' AS detail
FROM spend
"""
# What a run changes in the sums of a day.
_CHANGED = "UPDATE spend_daily SET billed_usd = billed_usd + 0.01 WHERE day = ?"


def fill(home: Path, lines: int) -> None:
    """A warehouse in `home` with so many lines and everything that answers rest on, published."""
    window = {"first": DAYS.first, "last": DAYS.last}
    with Warehouse(home, SystemClock()).write(publish=True) as transaction:
        transaction.execute(_LINES, {"first": DAYS.first, "days": len([*DAYS.days()]), "lines": lines})
        transaction.execute(_COVERAGE, {"now": datetime.now(UTC).replace(tzinfo=None)})
        transaction.execute(statement("rollup", "measured_by_hour"), window)
        for name in ("spend_daily", "unconverted_daily", "without_hours"):
            transaction.execute(statement("rollup", name), window)


def change(transaction: Transaction) -> None:
    """Let the last day's sums be others."""
    transaction.execute(_CHANGED, [DAYS.last])
