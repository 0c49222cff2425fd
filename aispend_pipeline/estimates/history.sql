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
INNER JOIN (SELECT DISTINCT account, provider, day FROM settled) AS before
    ON ahead.account = before.account AND ahead.provider = before.provider AND ahead.day > before.day
LEFT JOIN usage_model AS named
    ON
        ahead.account = named.account
        AND ahead.provider = named.provider
        AND before.day = named.day
        AND ahead.model = named.model
INNER JOIN settled
    ON
        before.account = settled.account
        AND before.provider = settled.provider
        AND before.day = settled.day
        AND coalesce(named.shown_as, ahead.shown_as) = settled.model
WHERE bills.bill IN ('silent', 'open') AND settled.list_usd > 0 AND settled.unpriced_units = 0
ORDER BY ALL
