-- One fetch, and the days of which its answer is the one in use.
SELECT
    read.fetch_id,
    read.provider,
    read.state,
    read.window_start,
    read.window_end,
    read.started_at,
    read.finished_at,
    read.pages,
    read.error_class,
    read.error,
    read.run_id,
    coalesce(list(coverage.day ORDER BY coverage.day) FILTER (coverage.day IS NOT NULL), []) AS days_in_use
FROM "fetch" AS read
LEFT JOIN coverage ON read.fetch_id = coverage.fetch_id
WHERE read.fetch_id = $fetch_id
GROUP BY ALL
