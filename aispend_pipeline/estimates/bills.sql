-- What is known of the bill of each account and day that has usage: nothing (silent), some of it (open), all of it
-- (billed), or all of it for good (settled). A day that was still running when its bill was read is open.
CREATE TEMP TABLE bills AS
SELECT
    used.account,
    used.provider,
    used.day,
    CASE
        WHEN coverage.state IS NULL OR coverage.state NOT IN ('complete', 'partial') THEN 'silent'
        WHEN coverage.state = 'partial' OR coverage.finality = 'open' THEN 'open'
        WHEN coverage.finality = 'settled' THEN 'settled'
        ELSE 'billed'
    END AS bill
FROM (SELECT DISTINCT account, provider, day FROM measured) AS used
LEFT JOIN coverage
    ON
        used.account = coverage.account
        AND used.provider = coverage.provider
        AND used.day = coverage.day
        AND list_contains($costs, coverage.source)
