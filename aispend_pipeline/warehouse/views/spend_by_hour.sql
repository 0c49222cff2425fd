-- As spend_by_day, by hour: what is billed for a day is spread over its hours as its usage is.
CREATE OR REPLACE VIEW spend_by_hour AS
SELECT
    day, -- UTC
    "hour", -- its start, UTC; null for what no usage tells the hour of
    provider, -- openai, anthropic or vertex
    account, -- the name under which its key is set
    model, -- as the bill names it; null if it names none
    billed_usd AS cost_usd, -- billed, USD; null where nothing is billed yet
    estimated_usd, -- used and not billed yet, USD; never part of cost_usd
    input_tokens, -- input that was not cached
    cached_input_tokens, -- read from a cache
    cache_write_tokens, -- written to a cache
    output_tokens, -- output
    requests -- null where they are not counted
FROM spend_hourly;
