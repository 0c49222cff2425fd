-- The ratios that estimates of days with a bill were made with: what was shown before the bill came stays on record.
CREATE TEMP TABLE ratios AS
SELECT
    estimate.account,
    estimate.provider,
    estimate.day,
    estimate.shown_as AS model,
    any_value(estimate.ratio) AS ratio
FROM estimate
INNER JOIN bills USING (account, provider, day)
WHERE
    estimate.day BETWEEN $first AND $last
    AND estimate.ratio IS NOT NULL
    AND bills.bill IN ('billed', 'settled')
GROUP BY ALL
