-- Estimates: what is used and not billed yet, priced from usage; and what usage tells of the bill: hours and keys.

-- Where it was computed, if the usage book says so; and the parts of the tokens beside them that are no text.
ALTER TABLE usage ADD COLUMN location VARCHAR;
ALTER TABLE usage ADD COLUMN input_audio_tokens DECIMAL(38, 0);
ALTER TABLE usage ADD COLUMN input_image_tokens DECIMAL(38, 0);
ALTER TABLE usage ADD COLUMN cached_input_audio_tokens DECIMAL(38, 0);
ALTER TABLE usage ADD COLUMN cached_input_image_tokens DECIMAL(38, 0);
ALTER TABLE usage ADD COLUMN output_audio_tokens DECIMAL(38, 0);
ALTER TABLE usage ADD COLUMN output_image_tokens DECIMAL(38, 0);

-- How long a cache write is kept, "5m" or "1h", where the bill tells: the two have prices of their own.
ALTER TABLE spend ADD COLUMN cache_lifetime VARCHAR;

-- Usage at list price: one line for each meter of a row of usage, which it names. `shown_as` is the model of the
-- bill; searches are billed without one. `unit_usd` is the list price of one unit, null if there is none, and `why`
-- says so. `usd` is the estimate: `unit_usd` times `ratio`, what was billed for the model lately over what it would
-- have been at list, times the quantity. `counted_usd` is the part of it that the bill does not have.
CREATE TABLE estimate (
    source VARCHAR NOT NULL,
    account VARCHAR NOT NULL,
    provider VARCHAR NOT NULL,
    day DATE NOT NULL,
    bucket_start TIMESTAMP NOT NULL,
    kind VARCHAR NOT NULL,
    model VARCHAR,
    shown_as VARCHAR,
    project_id VARCHAR,
    api_key_id VARCHAR,
    service_tier VARCHAR,
    context_window VARCHAR,
    location VARCHAR,
    split BOOLEAN NOT NULL,
    meter VARCHAR NOT NULL,
    token_type VARCHAR NOT NULL,
    quantity DECIMAL(38, 0) NOT NULL,
    unit_usd DECIMAL(38, 18),
    ratio DECIMAL(9, 6),
    list_usd DECIMAL(38, 18),
    usd DECIMAL(38, 18),
    counted_usd DECIMAL(38, 18),
    why VARCHAR,
    price_list VARCHAR,
    fetch_id VARCHAR NOT NULL,
    page_id VARCHAR NOT NULL,
    row_no BIGINT NOT NULL
);

-- Sums of `estimate`, beside what was billed for the same use. `bill` is what is known of the day's bill: silent
-- (nothing), open (some of it), billed, or settled. `unpriced_units` are those without a list price.
CREATE TABLE estimate_daily (
    day DATE NOT NULL,
    account VARCHAR NOT NULL,
    provider VARCHAR NOT NULL,
    model VARCHAR,
    bill VARCHAR NOT NULL,
    list_usd DECIMAL(38, 18),
    ratio DECIMAL(9, 6),
    estimated_usd DECIMAL(38, 18),
    counted_usd DECIMAL(38, 18),
    billed_usd DECIMAL(38, 18),
    unpriced_units DECIMAL(38, 0) NOT NULL
);

-- The sums of `spend_daily` by hour: billed dollars are spread over a day's hours as its estimates are, and have no
-- hour where there are none.
CREATE TABLE spend_hourly (
    day DATE NOT NULL,
    "hour" TIMESTAMP,
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

-- Until they are added up again, days of before have no hours.
INSERT INTO spend_hourly BY NAME SELECT * EXCLUDE (counted_by), NULL::TIMESTAMP AS "hour" FROM spend_daily;

-- The parts of billed lines that usage explains, by key, where the bill does not tell keys.
CREATE TABLE allocated (
    source VARCHAR NOT NULL,
    account VARCHAR NOT NULL,
    provider VARCHAR NOT NULL,
    day DATE NOT NULL,
    fetch_id VARCHAR NOT NULL,
    page_id VARCHAR NOT NULL,
    row_no BIGINT NOT NULL,
    api_key_id VARCHAR,
    amount_usd DECIMAL(38, 18) NOT NULL
);

-- Why no money is known for it: no bill ever lists the tier, or nothing is billed yet and there is no list price.
ALTER TABLE unpriced_daily ADD COLUMN why VARCHAR;
ALTER TABLE unpriced_daily ADD COLUMN never_billed BOOLEAN DEFAULT true;
UPDATE unpriced_daily SET why = 'no bill lists tier ' || service_tier;
-- What else than tokens: characters, seconds, searches.
ALTER TABLE unpriced_daily ADD COLUMN other_units DECIMAL(38, 0);
