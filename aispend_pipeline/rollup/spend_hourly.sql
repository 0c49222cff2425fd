-- The window's sums by hour: the bill as it was spread, the estimates that count, and what was measured; with no hour
-- what of a day's bill has none, and its tokens where they are the bill's. `rows` are those of the day.
INSERT INTO spend_hourly BY NAME
WITH found AS (
    SELECT
        days.day,
        days.account,
        days.provider,
        days.model,
        parts.part AS "hour",
        parts.usd AS billed_usd,
        days."rows"
    FROM billed_by_hour AS parts
    INNER JOIN days_of_hours AS days USING (id)
    UNION ALL BY NAME
    SELECT
        days.day,
        days.account,
        days.provider,
        days.model,
        days.billed_usd,
        CASE WHEN days.counted_by = 'costs' THEN days.input_tokens END AS input_tokens,
        CASE WHEN days.counted_by = 'costs' THEN days.cached_input_tokens END AS cached_input_tokens,
        CASE WHEN days.counted_by = 'costs' THEN days.cache_write_tokens END AS cache_write_tokens,
        CASE WHEN days.counted_by = 'costs' THEN days.output_tokens END AS output_tokens,
        days."rows"
    FROM days_of_hours AS days
    ANTI JOIN billed_by_hour USING (id)
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
    SELECT *
    FROM measured_by_hour
)

SELECT
    day,
    "hour",
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
    coalesce(max("rows"), 0) AS "rows"
FROM found
GROUP BY day, "hour", account, provider, model
ORDER BY day, "hour", account, provider, model
