-- What most questions of spend read, so that they take the same time whatever the number of lines.

-- The sums of days, decimals not packed: DuckDB takes five times as long to unpack a month of them as to add it up.
CREATE TABLE sums_of_before AS FROM spend_daily;
DROP TABLE spend_daily;
CREATE TABLE spend_daily (
    day DATE NOT NULL,
    account VARCHAR NOT NULL,
    provider VARCHAR NOT NULL,
    model VARCHAR,
    billed_usd DECIMAL(38, 18) USING COMPRESSION uncompressed,
    estimated_usd DECIMAL(38, 18) USING COMPRESSION uncompressed,
    input_tokens DECIMAL(38, 0) USING COMPRESSION uncompressed,
    cached_input_tokens DECIMAL(38, 0) USING COMPRESSION uncompressed,
    cache_write_tokens DECIMAL(38, 0) USING COMPRESSION uncompressed,
    output_tokens DECIMAL(38, 0) USING COMPRESSION uncompressed,
    requests DECIMAL(38, 0) USING COMPRESSION uncompressed,
    "rows" BIGINT NOT NULL,
    counted_by VARCHAR
);
INSERT INTO spend_daily BY NAME FROM sums_of_before;
DROP TABLE sums_of_before;

-- Sums of `spend` in currencies for which no rate is known: in no sum of dollars.
CREATE TABLE unconverted_daily (
    day DATE NOT NULL,
    account VARCHAR NOT NULL,
    provider VARCHAR NOT NULL,
    model VARCHAR,
    currency VARCHAR NOT NULL,
    amount DECIMAL(38, 18) NOT NULL
);
INSERT INTO unconverted_daily BY NAME
SELECT
    day,
    account,
    provider,
    model,
    currency,
    sum(amount) AS amount
FROM spend
WHERE amount_usd IS NULL AND amount <> 0
GROUP BY ALL
ORDER BY ALL;
