-- Rows of usage of each day that some account's usage was read for.
SELECT
    covered.day,
    count(usage.day) AS "rows"
FROM (
    SELECT DISTINCT day FROM coverage
    WHERE day BETWEEN $first AND $last AND state IN ('complete', 'partial') AND NOT list_contains($costs, source)
) AS covered
LEFT JOIN usage ON covered.day = usage.day AND usage.day BETWEEN $first AND $last
GROUP BY covered.day
ORDER BY covered.day
