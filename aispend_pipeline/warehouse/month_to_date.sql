-- What each account has cost in the days asked for: billed, and estimated where no bill is yet. An account of which
-- some day is known and nothing was billed has 0, one of which no day is known is not there. For `/metrics`.
WITH known AS (
    SELECT DISTINCT provider, account FROM coverage
    WHERE
        day BETWEEN $first AND $last
        AND state IN ('complete', 'partial')
        AND list_contains($sources::VARCHAR[], source)
),

sums AS (
    SELECT provider, account, sum(billed_usd) AS billed_usd, sum(estimated_usd) AS estimated_usd
    FROM spend_daily
    WHERE day BETWEEN $first AND $last
    GROUP BY provider, account
)

SELECT
    provider,
    account,
    CASE WHEN known.provider IS NULL THEN sums.billed_usd ELSE coalesce(sums.billed_usd, 0) END AS billed_usd,
    sums.estimated_usd
FROM known
FULL JOIN sums USING (provider, account)
ORDER BY provider, account
