-- The window's use at list price, by model as the bill names it, beside what is billed for it: usage lines alone.
-- What has no model (searches) is billed together with other things.
CREATE TEMP TABLE estimate_groups AS
WITH used AS (
    SELECT
        day,
        account,
        provider,
        shown_as AS model,
        any_value(bill) AS bill,
        sum(list_usd) AS list_usd,
        coalesce(sum(quantity) FILTER (WHERE list_usd IS NULL), 0) AS unpriced_units
    FROM priced
    GROUP BY ALL
),

billed AS (
    SELECT
        day,
        account,
        provider,
        model,
        sum(amount_usd) AS usd
    FROM spend
    WHERE day BETWEEN $first AND $last AND charge_category = 'Usage'
    GROUP BY ALL
)

SELECT
    row_number() OVER (ORDER BY used.day, used.account, used.provider, used.model) AS id,
    used.*,
    billed.usd AS billed_usd
FROM used
LEFT JOIN billed
    ON
        used.day = billed.day
        AND used.account = billed.account
        AND used.provider = billed.provider
        AND used.model IS NOT DISTINCT FROM billed.model
