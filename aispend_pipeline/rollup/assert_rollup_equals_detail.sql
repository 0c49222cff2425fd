-- Days whose sums are not the sums of their rows.
SELECT day || ': rows add up to ' || coalesce(detail.usd, 0) || ' USD, the rollup says ' || coalesce(rollup.usd, 0) || ' USD'
FROM (SELECT day, sum(amount_usd) AS usd, count(*) AS n FROM spend WHERE day BETWEEN $first AND $last GROUP BY day) AS detail
FULL OUTER JOIN (
    SELECT day, sum(billed_usd) AS usd, sum("rows") AS n FROM spend_daily WHERE day BETWEEN $first AND $last GROUP BY day
) AS rollup USING (day)
WHERE detail.usd IS DISTINCT FROM rollup.usd OR detail.n IS DISTINCT FROM rollup.n
