-- The window's sums by hour: the bill as it was spread, the estimates that count, and what was measured; with no hour
-- what of a day's sums has none. `rows` are those of the day.
INSERT INTO spend_hourly BY NAME
WITH daily AS (SELECT * FROM spend_daily WHERE day BETWEEN $first AND $last),

hours AS (
    SELECT
        days.day,
        days.account,
        days.provider,
        days.model,
        parts.part AS "hour",
        parts.usd AS billed_usd
    FROM billed_by_hour AS parts
    INNER JOIN days_of_hours AS days USING (id)
    UNION ALL BY NAME
    SELECT
        day,
        account,
        provider,
        shown_as AS model,
        date_trunc('hour', bucket_start) AS "hour",
        sum(counted_usd) AS estimated_usd
    FROM estimate
    WHERE day BETWEEN $first AND $last AND counted_usd > 0
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT
        usage.day,
        usage.account,
        usage.provider,
        usage_model.shown_as AS model,
        date_trunc('hour', usage.bucket_start) AS "hour",
        sum(usage.input_tokens) AS input_tokens,
        sum(usage.cached_input_tokens) AS cached_input_tokens,
        sum(usage.cache_write_tokens) AS cache_write_tokens,
        sum(usage.output_tokens) AS output_tokens,
        sum(usage.requests) FILTER (WHERE usage.kind <> 'web_search_calls') AS requests
    FROM usage
    LEFT JOIN usage_model USING (day, account, provider, model)
    WHERE usage.day BETWEEN $first AND $last
    GROUP BY ALL
    HAVING
        coalesce(
            sum(usage.input_tokens),
            sum(usage.output_tokens),
            sum(usage.requests) FILTER (WHERE usage.kind <> 'web_search_calls')
        ) IS NOT NULL
),

without_hours AS (
    SELECT
        daily.day,
        daily.account,
        daily.provider,
        daily.model,
        NULL::TIMESTAMP AS "hour",
        daily.billed_usd,
        CASE WHEN daily.counted_by = 'costs' THEN daily.input_tokens END AS input_tokens,
        CASE WHEN daily.counted_by = 'costs' THEN daily.cached_input_tokens END AS cached_input_tokens,
        CASE WHEN daily.counted_by = 'costs' THEN daily.cache_write_tokens END AS cache_write_tokens,
        CASE WHEN daily.counted_by = 'costs' THEN daily.output_tokens END AS output_tokens,
        CASE WHEN daily.counted_by = 'costs' THEN daily.requests END AS requests
    FROM daily
    WHERE
        daily."rows" > 0
        AND NOT EXISTS (
            SELECT 1 FROM days_of_hours AS days
            INNER JOIN billed_by_hour USING (id)
            WHERE
                days.day = daily.day
                AND days.account = daily.account
                AND days.provider = daily.provider
                AND days.model = daily.model
        )
)

SELECT
    found.day,
    found."hour",
    found.account,
    found.provider,
    found.model,
    sum(found.billed_usd) AS billed_usd,
    sum(found.estimated_usd) AS estimated_usd,
    sum(found.input_tokens) AS input_tokens,
    sum(found.cached_input_tokens) AS cached_input_tokens,
    sum(found.cache_write_tokens) AS cache_write_tokens,
    sum(found.output_tokens) AS output_tokens,
    sum(found.requests) AS requests,
    coalesce(any_value(daily."rows"), 0) AS "rows"
FROM (SELECT * FROM hours UNION ALL BY NAME SELECT * FROM without_hours) AS found
LEFT JOIN daily
    ON
        found.day = daily.day
        AND found.account = daily.account
        AND found.provider = daily.provider
        AND found.model IS NOT DISTINCT FROM daily.model
GROUP BY found.day, found."hour", found.account, found.provider, found.model
ORDER BY ALL
