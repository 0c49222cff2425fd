-- The billed sums of the window's days, which are to be spread over hours. What has no model (searches, storage) will
-- have none.
CREATE TEMP TABLE days_of_hours AS
SELECT
    row_number() OVER (ORDER BY day, account, provider, model) AS id,
    * EXCLUDE (estimated_usd),
    billed_usd AS usd
FROM spend_daily
WHERE day BETWEEN $first AND $last AND "rows" > 0
