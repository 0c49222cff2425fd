-- Sums by day, provider, account and model: what is billed, and estimates apart. A day that was not read has no row.
CREATE OR REPLACE VIEW spend_by_day AS
SELECT
    spend_daily.day, -- UTC
    spend_daily.provider, -- openai, anthropic or vertex
    spend_daily.account, -- the name under which its key is set
    spend_daily.model, -- as the bill names it; null if it names none
    spend_daily.billed_usd AS cost_usd, -- billed, USD; null where nothing is billed yet, or nothing in USD
    spend_daily.estimated_usd, -- used and not billed yet, USD; in no bill, and never part of cost_usd
    spend_daily.input_tokens, -- input that was not cached
    spend_daily.cached_input_tokens, -- read from a cache
    spend_daily.cache_write_tokens, -- written to a cache
    spend_daily.output_tokens, -- output
    spend_daily.requests, -- null where they are not counted
    spend_daily.counted_by AS tokens_from, -- the book that tokens and requests are from: usage or costs
    spend_daily."rows", -- how many lines of bills are in it
    coalesce(read.whole, false) AS whole -- whether every feed of the account was read whole for that day
FROM spend_daily
LEFT JOIN (
    SELECT
        day,
        provider,
        account,
        bool_and(whole) AS whole
    FROM coverage_days
    GROUP BY day, provider, account
) AS read
    ON
        spend_daily.day = read.day
        AND spend_daily.provider = read.provider
        AND spend_daily.account = read.account;
