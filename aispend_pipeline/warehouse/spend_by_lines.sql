-- As `spend_by`, from lines: by any dimension, and beside the days before that the asked ones are compared with, which
-- are those up to $previous_last. What a group changed by is not known where one side has no dollars, unless that period
-- was read whole and had nothing to bill. A group that is gone is there for what it was billed before.
WITH grouped AS (
    SELECT
        {keys}
        sum(usd) FILTER (WHERE day >= $first) AS usd,
        (sum(n) FILTER (WHERE day >= $first))::BIGINT AS n,
        CASE WHEN min(provider) = max(provider) THEN min(provider) END AS only_provider,
        sum(estimated_usd) FILTER (WHERE day >= $first) AS estimated_usd,
        sum(allocated_usd) FILTER (WHERE day >= $first) AS allocated_usd,
        sum(input_tokens) FILTER (WHERE day >= $first) AS used_input,
        sum(cached_input_tokens) FILTER (WHERE day >= $first) AS used_cached_input,
        sum(cache_write_tokens) FILTER (WHERE day >= $first) AS used_cache_write,
        sum(output_tokens) FILTER (WHERE day >= $first) AS used_output,
        sum(quantity) FILTER (WHERE counted = 'input' AND day >= $first) AS billed_input,
        sum(quantity) FILTER (WHERE counted = 'cached_input' AND day >= $first) AS billed_cached_input,
        sum(quantity) FILTER (WHERE counted = 'cache_write' AND day >= $first) AS billed_cache_write,
        sum(quantity) FILTER (WHERE counted = 'output' AND day >= $first) AS billed_output,
        (sum(requests) FILTER (WHERE day >= $first))::HUGEINT AS requests,
        sum(usd) FILTER (WHERE day < $first) AS previous_usd,
        (sum(n) FILTER (WHERE day < $first))::BIGINT AS previous_n,
        sum(estimated_usd) FILTER (WHERE day < $first) AS previous_estimated_usd
    FROM ({lines}) AS lines
    WHERE day BETWEEN $earliest AND $last AND (day >= $first OR day <= $previous_last) {conditions}
    GROUP BY ALL
    HAVING count(*) FILTER (WHERE day >= $first) > 0 OR sum(usd) FILTER (WHERE day < $first) IS NOT NULL
)

SELECT
    * EXCLUDE (
        used_input, used_cached_input, used_cache_write, used_output,
        billed_input, billed_cached_input, billed_cache_write, billed_output, previous_n
    ),
    coalesce(used_input + billed_input, used_input, billed_input)::HUGEINT AS input_tokens,
    coalesce(used_cached_input + billed_cached_input, used_cached_input, billed_cached_input)::HUGEINT AS cached_input_tokens,
    coalesce(used_cache_write + billed_cache_write, used_cache_write, billed_cache_write)::HUGEINT AS cache_write_tokens,
    coalesce(used_output + billed_output, used_output, billed_output)::HUGEINT AS output_tokens,
    CASE
        WHEN usd IS NULL AND (previous_usd IS NULL OR n > 0 OR NOT $whole) THEN NULL
        WHEN previous_usd IS NULL AND (previous_n > 0 OR NOT $previous_whole) THEN NULL
        ELSE coalesce(usd, 0) - coalesce(previous_usd, 0)
    END AS change_usd
FROM grouped
ORDER BY {order}
LIMIT $limit OFFSET $skip
