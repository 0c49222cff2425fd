-- The first schema. There are no constraints to lean on: a day is replaced by its key in one
-- transaction, and what must hold is asserted before COMMIT.

-- The warehouse's own random name: another one means another (restored, or new) store.
CREATE TABLE store AS SELECT replace(uuid()::VARCHAR, '-', '') AS store_id;

-- A row for every commit, written inside it. Commits are serialised, so max(seq) + 1 is safe.
CREATE TABLE store_meta (
    seq BIGINT NOT NULL,
    committed_at TIMESTAMP NOT NULL,
    schema_version INTEGER NOT NULL
);

-- One attempt to read one window. `seq` is its place in the order of storing: a later one is newer,
-- whatever the clock said. `run_id` is Dagster's.
CREATE TABLE "fetch" (
    fetch_id VARCHAR NOT NULL,
    seq BIGINT NOT NULL,
    source VARCHAR NOT NULL,
    account VARCHAR NOT NULL,
    provider VARCHAR NOT NULL,
    window_start DATE NOT NULL,
    window_end DATE NOT NULL,
    state VARCHAR NOT NULL,
    started_at TIMESTAMP NOT NULL,
    finished_at TIMESTAMP NOT NULL,
    pages INTEGER NOT NULL,
    error_class VARCHAR,
    error VARCHAR,
    detail VARCHAR NOT NULL,
    run_id VARCHAR
);

-- What a complete fetch said of each day: its rows' sum and the control's, in USD.
-- `agrees` is null when an amount of the day is quarantined, so that the two cannot be compared.
CREATE TABLE answer (
    fetch_id VARCHAR NOT NULL,
    day DATE NOT NULL,
    rows_usd DECIMAL(38, 18) NOT NULL,
    control_usd DECIMAL(38, 18) NOT NULL,
    agrees BOOLEAN
);

-- Provider answers in the order they came; `reading` is rows or control. No secrets in `request`.
CREATE TABLE page (
    page_id VARCHAR NOT NULL,
    fetch_id VARCHAR NOT NULL,
    page_no INTEGER NOT NULL,
    reading VARCHAR NOT NULL,
    request VARCHAR NOT NULL,
    body_sha256 VARCHAR NOT NULL,
    fetched_at TIMESTAMP NOT NULL
);

-- The bytes exactly as received, packed with zlib; an identical body is stored once. They are not text that
-- DuckDB packs: reading one such text unpacks the up to 2,047 beside it, at gigabytes a look-up.
CREATE TABLE body (
    sha256 VARCHAR NOT NULL,
    bytes BIGINT NOT NULL,
    body BLOB NOT NULL
);

-- Billed lines, for good. `amount_usd` is null when the currency is another and no rate is known.
CREATE TABLE spend (
    source VARCHAR NOT NULL,
    account VARCHAR NOT NULL,
    provider VARCHAR NOT NULL,
    day DATE NOT NULL,
    charge_start TIMESTAMP NOT NULL,
    charge_end TIMESTAMP,
    invoice_month VARCHAR NOT NULL,
    charge_category VARCHAR NOT NULL,
    model VARCHAR,
    project_id VARCHAR,
    api_key_id VARCHAR,
    line_item VARCHAR,
    sku_id VARCHAR,
    token_type VARCHAR,
    service_tier VARCHAR,
    location VARCHAR,
    quantity DECIMAL(38, 9),
    unit VARCHAR,
    currency VARCHAR NOT NULL,
    amount DECIMAL(38, 18) NOT NULL,
    amount_usd DECIMAL(38, 18),
    fetch_id VARCHAR NOT NULL,
    page_id VARCHAR NOT NULL,
    row_no BIGINT NOT NULL
);

-- Records that cannot be booked, with the reason; `record` is their own JSON.
CREATE TABLE quarantine (
    source VARCHAR NOT NULL,
    account VARCHAR NOT NULL,
    provider VARCHAR NOT NULL,
    day DATE NOT NULL,
    reason VARCHAR NOT NULL,
    record VARCHAR NOT NULL,
    fetch_id VARCHAR NOT NULL,
    page_id VARCHAR NOT NULL,
    row_no BIGINT NOT NULL
);

-- Sums of `spend`. Tokens are those of the cost book's quantities, null where it gives none.
CREATE TABLE spend_daily (
    day DATE NOT NULL,
    account VARCHAR NOT NULL,
    provider VARCHAR NOT NULL,
    model VARCHAR,
    billed_usd DECIMAL(38, 18),
    estimated_usd DECIMAL(38, 18),
    input_tokens DECIMAL(38, 0),
    cached_input_tokens DECIMAL(38, 0),
    cache_write_tokens DECIMAL(38, 0),
    output_tokens DECIMAL(38, 0),
    requests DECIMAL(38, 0),
    "rows" BIGINT NOT NULL
);

-- What a day that was over had been, and what it became.
CREATE TABLE restatement (
    source VARCHAR NOT NULL,
    account VARCHAR NOT NULL,
    day DATE NOT NULL,
    provider VARCHAR NOT NULL,
    model VARCHAR,
    was_usd DECIMAL(38, 18) NOT NULL,
    is_usd DECIMAL(38, 18) NOT NULL,
    "at" TIMESTAMP NOT NULL,
    fetch_id VARCHAR NOT NULL
);

-- What is known of each day, and when it was last read completely. `fetch_id` is the answer in use.
CREATE TABLE coverage (
    source VARCHAR NOT NULL,
    account VARCHAR NOT NULL,
    provider VARCHAR NOT NULL,
    day DATE NOT NULL,
    state VARCHAR NOT NULL,
    finality VARCHAR,
    last_read_at TIMESTAMP,
    fetch_id VARCHAR,
    detail VARCHAR NOT NULL
);
