-- What moved a total most: the three keys, projects and models with the highest spend of the period, billed or
-- estimated; where the bill tells no key, as it was allocated.
WITH spent AS (
    SELECT
        spend.provider,
        spend.account,
        spend.project_id,
        CASE WHEN allocated.row_no IS NULL THEN spend.api_key_id ELSE allocated.api_key_id END AS api_key_id,
        spend.model,
        spend.day,
        coalesce(allocated.amount_usd, spend.amount_usd) AS usd
    FROM spend
    LEFT JOIN allocated
        ON
            spend.day = allocated.day
            AND spend.fetch_id = allocated.fetch_id
            AND spend.page_id = allocated.page_id
            AND spend.row_no = allocated.row_no
    WHERE spend.day BETWEEN $first AND $last
    UNION ALL
    SELECT
        provider,
        account,
        project_id,
        api_key_id,
        shown_as AS model,
        day,
        counted_usd AS usd
    FROM estimate
    WHERE day BETWEEN $first AND $last AND counted_usd > 0
)

SELECT
    provider,
    account,
    project_id,
    api_key_id,
    model,
    sum(usd) AS usd,
    coalesce(sum(usd) FILTER (WHERE day >= $recent), 0) AS recent_usd
FROM spent
WHERE list_contains($providers, provider)
GROUP BY provider, account, project_id, api_key_id, model
HAVING sum(usd) > 0
ORDER BY usd DESC, provider, account, project_id, api_key_id, model
LIMIT 3
