-- Billed and estimated USD and counts of the asked days, from a table of sums, by the dimensions asked for; the others are
-- null. Groups that cannot be told (null keys) come last; an empty text asks for the unknown model.
SELECT
    sum(billed_usd) AS usd,
    sum("rows") AS n,
    CASE WHEN min(provider) = max(provider) THEN min(provider) END AS only_provider,
    sum(estimated_usd) AS estimated_usd,
    NULL AS allocated_usd,
    sum(input_tokens) AS input_tokens,
    sum(cached_input_tokens) AS cached_input_tokens,
    sum(cache_write_tokens) AS cache_write_tokens,
    sum(output_tokens) AS output_tokens,
    sum(requests) AS requests,
    CASE WHEN $by_day THEN day END AS by_day,
    CASE WHEN $by_provider THEN provider END AS by_provider,
    CASE WHEN $by_account THEN account END AS by_account,
    CASE WHEN $by_model THEN model END AS by_model,
    {hour} AS by_hour
FROM {sums}
WHERE
    day BETWEEN $first AND $last
    AND (len($providers) = 0 OR list_contains($providers, provider))
    AND (len($accounts) = 0 OR list_contains($accounts, account))
    AND (len($models) = 0 OR list_contains($models, coalesce(model, '')))
GROUP BY by_day, by_provider, by_account, by_model, by_hour
ORDER BY by_hour, by_day, by_provider, by_account, by_model
LIMIT $limit
