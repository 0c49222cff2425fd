"""The columns that Dagster's UI shows of each table. A test holds them to the warehouse's own."""

import dagster as dg
import sqlalchemy as sa

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
    "sku_id": ("VARCHAR", "null for OpenAI and Anthropic"),
    "token_type": ("VARCHAR", "input, cached_input, cache_write or output; of what is no token, what it is"),
    "service_tier": ("VARCHAR", "priority, flex, batch, ...; as the bill names it"),
    "location": ("VARCHAR", "where it was computed, if the bill says so"),
    "quantity": ("DECIMAL(38,9)", "consumed, in `unit`"),
    "unit": ("VARCHAR", "tokens, or what the provider counts"),
    "currency": ("VARCHAR", "billing currency, ISO 4217"),
    "amount": ("DECIMAL(38,18)", "in the billing currency, net of credits"),
    "amount_usd": ("DECIMAL(38,18)", "null when no rate is known"),
    "fetch_id": ("VARCHAR", "the fetch it came with"),
    "page_id": ("VARCHAR", "the page that says so"),
    "row_no": ("BIGINT", "its place in the page"),
    "context_window": ("VARCHAR", "length of the context, if the price depends on it"),
    "credit_amount": (
        "DECIMAL(38,18)",
        "credits in the amount, below 0 but for corrections; null where they have lines of their own",
    ),
    "credit_usd": ("DECIMAL(38,18)", "the same in USD; null when no rate is known"),
    "cache_lifetime": ("VARCHAR", "how long a cache write is kept, 5m or 1h, where the bill tells"),
}
USAGE = {
    "source": ("VARCHAR", "the feed it was read from"),
    "account": ("VARCHAR", "the organisation"),
    "provider": ("VARCHAR", "who measured it"),
    "day": ("DATE", "UTC day of the start of the bucket"),
    "bucket_start": ("TIMESTAMP", "start of the provider's bucket, UTC"),
    "bucket_end": ("TIMESTAMP", "its end, excluded"),
    "kind": ("VARCHAR", "what was used: completions, embeddings, messages, ..."),
    "model": ("VARCHAR", "as the usage book names it"),
    "project_id": ("VARCHAR", "project or workspace"),
    "api_key_id": ("VARCHAR", "id of the key, never the key"),
    "service_tier": ("VARCHAR", "standard, batch, priority, ..."),
    "context_window": ("VARCHAR", "length of the context"),
    "priced": ("BOOLEAN", "false where the provider's cost report never lists the tier"),
    "input_tokens": ("DECIMAL(38,0)", "uncached input"),
    "cached_input_tokens": ("DECIMAL(38,0)", "cache reads"),
    "cache_write_tokens": ("DECIMAL(38,0)", "all cache writes"),
    "cache_write_5m_tokens": ("DECIMAL(38,0)", "of these, kept for 5 minutes"),
    "cache_write_1h_tokens": ("DECIMAL(38,0)", "of these, kept for an hour"),
    "output_tokens": ("DECIMAL(38,0)", "output"),
    "requests": ("DECIMAL(38,0)", "requests to a model; null where they are not counted"),
    "quantity": ("DECIMAL(38,0)", "of what is no token, in `unit`"),
    "unit": ("VARCHAR", "images, seconds, calls, ...; bytes are a stock and do not add up over time"),
    "fetch_id": ("VARCHAR", "the fetch it came with"),
    "page_id": ("VARCHAR", "the page that says so"),
    "row_no": ("BIGINT", "its place in the page"),
    "location": ("VARCHAR", "where it was computed, if the usage book says so"),
    "input_audio_tokens": ("DECIMAL(38,0)", "of the input, audio; null where modalities are not told apart"),
    "input_image_tokens": ("DECIMAL(38,0)", "of the input, images"),
    "cached_input_audio_tokens": ("DECIMAL(38,0)", "of the cache reads, audio"),
    "cached_input_image_tokens": ("DECIMAL(38,0)", "of the cache reads, images"),
    "output_audio_tokens": ("DECIMAL(38,0)", "of the output, audio"),
    "output_image_tokens": ("DECIMAL(38,0)", "of the output, images"),
}
ESTIMATE = {
    "source": ("VARCHAR", "the feed whose usage is priced"),
    "account": ("VARCHAR", "the organisation"),
    "provider": ("VARCHAR", "who measured it"),
    "day": ("DATE", "UTC day of the start of the bucket"),
    "bucket_start": ("TIMESTAMP", "start of the provider's bucket, UTC"),
    "kind": ("VARCHAR", "what was used: completions, messages, ..."),
    "model": ("VARCHAR", "as the usage book names it"),
    "shown_as": ("VARCHAR", "as the day's bill names it; searches are billed without a model"),
    "project_id": ("VARCHAR", "project or workspace"),
    "api_key_id": ("VARCHAR", "id of the key, never the key"),
    "service_tier": ("VARCHAR", "standard, batch, priority, ..."),
    "context_window": ("VARCHAR", "length of the context"),
    "location": ("VARCHAR", "where it was computed, if the usage book says so"),
    "split": ("BOOLEAN", "whether audio and images are told apart from text"),
    "meter": ("VARCHAR", "what is counted: input, cache_write_1h, output_audio, ..."),
    "token_type": ("VARCHAR", "what the bill calls it: input, cached_input, cache_write, output"),
    "quantity": ("DECIMAL(38,0)", "tokens, or what else the meter counts"),
    "unit_usd": ("DECIMAL(38,18)", "list price of one unit; null where there is none"),
    "ratio": ("DECIMAL(9,6)", "billed over list price of the model lately, 1 if not known"),
    "list_usd": ("DECIMAL(38,18)", "the quantity at list price"),
    "usd": ("DECIMAL(38,18)", "the estimate: list price of a unit times the ratio, times the quantity"),
    "counted_usd": ("DECIMAL(38,18)", "the part of it that the bill does not have"),
    "why": ("VARCHAR", "why there is no price"),
    "price_list": ("VARCHAR", "the price list and its version"),
    "fetch_id": ("VARCHAR", "the fetch that the usage came with"),
    "page_id": ("VARCHAR", "the page that says so"),
    "row_no": ("BIGINT", "its place in the page"),
}
SPEND_DAILY = {
    "day": ("DATE", "UTC"),
    "account": ("VARCHAR", "the organisation"),
    "provider": ("VARCHAR", "who bills"),
    "model": ("VARCHAR", "null when the provider does not say"),
    "billed_usd": ("DECIMAL(38,18)", "null when nothing is billed, or all of it in other currencies"),
    "estimated_usd": ("DECIMAL(38,18)", "used, and not billed yet; null where the bill has it all"),
    "input_tokens": ("DECIMAL(38,0)", "uncached input"),
    "cached_input_tokens": ("DECIMAL(38,0)", "cache reads"),
    "cache_write_tokens": ("DECIMAL(38,0)", "cache writes"),
    "output_tokens": ("DECIMAL(38,0)", "output"),
    "requests": ("DECIMAL(38,0)", "from usage; null where they are not counted"),
    "rows": ("BIGINT", "rows of spend behind the sums; 0 where it is measured and not billed"),
    "counted_by": ("VARCHAR", "the book that tokens and requests are from: usage, or costs"),
}


def schema(columns: dict[str, tuple[str, str]]) -> dg.TableSchema:
    """As Dagster takes it."""
    return dg.TableSchema(columns=[dg.TableColumn(name, type_, text) for name, (type_, text) in columns.items()])


def of_table(table: sa.Table) -> dg.TableSchema:
    """A table of the state database, as it is declared."""
    return dg.TableSchema(
        columns=[dg.TableColumn(column.name, str(column.type), column.comment) for column in table.columns]
    )
