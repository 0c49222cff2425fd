-- How good estimates were: of each model and day whose bill is there, what was billed, what that is at list price, and
-- what was estimated before. With `newest_only`, of each model the newest such day. `calibration` is what new estimates
-- of the model are multiplied with, whatever it is called where there is no bill. Days with use that has no price are
-- not comparable.
SELECT
    held.provider,
    held.account,
    held.model,
    held.day,
    held.bill = 'settled' AS settled,
    held.billed_usd,
    held.list_usd,
    held.estimated_usd,
    newest.ratio AS calibration
FROM estimate_daily AS held
INNER JOIN (
    SELECT named.provider, named.account, named.shown_as AS model, arg_max(daily.ratio, daily.day) AS ratio
    FROM (SELECT DISTINCT provider, account, model, shown_as FROM usage_model) AS named
    INNER JOIN usage_model AS shown
        ON named.provider = shown.provider AND named.account = shown.account AND named.model = shown.model
    INNER JOIN estimate_daily AS daily
        ON
            shown.provider = daily.provider
            AND shown.account = daily.account
            AND shown.day = daily.day
            AND shown.shown_as = daily.model
    GROUP BY named.provider, named.account, named.shown_as
) AS newest
    ON held.provider = newest.provider AND held.account = newest.account AND held.model = newest.model
WHERE
    held.bill IN ('billed', 'settled')
    AND held.billed_usd IS NOT NULL
    AND held.unpriced_units = 0
    AND held.estimated_usd > 0
    AND held.day BETWEEN $first AND $last
QUALIFY NOT $newest_only OR row_number() OVER (
    PARTITION BY held.provider, held.account, held.model
    ORDER BY held.day DESC
) = 1
ORDER BY held.provider, held.account, held.model, held.day
