-- Billed models of each day, to be spread over its hours. What has no model (searches, storage) has no hours.
CREATE TEMP TABLE days_of_hours AS
SELECT
    row_number() OVER (ORDER BY day, account, provider, model) AS id,
    day,
    account,
    provider,
    model,
    billed_usd AS usd
FROM spend_daily
WHERE day BETWEEN $first AND $last AND billed_usd IS NOT NULL AND model IS NOT NULL
