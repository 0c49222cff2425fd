-- Billed USD and counts of the asked days by any dimensions, from the rows themselves. Tokens are those of the
-- usage book on days of which it has some, else the bill's: never both in one figure. Grouped by what only the
-- bill has ($of_the_bill: line item, token type) nothing but the bill answers; grouped by source ($apart), each book
-- speaks for itself. Estimates that count are beside the bill. Grouped by key, lines of a bill that tells no keys are
-- split as they were allocated. OpenAI's bill names no tier where its usage says "default". Groups that cannot be told (null
-- keys) come last; an empty text asks for the unknown model.
WITH counted AS (
    SELECT DISTINCT day, account, provider
    FROM usage
    WHERE day BETWEEN $first AND $last AND coalesce(input_tokens, output_tokens, requests) IS NOT NULL
),

lines AS (
    SELECT
        spend.day,
        spend.provider,
        spend.account,
        spend.model,
        spend.project_id,
        CASE WHEN allocated.row_no IS NULL THEN spend.api_key_id ELSE allocated.api_key_id END AS api_key_id,
        spend.line_item,
        spend.token_type,
        spend.service_tier,
        spend.source,
        coalesce(allocated.amount_usd, spend.amount_usd) AS usd,
        NULL::DECIMAL(38, 18) AS estimated_usd,
        allocated.amount_usd AS allocated_usd,
        1 AS n,
        spend.unit = 'tokens' AND ($of_the_bill OR $apart OR counted.day IS NULL) AS counts,
        CASE WHEN counts AND spend.token_type = 'input' THEN spend.quantity END AS input_tokens,
        CASE WHEN counts AND spend.token_type = 'cached_input' THEN spend.quantity END AS cached_input_tokens,
        CASE WHEN counts AND spend.token_type = 'cache_write' THEN spend.quantity END AS cache_write_tokens,
        CASE WHEN counts AND spend.token_type = 'output' THEN spend.quantity END AS output_tokens,
        NULL AS requests
    FROM spend
    LEFT JOIN counted USING (day, account, provider)
    LEFT JOIN allocated
        ON
            $by_api_key
            AND spend.day = allocated.day
            AND spend.fetch_id = allocated.fetch_id
            AND spend.page_id = allocated.page_id
            AND spend.row_no = allocated.row_no
    WHERE spend.day BETWEEN $first AND $last
    UNION ALL BY NAME
    SELECT
        day,
        provider,
        account,
        shown_as AS model,
        project_id,
        api_key_id,
        token_type,
        nullif(service_tier, 'default') AS service_tier,
        source,
        counted_usd AS estimated_usd,
        0 AS n,
        false AS counts
    FROM estimate
    WHERE day BETWEEN $first AND $last AND counted_usd > 0
    UNION ALL BY NAME
    SELECT
        usage.day,
        usage.provider,
        usage.account,
        usage_model.shown_as AS model,
        usage.project_id,
        usage.api_key_id,
        NULL AS line_item,
        NULL AS token_type,
        nullif(usage.service_tier, 'default') AS service_tier,
        usage.source,
        NULL AS usd,
        0 AS n,
        true AS counts,
        usage.input_tokens,
        usage.cached_input_tokens,
        usage.cache_write_tokens,
        usage.output_tokens,
        CASE WHEN usage.kind <> 'web_search_calls' THEN usage.requests END AS requests
    FROM usage
    LEFT JOIN usage_model USING (day, account, provider, model)
    WHERE
        NOT $of_the_bill
        AND usage.day BETWEEN $first AND $last
        AND coalesce(
            usage.input_tokens, usage.output_tokens, CASE WHEN usage.kind <> 'web_search_calls' THEN usage.requests END
        ) IS NOT NULL
)

SELECT
    sum(usd) AS usd,
    sum(n) AS n,
    CASE WHEN min(provider) = max(provider) THEN min(provider) END AS only_provider,
    sum(estimated_usd) AS estimated_usd,
    sum(allocated_usd) AS allocated_usd,
    sum(input_tokens) AS input_tokens,
    sum(cached_input_tokens) AS cached_input_tokens,
    sum(cache_write_tokens) AS cache_write_tokens,
    sum(output_tokens) AS output_tokens,
    sum(requests) AS requests,
    CASE WHEN $by_day THEN day END AS by_day,
    CASE WHEN $by_provider THEN provider END AS by_provider,
    CASE WHEN $by_account THEN account END AS by_account,
    CASE WHEN $by_model THEN model END AS by_model,
    CASE WHEN $by_project THEN project_id END AS by_project,
    CASE WHEN $by_workspace THEN project_id END AS by_workspace,
    CASE WHEN $by_api_key THEN api_key_id END AS by_api_key,
    CASE WHEN $by_line_item THEN line_item END AS by_line_item,
    CASE WHEN $by_token_type THEN token_type END AS by_token_type,
    CASE WHEN $by_service_tier THEN service_tier END AS by_service_tier,
    CASE WHEN $by_source THEN source END AS by_source
FROM lines
WHERE
    (len($providers) = 0 OR list_contains($providers, provider))
    AND (len($accounts) = 0 OR list_contains($accounts, account))
    AND (len($models) = 0 OR list_contains($models, coalesce(model, '')))
GROUP BY ALL
ORDER BY
    by_day,
    by_provider,
    by_account,
    by_model,
    by_project,
    by_workspace,
    by_api_key,
    by_line_item,
    by_token_type,
    by_service_tier,
    by_source
LIMIT $limit
