-- Usage: what providers measure, without money, by hour where they give it.

-- A source without money has no sums to compare.
ALTER TABLE answer ALTER COLUMN rows_usd DROP NOT NULL;
ALTER TABLE answer ALTER COLUMN control_usd DROP NOT NULL;

-- Rows of one description may differ in nothing but this.
ALTER TABLE spend ADD COLUMN context_window VARCHAR;

-- `cache_write_tokens` are all cache writes; the two beside it are their parts by lifetime, where these are told.
-- `quantity` counts what is no token, in `unit`: "bytes" are a stock and do not add up over time. `priced` is
-- false where the provider's cost report never lists the tier.
CREATE TABLE usage (
    source VARCHAR NOT NULL,
    account VARCHAR NOT NULL,
    provider VARCHAR NOT NULL,
    day DATE NOT NULL,
    bucket_start TIMESTAMP NOT NULL,
    bucket_end TIMESTAMP,
    kind VARCHAR NOT NULL,
    model VARCHAR,
    project_id VARCHAR,
    api_key_id VARCHAR,
    service_tier VARCHAR,
    context_window VARCHAR,
    priced BOOLEAN NOT NULL,
    input_tokens DECIMAL(38, 0),
    cached_input_tokens DECIMAL(38, 0),
    cache_write_tokens DECIMAL(38, 0),
    cache_write_5m_tokens DECIMAL(38, 0),
    cache_write_1h_tokens DECIMAL(38, 0),
    output_tokens DECIMAL(38, 0),
    requests DECIMAL(38, 0),
    quantity DECIMAL(38, 0),
    unit VARCHAR,
    fetch_id VARCHAR NOT NULL,
    page_id VARCHAR NOT NULL,
    row_no BIGINT NOT NULL
);

-- Under which model of the day's bill each measured model is shown: the two books name models differently.
CREATE TABLE usage_model (
    account VARCHAR NOT NULL,
    provider VARCHAR NOT NULL,
    day DATE NOT NULL,
    model VARCHAR,
    shown_as VARCHAR
);

-- Sums of `usage` in tiers that no cost report lists: shown beside every figure, since no money comes for them.
CREATE TABLE unpriced_daily (
    day DATE NOT NULL,
    account VARCHAR NOT NULL,
    provider VARCHAR NOT NULL,
    service_tier VARCHAR,
    model VARCHAR,
    input_tokens DECIMAL(38, 0),
    cached_input_tokens DECIMAL(38, 0),
    cache_write_tokens DECIMAL(38, 0),
    output_tokens DECIMAL(38, 0)
);

-- Which book a day's tokens and requests are from, "usage" or "costs"; they are never added to each other.
ALTER TABLE spend_daily ADD COLUMN counted_by VARCHAR;
UPDATE spend_daily SET counted_by = 'costs'
WHERE coalesce(input_tokens, cached_input_tokens, cache_write_tokens, output_tokens) IS NOT NULL;

-- Names of ids, as the providers' lists gave them. A name that was changed stays beside the new one.
CREATE TABLE "name" (
    provider VARCHAR NOT NULL,
    account VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    id VARCHAR NOT NULL,
    "name" VARCHAR NOT NULL,
    first_seen_at TIMESTAMP NOT NULL,
    last_seen_at TIMESTAMP NOT NULL
);

-- When an account's names were last read, and what became of the last attempt.
CREATE TABLE names_read (
    provider VARCHAR NOT NULL,
    account VARCHAR NOT NULL,
    last_read_at TIMESTAMP,
    last_attempt_at TIMESTAMP NOT NULL,
    error VARCHAR
);
