-- Rows, groups and USD of each day that some account was read for: zero if there is nothing to book, null
-- if all of it is in other currencies.
SELECT
    covered.day,
    coalesce(sum(spend_daily."rows"), 0) AS "rows",
    count(spend_daily.day) AS groups,
    CASE WHEN count(spend_daily.day) = 0 THEN 0 ELSE sum(spend_daily.billed_usd) END AS usd
FROM (
    SELECT DISTINCT day FROM coverage
    WHERE day BETWEEN $first AND $last AND state IN ('complete', 'partial')
) AS covered
LEFT JOIN spend_daily USING (day)
GROUP BY covered.day
ORDER BY covered.day
