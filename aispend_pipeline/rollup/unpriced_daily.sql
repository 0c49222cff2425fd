-- What was measured in tiers that the provider's cost report never lists, by day, account, tier and model as shown.
INSERT INTO unpriced_daily BY NAME
SELECT
    usage.day,
    usage.account,
    usage.provider,
    usage.service_tier,
    usage_model.shown_as AS model,
    sum(usage.input_tokens) AS input_tokens,
    sum(usage.cached_input_tokens) AS cached_input_tokens,
    sum(usage.cache_write_tokens) AS cache_write_tokens,
    sum(usage.output_tokens) AS output_tokens
FROM usage
LEFT JOIN usage_model USING (day, account, provider, model)
WHERE NOT usage.priced AND usage.day BETWEEN $first AND $last
GROUP BY ALL
ORDER BY ALL
