-- Of each group, the part of its estimate that counts: all of it where nothing is billed, none where all is, and of a
-- bill that grows what it lacks.
CREATE TEMP TABLE ahead AS
SELECT
    estimated.id,
    any_value(groups.bill) AS bill,
    sum(estimated.usd) AS estimated_usd,
    CASE
        WHEN any_value(groups.bill) IN ('silent', 'open')
            THEN greatest(sum(estimated.usd) - any_value(greatest(coalesce(groups.billed_usd, 0), 0)), 0)
        ELSE 0
    END::DECIMAL(38, 18) AS usd
FROM estimated
INNER JOIN estimate_groups AS groups ON estimated.id = groups.id
WHERE estimated.usd IS NOT NULL
GROUP BY estimated.id
