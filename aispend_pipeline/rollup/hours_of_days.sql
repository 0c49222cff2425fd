-- The hours in which each billed model of a day was used, and how much of it at list price.
CREATE TEMP TABLE hours_of_days AS
SELECT
    days.id,
    date_trunc('hour', estimate.bucket_start) AS part,
    sum(estimate.list_usd) AS weight
FROM days_of_hours AS days
INNER JOIN estimate
    ON
        days.day = estimate.day
        AND days.account = estimate.account
        AND days.provider = estimate.provider
        AND days.model = estimate.shown_as
WHERE days.usd IS NOT NULL AND estimate.list_usd > 0 AND estimate.day BETWEEN $first AND $last
GROUP BY ALL
