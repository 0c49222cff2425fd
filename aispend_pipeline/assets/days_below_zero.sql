-- Days on which an account's billed sum is negative.
SELECT provider || ' ' || account || ' ' || day || ': ' || sum(billed_usd)
FROM spend_daily
GROUP BY provider, account, day
HAVING sum(billed_usd) < 0
ORDER BY ALL
