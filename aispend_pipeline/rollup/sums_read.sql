-- Rows, groups and USD of each day that some account's bill was read for: zero if there is nothing to book, null
-- if all of it is in other currencies.
SELECT
    covered.day,
    coalesce(sums."rows", 0) AS "rows",
    coalesce(sums.groups, 0) AS groups,
    CASE WHEN coalesce(sums."rows", 0) = 0 THEN 0 ELSE sums.usd END AS usd
FROM (
    SELECT DISTINCT day FROM coverage
    WHERE day BETWEEN $first AND $last AND state IN ('complete', 'partial') AND list_contains($costs, source)
) AS covered
LEFT JOIN (
    SELECT
        day,
        sum("rows") AS "rows",
        count(*) AS groups,
        sum(billed_usd) AS usd
    FROM spend_daily
    WHERE day BETWEEN $first AND $last
    GROUP BY day
) AS sums USING (day)
ORDER BY covered.day
