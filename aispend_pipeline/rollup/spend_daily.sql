-- The sums of the window's days, from their rows; of estimates, what counts beside the bill. Sums of nothing but other
-- currencies are null, and so is what is measured and not billed. Tokens and requests are those of the usage book on
-- days of which it has some, else the quantities of the bill: never both.
INSERT INTO spend_daily BY NAME
WITH billed AS (
    SELECT
        day,
        account,
        provider,
        model,
        sum(amount_usd) AS billed_usd,
        sum(quantity) FILTER (WHERE unit = 'tokens' AND token_type = 'input') AS input_tokens,
        sum(quantity) FILTER (WHERE unit = 'tokens' AND token_type = 'cached_input') AS cached_input_tokens,
        sum(quantity) FILTER (WHERE unit = 'tokens' AND token_type = 'cache_write') AS cache_write_tokens,
        sum(quantity) FILTER (WHERE unit = 'tokens' AND token_type = 'output') AS output_tokens,
        count(*) FILTER (WHERE unit = 'tokens' AND token_type IS NOT NULL) > 0 AS has_tokens,
        count(*) AS n
    FROM spend
    WHERE day BETWEEN $first AND $last
    GROUP BY ALL
),

counted AS (
    SELECT DISTINCT day, account, provider
    FROM usage
    WHERE day BETWEEN $first AND $last AND coalesce(input_tokens, output_tokens, requests) IS NOT NULL
),

measured AS (
    SELECT
        day,
        account,
        provider,
        model,
        sum(input_tokens) AS input_tokens,
        sum(cached_input_tokens) AS cached_input_tokens,
        sum(cache_write_tokens) AS cache_write_tokens,
        sum(output_tokens) AS output_tokens,
        sum(requests) AS requests
    FROM measured_by_hour
    GROUP BY ALL
),

estimated AS (
    SELECT
        day,
        account,
        provider,
        model,
        counted_usd AS estimated_usd,
        0 AS "rows"
    FROM estimate_daily
    WHERE day BETWEEN $first AND $last AND counted_usd > 0
),

beside AS (
    SELECT
        coalesce(billed.day, measured.day) AS day,
        coalesce(billed.account, measured.account) AS account,
        coalesce(billed.provider, measured.provider) AS provider,
        coalesce(billed.model, measured.model) AS model,
        billed.billed_usd,
        CASE WHEN counted.day IS NULL THEN billed.input_tokens ELSE measured.input_tokens END AS input_tokens,
        CASE WHEN counted.day IS NULL THEN billed.cached_input_tokens ELSE measured.cached_input_tokens END
            AS cached_input_tokens,
        CASE WHEN counted.day IS NULL THEN billed.cache_write_tokens ELSE measured.cache_write_tokens END
            AS cache_write_tokens,
        CASE WHEN counted.day IS NULL THEN billed.output_tokens ELSE measured.output_tokens END AS output_tokens,
        measured.requests,
        CASE WHEN counted.day IS NOT NULL THEN 'usage' WHEN billed.has_tokens THEN 'costs' END AS counted_by,
        coalesce(billed.n, 0) AS "rows"
    FROM billed
    FULL OUTER JOIN measured
        ON
            billed.day = measured.day
            AND billed.account = measured.account
            AND billed.provider = measured.provider
            AND billed.model IS NOT DISTINCT FROM measured.model
    LEFT JOIN counted
        ON
            coalesce(billed.day, measured.day) = counted.day
            AND coalesce(billed.account, measured.account) = counted.account
            AND coalesce(billed.provider, measured.provider) = counted.provider
)

SELECT
    day,
    account,
    provider,
    model,
    sum(billed_usd) AS billed_usd,
    sum(estimated_usd) AS estimated_usd,
    sum(input_tokens) AS input_tokens,
    sum(cached_input_tokens) AS cached_input_tokens,
    sum(cache_write_tokens) AS cache_write_tokens,
    sum(output_tokens) AS output_tokens,
    sum(requests) AS requests,
    max(counted_by) AS counted_by,
    sum("rows") AS "rows"
FROM (SELECT * FROM beside UNION ALL BY NAME SELECT * FROM estimated)
GROUP BY day, account, provider, model
ORDER BY 1, 2, 3, 4
