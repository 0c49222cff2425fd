-- The last day of each cost feed whose bill was read: one that was over by then, or the running one if some of it is
-- billed already.
SELECT
    coverage.source,
    coverage.account,
    max(coverage.day) AS day
FROM coverage
LEFT JOIN (SELECT DISTINCT provider, account, day FROM spend_daily WHERE "rows" > 0) AS billed
    ON coverage.provider = billed.provider AND coverage.account = billed.account AND coverage.day = billed.day
WHERE
    list_contains($sources, coverage.source)
    AND coverage.state IN ('complete', 'partial')
    AND (coverage.finality <> 'open' OR billed.day IS NOT NULL)
GROUP BY coverage.source, coverage.account
