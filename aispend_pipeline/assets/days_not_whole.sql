-- Days since a feed's first whose figures are not whole, up to the newest day that any feed was asked for, and why. One
-- that was running when it was asked for, and is not known yet, is none of them until it is over.
WITH newest AS (SELECT max(day) AS day FROM coverage)

SELECT
    span.source,
    span.account,
    days.day::DATE AS day,
    CASE
        WHEN coverage.state IS NULL THEN 'never read'
        WHEN coverage.state = 'complete' THEN 'read before it was over'
        ELSE concat_ws(': ', coverage.state, json_extract_string(coverage.detail, '$.error'))
    END AS why,
    coverage.state IS NULL OR coverage.state = 'failed' AS missing
FROM (SELECT source, account, min(day) AS first_day FROM coverage GROUP BY source, account) AS span
CROSS JOIN newest
INNER JOIN generate_series(span.first_day, newest.day, INTERVAL 1 DAY) AS days (day) ON true
LEFT JOIN coverage
    ON span.source = coverage.source AND span.account = coverage.account AND days.day::DATE = coverage.day
WHERE
    coverage.state IS NULL
    OR (coverage.state = 'complete' AND coverage.finality = 'open' AND coverage.day < newest.day)
    OR (coverage.state = 'not_due' AND coverage.day < newest.day)
    OR coverage.state NOT IN ('complete', 'not_due')
ORDER BY ALL
