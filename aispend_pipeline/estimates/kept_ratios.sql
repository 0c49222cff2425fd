-- The ratios that estimates of days with a bill were made with, by model as it is measured: what was shown before the
-- bill came stays on record, although the bill may have another name for it. Searches have none.
CREATE TEMP TABLE ratios AS
SELECT
    estimate.account,
    estimate.provider,
    estimate.day,
    estimate.model,
    any_value(estimate.ratio) AS ratio
FROM estimate
INNER JOIN bills USING (account, provider, day)
WHERE
    estimate.day BETWEEN $first AND $last
    AND estimate.ratio IS NOT NULL
    AND estimate.shown_as IS NOT NULL
    AND bills.bill IN ('billed', 'settled')
GROUP BY ALL
