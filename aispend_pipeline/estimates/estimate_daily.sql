-- The sums of the window's estimates, beside what is billed for the same use.
INSERT INTO estimate_daily BY NAME
SELECT
    groups.day,
    groups.account,
    groups.provider,
    groups.model,
    groups.bill,
    groups.list_usd,
    max(estimated.ratio) AS ratio,
    ahead.estimated_usd,
    ahead.usd AS counted_usd,
    CASE WHEN groups.model IS NOT NULL THEN groups.billed_usd END AS billed_usd,
    groups.unpriced_units
FROM estimate_groups AS groups
INNER JOIN estimated ON groups.id = estimated.id
LEFT JOIN ahead ON groups.id = ahead.id
GROUP BY ALL
ORDER BY groups.day, groups.account, groups.provider, groups.model
