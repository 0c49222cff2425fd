-- What was measured on the asked days and has no money: no bill lists its tier, or there is neither a bill nor a price.
SELECT
    provider,
    account,
    service_tier,
    model,
    sum(input_tokens) AS input_tokens,
    sum(cached_input_tokens) AS cached_input_tokens,
    sum(cache_write_tokens) AS cache_write_tokens,
    sum(output_tokens) AS output_tokens,
    sum(other_units) AS other_units,
    why,
    never_billed
FROM unpriced_daily
WHERE day BETWEEN $first AND $last {conditions}
GROUP BY ALL
ORDER BY ALL
