-- Days whose estimates count although the bill is there, or that do not have all that was measured. No fetch is to blame.
SELECT
    NULL AS fetch_id,
    estimate.provider || ' ' || estimate.account || ' ' || estimate.day || ': ' || sum(estimate.counted_usd)
    || ' USD are estimated beside a bill that is there'
FROM estimate
INNER JOIN bills USING (account, provider, day)
WHERE estimate.day BETWEEN $first AND $last AND bills.bill IN ('billed', 'settled') AND estimate.counted_usd <> 0
GROUP BY estimate.provider, estimate.account, estimate.day
UNION ALL
SELECT
    NULL AS fetch_id,
    provider || ' ' || account || ' ' || day || ': the sums of estimates are ' || sum(usd) || ' USD less than what counts'
FROM (
    SELECT provider, account, day, counted_usd AS usd FROM estimate WHERE day BETWEEN $first AND $last
    UNION ALL
    SELECT provider, account, day, -estimated_usd AS usd FROM spend_daily WHERE day BETWEEN $first AND $last
)
GROUP BY provider, account, day
HAVING coalesce(sum(usd), 0) <> 0
UNION ALL
SELECT
    NULL AS fetch_id,
    provider || ' ' || account || ' ' || day || ': ' || sum(quantity) || ' units more were measured than are estimated'
FROM (
    SELECT provider, account, day, quantity FROM measured
    UNION ALL
    SELECT provider, account, day, -quantity AS quantity FROM estimate WHERE day BETWEEN $first AND $last
)
GROUP BY provider, account, day
HAVING sum(quantity) <> 0
UNION ALL
SELECT
    NULL AS fetch_id,
    provider || ' ' || account || ' ' || day || ': the hours are ' || sum(usd) || ' USD more than the day'
FROM (
    SELECT provider, account, day, coalesce(billed_usd, 0) + coalesce(estimated_usd, 0) AS usd FROM spend_hourly
    WHERE day BETWEEN $first AND $last
    UNION ALL
    SELECT provider, account, day, -coalesce(billed_usd, 0) - coalesce(estimated_usd, 0) AS usd FROM spend_daily
    WHERE day BETWEEN $first AND $last
)
GROUP BY provider, account, day
HAVING sum(usd) <> 0
ORDER BY ALL
