-- What was measured in a month in tiers that the provider's cost report never lists, by account and tier.
SELECT
    provider,
    account,
    service_tier,
    sum(input_tokens) AS input_tokens,
    sum(cached_input_tokens) AS cached_input_tokens,
    sum(cache_write_tokens) AS cache_write_tokens,
    sum(output_tokens) AS output_tokens
FROM unpriced_daily
WHERE never_billed AND day BETWEEN $first AND $last
GROUP BY provider, account, service_tier
ORDER BY provider, account, service_tier
