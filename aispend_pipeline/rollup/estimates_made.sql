-- Each day's estimates: lines, USD, what of it counts, and, of models whose bill is there, the estimate and the bill.
SELECT
    daily.day,
    any_value(lines.n) AS n,
    coalesce(sum(daily.estimated_usd), 0) AS usd,
    coalesce(sum(daily.counted_usd), 0) AS counted_usd,
    coalesce(sum(daily.estimated_usd) FILTER (WHERE daily.comparable), 0) AS held_against_usd,
    coalesce(sum(daily.billed_usd) FILTER (WHERE daily.comparable), 0) AS billed_usd
FROM (
    SELECT
        *,
        bill IN ('billed', 'settled') AND billed_usd IS NOT NULL AND unpriced_units = 0 AND estimated_usd > 0 AS comparable
    FROM estimate_daily
    WHERE day BETWEEN $first AND $last
) AS daily
INNER JOIN (SELECT day, count(*) AS n FROM estimate WHERE day BETWEEN $first AND $last GROUP BY day) AS lines USING (day)
GROUP BY daily.day
ORDER BY daily.day
