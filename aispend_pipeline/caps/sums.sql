-- Billed and estimated USD of each provider and day, all accounts together: what totals are made of.
SELECT
    provider,
    day,
    coalesce(sum(billed_usd), 0) AS billed_usd,
    coalesce(sum(estimated_usd), 0) AS estimated_usd
FROM spend_daily
WHERE day BETWEEN $first AND $last
GROUP BY provider, day
