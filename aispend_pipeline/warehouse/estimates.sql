-- What is used and not billed yet, of what a question lets through: the lines of the estimate that count. Models and
-- tiers are called as in the bill. An empty text asks for what cannot be told.
SELECT
    *,
    nullif(service_tier, 'default') AS tier
FROM estimate
WHERE
    counted_usd > 0
    AND day BETWEEN $first AND $last
    AND ($page IS NULL OR page_id = $page)
    AND ($fetch IS NULL OR fetch_id = $fetch)
    AND (len($provider) = 0 OR list_contains($provider, provider))
    AND (len($account) = 0 OR list_contains($account, account))
    AND (len($source) = 0 OR list_contains($source, source))
    AND (len($model) = 0 OR list_contains($model, coalesce(shown_as, '')))
    AND (len($project) = 0 OR list_contains($project, coalesce(project_id, '')))
    AND (len($workspace) = 0 OR list_contains($workspace, coalesce(project_id, '')))
    AND (len($api_key) = 0 OR list_contains($api_key, coalesce(api_key_id, '')))
    AND (len($token_type) = 0 OR list_contains($token_type, token_type))
    AND (len($service_tier) = 0 OR list_contains($service_tier, coalesce(tier, '')))
