-- The sums of the window's days, from their rows. Sums of nothing but other currencies are null.
INSERT INTO spend_daily BY NAME
SELECT
    day,
    account,
    provider,
    model,
    sum(amount_usd) AS billed_usd,
    NULL AS estimated_usd,
    sum(quantity) FILTER (WHERE unit = 'tokens' AND token_type = 'input') AS input_tokens,
    sum(quantity) FILTER (WHERE unit = 'tokens' AND token_type = 'cached_input') AS cached_input_tokens,
    sum(quantity) FILTER (WHERE unit = 'tokens' AND token_type = 'cache_write') AS cache_write_tokens,
    sum(quantity) FILTER (WHERE unit = 'tokens' AND token_type = 'output') AS output_tokens,
    NULL AS requests,
    count(*) AS "rows"
FROM spend
WHERE day BETWEEN $first AND $last
GROUP BY day, account, provider, model
ORDER BY day, account, provider, model
