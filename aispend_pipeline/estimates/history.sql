-- Of each model measured on a day whose bill is not there: what was billed on the settled days before, and what that
-- would have been at list price. Which model of a bill it is, its name on that day tells: the two books may name it
-- differently, and a day without a bill does not know how. A day with use that has no price says nothing of the others.
WITH settled AS (
    SELECT account, provider, model, day, list_usd, billed_usd, unpriced_units
    FROM estimate_daily
    WHERE bill = 'settled' AND day < $first AND day >= $first - INTERVAL 60 DAY
    UNION ALL
    SELECT account, provider, model, day, list_usd, billed_usd, unpriced_units
    FROM estimate_groups
    WHERE bill = 'settled'
)

SELECT
    ahead.account,
    ahead.provider,
    ahead.model,
    ahead.day AS of_day,
    settled.day,
    settled.list_usd,
    coalesce(settled.billed_usd, 0) AS billed_usd
FROM usage_model AS ahead
INNER JOIN bills USING (account, provider, day)
INNER JOIN settled
    ON
        ahead.account = settled.account
        AND ahead.provider = settled.provider
        AND settled.day < ahead.day
        AND settled.list_usd > 0
        AND settled.unpriced_units = 0
LEFT JOIN usage_model AS then_shown
    ON
        ahead.account = then_shown.account
        AND ahead.provider = then_shown.provider
        AND settled.day = then_shown.day
        AND ahead.model = then_shown.model
WHERE
    bills.bill IN ('silent', 'open')
    AND settled.model = coalesce(then_shown.shown_as, ahead.shown_as)
ORDER BY ALL
