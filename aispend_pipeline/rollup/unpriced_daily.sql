-- What no money is known for, by day, account, tier and model as shown: what was used in tiers that the provider's bill
-- never lists, and, while the bill is not all there, what has no list price.
INSERT INTO unpriced_daily BY NAME
SELECT
    usage.day,
    usage.account,
    usage.provider,
    usage.service_tier,
    usage_model.shown_as AS model,
    'no bill lists tier ' || usage.service_tier AS why,
    true AS never_billed,
    sum(usage.input_tokens) AS input_tokens,
    sum(usage.cached_input_tokens) AS cached_input_tokens,
    sum(usage.cache_write_tokens) AS cache_write_tokens,
    sum(usage.output_tokens) AS output_tokens
FROM usage
LEFT JOIN usage_model USING (day, account, provider, model)
WHERE NOT usage.priced AND usage.day BETWEEN $first AND $last
GROUP BY ALL
UNION ALL BY NAME
SELECT
    estimate.day,
    estimate.account,
    estimate.provider,
    estimate.service_tier,
    estimate.shown_as AS model,
    estimate.why,
    false AS never_billed,
    sum(estimate.quantity) FILTER (WHERE estimate.token_type = 'input') AS input_tokens,
    sum(estimate.quantity) FILTER (WHERE estimate.token_type = 'cached_input') AS cached_input_tokens,
    sum(estimate.quantity) FILTER (WHERE estimate.token_type = 'cache_write') AS cache_write_tokens,
    sum(estimate.quantity) FILTER (WHERE estimate.token_type = 'output') AS output_tokens,
    sum(estimate.quantity) FILTER (
        WHERE estimate.token_type NOT IN ('input', 'cached_input', 'cache_write', 'output')
    ) AS other_units
FROM estimate
INNER JOIN estimate_daily AS daily
    ON
        estimate.day = daily.day
        AND estimate.account = daily.account
        AND estimate.provider = daily.provider
        AND estimate.shown_as IS NOT DISTINCT FROM daily.model
WHERE
    estimate.usd IS NULL
    AND daily.bill IN ('silent', 'open')
    AND estimate.day BETWEEN $first AND $last
GROUP BY ALL
ORDER BY ALL
