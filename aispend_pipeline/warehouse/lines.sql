-- The billed lines that a question lets through, and what of each: `usd`. Asked for keys, a line of a bill that tells
-- none counts with the parts that are allocated to them. An empty text asks for what cannot be told.
SELECT
    spend.*,
    of_keys.usd AS allocated_usd,
    coalesce(of_keys.usd, spend.amount_usd) AS usd
FROM spend
LEFT JOIN (
    SELECT
        day,
        fetch_id,
        page_id,
        row_no,
        sum(amount_usd) FILTER (list_contains($api_key, coalesce(api_key_id, ''))) AS usd
    FROM allocated
    WHERE len($api_key) > 0 AND day BETWEEN $first AND $last
    GROUP BY day, fetch_id, page_id, row_no
) AS of_keys
    ON
        spend.day = of_keys.day
        AND spend.fetch_id = of_keys.fetch_id
        AND spend.page_id = of_keys.page_id
        AND spend.row_no = of_keys.row_no
WHERE
    spend.day BETWEEN $first AND $last
    AND ($page IS NULL OR spend.page_id = $page)
    AND ($fetch IS NULL OR spend.fetch_id = $fetch)
    AND (len($provider) = 0 OR list_contains($provider, spend.provider))
    AND (len($account) = 0 OR list_contains($account, spend.account))
    AND (len($source) = 0 OR list_contains($source, spend.source))
    AND (len($charge_category) = 0 OR list_contains($charge_category, spend.charge_category))
    AND (len($model) = 0 OR list_contains($model, coalesce(spend.model, '')))
    AND (len($project) = 0 OR list_contains($project, coalesce(spend.project_id, '')))
    AND (len($workspace) = 0 OR list_contains($workspace, coalesce(spend.project_id, '')))
    AND (len($line_item) = 0 OR list_contains($line_item, coalesce(spend.line_item, '')))
    AND (len($token_type) = 0 OR list_contains($token_type, coalesce(spend.token_type, '')))
    AND (len($service_tier) = 0 OR list_contains($service_tier, coalesce(spend.service_tier, '')))
    AND (
        len($api_key) = 0
        OR CASE
            WHEN of_keys.row_no IS NULL THEN list_contains($api_key, coalesce(spend.api_key_id, ''))
            ELSE of_keys.usd IS NOT NULL
        END
    )
