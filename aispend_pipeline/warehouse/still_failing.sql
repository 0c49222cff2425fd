-- Days of a source that an account failed to give when it was last asked, where it has never given them, or was asked
-- lately: older days that were read once are not asked for any more.
WITH asked AS (
    SELECT
        account,
        unnest(generate_series(window_start, window_end, INTERVAL 1 DAY))::DATE AS day,
        seq,
        state,
        error_class,
        error,
        started_at
    FROM "fetch"
    WHERE source = $source
)

SELECT
    account,
    day,
    arg_max(error, seq) AS error
FROM asked
GROUP BY account, day
HAVING
    arg_max(state, seq) = 'failed'
    AND arg_max_null(error_class, seq) IS DISTINCT FROM 'out_of_budget'
    AND (NOT bool_or(state = 'complete') OR max(started_at) >= $since)
ORDER BY ALL
