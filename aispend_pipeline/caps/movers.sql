-- What moved a total most: the three keys, projects and models with the highest bills of the period.
SELECT
    provider,
    account,
    project_id,
    api_key_id,
    model,
    sum(amount_usd) AS usd,
    coalesce(sum(amount_usd) FILTER (WHERE day >= $recent), 0) AS recent_usd
FROM spend
WHERE day BETWEEN $first AND $last AND list_contains($providers, provider)
GROUP BY provider, account, project_id, api_key_id, model
HAVING sum(amount_usd) > 0
ORDER BY usd DESC, provider, account, project_id, api_key_id, model
LIMIT 3
