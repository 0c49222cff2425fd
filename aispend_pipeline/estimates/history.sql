-- Of each model with a day whose bill is not there: what was billed on the settled days before, and what that would
-- have been at list price. A day with use that has no price says nothing of the others.
WITH settled AS (
    SELECT account, provider, model, day, list_usd, billed_usd, unpriced_units
    FROM estimate_daily
    WHERE bill = 'settled' AND day < $first AND day >= $first - INTERVAL 60 DAY
    UNION ALL
    SELECT account, provider, model, day, list_usd, billed_usd, unpriced_units
    FROM estimate_groups
    WHERE bill = 'settled'
)

SELECT DISTINCT
    ahead.account,
    ahead.provider,
    ahead.model,
    ahead.day AS of_day,
    settled.day,
    settled.list_usd,
    coalesce(settled.billed_usd, 0) AS billed_usd
FROM estimate_groups AS ahead
LEFT JOIN settled
    ON
        ahead.account = settled.account
        AND ahead.provider = settled.provider
        AND ahead.model = settled.model
        AND settled.day < ahead.day
        AND settled.list_usd > 0
        AND settled.unpriced_units = 0
WHERE ahead.bill IN ('silent', 'open')
ORDER BY ALL
