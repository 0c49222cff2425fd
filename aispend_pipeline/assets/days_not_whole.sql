-- Days between an account's first and last read day whose figures are not whole.
SELECT span.source || ' ' || span.account || ' ' || days.day::DATE || ': ' || coalesce(coverage.state, 'never read')
FROM (
    SELECT source, account, min(day) AS first_day, max(day) AS last_day FROM coverage GROUP BY source, account
) AS span
INNER JOIN generate_series(span.first_day, span.last_day, INTERVAL 1 DAY) AS days (day) ON true
LEFT JOIN coverage
    ON span.source = coverage.source AND span.account = coverage.account AND days.day::DATE = coverage.day
WHERE coverage.state IS DISTINCT FROM 'complete'
ORDER BY ALL
