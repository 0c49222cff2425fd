-- What was measured in each hour of the window, under the model that the bill shows. What searched the web is counted as
-- a request where it was made.
CREATE TEMP TABLE measured_by_hour AS
SELECT
    usage.day,
    date_trunc('hour', usage.bucket_start) AS "hour",
    usage.account,
    usage.provider,
    usage_model.shown_as AS model,
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
