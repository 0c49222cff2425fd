"""The columns that Dagster's UI shows of each table. A test holds them to the warehouse's own."""

import dagster as dg

PAGE = {
    "page_id": ("VARCHAR", "own id of the page"),
    "fetch_id": ("VARCHAR", "the fetch it belongs to"),
    "page_no": ("INTEGER", "its place in the fetch"),
    "reading": ("VARCHAR", "rows, or the control that checks them"),
    "request": ("VARCHAR", "the question, without credentials"),
    "body_sha256": ("VARCHAR", "the body, stored once however often it came"),
    "fetched_at": ("TIMESTAMP", "UTC"),
}
SPEND = {
    "source": ("VARCHAR", "the feed it was read from"),
    "account": ("VARCHAR", "the organisation"),
    "provider": ("VARCHAR", "who bills"),
    "day": ("DATE", "UTC day of the start of the charge"),
    "charge_start": ("TIMESTAMP", "start of the provider's bucket, UTC"),
    "charge_end": ("TIMESTAMP", "its end, excluded"),
    "invoice_month": ("VARCHAR", "YYYY-MM"),
    "charge_category": ("VARCHAR", "Usage, Credit, Tax, Adjustment or Purchase"),
    "model": ("VARCHAR", "null when the provider does not say"),
    "project_id": ("VARCHAR", "project or workspace"),
    "api_key_id": ("VARCHAR", "id of the key, never the key"),
    "line_item": ("VARCHAR", "as the provider wrote it"),
    "sku_id": ("VARCHAR", "null for OpenAI"),
    "token_type": ("VARCHAR", "input, cached_input, cache_write or output"),
    "service_tier": ("VARCHAR", "priority, flex, batch or scale"),
    "location": ("VARCHAR", "null for OpenAI"),
    "quantity": ("DECIMAL(38,9)", "consumed, in `unit`"),
    "unit": ("VARCHAR", "tokens, or what the provider counts"),
    "currency": ("VARCHAR", "billing currency, ISO 4217"),
    "amount": ("DECIMAL(38,18)", "in the billing currency"),
    "amount_usd": ("DECIMAL(38,18)", "null when no rate is known"),
    "fetch_id": ("VARCHAR", "the fetch it came with"),
    "page_id": ("VARCHAR", "the page that says so"),
    "row_no": ("BIGINT", "its place in the page"),
}
SPEND_DAILY = {
    "day": ("DATE", "UTC"),
    "account": ("VARCHAR", "the organisation"),
    "provider": ("VARCHAR", "who bills"),
    "model": ("VARCHAR", "null when the provider does not say"),
    "billed_usd": ("DECIMAL(38,18)", "null when all of it is in other currencies"),
    "estimated_usd": ("DECIMAL(38,18)", "null: nothing is estimated yet"),
    "input_tokens": ("DECIMAL(38,0)", "uncached input, from billed quantities"),
    "cached_input_tokens": ("DECIMAL(38,0)", "cache reads, from billed quantities"),
    "cache_write_tokens": ("DECIMAL(38,0)", "cache writes, from billed quantities"),
    "output_tokens": ("DECIMAL(38,0)", "from billed quantities"),
    "requests": ("DECIMAL(38,0)", "null: the bill does not count them"),
    "rows": ("BIGINT", "rows of spend behind the sums"),
}


def schema(columns: dict[str, tuple[str, str]]) -> dg.TableSchema:
    """As Dagster takes it."""
    return dg.TableSchema(columns=[dg.TableColumn(name, type_, text) for name, (type_, text) in columns.items()])
